// A whole cloud in one process: a controller and its hosts on a transport in memory, over one data directory.
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock, type Clock } from '@alto/kit/clock'
import { loadConfig } from '@alto/kit/config'
import { openSqlite } from '@alto/kit/db'
import type { Fetch } from '@alto/kit/http'
import { systemIds, type Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { RestClient } from '@alto/kit/openstack'
import { LocalTransport } from '@alto/kit/rpc'
import { freeExternalRange, HOST_ROLES, machineRanges, makeDemoSet, openServiceDatabase, sections, SERVICES, startController, startHostSide, USUAL_RANGE, standingAsked, type Controller, type Finding, type Kinds } from '@alto/site'
import { cloudsYaml, openrc } from './client-files.ts'
import { STATE, writePrivate, type DataDirectory } from './data-directory.ts'

/** How a cloud is started. */
export interface CloudOptions {
  data: DataDirectory
  listen: { host: string, port: number }
  drivers: 'real' | 'fake'
  /** Where compute, network and volumes are not all of `drivers`. */
  kinds?: Kinds
  /** How many hosts the fake drivers play; 1 when not given. Real drivers have this machine. */
  fakeHosts?: number
  publicUrl?: string | undefined
  /** PEM texts of the listener's certificate and key. */
  tls?: { cert: string, key: string } | undefined
  /** `postgres://…`: every service gets a schema of its own there instead of a file in the data directory. */
  database?: string | undefined
  /** The text of the site's configuration file, and its name for messages. */
  config: { file: string, text: string }
  log: Log
  /** Without the demo set. */
  bare: boolean
  /** False: servers that ran before stay SHUTOFF. */
  resume: boolean
  /** The guest image's file; undefined: one without content. */
  image: string | undefined
  clock?: Clock
  ids?: Ids
}

/** What `status` shows. */
export interface CloudStatus {
  cloud: string
  url: string
  drivers: 'real' | 'fake'
  services: readonly string[]
  /** SQL statements since the start, over all services. */
  statements: number
}

/** A running cloud. */
export interface Cloud {
  readonly url: string
  /** What a user should know of this start. */
  readonly notes: readonly string[]
  /** Reaches every service without a socket. */
  readonly fetch: Fetch
  status(): Promise<CloudStatus>
  /** Reads a service's policy file again. Throws Fault('notFound', 'cloud.noService') for a name that is none. */
  restart(service: string): Promise<void>
  /** Who a user would be with a token in a scope. */
  credentialsOf(question: Readonly<Record<string, unknown>>): ReturnType<Controller['credentialsOf']>
  /** The invariants of every service, and what on this host carries the cloud's mark and belongs to nothing; `repair` removes the latter. */
  audit(opts: { repair: boolean }): Promise<{ findings: Finding[] }>
  /** Ends everything. Guests and networks go on when they are to be kept; else guests are shut down and nothing of the cloud is left on this host. */
  stop(opts: { keepGuests: boolean }): Promise<void>
}

/** The name of this host in every service's rows. It is not the machine's: a data directory that moves keeps what it has. */
const HOST = 'alto'

/**
 * Starts a cloud and gives it when every API answers. What fails on the way takes down what was started.
 * Throws Faults that say what to mend: a bad configuration or policy file, an occupied port, a newer database.
 */
export async function startCloud(opts: CloudOptions): Promise<Cloud> {
  const { data, log, clock = systemClock, ids = systemIds } = opts
  await using undo = new AsyncDisposableStack()
  const config = loadConfig(sections, { ...opts.config, environment: process.env })
  await Promise.all([...STATE, 'policy', 'keys'].map(part => mkdir(data.at(part), { recursive: true, mode: 0o700 })))
  await mkdir(data.run, { recursive: true, mode: 0o700 })
  undo.defer(() => rmdir(data.run).catch(() => {}))         // when nothing is left in it

  const transport = new LocalTransport({ clock, log })
  const controller = await startController({
    services: SERVICES, name: HOST, config, transport, clock, ids, log, listen: opts.listen, publicUrl: opts.publicUrl, tls: opts.tls,
    directories: { policy: data.at('policy'), keys: data.at('keys'), images: data.at('images') },
    secrets: data.secrets, users: { admin: data.secrets.adminPassword, demo: data.secrets.demoPassword, services: data.secrets.servicePasswords },
    async open<Tables>(service: string) {
      const db = opts.database === undefined ? openSqlite<Tables>(data.at('db', `${service}.sqlite`)) : await openServiceDatabase<Tables>({ url: opts.database, service })
      undo.defer(() => db.close())
      return db
    },
  })
  undo.defer(() => controller.stop())
  const { url, fetch } = controller
  await writePrivate(data.at('clouds.yaml'), cloudsYaml(url, data.secrets))
  await writePrivate(data.at('openrc'), openrc(url, data.secrets))

  // Before an agent asks what should run here.
  if (!opts.resume) await stopServers(controller.rest('nova', 'nova'), () => controller.settled())
  const stopping = { keepGuests: true }
  const kinds = opts.kinds ?? { compute: opts.drivers, network: opts.drivers, volume: opts.drivers }
  const hosts = [HOST, ...Array.from({ length: opts.drivers === 'fake' ? (opts.fakeHosts ?? 1) - 1 : 0 }, (_, n) => `${HOST}-${n + 2}`)]
  for (const name of hosts) {
    const run = (agent: string) => join(data.run, name === HOST ? agent : `${agent}-${name}`)
    const host = await startHostSide({
      host: name, cloud: data.cloud, roles: HOST_ROLES, kinds, transport, fetch, session: controller.session('nova'), imageFile: controller.imageFile, metadataSecret: data.secrets.metadataSecret, clock, ids, log,
      directories: { guests: data.at('guests'), volumes: data.at('volumes'), run: { compute: run('nova'), network: run('network'), volume: run('volume') } },
    })
    undo.defer(() => host.stop(stopping))
  }
  const demo = opts.bare ? {} : await makeDemoSet({ fetch, adminPassword: data.secrets.adminPassword, demoPassword: data.secrets.demoPassword, image: opts.image, limited: config.glance.useKeystoneLimits, publicCidr: freeExternalRange(machineRanges()) })

  const parts = undo.move()
  return {
    url, fetch,
    notes: demo.externalRange === undefined || demo.externalRange === USUAL_RANGE ? [] : [`The network public has ${demo.externalRange}: ${USUAL_RANGE} is in use on this machine.`],
    status: async () => ({ cloud: data.cloud, url, drivers: opts.drivers, services: SERVICES, statements: controller.statements() }),
    restart: service => controller.reload(service),
    credentialsOf: input => controller.credentialsOf(...standingAsked(input)),
    audit: how => controller.audit(how),
    async stop({ keepGuests }) {
      stopping.keepGuests = keepGuests
      await parts.disposeAsync()
    },
  }
}

/** Stops every server that should run; resolves when the rows say so, the guests themselves being for the agents to stop. */
async function stopServers(compute: RestClient, settled: () => Promise<void>): Promise<void> {
  for (let marker = ''; ;) {
    const { servers } = (await compute.call({ as: 'service', method: 'GET', path: `/v2.1/servers?all_tenants=1&status=ACTIVE&limit=500${marker}` })).body as { servers: { id: string }[] }
    if (servers.length === 0) break
    for (const { id } of servers) await compute.call({ as: 'service', method: 'POST', path: `/v2.1/servers/${id}/action`, body: { 'os-stop': null } })
    marker = `&marker=${servers.at(-1)!.id}`
  }
  await settled()
}

// The composition root: every part of a cloud in one process, and the wires between them.
import { mkdir, rmdir } from 'node:fs/promises'
import { systemClock, type Clock } from '@alto/kit/clock'
import { loadConfig } from '@alto/kit/config'
import { migrate, openPostgres, openSqlite, type BrokenInvariant, type Database, type Migration } from '@alto/kit/db'
import { Fault, messageOf } from '@alto/kit/errors'
import { computeControl } from '@alto/contracts/compute-agent'
import { networkControl } from '@alto/contracts/network-agent'
import { volumeAgent, volumeControl } from '@alto/contracts/volume-agent'
import { httpServer, type Fetch, type HttpServer } from '@alto/kit/http'
import { systemIds, type Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { computeClient, imageClient, restClient, serviceSession, type RestClient } from '@alto/kit/openstack'
import type { CheckKind, Rule } from '@alto/kit/policy'
import { client, LocalTransport } from '@alto/kit/rpc'
import * as cinder from '@alto/cinder'
import * as glance from '@alto/glance'
import * as keystone from '@alto/keystone'
import * as neutron from '@alto/neutron'
import * as nova from '@alto/nova'
import * as placement from '@alto/placement'
import { auditCloud, type AuditParts, type Finding } from './audit.ts'
import { cloudsYaml, openrc } from './client-files.ts'
import { STATE, writePrivate, type DataDirectory } from './data-directory.ts'
import { makeDemoSet } from './demo.ts'
import { freeExternalRange, machineRanges, USUAL_RANGE } from './external-range.ts'
import { startHostSide, type HostSideOptions } from './host-side.ts'
import { livePolicy, type LivePolicy } from './policies.ts'
import { sections } from './sections.ts'

/** How a cloud is started. */
export interface CloudOptions {
  data: DataDirectory
  listen: { host: string, port: number }
  drivers: 'real' | 'fake'
  /** Where compute, network and volumes are not all of `drivers`. */
  kinds?: HostSideOptions['kinds']
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

  const policies = new Map<string, LivePolicy>()
  const policy = async (service: string, rules: readonly Rule[], kinds: Readonly<Record<string, CheckKind>> = {}) => {
    const live = await livePolicy(data.at('policy'), service, rules, { clock, log, kinds })
    undo.defer(() => live.stop())
    policies.set(service, live)
    return () => live.current()
  }
  const databases: Pick<Database<never>, 'statements'>[] = []
  const open = async <Tables>(service: string, migrations: readonly Migration[]): Promise<Database<Tables>> => {
    const db = opts.database === undefined ? openSqlite<Tables>(data.at('db', `${service}.sqlite`)) : await openDatabase<Tables>(opts.database, service)
    undo.defer(() => db.close())
    databases.push(db)
    await migrate(db, migrations, clock)
    return db
  }

  const identity = await keystone.keystoneService({
    clock, ids, db: await open<keystone.Tables>('keystone', keystone.migrations), keysDir: data.at('keys', 'fernet'), options: config.keystone,
    enforcer: await policy('keystone', keystone.declared.rules),
  })
  await identity.bootstrap(firstUsers(data))

  const resources = placement.placementService({
    clock, ids, db: await open<placement.Tables>('placement', placement.migrations), options: config.placement, authenticate: identity.authenticate,
    enforcer: await policy('placement', placement.declared.rules),
  })

  const images = await glance.glanceService({
    clock, ids, log, db: await open<glance.Tables>('glance', glance.migrations), options: config.glance, authenticate: identity.authenticate,
    enforcer: await policy('glance', glance.declared.rules), store: await glance.fileStore(data.at('images')), host: HOST,
  })

  const transport = new LocalTransport({ clock, log })
  // The services reach each other through the listener's own routes, which are there when all of them are.
  const fetch: Fetch = request => server.fetch(request)
  const session = (name: string) => serviceSession({ name, password: data.secrets.servicePasswords[name]! }, { fetch, identity: '/identity', clock })
  const compute = nova.novaService({
    clock, ids, log, fetch, transport, db: await open<nova.Tables>('nova', nova.migrations), options: config.nova, authenticate: identity.authenticate,
    enforcer: await policy('nova', nova.declared.rules), session: session('nova'), host: HOST, metadataSecret: data.secrets.metadataSecret,
    endpoints: { placement: '/placement', network: '/networking', image: '/image', volume: '/volume' },
  })
  transport.serve(computeControl, 'nova', compute.control)
  const network = await neutron.neutronService({
    clock, ids, log, rpc: transport, db: await open<neutron.Tables>('neutron', neutron.migrations), options: config.neutron, authenticate: identity.authenticate,
    enforcer: await policy('neutron', neutron.declared.rules, neutron.policyKinds), compute: computeClient(restClient('compute', '/compute', { fetch, session: session('neutron'), clock })),
  })
  undo.defer(() => network.stop())
  transport.serve(networkControl, 'neutron', network.control)

  const cinderSession = session('cinder')
  const volumes = cinder.cinderService({
    clock, ids, log, db: await open<cinder.Tables>('cinder', cinder.migrations), options: config.cinder, authenticate: identity.authenticate,
    enforcer: await policy('cinder', cinder.declared.rules), host: HOST, agent: host => client(volumeAgent, transport, host),
    image: imageClient(restClient('image', '/image', { fetch, session: cinderSession, clock })), compute: computeClient(restClient('compute', '/compute', { fetch, session: cinderSession, clock })),
  })
  transport.serve(volumeControl, 'cinder', volumes.control)

  const server: HttpServer = await httpServer({ services: [...identity.http, ...resources.http, ...images.http, ...compute.http, ...network.http, ...volumes.http], log, ids, clock, publicUrl: opts.publicUrl, tls: opts.tls })
  undo.defer(() => server.close())
  const port = await server.listen(opts.listen)
  const url = opts.publicUrl ?? `${opts.tls ? 'https' : 'http'}://${opts.listen.host.includes(':') ? `[${opts.listen.host}]` : opts.listen.host}:${port}`
  await writePrivate(data.at('clouds.yaml'), cloudsYaml(url, data.secrets))
  await writePrivate(data.at('openrc'), openrc(url, data.secrets))

  await compute.start()
  undo.defer(() => compute.stop())
  await volumes.start()
  undo.defer(() => volumes.stop())
  const kinds = opts.kinds ?? { compute: opts.drivers, network: opts.drivers, volume: opts.drivers }
  const hostOptions = { data, kinds, transport, images: compute.images, fetch, clock, ids, log }
  // Before an agent asks what should run here.
  if (!opts.resume) await stopServers(restClient('compute', '/compute', { fetch, session: session('nova'), clock }), () => compute.runner.idle())
  const stopping = { keepGuests: true }
  const host = await startHostSide({ ...hostOptions, host: HOST })
  undo.defer(() => host.stop(stopping))
  for (let n = 2; opts.drivers === 'fake' && n <= (opts.fakeHosts ?? 1); n++) {
    const further = await startHostSide({ ...hostOptions, host: `${HOST}-${n}`, apart: true })
    undo.defer(() => further.stop(stopping))
  }
  const demo = opts.bare ? {} : await makeDemoSet({ fetch, adminPassword: data.secrets.adminPassword, demoPassword: data.secrets.demoPassword, image: opts.image, publicCidr: freeExternalRange(machineRanges()) })

  const auditor = { fetch, session: session('nova'), clock }
  const auditClients = { compute: restClient('compute', '/compute', auditor), network: restClient('network', '/networking', auditor), volume: restClient('volume', '/volume', auditor), placement: restClient('placement', '/placement', auditor) }
  const told = async (broken: Promise<readonly BrokenInvariant[]>) => (await broken).map(one => ({ message: `not so: ${one.invariant} (${one.where})` }))
  const auditRows: AuditParts['rows'] = {
    placement: () => told(resources.audit()), cinder: () => told(volumes.audit()), neutron: () => told(network.audit()), nova: () => told(compute.audit()),
    glance: opts => images.audit(opts),
  }

  const parts = undo.move()
  return {
    url, fetch: server.fetch,
    notes: demo.externalRange === undefined || demo.externalRange === USUAL_RANGE ? [] : [`The network public has ${demo.externalRange}: ${USUAL_RANGE} is in use on this machine.`],
    status: async () => ({ cloud: data.cloud, url, drivers: opts.drivers, services: [...policies.keys()], statements: databases.reduce((sum, db) => sum + db.statements, 0) }),
    async restart(service) {
      const live = policies.get(service.replace(/-(api|server)$/, ''))
      if (!live) throw new Fault('notFound', 'cloud.noService', `There is no service ${service}; there are ${[...policies.keys()].join(', ')}.`)
      await live.reload()
    },
    audit: async ({ repair }) => ({ findings: await auditCloud({ clock, ...auditClients, agents: host.agents, rows: auditRows }, { repair }) }),
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

async function openDatabase<Tables>(url: string, schema: string): Promise<Database<Tables>> {
  try {
    return await openPostgres<Tables>({ url, schema })
  } catch (cause) {
    throw new Fault('unavailable', 'cloud.database', `The database ${url.replace(/:\/\/[^@/]*@/, '://')} cannot be used: ${messageOf(cause)}.`, { cause })
  }
}

/** The users, projects and endpoints that a cloud begins with. */
function firstUsers({ secrets }: DataDirectory): keystone.Bootstrap {
  return {
    region: 'RegionOne', projects: ['admin', 'demo', 'service'],
    users: [
      { name: 'admin', password: secrets.adminPassword, system: 'admin', grants: [{ project: 'admin', role: 'admin' }] },
      { name: 'demo', password: secrets.demoPassword, grants: [{ project: 'demo', role: 'member' }] },
      ...Object.entries(secrets.servicePasswords).map(([name, password]) => ({ name, password, grants: [{ project: 'service', role: 'admin' }, { project: 'service', role: 'service' }] })),
    ],
    endpoints: [
      { type: 'identity', name: 'keystone', description: 'Identity', url: '$(base)s/identity' },
      { type: 'placement', name: 'placement', description: 'Placement', url: '$(base)s/placement' },
      { type: 'compute', name: 'nova', description: 'Compute', url: '$(base)s/compute/v2.1' },
      { type: 'volumev3', name: 'cinderv3', description: 'Block storage', url: '$(base)s/volume/v3/$(project_id)s' },
      { type: 'block-storage', name: 'cinder', description: 'Block storage', url: '$(base)s/volume/v3/$(project_id)s' },
      { type: 'network', name: 'neutron', description: 'Networking', url: '$(base)s/networking' },
      { type: 'image', name: 'glance', description: 'Image', url: '$(base)s/image' },
    ],
  }
}

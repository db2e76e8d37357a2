// One process of a larger site, with the roles that it is given: the parts of apps/site, as in apps/allinone, on other wires. PostgreSQL instead of files,
// RabbitMQ instead of memory, sockets between processes. A process with all services is a controller; several may serve beside each other.
import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import { loadConfig, type ConfigSource, type Values } from '@alto/kit/config'
import { Fault, messageOf } from '@alto/kit/errors'
import { firstAnswering, networkFetch, type Fetch } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { serviceSession } from '@alto/kit/openstack'
import { AmqpNotifier, type Notifier } from '@alto/kit/notify'
import { AmqpTransport, LocalTransport, type Transport } from '@alto/kit/rpc'
import { freeExternalRange, HOST_ROLES, machineRanges, makeDemoSet, openServiceDatabase, SERVICE_USERS, sections as serviceSections, SERVICES, standingAsked, startController, startHostSide, type Controller, type HostRole, type ServiceName } from '@alto/site'
import { hasControl, serveControl } from '@alto/site/control'
import { failurePoints } from './failure-points.ts'
import { siteOptions } from './options.ts'

/** What a process can be: services, and the agents of a host. */
export const ROLES = [...SERVICES, ...HOST_ROLES] as const
export type Role = typeof ROLES[number]

/** The sections that a process reads of the site's file. */
export const sections = [siteOptions, ...serviceSections] as const

/** How a process is started. */
export interface ServeOptions {
  roles: readonly Role[]
  config: ConfigSource
  log: Log
  clock: Clock
  ids: Ids
}

export type { ToldPoint } from './failure-points.ts'

/** A running process of a site. */
export interface Served {
  /** Of the listener; undefined for a process with agents only. */
  readonly url: string | undefined
  /** Resolves when the command line tells it to end, with how. */
  readonly told: Promise<{ keepGuests: boolean }>
  /** Guests and networks of a host go on when they are kept. */
  stop(opts: { keepGuests: boolean }): Promise<void>
}

type Site = Values<typeof siteOptions>

/** Whose rows the audit compares with what is on the hosts: it is asked where all of them are. */
const AUDITED: readonly ServiceName[] = ['nova', 'neutron', 'cinder']

/** Services that speak to agents, or to their like in other processes. */
const ON_THE_BUS: readonly Role[] = ['nova', 'neutron', 'cinder', ...HOST_ROLES]

/**
 * Starts the roles; resolves when the listener answers and agents have asked for their rows once.
 * Throws Fault badRequest naming the option that a role needs (`serve.missing`) or that is wrong (`serve.listen`, `serve.tls`, …), conflict `serve.running` when a process of that name runs here already,
 * and what configuration, database, bus and listener throw.
 */
export async function serve(opts: ServeOptions): Promise<Served> {
  const { log, clock, ids, roles } = opts
  const config = loadConfig(sections, opts.config)
  const { site } = config
  const name = nameOf(site)
  const began = clock.now()
  const run = runDirectory(site, name)
  await refuseSecond(run, name)
  const carried = SERVICES.filter(service => roles.includes(service))
  const hosted = HOST_ROLES.filter(role => roles.includes(role))
  await using undo = new AsyncDisposableStack()

  const transport = roles.some(role => ON_THE_BUS.includes(role)) ? bus(site, name, opts, undo) : new LocalTransport({ clock, log })
  const elsewhere = firstAnswering(site.controllers, networkFetch)
  let controller: Controller | undefined
  if (carried.length > 0) {
    controller = await startController({
      services: carried, name, config, transport, clock, ids, log, listen: addressOf(site), tls: await tlsOf(site), publicUrl: site.publicUrl ?? undefined, elsewhere,
      directories: { policy: join(site.data, 'policy'), keys: join(site.data, 'keys'), images: join(site.data, 'images') },
      secrets: { servicePasswords: passwords(site, carried[0]!), metadataSecret: carried.includes('nova') ? needed(site.metadataSecret, 'metadata_secret', 'nova') : '', dataSecret: site.dataSecret ?? undefined },
      ...(site.bus !== null && { notifier: (exchange: string, topics: readonly string[]) => notifierOf(site.bus!, name, { exchange, topics }, opts, undo) }),
      ...(site.failurePoints !== null && { at: failurePoints(site.failurePoints, name, log) }),
      ...(carried.includes('keystone') && { users: { admin: needed(site.adminPassword, 'admin_password', 'keystone'), demo: site.demoPassword ?? undefined, services: passwords(site, 'keystone') } }),
      async open<Tables>(service: ServiceName) {
        const db = await openServiceDatabase<Tables>({ url: needed(site.database, 'database', service), service, connections: site.databaseConnections })
        undo.defer(() => db.close())
        return db
      },
    })
    undo.defer(() => controller!.stop())
  }

  const ending = { keepGuests: true }
  await mkdir(run, { recursive: true, mode: 0o700 })
  undo.defer(() => rmdir(run).then(() => rmdir(dirname(run))).catch(() => {}))         // when nothing is left in it
  if (hosted.length > 0) await host(name, hosted, { site, transport, fetch: controller?.fetch ?? elsewhere, imageFile: controller?.imageFile, run, ...opts }, undo, ending)
  if (controller && carried.length === SERVICES.length && site.demoPassword !== null) {
    const adminPassword = needed(site.adminPassword, 'admin_password', 'keystone')
    await makeDemoSet({ fetch: controller.fetch, adminPassword, demoPassword: site.demoPassword, image: site.demoImage ?? undefined, limited: config.glance.useKeystoneLimits, publicCidr: freeExternalRange(machineRanges()) })
  }
  const { promise: told, resolve: tell } = Promise.withResolvers<{ keepGuests: boolean }>()
  const control = await serveControl(run, {
    status: async () => ({ cloud: site.cloud ?? undefined, name, url: controller?.url, drivers: hosted.length > 0 ? site.drivers : undefined, services: roles, statements: controller?.statements(), pid: process.pid, seconds: Math.round((clock.now() - began) / 1000) }),
    down: async input => { tell({ keepGuests: input['keepGuests'] === true }) },
    ...(controller && carried.includes('keystone') && { credentials: async (input: Readonly<Record<string, unknown>>) => controller.credentialsOf(...standingAsked(input)) }),
    ...(controller && { restart: async (input: Readonly<Record<string, unknown>>) => controller.reload(String(input['service'])) }),
    ...(controller && AUDITED.every(service => carried.includes(service)) && { audit: async (input: Readonly<Record<string, unknown>>) => controller.audit({ repair: input['repair'] === true }) }),
  }, log)
  undo.defer(() => control.close())
  const parts = undo.move()
  return {
    told, url: controller?.url,
    async stop({ keepGuests }) {
      ending.keepGuests = keepGuests
      await parts.disposeAsync()
    },
  }
}

async function host(name: string, roles: readonly HostRole[], parts: ServeOptions & { site: Site, transport: Transport, fetch: Fetch, imageFile: Controller['imageFile'], run: string }, undo: AsyncDisposableStack, ending: { keepGuests: boolean }): Promise<void> {
  const { site, transport, fetch, imageFile, run, clock, ids, log } = parts
  const role = roles[0]!
  const kind = site.drivers
  const dataAddress = site.dataAddress ?? site.tunnelAddress
  const side = await startHostSide({
    host: name, cloud: cloudOf(site, role), roles, kinds: { compute: kind, network: kind, volume: kind }, transport, fetch, imageFile, clock, ids, log, tunnelAddress: site.tunnelAddress ?? undefined,
    session: serviceSession({ name: 'nova', password: needed(site.servicePassword, 'service_password', role) }, { fetch, identity: '/identity', clock }),
    metadataSecret: needed(site.metadataSecret, 'metadata_secret', role),
    data: dataAddress === null ? undefined : { address: dataAddress, port: site.dataPort },
    dataSecret: dataAddress === null ? undefined : needed(site.dataSecret, 'data_secret', role),
    directories: { guests: resolve(site.data, 'guests'), volumes: resolve(site.data, 'volumes'), run: { compute: join(run, 'nova'), network: join(run, 'network'), volume: join(run, 'volume') } },
  })
  undo.defer(() => side.stop(ending))
}

/** Two of one name would take each other's tasks, or be two agents of one host, and the command line would find one of them. What runs on another machine, or is just starting, is not seen. */
async function refuseSecond(run: string, name: string): Promise<void> {
  if (await hasControl(run)) throw new Fault('conflict', 'serve.running', `A process of this site with the name ${name} runs on this machine already: give one of them another site.name (ALTO_SITE_NAME).`)
}

/** The bus, which may be down: rows are the truth, and what it would have told is found by looking. */
function bus(site: Site, name: string, { clock, ids, log, roles }: ServeOptions, undo: AsyncDisposableStack): Transport {
  const role = roles.find(one => ON_THE_BUS.includes(one))!
  const transport = new AmqpTransport({ url: needed(site.bus, 'bus', role), cloud: cloudOf(site, role), clock, ids, log, name })
  undo.defer(() => transport.close())
  return transport
}

/** Tells listeners beside the cloud what happens in a service. */
function notifierOf(url: string, name: string, about: { exchange: string, topics: readonly string[] }, { clock, ids, log }: ServeOptions, undo: AsyncDisposableStack): Notifier {
  const notifier = new AmqpNotifier({ url, ...about, name: `${name} notifications`, clock, ids, log })
  undo.defer(() => notifier.close())
  return notifier
}

/** Where the command line finds the process that the configuration describes. Throws what a bad configuration throws. */
export function processDirectory(source: ConfigSource): string {
  const { site } = loadConfig(sections, source)
  return runDirectory(site, nameOf(site))
}

function runDirectory(site: Pick<Site, 'run' | 'cloud'>, name: string): string {
  return join(resolve(site.run), site.cloud ?? 'site', name)
}

function cloudOf(site: Site, role: Role): string {
  const cloud = needed(site.cloud, 'cloud', role)
  if (!/^[0-9a-f]{8}$/.test(cloud)) throw new Fault('badRequest', 'serve.cloud', `The option site.cloud is ${JSON.stringify(cloud)}: it must be 8 hexadecimal digits, such as 00c10d01.`)
  return cloud
}

function passwords(site: Site, role: Role): Record<string, string> {
  const password = needed(site.servicePassword, 'service_password', role)
  return Object.fromEntries(SERVICE_USERS.map(name => [name, password]))
}

function needed(value: string | null, name: string, role: Role): string {
  if (value === null) throw new Fault('badRequest', 'serve.missing', `The role ${role} needs the option site.${name}.`)
  return value
}

/** It names directories, namespaces and queues. */
function nameOf(site: Site): string {
  const name = site.name ?? hostname()
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) throw new Fault('badRequest', 'serve.name', `The name of this process (site.name, or the machine's) is ${JSON.stringify(name)}: it must begin with a letter or digit and hold up to 63 letters, digits, dots, dashes and underscores.`)
  return name
}

function addressOf({ listen, insecure, tlsCertificate }: Site): { host: string, port: number } {
  const [, host, port] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(listen) ?? []
  if (host === undefined || port === undefined || Number(port) > 65_535) throw new Fault('badRequest', 'serve.listen', `The option site.listen is ${JSON.stringify(listen)}: it must be HOST:PORT.`)
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.')
  if (!local && tlsCertificate === null && !insecure) throw new Fault('badRequest', 'serve.insecure', `The option site.listen is ${listen}, which is reachable from other machines and would carry passwords in the clear: give site.tls_certificate and site.tls_key, or site.insecure.`)
  return { host, port: Number(port) }
}

async function tlsOf({ tlsCertificate, tlsKey }: Site): Promise<{ cert: string, key: string } | undefined> {
  if (tlsCertificate === null && tlsKey === null) return undefined
  if (tlsCertificate === null || tlsKey === null) throw new Fault('badRequest', 'serve.tls', 'The options site.tls_certificate and site.tls_key are of use together only.')
  try {
    return { cert: await readFile(tlsCertificate, 'utf8'), key: await readFile(tlsKey, 'utf8') }
  } catch (cause) {
    throw new Fault('badRequest', 'serve.tls', `The listener's certificate and key cannot be read: ${messageOf(cause)}.`, { cause })
  }
}

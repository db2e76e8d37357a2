// A controller: the services of one process, and the wires between them. What it does not carry, it reaches over the network.
// One code path for a whole cloud in one process and for one of many processes: databases, transport and `elsewhere` are all that differ.
import { mkdir } from 'node:fs/promises'
import type { Clock } from '@alto/kit/clock'
import type { Config } from '@alto/kit/config'
import { migrate, type BrokenInvariant, type Database, type Migration } from '@alto/kit/db'
import { Fault, messageOf } from '@alto/kit/errors'
import { computeControl } from '@alto/contracts/compute-agent'
import { networkControl } from '@alto/contracts/network-agent'
import { volumeControl } from '@alto/contracts/volume-agent'
import { httpServer, networkFetch, type Authenticate, type Fetch, type FetchRequest, type HttpServer, type HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { Notifier } from '@alto/kit/notify'
import { computeClient, imageClient, limitClient, remoteAuthenticator, restClient, serviceSession, type CatalogService, type RestClient, type ServiceSession } from '@alto/kit/openstack'
import type { CheckKind, Credentials, Rule } from '@alto/kit/policy'
import type { Serving, Transport } from '@alto/kit/rpc'
import type { TaskPoint } from '@alto/kit/task'
import * as cinder from '@alto/cinder'
import * as glance from '@alto/glance'
import * as keystone from '@alto/keystone'
import * as neutron from '@alto/neutron'
import * as nova from '@alto/nova'
import * as placement from '@alto/placement'
import { auditCloud, type AuditParts, type Finding } from './audit.ts'
import type { FirstUsers } from './bootstrap.ts'
import { firstUsers } from './bootstrap.ts'
import { livePolicy, type LivePolicy } from './policies.ts'
import { services as members, type sections, type ServiceName } from './sections.ts'

/** What is known to a site's processes only. */
export interface ControllerSecrets {
  /** By service: `nova`. */
  servicePasswords: Readonly<Record<string, string>>
  /** Shared with the network's metadata proxy. */
  metadataSecret: string
  /** Shared with the hosts: opens their data listeners. */
  dataSecret?: string | undefined
}

/** What a controller is made of. */
export interface ControllerOptions {
  services: readonly ServiceName[]
  /** Unique among the controllers of the site, and the same after a restart: it owns leases. */
  name: string
  config: Config<typeof sections>
  /** Opens a service's database; whoever opened it closes it. */
  open<Tables>(service: ServiceName): Promise<Database<Tables>>
  /** Without `policy` the rules are as declared. */
  directories: { policy?: string, keys: string, images: string }
  /** Where images are; the stores that the options name, their files in `images`, when not given. */
  imageStores?: readonly [glance.ImageStore, ...glance.ImageStore[]]
  /** Fetches what users of Glance name; over the network when not given. */
  web?: glance.Fetcher
  /** The keys of tokens, receipts and credentials; files in `directories.keys` when not given. */
  keys?: keystone.Keys
  /** How Keystone hashes passwords; bcrypt when not given. */
  passwords?: keystone.Passwords
  secrets: ControllerSecrets
  /** Whom Keystone makes; needed where it is carried. */
  users?: FirstUsers
  transport: Transport
  /** Tells what happens in a service to listeners beside the cloud, on its exchange; nobody is told where there is none. */
  notifier?(exchange: string, topics: readonly string[]): Notifier
  /** None: reached by `fetch` only. */
  listen: { host: string, port: number } | undefined
  publicUrl: string | undefined
  /** PEM texts of the listener's certificate and key. */
  tls?: { cert: string, key: string } | undefined
  /** Reaches the services that are not carried here: URLs are paths. */
  elsewhere?: Fetch
  /** Called at each point of each task of a service. */
  at?: (service: ServiceName) => (point: TaskPoint) => Promise<void>
  clock: Clock
  ids: Ids
  log: Log
}

/** A running controller. */
export interface Controller {
  readonly url: string
  /** Reaches every service of the site; URLs are paths. */
  readonly fetch: Fetch
  /** SQL statements since the start, over all services. */
  statements(): number
  /** A client of a service, which acts as the user `as`. */
  rest(service: ServiceName, as: string): RestClient
  session(user: string): ServiceSession
  /** The file with an image's bytes, for agents in this process; undefined where Glance is in another. See Glance.imageFile. */
  readonly imageFile: glance.Glance['imageFile'] | undefined
  /** Resolves when Nova's tasks can do nothing at present. */
  settled(): Promise<void>
  /** Who a user would be with a token in a scope. Throws Fault('unavailable', 'site.notCarried') where Keystone is not in this process. */
  credentialsOf(user: keystone.Named, scope: keystone.Scope): Promise<Credentials>
  /** Reads a service's policy file again. Throws Fault('notFound', 'cloud.noService') for a name that is none of this process. */
  reload(service: string): Promise<void>
  /** The invariants of the services here, and over the whole site what its hosts have that belongs to nothing; `repair` removes the latter. */
  audit(opts: { repair: boolean }): Promise<{ findings: Finding[] }>
  /** Hands tasks back and ends. */
  stop(): Promise<void>
}

/**
 * Starts the services; resolves when the listener answers and tasks are taken up. What fails on the way takes down what was started.
 * Throws Faults that say what to mend: a bad policy file, an occupied port, a newer database.
 */
export async function startController(opts: ControllerOptions): Promise<Controller> {
  const { clock, ids, log, config, transport, secrets, directories } = opts
  await using undo = new AsyncDisposableStack()
  const carries = (service: ServiceName) => opts.services.includes(service)
  await Promise.all([directories.policy, opts.keys ? undefined : directories.keys].filter(path => path !== undefined).map(path => mkdir(path, { recursive: true, mode: 0o700 })))

  const policies = new Map<string, LivePolicy>()
  const policy = async (service: ServiceName, rules: readonly Rule[], kinds: Readonly<Record<string, CheckKind>> = {}) => {
    const live = await livePolicy(directories.policy, service, rules, { clock, log, kinds, options: config.policy })
    undo.defer(() => live.stop())
    policies.set(service, live)
    return () => live.current()
  }
  const databases: Pick<Database<never>, 'statements'>[] = []
  const open = async <Tables>(service: ServiceName, migrations: readonly Migration[]): Promise<Database<Tables>> => {
    const db = await opts.open<Tables>(service)
    databases.push(db)
    await migrate(db, migrations, clock)
    return db
  }

  // The services reach each other through the listener's own routes, which are there when all of them are; the others over the network.
  const http: HttpService[] = []
  const fetch: Fetch = request => {
    if (http.some(({ prefix }) => prefix !== '' && request.url.startsWith(`${prefix}/`))) return server.fetch(request)
    if (!opts.elsewhere) throw new Fault('unavailable', 'site.notCarried', `nobody carries ${request.url.split('/')[1]}`)
    return opts.elsewhere(request)
  }
  const sessions = new Map<string, ServiceSession>()
  const session = (name: string) => {
    const known = sessions.get(name) ?? serviceSession({ name, password: secrets.servicePasswords[name]! }, { fetch, identity: '/identity', clock })
    sessions.set(name, known)
    return known
  }
  const rest = (service: ServiceName, as: string) => restClient(NAMES[service], members.find(member => member.name === service)!.prefix, { fetch, session: session(as), clock })

  /** Other regions, by the catalog: what a user may know of them, and the service's own way in. */
  const regions = (as: string) => ({
    catalog: async (token: string) => ((await rest('keystone', as).call({ as: { token }, method: 'GET', path: '/v3/auth/catalog' })).body as { catalog: readonly CatalogService[] }).catalog,
    ask(request: FetchRequest) {
      const { origin, pathname, search } = new URL(request.url)
      return origin === 'http://localhost' ? fetch({ ...request, url: pathname + search }) : networkFetch(request)       // who asks in memory finds this cloud itself there
    },
    serviceToken: () => session(as).token(),
  })

  /** Until the end, and no longer: with its database closed it would take from the bus what another controller can do. */
  const answer = (serving: Serving) => undo.defer(() => serving.close())

  const rows: Record<string, AuditParts['rows'][string]> = {}
  const started: { start(): Promise<void>, stop(): Promise<void> }[] = []
  let settled = async () => {}
  let imageFile: Controller['imageFile']
  let local: Authenticate | undefined
  let credentialsOf: Controller['credentialsOf'] = () => { throw new Fault('unavailable', 'site.notCarried', 'Keystone is not in this process: ask one that has it.') }

  if (carries('keystone')) {
    const identity = await keystone.keystoneService({
      clock, ids, db: await open<keystone.Tables>('keystone', keystone.migrations), keys: opts.keys ?? directories.keys, options: config.keystone, ...(opts.passwords && { passwords: opts.passwords }),
      enforcer: await policy('keystone', keystone.declared.rules),
    })
    if (opts.users) await identity.bootstrap(firstUsers(opts.users))
    http.push(...identity.http)
    local = identity.authenticate
    credentialsOf = identity.credentialsOf
  }
  /** Keystone in this process is asked directly; elsewhere its verdicts hold for a second at most. */
  const authenticate = (service: string): Authenticate => local ?? remoteAuthenticator(rest('keystone', service), clock)

  if (carries('placement')) {
    const resources = placement.placementService({
      clock, ids, db: await open<placement.Tables>('placement', placement.migrations), options: config.placement, authenticate: authenticate('placement'),
      enforcer: await policy('placement', placement.declared.rules),
    })
    http.push(...resources.http)
    rows['placement'] = () => told(resources.audit())
  }

  if (carries('glance')) {
    const images = await glance.glanceService({
      clock, ids, log, db: await open<glance.Tables>('glance', glance.migrations), options: config.glance, authenticate: authenticate('glance'),
      enforcer: await policy('glance', glance.declared.rules), stores: opts.imageStores ?? await glance.configuredStores(config.glance, { directory: directories.images, clock }), host: opts.name, transport, regions: regions('glance'), limits: limitClient(rest('keystone', 'glance'), { type: 'image', clock }),
      ...(opts.notifier && config.glance.notificationDriver === 'messagingv2' && { notifier: opts.notifier('glance', config.glance.notificationTopics) }), ...(opts.web && { fetcher: opts.web }), ...(!opts.imageStores && { scratch: `${directories.images}.work-${opts.name}` }), ...(opts.at && { at: opts.at('glance') }),
    })
    http.push(...images.http)
    started.push(images)
    rows['glance'] = how => images.audit(how)
    imageFile = images.imageFile
  }

  if (carries('nova')) {
    const compute = nova.novaService({
      clock, ids, log, fetch, transport, db: await open<nova.Tables>('nova', nova.migrations), options: config.nova, authenticate: authenticate('nova'),
      enforcer: await policy('nova', nova.declared.rules), session: session('nova'), host: opts.name, metadataSecret: secrets.metadataSecret, dataSecret: secrets.dataSecret,
      endpoints: { placement: '/placement', network: '/networking', image: '/image', volume: '/volume' }, ...(opts.at && { at: opts.at('nova') }),
    })
    answer(transport.serve(computeControl, 'nova', compute.control))
    http.push(...compute.http)
    started.push(compute)
    rows['nova'] = () => told(compute.audit())
    settled = () => compute.runner.idle()
  }

  if (carries('neutron')) {
    const network = await neutron.neutronService({
      clock, ids, log, rpc: transport, db: await open<neutron.Tables>('neutron', neutron.migrations), options: config.neutron, authenticate: authenticate('neutron'),
      enforcer: await policy('neutron', neutron.declared.rules, neutron.policyKinds), compute: computeClient(rest('nova', 'neutron')),
    })
    undo.defer(() => network.stop())
    answer(transport.serve(networkControl, 'neutron', network.control))
    http.push(...network.http)
    rows['neutron'] = () => told(network.audit())
  }

  if (carries('cinder')) {
    const volumes = cinder.cinderService({
      clock, ids, log, db: await open<cinder.Tables>('cinder', cinder.migrations), options: config.cinder, authenticate: authenticate('cinder'),
      enforcer: await policy('cinder', cinder.declared.rules), host: opts.name, transport,
      image: imageClient(rest('glance', 'cinder')), compute: computeClient(rest('nova', 'cinder')), ...(opts.at && { at: opts.at('cinder') }),
    })
    answer(transport.serve(volumeControl, 'cinder', volumes.control))
    http.push(...volumes.http)
    started.push(volumes)
    rows['cinder'] = () => told(volumes.audit())
  }

  const server: HttpServer = await httpServer({ services: http, log, ids, clock, publicUrl: opts.publicUrl, tls: opts.tls })
  undo.defer(() => server.close())
  const port = opts.listen && await server.listen(opts.listen)
  for (const service of started) {
    await service.start().catch(async (error: unknown) => {
      // What it had begun ends here, as far as it can: the reason of the failure is what the caller is to hear.
      await service.stop().catch((reason: unknown) => log.warn({ reason: messageOf(reason) }, 'a service that did not start did not stop in order'))
      throw error
    })
    undo.defer(() => service.stop())
  }

  const parts = undo.move()
  const url = () => {
    if (!opts.listen) return 'http://localhost'
    const { host } = opts.listen
    return `${opts.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  }
  return {
    fetch, rest, session, settled, credentialsOf, imageFile,
    url: opts.publicUrl ?? url(),
    statements: () => databases.reduce((sum, db) => sum + db.statements, 0),
    async reload(service) {
      const live = policies.get(service.replace(/-(api|server)$/, ''))
      if (!live) throw new Fault('notFound', 'cloud.noService', `There is no service ${service}; there are ${[...policies.keys()].join(', ')}.`)
      await live.reload()
    },
    audit: async how => ({
      findings: await auditCloud({
        clock, transport, rows, compute: rest('nova', 'nova'), network: rest('neutron', 'nova'), volume: rest('cinder', 'nova'), placement: rest('placement', 'nova'),
      }, how),
    }),
    stop: () => parts.disposeAsync(),
  }
}

/** As messages and error codes name them: by what they do. */
const NAMES: Readonly<Record<ServiceName, string>> = { keystone: 'identity', placement: 'placement', glance: 'image', neutron: 'network', cinder: 'volume', nova: 'compute' }

async function told(broken: Promise<readonly BrokenInvariant[]>): Promise<{ message: string }[]> {
  return (await broken).map(one => ({ message: `not so: ${one.invariant} (${one.where})` }))
}

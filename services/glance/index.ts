// Glance, put together.
import { rm } from 'node:fs/promises'
import type { Clock } from '@alto/kit/clock'
import { requestContext } from '@alto/kit/context'
import type { HeldFile } from '@alto/kit/disk'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import { commandHost } from '@alto/kit/host'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { Notifier } from '@alto/kit/notify'
import type { LimitClient } from '@alto/kit/openstack'
import { forProjects, type Enforcer } from '@alto/kit/policy'
import type { Serving, Transport } from '@alto/kit/rpc'
import { shareBells, TaskQueue, TaskRunner, type TaskRunnerOptions } from '@alto/kit/task'
import { cacheRoutes } from './api/cache.ts'
import { dataRoutes } from './api/data.ts'
import { dialect } from './api/dialect.ts'
import { discoveryRoutes } from './api/discovery.ts'
import { imageRoutes } from './api/images.ts'
import { importRoutes } from './api/imports.ts'
import { locationRoutes } from './api/locations.ts'
import { memberRoutes } from './api/members.ts'
import { definitionRoutes } from './api/metadefs/definitions.ts'
import { namespaceRoutes } from './api/metadefs/namespaces.ts'
import { metadefSchemaRoutes } from './api/metadefs/schemas.ts'
import { schemaRoutes } from './api/schemas.ts'
import { storeRoutes } from './api/stores.ts'
import { taskRoutes } from './api/tasks.ts'
import { usageRoutes } from './api/usage.ts'
import { fetcher, type Fetcher, type FetcherOptions, type Resolve } from './driver/fetcher.ts'
import { ImageCache } from './driver/image-cache.ts'
import { fileStore } from './driver/file-store.ts'
import { followFile, readFileOf } from './driver/followed-file.ts'
import { memoryStore } from './driver/memory-store.ts'
import { openStores } from './driver/open-stores.ts'
import { remoteGlance, type Regions } from './driver/remote-glance.ts'
import type { ImageStore } from './driver/store.ts'
import { locationManager, type LocationManager } from './manager/locations.ts'
import { audit, type AuditFinding } from './manager/audit.ts'
import { cacheManager, cacheWorker, type CacheManager } from './manager/cache.ts'
import { dataManager, type DataManager } from './manager/data.ts'
import type { Deps } from './manager/deps.ts'
import { imageManager, type ImageManager } from './manager/images.ts'
import { importManager, type ImportManager } from './manager/imports.ts'
import { limitManager, type LimitManager } from './manager/limits.ts'
import { memberManager, type MemberManager } from './manager/members.ts'
import { loadDefaultNamespaces } from './manager/metadefs/defaults.ts'
import { definitionManagers, type DefinitionManagers } from './manager/metadefs/definitions.ts'
import { namespaceManager, type NamespaceManager } from './manager/metadefs/namespaces.ts'
import { propertyGuard } from './manager/protected.ts'
import { takeBackSilent } from './manager/signs.ts'
import { storeManager, type StoreManager } from './manager/stores.ts'
import { recover, tellOfMissingStores } from './manager/sweep.ts'
import { taskManager, type TaskManager } from './manager/tasks.ts'
import { readStores } from './model/store-specs.ts'
import { readImageSchema, USUAL_SCHEMA, type ImageSchema } from './model/image-schema.ts'
import { IMPORT_METHODS, IMPORT_PLUGINS } from './model/imports.ts'
import { readProtections } from './model/protections.ts'
import { Stores } from './model/stores.ts'
import { glanceOptions } from './options.ts'
import * as baseRules from './policy/base.ts'
import * as cacheRules from './policy/cache.ts'
import * as imageRules from './policy/images.ts'
import * as locationRules from './policy/locations.ts'
import * as memberRules from './policy/members.ts'
import * as metadefRules from './policy/metadefs.ts'
import * as taskRules from './policy/tasks.ts'
import { migrations, type Tables } from './store/tables.ts'
import { imageForget, imageImport } from './task/imports.ts'
import { locationAdd } from './task/locations.ts'

export { fileStore, glanceOptions, memoryStore, migrations, type AuditFinding, type Fetcher, type ImageStore, type Tables }

const rules = forProjects([baseRules, cacheRules, imageRules, locationRules, memberRules, metadefRules, taskRules].flatMap(room => Object.values(room)))

/** What Glance's routes need. */
interface Routed {
  images: ImageManager
  data: DataManager
  members: MemberManager
  imports: ImportManager
  namespaces: NamespaceManager
  definitions: DefinitionManagers
  tasks: TaskManager
  stores: StoreManager
  storeIds: readonly string[]
  locations: LocationManager
  usage: LimitManager
  cache: CacheManager
  /** Whether images are cached. */
  caches: boolean
  limits: { otherwise: number, most: number }
  /** Whether images show their locations. */
  showsLocations: boolean
  methods: readonly string[]
  /** What is said of custom properties; the usual when not given. */
  schema?: ImageSchema
}

/** What Glance declares: for the documents, the coverage and the checks. */
export const declared = { routes: routesOf({ methods: [] as readonly string[], definitions: {} } as Routed), rules, options: glanceOptions }

/** What Glance is made of. */
export interface GlanceParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  options: Values<typeof glanceOptions>
  /** Where images are kept, the default store first: `await configuredStores(options, …)`, `[memoryStore()]`, … */
  stores: readonly [ImageStore, ...ImageStore[]]
  /** This process's name, the same after a restart, and nobody else's. */
  host: string
  enforcer(): Enforcer
  authenticate: Authenticate
  /** Carries the bells of tasks to other processes on the same database; none where there is one process. */
  transport?: Transport
  /** How the names of hosts that users name are resolved; the machine's resolver when not given. */
  resolve?: Resolve
  /** Fetches what users name; over the network when not given. */
  fetcher?: Fetcher
  /** Other regions, for glance-download; needed where that is enabled. */
  regions?: Regions
  /** What projects may have, by Keystone; needed where use_keystone_limits is on. */
  limits?: LimitClient
  /** Where is told what happens; nobody where there is none. */
  notifier?: Notifier
  /** Where images are unpacked and converted: a directory of this process's own, which it empties when it starts. Needed by the plugins that do. */
  scratch?: string
  /** For tests of crashes. */
  at?: TaskRunnerOptions<Tables>['at']
}

/** A running Glance. */
export interface Glance {
  http: HttpService[]
  routes: readonly AnyRoute[]
  /** Begins to take back uploads of processes that are gone, and takes up the tasks. */
  start(): Promise<void>
  /** Hands the tasks back. */
  stop(): Promise<void>
  /**
   * The file with an image's bytes, for an agent on this machine that may download it (`token`) and expects this sha512: to be read only, and disposed of.
   * undefined when there is none, or the agent may not: a download tells why.
   */
  imageFile(token: string, image: { id: string, sha512: string }): Promise<HeldFile | undefined>
  /** Resolves when no task can do anything at present. For tests. */
  idle(): Promise<void>
  /** What is not as the rows say; `repair` removes bytes that no row knows. */
  audit(opts: { repair: boolean }): Promise<AuditFinding[]>
}

/**
 * The stores that the options name, the default one first. `directory`: where files are when a store does not say.
 * Throws Fault('badRequest', 'glance.stores.configured') with what to mend, and what the file system throws.
 */
export async function configuredStores(options: Values<typeof glanceOptions>, { directory, clock }: { directory: string, clock: Clock }): Promise<[ImageStore, ...ImageStore[]]> {
  return openStores(readStores(options), { directory, clock, host: commandHost, fetcher: fetcher(fetching(options), { clock }) })
}

/** Puts Glance together, once what a crash left has been swept. */
export async function glanceService(parts: GlanceParts): Promise<Glance> {
  const { db, clock, ids, log, options } = parts
  configured(parts)
  if (parts.scratch !== undefined) await rm(parts.scratch, { recursive: true, force: true })
  const protections = options.propertyProtectionFile === null ? undefined : await followFile('property_protection_file', options.propertyProtectionFile, text => readProtections(text, options.propertyProtectionRuleFormat), { clock, log })
  const schema = options.imageSchemaFile === null ? USUAL_SCHEMA : await readFileOf('image_schema_file', options.imageSchemaFile, readImageSchema)
  const queue = new TaskQueue({ clock, ids })
  const deps: Deps = { ...parts, queue, schema, guard: protections && propertyGuard(() => protections.current(), parts.enforcer), stores: new Stores(parts.stores), fetcher: parts.fetcher ?? fetcher(fetching(options), { clock, resolve: parts.resolve }), remotes: parts.regions && remoteGlance(parts.regions), workshop: parts.scratch === undefined ? undefined : { directory: parts.scratch, host: commandHost } }
  const cached = options.imageCacheDir === null ? undefined : await ImageCache.open(options.imageCacheDir, { mostBytes: options.imageCacheMaxSize, clock })
  if (cached) deps.cache = { images: cached, worker: cacheWorker(deps, cached) }
  await recover(deps)
  const { limitParamDefault, apiLimitMax } = options
  const runner = new TaskRunner<Tables>({ db, clock, ids, queue, log, host: parts.host, definitions: [imageImport(deps), ...imageForget(deps), locationAdd(deps)], ...(parts.at && { at: parts.at }) })
  const images = imageManager(deps)
  const data = dataManager(deps)
  const imports = importManager(deps)
  const routes = routesOf({
    schema, images, imports, namespaces: namespaceManager(deps), definitions: definitionManagers(deps), tasks: taskManager(deps, images, imports), methods: options.enabledImportMethods, data, members: memberManager(deps), stores: storeManager(deps), storeIds: parts.stores.map(store => store.id), locations: locationManager(deps), usage: limitManager(deps), cache: cacheManager(deps), caches: cached !== undefined, showsLocations: options.showMultipleLocations, limits: { otherwise: limitParamDefault, most: apiLimitMax },
  })
  let endLooking: (() => Promise<void>) | undefined
  let bells: Serving | undefined
  return {
    routes, audit: opts => audit(deps, opts),
    async start() {
      await tellOfMissingStores(deps)
      await loadDefaultNamespaces(deps)
      endLooking = takeBackSilent(deps)
      if (parts.transport) bells = shareBells({ queue, transport: parts.transport, service: 'glance', ids })
      await runner.start()
      deps.cache?.worker.resume()
    },
    async stop() {
      try {
        await runner.stop()
      } finally {
        await bells?.close()
        await endLooking?.()
        await protections?.stop()
        await deps.cache?.worker.stop()
      }
    },
    async imageFile(token, image) {
      const credentials = await parts.authenticate(token)
      if (!credentials || credentials.accessRules !== undefined) return undefined
      return data.fileOf(requestContext({ requestId: `req-${ids.uuid()}`, globalRequestId: undefined, credentials, serviceRoles: [], token, idempotencyKey: undefined, baseUrl: '', log }, parts.enforcer(), dialect.forbidden), image)
    },
    async idle() {
      await runner.idle()
      await deps.cache?.worker.idle()
    },
    http: [{ name: 'glance', prefix: '/image', catalogTypes: ['image'], exactPaths: true, routes, dialect, enforcer: parts.enforcer, authenticate: parts.authenticate }],
  }
}

function routesOf({ schema, cache, caches, usage, images, data, imports, tasks, members, namespaces, definitions, stores, storeIds, locations, showsLocations, limits, methods }: Routed): AnyRoute[] {
  return [
    ...discoveryRoutes({ caches }), ...cacheRoutes(cache), ...storeRoutes(stores), ...usageRoutes(usage), ...locationRoutes(locations), ...imageRoutes(images, limits, { methods, locations: showsLocations, stores: storeIds }), ...importRoutes(imports, methods), ...taskRoutes(tasks, limits), ...dataRoutes(data), ...memberRoutes(members), ...schemaRoutes(schema),
    ...namespaceRoutes(namespaces, limits), ...definitionRoutes(definitions, limits), ...metadefSchemaRoutes,
  ]
}

/** Throws an Error for a method or plugin that is none, and for one that misses what it needs; it names the option. */
function configured({ options, scratch, regions, limits }: GlanceParts): void {
  if (options.useKeystoneLimits && !limits) throw new Error('use_keystone_limits needs a way to ask Keystone')
  const check = (option: string, given: readonly string[], known: readonly string[]) => {
    const unknown = given.find(one => !known.includes(one))
    if (unknown !== undefined) throw new Error(`[glance] ${option}: ${unknown} is none. There are ${known.join(', ')}`)
  }
  check('enabled_import_methods', options.enabledImportMethods, IMPORT_METHODS)
  if (!regions && options.enabledImportMethods.includes('glance-download')) throw new Error('glance-download needs to know of other regions')
  check('image_import_plugins', options.imageImportPlugins, IMPORT_PLUGINS)
  if (scratch === undefined && options.imageImportPlugins.some(plugin => plugin === 'image_conversion' || plugin === 'image_decompression')) throw new Error('the plugins that unpack and convert images need a directory to work in')
}

function fetching(options: Values<typeof glanceOptions>): FetcherOptions {
  return {
    allowedSchemes: options.importAllowedSchemes, disallowedSchemes: options.importDisallowedSchemes, allowedHosts: options.importAllowedHosts, disallowedHosts: options.importDisallowedHosts,
    allowedPorts: options.importAllowedPorts, disallowedPorts: options.importDisallowedPorts, allowedRanges: options.importAllowedRanges,
    idleMs: options.importIdleSeconds * 1000, totalMs: options.importTotalSeconds * 1000,
  }
}

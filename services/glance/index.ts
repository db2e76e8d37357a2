// Glance, put together.
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { forProjects, type Enforcer } from '@alto/kit/policy'
import { dataRoutes } from './api/data.ts'
import { dialect } from './api/dialect.ts'
import { discoveryRoutes } from './api/discovery.ts'
import { imageRoutes } from './api/images.ts'
import { memberRoutes } from './api/members.ts'
import { definitionRoutes } from './api/metadefs/definitions.ts'
import { namespaceRoutes } from './api/metadefs/namespaces.ts'
import { metadefSchemaRoutes } from './api/metadefs/schemas.ts'
import { schemaRoutes } from './api/schemas.ts'
import { fileStore } from './driver/file-store.ts'
import { memoryStore } from './driver/memory-store.ts'
import type { ImageStore } from './driver/store.ts'
import { dataManager, type DataManager } from './manager/data.ts'
import type { Deps } from './manager/deps.ts'
import { imageManager, type ImageManager } from './manager/images.ts'
import { memberManager, type MemberManager } from './manager/members.ts'
import { loadDefaultNamespaces } from './manager/metadefs/defaults.ts'
import { definitionManagers, type DefinitionManagers } from './manager/metadefs/definitions.ts'
import { namespaceManager, type NamespaceManager } from './manager/metadefs/namespaces.ts'
import { takeBackSilent } from './manager/signs.ts'
import { audit, recover, type AuditFinding } from './manager/sweep.ts'
import { Stores } from './model/stores.ts'
import { glanceOptions } from './options.ts'
import * as baseRules from './policy/base.ts'
import * as imageRules from './policy/images.ts'
import * as memberRules from './policy/members.ts'
import * as metadefRules from './policy/metadefs.ts'
import { migrations, type Tables } from './store/tables.ts'

export { fileStore, glanceOptions, memoryStore, migrations, type AuditFinding, type ImageStore, type Tables }

const rules = forProjects([baseRules, imageRules, memberRules, metadefRules].flatMap(room => Object.values(room)))

/** What Glance's routes need. */
interface Routed {
  images: ImageManager
  data: DataManager
  members: MemberManager
  namespaces: NamespaceManager
  definitions: DefinitionManagers
  stores: readonly string[]
  limits: { otherwise: number, most: number }
}

/** What Glance declares: for the documents, the coverage and the checks. */
export const declared = { routes: routesOf({ definitions: {} } as Routed), rules, options: glanceOptions }

/** What Glance is made of. */
export interface GlanceParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  options: Values<typeof glanceOptions>
  /** Where images are kept, the default store first: `await fileStore(DIR/images)`, `memoryStore()`, … */
  stores: readonly [ImageStore, ...ImageStore[]]
  /** This process's name, the same after a restart, and nobody else's. */
  host: string
  enforcer(): Enforcer
  authenticate: Authenticate
}

/** A running Glance. */
export interface Glance {
  http: HttpService[]
  routes: readonly AnyRoute[]
  /** Begins to take back uploads of processes that are gone. */
  start(): Promise<void>
  stop(): Promise<void>
  /** What is not as the rows say; `repair` removes bytes that no row knows. */
  audit(opts: { repair: boolean }): Promise<AuditFinding[]>
}

/** Puts Glance together, once what a crash left has been swept. */
export async function glanceService(parts: GlanceParts): Promise<Glance> {
  const deps: Deps = { ...parts, stores: new Stores(parts.stores) }
  await recover(deps)
  const { limitParamDefault, apiLimitMax } = parts.options
  const routes = routesOf({
    images: imageManager(deps), namespaces: namespaceManager(deps), definitions: definitionManagers(deps), data: dataManager(deps), members: memberManager(deps), stores: parts.stores.map(store => store.id), limits: { otherwise: limitParamDefault, most: apiLimitMax },
  })
  let endLooking: (() => Promise<void>) | undefined
  return {
    routes, audit: opts => audit(deps, opts),
    async start() {
      await loadDefaultNamespaces(deps)
      endLooking = takeBackSilent(deps)
    },
    async stop() { await endLooking?.() },
    http: [{ name: 'glance', prefix: '/image', catalogTypes: ['image'], exactPaths: true, routes, dialect, enforcer: parts.enforcer, authenticate: parts.authenticate }],
  }
}

function routesOf({ images, data, members, namespaces, definitions, stores, limits }: Routed): AnyRoute[] {
  return [
    ...discoveryRoutes(stores), ...imageRoutes(images, limits), ...dataRoutes(data), ...memberRoutes(members), ...schemaRoutes,
    ...namespaceRoutes(namespaces, limits), ...definitionRoutes(definitions, limits), ...metadefSchemaRoutes,
  ]
}

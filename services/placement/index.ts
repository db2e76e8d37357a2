// Placement, put together.
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import { forProjects, type Enforcer, type Rule } from '@alto/kit/policy'
import { aggregateRoutes } from './api/aggregates.ts'
import { allocationRoutes } from './api/allocations.ts'
import { candidateRoutes } from './api/candidates.ts'
import { classRoutes } from './api/classes.ts'
import { dialect } from './api/dialect.ts'
import { discoveryRoutes, microversions } from './api/discovery.ts'
import { inventoryRoutes } from './api/inventories.ts'
import { providerRoutes } from './api/providers.ts'
import { traitRoutes } from './api/traits.ts'
import { aggregateManager } from './manager/aggregates.ts'
import { allocationManager } from './manager/allocations.ts'
import { candidateManager } from './manager/candidates.ts'
import { classManager } from './manager/classes.ts'
import type { Deps } from './manager/deps.ts'
import { inventoryManager } from './manager/inventories.ts'
import { providerManager } from './manager/providers.ts'
import { traitManager } from './manager/traits.ts'
import { placementOptions } from './options.ts'
import * as aggregateRules from './policy/aggregates.ts'
import * as allocationRules from './policy/allocations.ts'
import * as baseRules from './policy/base.ts'
import * as candidateRules from './policy/candidates.ts'
import * as classRules from './policy/classes.ts'
import * as inventoryRules from './policy/inventories.ts'
import * as providerRules from './policy/providers.ts'
import * as traitRules from './policy/traits.ts'
import * as usageRules from './policy/usages.ts'
import { findBroken, type Finding } from './store/invariants.ts'
import { migrations, type Tables } from './store/tables.ts'

export { microversions, migrations, placementOptions, type Finding, type Tables }

/** Every rule that Placement asks. */
export const policy: readonly Rule[] = forProjects([
  baseRules, providerRules, inventoryRules, usageRules, allocationRules, candidateRules, traitRules, aggregateRules, classRules,
].flatMap(room => Object.values(room)))

/** What Placement declares of itself. */
export const declared = { routes: routesOf({} as never), rules: policy, options: placementOptions }

/** What Placement is made of. */
export interface PlacementParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  options: Values<typeof placementOptions>
  enforcer(): Enforcer
  authenticate: Authenticate
}

/** A running Placement. */
export interface Placement {
  /** To be carried under `/placement`. */
  http: HttpService[]
  /** Broken invariants among its rows; empty when all is well. */
  audit(): Promise<Finding[]>
}

/** Puts Placement together. */
export function placementService(parts: PlacementParts): Placement {
  return {
    http: [{ name: 'placement', prefix: '/placement', catalogTypes: ['placement'], routes: routesOf(parts), dialect, enforcer: parts.enforcer, authenticate: parts.authenticate, microversions }],
    audit: () => parts.db.read(findBroken),
  }
}

function routesOf(deps: Deps): AnyRoute[] {
  const allocations = allocationManager(deps)
  return [
    ...discoveryRoutes, ...providerRoutes(providerManager(deps)), ...classRoutes(classManager(deps)), ...inventoryRoutes(inventoryManager(deps), allocations),
    ...aggregateRoutes(aggregateManager(deps)), ...traitRoutes(traitManager(deps)), ...allocationRoutes(allocations), ...candidateRoutes(candidateManager(deps)),
  ]
}

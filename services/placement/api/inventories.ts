// /resource_providers/{uuid}/inventories and …/usages.
import { atLeast, route, t, type AnyRoute, type Version } from '@alto/kit/http'
import type { AllocationManager } from '../manager/allocations.ts'
import type { InventoryManager } from '../manager/inventories.ts'
import type { Inventory, Provider } from '../model/providers.ts'
import * as rules from '../policy/inventories.ts'
import * as usageRules from '../policy/usages.ts'
import { byUuid, fresh, pathTo } from './views.ts'

const MAX_INT = 2_147_483_647
const facts = {
  total: t.integer({ min: 1, max: MAX_INT }), reserved: t.optional(t.integer({ min: 0, max: MAX_INT })), min_unit: t.optional(t.integer({ min: 1, max: MAX_INT })),
  max_unit: t.optional(t.integer({ min: 1, max: MAX_INT })), step_size: t.optional(t.integer({ min: 1, max: MAX_INT })), allocation_ratio: t.optional(t.number({ min: 0, max: 3.4e38 })),
}
const generation = t.integer({ min: 0 })
const className = t.string({ max: 255, pattern: '^[A-Z0-9_]+$' })
const byClass = t.object({ uuid: t.uuid(), resource_class: className })

/** The routes of a provider's inventories and of its usages. */
export function inventoryRoutes(inventories: InventoryManager, allocations: AllocationManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/resource_providers/{uuid}/inventories', rule: rules.LIST, status: 200, summary: 'List resource provider inventories', params: byUuid,
      async handle({ ctx, params, version }) {
        const state = await inventories.list(ctx, params.uuid)
        return fresh(version, viewAll(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}/inventories', rule: rules.UPDATE, status: 200, summary: 'Update resource provider inventories', params: byUuid,
      body: t.object({ resource_provider_generation: generation, inventories: t.map(t.object(facts), { max: 200 }) }),
      async handle({ ctx, params, body, version }) {
        const wanted = Object.entries(body.inventories).map(([name, given]) => factsOf(name, given))
        const state = await inventories.replace(ctx, params.uuid, wanted, body.resource_provider_generation, limits(version))
        return fresh(version, viewAll(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'POST', path: '/resource_providers/{uuid}/inventories', rule: rules.CREATE, status: 201, summary: 'Create resource provider inventory', params: byUuid,
      body: t.object({ resource_provider_generation: generation, resource_class: className, ...facts }),
      async handle({ ctx, params, body, version }) {
        const made = await inventories.create(ctx, params.uuid, factsOf(body.resource_class, body), body.resource_provider_generation, limits(version))
        return fresh(version, viewOne(made), made.provider.updatedAt, { headers: { location: pathTo(ctx, `resource_providers/${params.uuid}/inventories/${body.resource_class}`) } })
      },
    }),
    route({
      method: 'DELETE', path: '/resource_providers/{uuid}/inventories', rule: rules.REMOVE, status: 204, summary: 'Delete resource provider inventories', since: [1, 5], params: byUuid,
      handle: async ({ ctx, params }) => inventories.remove(ctx, params.uuid),
    }),
    route({
      method: 'GET', path: '/resource_providers/{uuid}/inventories/{resource_class}', rule: rules.SHOW, status: 200, summary: 'Show resource provider inventory', params: byClass,
      async handle({ ctx, params, version }) {
        const state = await inventories.show(ctx, params.uuid, params.resource_class)
        return fresh(version, viewOne(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}/inventories/{resource_class}', rule: rules.UPDATE, status: 200, summary: 'Update resource provider inventory', params: byClass,
      body: t.object({ resource_provider_generation: generation, ...facts }),
      async handle({ ctx, params, body, version }) {
        const state = await inventories.update(ctx, params.uuid, factsOf(params.resource_class, body), body.resource_provider_generation, limits(version))
        return fresh(version, viewOne(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'DELETE', path: '/resource_providers/{uuid}/inventories/{resource_class}', rule: rules.REMOVE, status: 204, summary: 'Delete resource provider inventory', params: byClass,
      handle: async ({ ctx, params }) => inventories.remove(ctx, params.uuid, params.resource_class),
    }),
    route({
      method: 'GET', path: '/resource_providers/{uuid}/usages', rule: usageRules.SHOW_PROVIDER, status: 200, summary: 'List resource provider usages', params: byUuid,
      async handle({ ctx, params, version }) {
        const { inventories: found, provider } = await allocations.usagesOfProvider(ctx, params.uuid)
        return fresh(version, { resource_provider_generation: provider.generation, usages: Object.fromEntries(found.map(i => [i.resourceClass, i.used])) }, provider.updatedAt)
      },
    }),
  ]
}

interface FactsBody { total: number, reserved?: number, min_unit?: number, max_unit?: number, step_size?: number, allocation_ratio?: number }

/** A body's inventory, with upstream's defaults. */
export function factsOf(resourceClass: string, b: FactsBody) {
  return { resourceClass, total: b.total, reserved: b.reserved ?? 0, minUnit: b.min_unit ?? 1, maxUnit: b.max_unit ?? MAX_INT, stepSize: b.step_size ?? 1, allocationRatio: b.allocation_ratio ?? 1 }
}

/** The schema of one provider's inventories in a reshaping. */
export const inventorySet = t.object({ resource_provider_generation: generation, inventories: t.map(t.object(facts), { max: 200 }) })

function limits(version: Version) {
  return { mayReserveAll: atLeast(version, 1, 26) }
}

function viewAll({ inventories, provider }: { inventories: readonly Inventory[], provider: Provider }) {
  return { resource_provider_generation: provider.generation, inventories: Object.fromEntries(inventories.map(i => [i.resourceClass, view(i)])) }
}

function viewOne({ inventory, provider }: { inventory: Inventory, provider: Provider }) {
  return { resource_provider_generation: provider.generation, ...view(inventory) }
}

function view(i: Inventory) {
  return { total: i.total, reserved: i.reserved, min_unit: i.minUnit, max_unit: i.maxUnit, step_size: i.stepSize, allocation_ratio: i.allocationRatio }
}

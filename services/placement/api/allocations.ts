// /allocations, /usages, /reshaper and a provider's allocations.
import { atLeast, route, t, versioned, type AnyRoute, type Version } from '@alto/kit/http'
import type { AllocationManager } from '../manager/allocations.ts'
import { UNKNOWN_OWNER, type Claim, type Holdings } from '../model/allocations.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/allocations.ts'
import * as usageRules from '../policy/usages.ts'
import { factsOf, inventorySet } from './inventories.ts'
import { amounts, byUuid, fresh } from './views.ts'

const byConsumer = t.object({ consumer_uuid: t.uuid() })
const owner = { project_id: t.string({ min: 1 }), user_id: t.string({ min: 1 }) }
const byProvider = t.map(t.object({ resources: amounts, generation: t.optional(t.integer({ min: 0 })) }), { max: 100, keyMax: 36 })
const list = t.array(t.object({ resource_provider: t.object({ uuid: t.uuid() }), resources: amounts }), { min: 1, max: 100 })
const seen = { consumer_generation: t.nullable(t.integer({ min: 0 })) }
const mappings = { mappings: t.optional(t.map(t.array(t.uuid(), { max: 100 }), { max: 100 })) }
const type = { consumer_type: t.string({ min: 1, max: 255, pattern: '^[A-Z0-9_]+$' }) }

const since12 = t.object({ allocations: byProvider, ...owner })
const since28 = t.object({ allocations: byProvider, ...owner, ...seen })
const since34 = t.object({ allocations: byProvider, ...owner, ...seen, ...mappings })
const since38 = t.object({ allocations: byProvider, ...owner, ...seen, ...mappings, ...type })
const many = (of: typeof since12 | typeof since28 | typeof since34 | typeof since38) => t.map(of, { max: 100, keyMax: 36 })

/** The routes of allocations, usages and the reshaper. */
export function allocationRoutes(allocations: AllocationManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/allocations/{consumer_uuid}', rule: rules.LIST, status: 200, summary: 'List allocations', params: byConsumer,
      async handle({ ctx, params, version }) {
        const { consumer, holdings, providers } = await allocations.list(ctx, params.consumer_uuid)
        const held = Object.fromEntries([...holdings].map(([id, resources]) => [id, { generation: providers.get(id)!.generation, resources: Object.fromEntries(resources) }]))
        const about = consumer && {
          ...(atLeast(version, 1, 12) && { project_id: consumer.projectId, user_id: consumer.userId }), ...(atLeast(version, 1, 28) && { consumer_generation: consumer.generation }),
          ...(atLeast(version, 1, 38) && { consumer_type: consumer.type ?? 'unknown' }),
        }
        return fresh(version, { allocations: held, ...about }, providers.size ? Math.max(...[...providers.values()].map(p => p.updatedAt)) : undefined)
      },
    }),
    route({
      method: 'PUT', path: '/allocations/{consumer_uuid}', rule: rules.UPDATE, status: 204, summary: 'Update allocations', since: [1, 12], params: byConsumer,
      body: versioned({ since: [1, 38], schema: since38 }, { since: [1, 34], schema: since34 }, { since: [1, 28], schema: since28 }, { since: [1, 12], schema: since12 }),
      handle: async ({ ctx, params, body, version }) => allocations.replace(ctx, claimOf(params.consumer_uuid, body, version, atLeast(version, 1, 28))),
    }),
    route({
      method: 'PUT', path: '/allocations/{consumer_uuid}', rule: rules.UPDATE, status: 204, summary: 'Update allocations', until: [1, 11], params: byConsumer,
      body: versioned({ since: [1, 8], schema: t.object({ allocations: list, ...owner }) }, { since: [1, 0], schema: t.object({ allocations: list }) }),
      async handle({ ctx, params, body }) {
        const holdings = new Map(body.allocations.map(a => [a.resource_provider.uuid, new Map(Object.entries(a.resources))]))
        return allocations.replace(ctx, { consumerId: params.consumer_uuid, projectId: body.project_id ?? UNKNOWN_OWNER, userId: body.user_id ?? UNKNOWN_OWNER, type: undefined, generation: undefined, holdings })
      },
    }),
    route({
      method: 'POST', path: '/allocations', rule: rules.MANAGE, status: 204, summary: 'Manage allocations', since: [1, 13],
      body: versioned({ since: [1, 38], schema: many(since38) }, { since: [1, 34], schema: many(since34) }, { since: [1, 28], schema: many(since28) }, { since: [1, 13], schema: many(since12) }),
      handle: async ({ ctx, body, version }) => allocations.replaceMany(ctx, Object.entries(body).map(([id, one]) => claimOf(id, one, version, true))),
    }),
    route({
      method: 'DELETE', path: '/allocations/{consumer_uuid}', rule: rules.REMOVE, status: 204, summary: 'Delete allocations', params: byConsumer,
      handle: async ({ ctx, params }) => allocations.remove(ctx, params.consumer_uuid),
    }),
    route({
      method: 'GET', path: '/resource_providers/{uuid}/allocations', rule: rules.LIST_OF_PROVIDER, status: 200, summary: 'List resource provider allocations', params: byUuid,
      async handle({ ctx, params, version }) {
        const { rows, provider } = await allocations.listOfProvider(ctx, params.uuid)
        const held = Object.fromEntries([...Map.groupBy(rows, r => r.consumerId)].map(([id, own]) => [id, {
          resources: Object.fromEntries(own.map(r => [r.resourceClass, r.used])), ...(atLeast(version, 1, 28) && { consumer_generation: own[0]!.consumerGeneration }),
        }]))
        return fresh(version, { resource_provider_generation: provider.generation, allocations: held }, provider.updatedAt)
      },
    }),
    route({
      method: 'GET', path: '/usages', rule: usageRules.LIST, status: 200, summary: 'List usages', since: [1, 38],
      query: t.object({ project_id: t.string({ min: 1 }), user_id: t.optional(t.string({ min: 1 })), consumer_type: t.optional(t.string({ min: 1, pattern: '^(all|unknown|[A-Z0-9_]+)$' })) }),
      async handle({ ctx, query, version }) {
        const wanted = query.consumer_type
        const found = await allocations.usages(ctx, { projectId: query.project_id, userId: query.user_id, type: wanted === undefined || wanted === 'all' ? undefined : wanted === 'unknown' ? null : wanted })
        const usages = wanted === 'all'
          ? found.length ? { all: { consumer_count: found.reduce((sum, u) => sum + u.consumers, 0), ...summed(found) } } : {}
          : Object.fromEntries(found.map(u => [u.type ?? 'unknown', { consumer_count: u.consumers, ...Object.fromEntries(u.resources) }]))
        return fresh(version, { usages }, undefined)
      },
    }),
    route({
      method: 'GET', path: '/usages', rule: usageRules.LIST, status: 200, summary: 'List usages', since: [1, 9], until: [1, 37], query: t.object({ project_id: t.string({ min: 1 }), user_id: t.optional(t.string({ min: 1 })) }),
      handle: async ({ ctx, query, version }) => fresh(version, { usages: summed(await allocations.usages(ctx, { projectId: query.project_id, userId: query.user_id })) }, undefined),
    }),
    route({
      method: 'POST', path: '/reshaper', rule: rules.RESHAPE, status: 204, summary: 'Reshaper', since: [1, 30],
      body: versioned(...(([[38, since38], [34, since34], [30, since28]] as const).map(([minor, of]) => ({ since: [1, minor] as const, schema: reshaping(of) })) as [{ since: Version, schema: ReturnType<typeof reshaping> }])),
      handle: async ({ ctx, body, version }) => allocations.reshape(ctx,
        Object.entries(body.inventories).map(([providerId, one]) => ({ providerId, generation: one.resource_provider_generation, inventories: Object.entries(one.inventories).map(([name, facts]) => factsOf(name, facts)) })),
        Object.entries(body.allocations).map(([id, one]) => claimOf(id, one, version, true))),
    }),
  ]
}

function reshaping(of: typeof since28 | typeof since34 | typeof since38) {
  return t.object({ inventories: t.map(inventorySet, { max: 100, keyMax: 36 }), allocations: many(of) })
}

interface ClaimBody {
  allocations: Record<string, { resources: Record<string, number> }>
  project_id: string
  user_id: string
  consumer_generation?: number | null
  consumer_type?: string
}

function claimOf(consumerId: string, b: ClaimBody, version: Version, mayBeEmpty: boolean): Claim {
  const holdings: Holdings = new Map(Object.entries(b.allocations).map(([id, { resources }]) => [id, new Map(Object.entries(resources))]))
  if (!mayBeEmpty && holdings.size === 0) throw invalid('JSON does not validate: {} does not have enough properties')
  if ([...holdings.values()].some(resources => resources.size === 0)) throw invalid('JSON does not validate: {} does not have enough properties')
  return { consumerId, projectId: b.project_id, userId: b.user_id, type: b.consumer_type, generation: atLeast(version, 1, 28) ? b.consumer_generation : undefined, holdings }
}

function summed(found: readonly { resources: ReadonlyMap<string, number> }[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, used] of found.flatMap(u => [...u.resources])) sums[name] = (sums[name] ?? 0) + used
  return sums
}

// /resource_providers/{uuid}/aggregates.
import { atLeast, route, t, type AnyRoute, type Version } from '@alto/kit/http'
import type { AggregateManager, ProviderAggregates } from '../manager/aggregates.ts'
import * as rules from '../policy/aggregates.ts'
import { byUuid, fresh } from './views.ts'

const ids = t.array(t.uuid(), { max: 1000 })

/** The routes of a provider's aggregates. */
export function aggregateRoutes(aggregates: AggregateManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/resource_providers/{uuid}/aggregates', rule: rules.LIST, status: 200, summary: 'List resource provider aggregates', since: [1, 1], params: byUuid,
      async handle({ ctx, params, version }) {
        const state = await aggregates.list(ctx, params.uuid)
        return fresh(version, view(state, version), state.provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}/aggregates', rule: rules.UPDATE, status: 200, summary: 'Update resource provider aggregates', since: [1, 19], params: byUuid,
      body: t.object({ aggregates: ids, resource_provider_generation: t.integer({ min: 0 }) }),
      async handle({ ctx, params, body, version }) {
        const state = await aggregates.set(ctx, params.uuid, body.aggregates, body.resource_provider_generation)
        return fresh(version, view(state, version), state.provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}/aggregates', rule: rules.UPDATE, status: 200, summary: 'Update resource provider aggregates', since: [1, 1], until: [1, 18], params: byUuid, body: ids,
      async handle({ ctx, params, body, version }) {
        const state = await aggregates.set(ctx, params.uuid, body, undefined)
        return fresh(version, view(state, version), state.provider.updatedAt)
      },
    }),
  ]
}

function view({ aggregates, provider }: ProviderAggregates, version: Version) {
  return { aggregates, ...(atLeast(version, 1, 19) && { resource_provider_generation: provider.generation }) }
}

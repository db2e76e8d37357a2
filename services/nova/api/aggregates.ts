// /os-aggregates.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { AggregateManager } from '../manager/aggregates.ts'
import { invalid } from '../model/faults.ts'
import type { Aggregate } from '../model/hosts.ts'
import * as rules from '../policy/aggregates.ts'
import { atLeast, naive, type Version } from './parts.ts'

const byId = t.object({ aggregate_id: t.id() })
const host = t.object({ host: t.string({ min: 1 }) })
const aggregateName = t.string({ min: 1, pattern: '^(?! )(?!.* $).+$' })
const zone = t.string({ min: 1, pattern: '^[^:]+$' })

/** Routes of aggregates. */
export function aggregateRoutes(aggregates: AggregateManager): AnyRoute[] {
  return [
    route({ method: 'GET', path: '/v2.1/os-aggregates', rule: rules.INDEX, status: 200, summary: 'List Aggregates', handle: async ({ ctx, version }) => ({ aggregates: (await aggregates.list(ctx)).map(one => view(one, version)) }) }),
    route({
      method: 'POST', path: '/v2.1/os-aggregates', rule: rules.CREATE, status: 200, summary: 'Create Aggregate', body: t.object({ aggregate: t.object({ name: aggregateName, availability_zone: t.optional(t.nullable(zone)) }) }),
      async handle({ ctx, body, version }) {
        const { hosts: _hosts, metadata: _metadata, ...made } = view(await aggregates.create(ctx, { name: body.aggregate.name, zone: body.aggregate.availability_zone ?? undefined }), version)
        return { aggregate: made }
      },
    }),
    route({ method: 'GET', path: '/v2.1/os-aggregates/{aggregate_id}', rule: rules.SHOW, status: 200, summary: 'Show Aggregate Details', params: byId, handle: async ({ ctx, params, version }) => ({ aggregate: view(await aggregates.show(ctx, params.aggregate_id), version) }) }),
    route({
      method: 'PUT', path: '/v2.1/os-aggregates/{aggregate_id}', rule: rules.UPDATE, status: 200, summary: 'Update Aggregate', params: byId,
      body: t.object({ aggregate: t.object({ name: t.optional(aggregateName), availability_zone: t.optional(t.nullable(zone)) }) }),
      handle: async ({ ctx, params, body, version }) => ({ aggregate: view(await aggregates.update(ctx, params.aggregate_id, { name: body.aggregate.name, zone: body.aggregate.availability_zone }), version) }),
    }),
    route({ method: 'DELETE', path: '/v2.1/os-aggregates/{aggregate_id}', rule: rules.DELETE, status: 200, summary: 'Delete Aggregate', params: byId, handle: async ({ ctx, params }) => aggregates.remove(ctx, params.aggregate_id) }),
    route({
      method: 'POST', path: '/v2.1/os-aggregates/{aggregate_id}/action', rule: rules.ADD_HOST, status: 200, summary: 'Run an action on an aggregate', params: byId,
      actions: ['add_host', 'remove_host', 'set_metadata'], actionRules: [rules.REMOVE_HOST, rules.SET_METADATA],
      body: t.object({ add_host: t.optional(host), remove_host: t.optional(host), set_metadata: t.optional(t.object({ metadata: t.map(t.nullable(t.string()), { max: 128 }) })) }),
      async handle({ ctx, params, body, version }) {
        if (Object.keys(body).length !== 1) throw invalid('action', 'One action is needed: add_host, remove_host or set_metadata.')
        const changed = body.set_metadata ? await aggregates.setMetadata(ctx, params.aggregate_id, body.set_metadata.metadata)
          : await aggregates.changeHost(ctx, params.aggregate_id, (body.add_host ?? body.remove_host!).host, body.add_host ? 'add' : 'remove')
        return { aggregate: view(changed, version) }
      },
    }),
  ]
}

function view(one: Aggregate, version: Version) {
  return {
    id: one.id, name: one.name, availability_zone: one.metadata['availability_zone'] ?? null, hosts: one.hosts, metadata: one.metadata, created_at: naive(one.createdAt), updated_at: naive(one.updatedAt), deleted: false, deleted_at: null,
    ...(atLeast(version, 2, 41) && { uuid: one.uuid }),
  }
}

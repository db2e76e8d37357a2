// /os-aggregates and /os-server-groups.
import { route, t, versioned, type AnyRoute } from '@alto/kit/http'
import { pageLimit } from '@alto/kit/openstack'
import type { AggregateManager, GroupManager, GroupMembers } from '../manager/aggregates.ts'
import { invalid } from '../model/faults.ts'
import type { Aggregate, ServerGroup } from '../model/hosts.ts'
import * as rules from '../policy/aggregates.ts'
import * as groupRules from '../policy/server-groups.ts'
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

const POLICIES = ['affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity'] as const
const groupName = t.string({ min: 1, pattern: '^(?! )(?!.* $).+$' })
const groupBodies = versioned(
  { since: [2, 64], schema: t.object({ server_group: t.object({ name: groupName, policy: t.oneOf(...POLICIES), rules: t.optional(t.object({ max_server_per_host: t.optional(t.union(t.integer({ min: 1 }), t.string({ pattern: '^[1-9][0-9]{0,8}$' }))) })) }) }) },
  { since: [2, 15], schema: t.object({ server_group: t.object({ name: groupName, policies: t.array(t.oneOf(...POLICIES), { max: 1, min: 1 }) }) }) },
  { since: [2, 1], schema: t.object({ server_group: t.object({ name: groupName, policies: t.array(t.oneOf('affinity', 'anti-affinity'), { max: 1, min: 1 }) }) }) },
)

/** Routes of server groups. */
export function groupRoutes(groups: GroupManager): AnyRoute[] {
  const byGroup = t.object({ server_group_id: t.id() })
  return [
    route({
      method: 'GET', path: '/v2.1/os-server-groups', rule: groupRules.INDEX, status: 200, summary: 'List Server Groups', query: t.open({}),
      handle: async ({ ctx, url, version }) => ({ server_groups: (await groups.list(ctx, { all: url.searchParams.has('all_projects'), limit: pageLimit(url.searchParams.get('limit') ?? undefined), offset: Number(url.searchParams.get('offset') ?? 0) || 0 })).map(one => viewGroup(one, version)) }),
    }),
    route({
      method: 'POST', path: '/v2.1/os-server-groups', rule: groupRules.CREATE, status: 200, summary: 'Create Server Group', body: groupBodies,
      async handle({ ctx, body, version }) {
        const asked = (body as { server_group: { name: string, policy?: ServerGroup['policy'], policies?: ServerGroup['policy'][], rules?: { max_server_per_host?: number | string } } }).server_group
        const policy = asked.policy ?? asked.policies![0]!
        const most = asked.rules?.max_server_per_host
        if (most !== undefined && policy !== 'anti-affinity') throw invalid('serverGroup.rules', 'Only anti-affinity policy supports rules.')
        return { server_group: viewGroup(await groups.create(ctx, { name: asked.name, policy, rules: most === undefined ? {} : { max_server_per_host: Number(most) } }), version) }
      },
    }),
    route({ method: 'GET', path: '/v2.1/os-server-groups/{server_group_id}', rule: groupRules.SHOW, status: 200, summary: 'Show Server Group Details', params: byGroup, handle: async ({ ctx, params, version }) => ({ server_group: viewGroup(await groups.show(ctx, params.server_group_id), version) }) }),
    route({ method: 'DELETE', path: '/v2.1/os-server-groups/{server_group_id}', rule: groupRules.DELETE, status: 204, summary: 'Delete Server Group', params: byGroup, handle: async ({ ctx, params }) => groups.remove(ctx, params.server_group_id) }),
  ]
}

function view(one: Aggregate, version: Version) {
  return {
    id: one.id, name: one.name, availability_zone: one.metadata['availability_zone'] ?? null, hosts: one.hosts, metadata: one.metadata, created_at: naive(one.createdAt), updated_at: naive(one.updatedAt), deleted: false, deleted_at: null,
    ...(atLeast(version, 2, 41) && { uuid: one.uuid }),
  }
}

function viewGroup({ group, members }: GroupMembers, version: Version) {
  return {
    id: group.id, name: group.name, members, ...(atLeast(version, 2, 64) ? { policy: group.policy, rules: group.rules } : { policies: [group.policy], metadata: {} }),
    ...(atLeast(version, 2, 13) && { project_id: group.projectId, user_id: group.userId }),
  }
}

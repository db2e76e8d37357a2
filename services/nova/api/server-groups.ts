// /os-server-groups.
import { route, t, versioned, type AnyRoute } from '@alto/kit/http'
import { pageLimit } from '@alto/kit/openstack'
import type { GroupManager, GroupMembers } from '../manager/server-groups.ts'
import { invalid } from '../model/faults.ts'
import type { ServerGroup } from '../model/hosts.ts'
import * as rules from '../policy/server-groups.ts'
import { atLeast, type Version } from './parts.ts'

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
      method: 'GET', path: '/v2.1/os-server-groups', rule: rules.INDEX, status: 200, summary: 'List Server Groups', query: t.open({}),
      handle: async ({ ctx, url, version }) => ({ server_groups: (await groups.list(ctx, { all: url.searchParams.has('all_projects'), limit: pageLimit(url.searchParams.get('limit') ?? undefined), offset: Number(url.searchParams.get('offset') ?? 0) || 0 })).map(one => view(one, version)) }),
    }),
    route({
      method: 'POST', path: '/v2.1/os-server-groups', rule: rules.CREATE, status: 200, summary: 'Create Server Group', body: groupBodies,
      async handle({ ctx, body, version }) {
        const asked = (body as { server_group: { name: string, policy?: ServerGroup['policy'], policies?: ServerGroup['policy'][], rules?: { max_server_per_host?: number | string } } }).server_group
        const policy = asked.policy ?? asked.policies![0]!
        const most = asked.rules?.max_server_per_host
        if (most !== undefined && policy !== 'anti-affinity') throw invalid('serverGroup.rules', 'Only anti-affinity policy supports rules.')
        return { server_group: view(await groups.create(ctx, { name: asked.name, policy, rules: most === undefined ? {} : { max_server_per_host: Number(most) } }), version) }
      },
    }),
    route({ method: 'GET', path: '/v2.1/os-server-groups/{server_group_id}', rule: rules.SHOW, status: 200, summary: 'Show Server Group Details', params: byGroup, handle: async ({ ctx, params, version }) => ({ server_group: view(await groups.show(ctx, params.server_group_id), version) }) }),
    route({ method: 'DELETE', path: '/v2.1/os-server-groups/{server_group_id}', rule: rules.DELETE, status: 204, summary: 'Delete Server Group', params: byGroup, handle: async ({ ctx, params }) => groups.remove(ctx, params.server_group_id) }),
  ]
}

function view({ group, members }: GroupMembers, version: Version) {
  return {
    id: group.id, name: group.name, members, ...(atLeast(version, 2, 64) ? { policy: group.policy, rules: group.rules } : { policies: [group.policy], metadata: {} }),
    ...(atLeast(version, 2, 13) && { project_id: group.projectId, user_id: group.userId }),
  }
}

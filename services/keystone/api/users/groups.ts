// /groups.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { GroupManager } from '../../manager/users/groups.ts'
import type { Group } from '../../model/users/users.ts'
import * as rules from '../../policy/users/groups.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, description, extraOf, self, shortName } from '../links.ts'

const FILTERS = { name: 'text', domain_id: 'text' } as const
const fields = { domain_id: t.optional(t.id()), description: t.optional(t.nullable(description)) }
const KNOWN = ['name', 'domain_id', 'description']
const membership = t.object({ id: t.id(), user_id: t.id() })

/** The routes of groups and their members. */
export function groupRoutes(groups: GroupManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/groups', rule: rules.LIST_GROUPS, status: 200, summary: 'List groups', query: listQuery(FILTERS),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'groups', await groups.list(ctx, listingOf(url, FILTERS)), g => view(ctx, g)),
    }),
    route({
      method: 'POST', path: '/v3/groups', rule: rules.CREATE_GROUP, status: 201, summary: 'Create group', body: t.open({ group: t.open({ name: shortName, ...fields }) }),
      handle: async ({ ctx, body: { group } }) => ({ group: view(ctx, await groups.create(ctx, {
        name: group.name, domainId: group.domain_id, description: group.description ?? undefined, extra: extraOf(group as Record<string, unknown>, KNOWN),
      })) }),
    }),
    route({
      method: 'GET', path: '/v3/groups/{id}', rule: rules.GET_GROUP, status: 200, summary: 'Show group details', params: byId,
      handle: async ({ ctx, params }) => ({ group: view(ctx, await groups.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/groups/{id}', rule: rules.UPDATE_GROUP, status: 200, summary: 'Update group', params: byId, body: t.open({ group: t.open({ name: t.optional(shortName), ...fields }) }),
      async handle({ ctx, params, body: { group } }) {
        changesOf('group', group, params.id)
        return { group: view(ctx, await groups.update(ctx, params.id, {
          name: group.name, domainId: group.domain_id, description: group.description ?? undefined, extra: extraOf(group as Record<string, unknown>, KNOWN),
        })) }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/groups/{id}', rule: rules.DELETE_GROUP, status: 204, summary: 'Delete group', params: byId,
      handle: async ({ ctx, params }) => groups.remove(ctx, params.id),
    }),
    route({
      method: 'PUT', path: '/v3/groups/{id}/users/{user_id}', rule: rules.ADD_USER_TO_GROUP, status: 204, summary: 'Add user to group', params: membership,
      handle: async ({ ctx, params }) => groups.addMember(ctx, params.id, params.user_id),
    }),
    route({
      method: 'GET', path: '/v3/groups/{id}/users/{user_id}', rule: rules.CHECK_USER_IN_GROUP, status: 204, summary: 'Check whether user belongs to group', params: membership,
      handle: async ({ ctx, params }) => groups.checkMember(ctx, params.id, params.user_id),
    }),
    route({
      method: 'DELETE', path: '/v3/groups/{id}/users/{user_id}', rule: rules.REMOVE_USER_FROM_GROUP, status: 204, summary: 'Remove user from group', params: membership,
      handle: async ({ ctx, params }) => groups.removeMember(ctx, params.id, params.user_id),
    }),
    route({
      method: 'GET', path: '/v3/users/{id}/groups', rule: rules.LIST_GROUPS_FOR_USER, status: 200, summary: 'List groups to which a user belongs', params: byId, query: listQuery({ name: 'text' }),
      handle: async ({ ctx, params, url }) => pageOf(ctx, url, 'groups', await groups.listOfUser(ctx, params.id, listingOf(url, { name: 'text' })), g => ({ ...view(ctx, g), membership_expires_at: null })),
    }),
  ]
}

function view(ctx: Context, g: Group) {
  return { ...g.extra, id: g.id, name: g.name, domain_id: g.domainId, description: g.description, links: self(ctx, `groups/${g.id}`) }
}

// /users.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { UserInput, UserListing, UserManager } from '../../manager/users/users.ts'
import { invalid } from '../../model/faults.ts'
import { shownTime } from '../../model/users/passwords.ts'
import { USER_FLAGS, type User } from '../../model/users/users.ts'
import * as groupRules from '../../policy/users/groups.ts'
import * as rules from '../../policy/users/users.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, extraOf, name, PASSCODE, self } from '../links.ts'

const FILTERS = { name: 'text', domain_id: 'text', enabled: 'flag' } as const

const password = t.string({ max: 4096 })
const flags = Object.fromEntries(USER_FLAGS.map(flag => [flag, t.optional(t.nullable(t.boolean()))]))
const userOptions = t.object({ ...flags, multi_factor_auth_rules: t.optional(t.nullable(t.array(t.array(t.string({ min: 1 }), { min: 1, max: 16 }), { max: 16 }))) })
const fields = {
  domain_id: t.optional(t.id()), enabled: t.optional(t.boolean()), password: t.optional(t.nullable(password)), original_password: t.optional(t.nullable(password)),
  default_project_id: t.optional(t.nullable(t.string())), description: t.optional(t.nullable(t.string({ max: 65_535 }))), options: t.optional(userOptions),
}
const KNOWN = ['name', 'domain_id', 'enabled', 'password', 'original_password', 'default_project_id', 'options', 'password_expires_at']

/** The routes of users. */
export function userRoutes(users: UserManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/users', rule: rules.LIST_USERS, status: 200, summary: 'List users',
      query: listQuery(FILTERS), handle: async ({ ctx, url }) => pageOf(ctx, url, 'users', await users.list(ctx, userListingOf(url)), u => viewUser(ctx, u)),
    }),
    route({
      method: 'POST', path: '/v3/users', rule: rules.CREATE_USER, status: 201, summary: 'Create user', body: t.open({ user: t.open({ name, ...fields }) }),
      handle: async ({ ctx, body }) => ({ user: viewUser(ctx, await users.create(ctx, { ...input(body.user), name: body.user.name })) }),
    }),
    route({
      method: 'GET', path: '/v3/users/{id}', rule: rules.GET_USER, status: 200, summary: 'Show user details', params: byId,
      handle: async ({ ctx, params }) => ({ user: viewUser(ctx, await users.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/users/{id}', rule: rules.UPDATE_USER, status: 200, summary: 'Update user', params: byId, body: t.open({ user: t.open({ name: t.optional(name), ...fields }) }),
      handle: async ({ ctx, params, body, headers }) => ({ user: viewUser(ctx, await users.update(ctx, params.id, input(body.user, params.id), headers[PASSCODE])) }),
    }),
    route({
      method: 'DELETE', path: '/v3/users/{id}', rule: rules.DELETE_USER, status: 204, summary: 'Delete user', params: byId,
      handle: async ({ ctx, params }) => users.remove(ctx, params.id),
    }),
    route({
      method: 'POST', path: '/v3/users/{id}/password', rule: { public: 'the original password proves who asks, so that an expired one can be changed' }, status: 204, summary: 'Change password for user', params: byId,
      body: t.open({ user: t.object({ password, original_password: password }) }),
      handle: async ({ params, body, headers }) => users.changePassword(params.id, body.user.original_password, body.user.password, headers[PASSCODE]),
    }),
    route({
      method: 'GET', path: '/v3/groups/{id}/users', rule: groupRules.LIST_USERS_IN_GROUP, status: 200, summary: 'List users in group', params: byId, query: listQuery(FILTERS),
      handle: async ({ ctx, params, url }) => pageOf(ctx, url, 'users', await users.listOfGroup(ctx, params.id, userListingOf(url)), u => viewUser(ctx, u)),
    }),
  ]
}

const OPERATORS = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '=', neq: '<>' } as const

/** `password_expires_at=lt:2016-12-08T22:02:00Z` beside the filters of all lists; without an operator the time is meant exactly. */
function userListingOf(url: URL): UserListing {
  const expiries = url.searchParams.getAll('password_expires_at').map(asked => {
    const [, operator = 'eq', text = ''] = /^(?:([^:]{2,3}):)?(.*)$/s.exec(asked) ?? []
    if (!Object.hasOwn(OPERATORS, operator)) throw invalid('filter.operator', `The given operator ${operator} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.`)
    const at = Date.parse(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) || !text.includes('T') ? text : `${text}Z`)
    if (Number.isNaN(at)) throw invalid('filter.time', 'Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.')
    return { operator: OPERATORS[operator as keyof typeof OPERATORS], at }
  })
  return { ...listingOf(url, FILTERS), expiries, ofFederation: ['idp_id', 'protocol_id', 'unique_id'].some(name => url.searchParams.has(name)) }
}

function viewUser(ctx: Context, u: User) {
  return {
    ...u.extra, id: u.id, name: u.name, domain_id: u.domainId, enabled: u.enabled, password_expires_at: shownTime(u.passwordExpiresAt), options: u.options,
    ...(u.defaultProjectId !== null && { default_project_id: u.defaultProjectId }), links: self(ctx, `users/${u.id}`),
  }
}

interface UserBody { name?: string, domain_id?: string, enabled?: boolean, password?: string | null, default_project_id?: string | null, options?: Record<string, unknown> }

/** `id` is that of the user who is changed. */
function input(b: UserBody, id?: string): UserInput {
  if (id !== undefined) changesOf('user', b as Record<string, unknown>, id)
  const rules = b.options?.['multi_factor_auth_rules']
  if (Array.isArray(rules) && [rules, ...rules as unknown[][]].some(list => new Set(list.map(item => JSON.stringify(item))).size < list.length)) throw invalid('user.mfaRules', 'The rules of multi_factor_auth_rules, and the methods of each, must be different ones.')
  return {
    name: b.name, domainId: b.domain_id, enabled: b.enabled, password: b.password, defaultProjectId: b.default_project_id, options: b.options,
    extra: extraOf(b as Record<string, unknown>, KNOWN),
  }
}

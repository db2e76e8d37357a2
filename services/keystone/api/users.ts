// /users.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { UserInput, UserManager } from '../manager/users.ts'
import type { User } from '../model/users.ts'
import * as groupRules from '../policy/groups.ts'
import * as rules from '../policy/users.ts'
import { listingOf, listQuery, pageOf } from './filters.ts'
import { byId, extraOf, name, options, self } from './links.ts'

const FILTERS = { name: 'text', domain_id: 'text', enabled: 'flag' } as const

const password = t.string({ max: 4096 })
const fields = {
  domain_id: t.optional(t.id()), enabled: t.optional(t.boolean()), password: t.optional(t.nullable(password)), original_password: t.optional(t.nullable(password)),
  default_project_id: t.optional(t.nullable(t.string())), options: t.optional(options),
}
const KNOWN = ['name', 'domain_id', 'enabled', 'password', 'original_password', 'default_project_id', 'options', 'password_expires_at']

/** The routes of users. */
export function userRoutes(users: UserManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/users', rule: rules.LIST_USERS, status: 200, summary: 'List users',
      query: listQuery(FILTERS), handle: async ({ ctx, url }) => pageOf(ctx, url, 'users', await users.list(ctx, listingOf(url, FILTERS)), u => viewUser(ctx, u)),
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
      handle: async ({ ctx, params, body }) => ({ user: viewUser(ctx, await users.update(ctx, params.id, input(body.user))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/users/{id}', rule: rules.DELETE_USER, status: 204, summary: 'Delete user', params: byId,
      handle: async ({ ctx, params }) => users.remove(ctx, params.id),
    }),
    route({
      method: 'POST', path: '/v3/users/{id}/password', rule: { public: 'the original password proves who asks, so that an expired one can be changed' }, status: 204, summary: 'Change password for user', params: byId,
      body: t.open({ user: t.open({ password: t.string({ min: 1, max: 4096 }), original_password: password }) }),
      handle: async ({ params, body }) => users.changePassword(params.id, body.user.original_password, body.user.password),
    }),
    route({
      method: 'GET', path: '/v3/groups/{id}/users', rule: groupRules.LIST_USERS_IN_GROUP, status: 200, summary: 'List users in group', params: byId, query: listQuery(FILTERS),
      handle: async ({ ctx, params, url }) => pageOf(ctx, url, 'users', await users.listOfGroup(ctx, params.id, listingOf(url, FILTERS)), u => viewUser(ctx, u)),
    }),
  ]
}

function viewUser(ctx: Context, u: User) {
  return {
    ...u.extra, id: u.id, name: u.name, domain_id: u.domainId, enabled: u.enabled, password_expires_at: null, options: u.options,
    ...(u.defaultProjectId !== null && { default_project_id: u.defaultProjectId }), links: self(ctx, `users/${u.id}`),
  }
}

interface UserBody { name?: string, domain_id?: string, enabled?: boolean, password?: string | null, default_project_id?: string | null, options?: Record<string, unknown> }

function input(b: UserBody): UserInput {
  return {
    name: b.name, domainId: b.domain_id, enabled: b.enabled, password: b.password, defaultProjectId: b.default_project_id, options: b.options,
    extra: extraOf(b as Record<string, unknown>, KNOWN),
  }
}

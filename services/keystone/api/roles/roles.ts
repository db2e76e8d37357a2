// /roles, and what they imply.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { Implications, RoleInput, RoleManager } from '../../manager/roles/roles.ts'
import type { Role } from '../../model/roles/roles.ts'
import * as rules from '../../policy/roles/roles.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, description, extraOf, name, self } from '../links.ts'

const roleOptions = t.object({ immutable: t.optional(t.nullable(t.boolean())) })
const fields = { description: t.optional(t.nullable(description)), options: t.optional(roleOptions), domain_id: t.optional(t.nullable(t.id())) }
const pair = t.object({ id: t.id(), implied_id: t.id() })

/** The routes of roles and implications. */
export function roleRoutes(roles: RoleManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/roles', rule: rules.LIST_ROLES, actionRules: [rules.LIST_DOMAIN_ROLES], status: 200, summary: 'List roles', query: listQuery({ name: 'text', domain_id: 'text' }),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'roles', await roles.list(ctx, listingOf(url, { name: 'text' }), url.searchParams.get('domain_id')), r => viewRole(ctx, r)),
    }),
    route({
      method: 'POST', path: '/v3/roles', rule: rules.CREATE_ROLE, actionRules: [rules.CREATE_DOMAIN_ROLE], status: 201, summary: 'Create role', body: t.open({ role: t.open({ name, ...fields }) }),
      handle: async ({ ctx, body: { role } }) => ({ role: viewRole(ctx, await roles.create(ctx, { ...input(role), name: role.name })) }),
    }),
    route({
      method: 'GET', path: '/v3/roles/{id}', rule: rules.GET_ROLE, actionRules: [rules.GET_DOMAIN_ROLE], status: 200, summary: 'Show role details', params: byId,
      handle: async ({ ctx, params }) => ({ role: viewRole(ctx, await roles.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/roles/{id}', rule: rules.UPDATE_ROLE, actionRules: [rules.UPDATE_DOMAIN_ROLE], status: 200, summary: 'Update role', params: byId, body: t.open({ role: t.open({ name: t.optional(name), ...fields }) }),
      handle: async ({ ctx, params, body: { role } }) => ({ role: viewRole(ctx, await roles.update(ctx, params.id, input(changesOf('role', role, params.id)))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/roles/{id}', rule: rules.DELETE_ROLE, actionRules: [rules.DELETE_DOMAIN_ROLE], status: 204, summary: 'Delete role', params: byId,
      handle: async ({ ctx, params }) => roles.remove(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/role_inferences', rule: rules.LIST_ROLE_INFERENCE_RULES, status: 200, summary: 'List all role inference rules',
      handle: async ({ ctx }) => ({ role_inferences: (await roles.listInferences(ctx)).map(i => viewImplications(ctx, i)) }),
    }),
    route({
      method: 'GET', path: '/v3/roles/{id}/implies', rule: rules.LIST_IMPLIED_ROLES, status: 200, summary: 'List implied (inference) roles for role', params: byId,
      handle: async ({ ctx, params }) => ({ role_inference: viewImplications(ctx, await roles.listImplied(ctx, params.id)), links: self(ctx, `roles/${params.id}/implies`) }),
    }),
    route({
      method: 'GET', path: '/v3/roles/{id}/implies/{implied_id}', rule: rules.GET_IMPLIED_ROLE, status: 200, summary: 'Get role inference rule', params: pair,
      handle: async ({ ctx, params }) => viewInference(ctx, await roles.showImplied(ctx, { priorId: params.id, impliedId: params.implied_id })),
    }),
    route({
      method: 'HEAD', path: '/v3/roles/{id}/implies/{implied_id}', rule: rules.CHECK_IMPLIED_ROLE, status: 204, summary: 'Confirm role inference rule', params: pair,
      handle: async ({ ctx, params }) => { await roles.showImplied(ctx, { priorId: params.id, impliedId: params.implied_id }, true) },
    }),
    route({
      method: 'PUT', path: '/v3/roles/{id}/implies/{implied_id}', rule: rules.CREATE_IMPLIED_ROLE, status: 201, summary: 'Create role inference rule', params: pair,
      handle: async ({ ctx, params }) => viewInference(ctx, await roles.imply(ctx, { priorId: params.id, impliedId: params.implied_id })),
    }),
    route({
      method: 'DELETE', path: '/v3/roles/{id}/implies/{implied_id}', rule: rules.DELETE_IMPLIED_ROLE, status: 204, summary: 'Delete role inference rule', params: pair,
      handle: async ({ ctx, params }) => roles.unimply(ctx, { priorId: params.id, impliedId: params.implied_id }),
    }),
  ]
}

/** A role as the API shows it. */
export function viewRole(ctx: Context, r: Role) {
  return { ...r.extra, id: r.id, name: r.name, domain_id: r.domainId, description: r.description, options: r.options, links: self(ctx, `roles/${r.id}`) }
}

function input(b: { name?: string, domain_id?: string | null, description?: string | null, options?: Record<string, unknown> }): RoleInput {
  return { name: b.name, domainId: b.domain_id, description: b.description, options: b.options, extra: extraOf(b as Record<string, unknown>, ['name', 'domain_id', 'description', 'options']) }
}

function brief(ctx: Context, r: Role) {
  return { id: r.id, name: r.name, links: self(ctx, `roles/${r.id}`) }
}

function viewImplications(ctx: Context, i: Implications) {
  return { prior_role: brief(ctx, i.prior), implies: i.implies.map(r => brief(ctx, r)) }
}

function viewInference(ctx: Context, i: Implications) {
  const implied = i.implies[0]!
  return { role_inference: { prior_role: brief(ctx, i.prior), implies: brief(ctx, implied) }, links: self(ctx, `roles/${i.prior.id}/implies/${implied.id}`) }
}

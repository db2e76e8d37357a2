// Grants under projects, domains and the system.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { GrantManager } from '../../manager/roles/grants.ts'
import type { Actor, ScopeTarget } from '../../model/roles/roles.ts'
import * as rules from '../../policy/roles/assignments.ts'
import * as authRules from '../../policy/tokens/tokens.ts'
import { listOf, self } from '../links.ts'
import { viewRole } from './roles.ts'

/** The routes of grants. */
export function grantRoutes(grants: GrantManager): AnyRoute[] {
  return [
    ...scopeRoutes(grants),
    ...systemRoutes(grants),
    route({
      method: 'GET', path: '/v3/auth/system', rule: authRules.GET_AUTH_SYSTEM, status: 200, summary: 'Get available system scopes',
      handle: async ({ ctx }) => ({ system: await grants.listOwnSystem(ctx) ? [{ all: true }] : [], links: self(ctx, 'auth/system') }),
    }),
  ]
}

/** The routes of one kind of target and actor, direct and inherited. */
function scopeRoutes(grants: GrantManager): AnyRoute[] {
  return (['project', 'domain'] as const).flatMap(target => (['user', 'group'] as const).flatMap(actor => [false, true].flatMap(inherited => {
    const base = `${inherited ? '/v3/OS-INHERIT' : '/v3'}/${target}s/{target_id}/${actor}s/{actor_id}/roles`
    const suffix = inherited ? '/inherited_to_projects' : ''
    const one = t.object({ target_id: t.id(), actor_id: t.id(), role_id: t.id() })
    const who = (p: { target_id: string, actor_id: string }) => ({ actor: { kind: actor, id: p.actor_id }, target: { kind: target, id: p.target_id }, inherited })
    return [
      route({
        method: 'GET', path: `${base}${suffix}`, rule: rules.LIST_GRANTS, status: 200, summary: `List role assignments for ${actor} on ${target}`, params: t.object({ target_id: t.id(), actor_id: t.id() }),
        handle: async ({ ctx, params }) => listOf(ctx, 'roles', `${target}s/${params.target_id}/${actor}s/${params.actor_id}/roles`, (await grants.listGranted(ctx, who(params))).map(r => viewRole(ctx, r))),
      }),
      ...([['PUT', rules.CREATE_GRANT, 'Assign', 'grant'], ['GET', rules.CHECK_GRANT, 'Check', 'check'], ['DELETE', rules.REVOKE_GRANT, 'Unassign', 'revoke']] as const).map(([method, rule, verb, use]) => route({
        method, path: `${base}/{role_id}${suffix}`, rule, status: 204, summary: `${verb} role ${verb === 'Unassign' ? 'from' : 'to'} ${actor} on ${target}`, params: one,
        handle: async ({ ctx, params }) => grants[use](ctx, { ...who(params), roleId: params.role_id }),
      })),
    ]
  })))
}

function systemRoutes(grants: GrantManager): AnyRoute[] {
  const of = {
    user: { list: rules.LIST_SYSTEM_GRANTS_FOR_USER, grant: rules.CREATE_SYSTEM_GRANT_FOR_USER, check: rules.CHECK_SYSTEM_GRANT_FOR_USER, revoke: rules.REVOKE_SYSTEM_GRANT_FOR_USER },
    group: { list: rules.LIST_SYSTEM_GRANTS_FOR_GROUP, grant: rules.CREATE_SYSTEM_GRANT_FOR_GROUP, check: rules.CHECK_SYSTEM_GRANT_FOR_GROUP, revoke: rules.REVOKE_SYSTEM_GRANT_FOR_GROUP },
  }
  const target: ScopeTarget = { kind: 'system', id: 'all' }
  return (['user', 'group'] as const).flatMap(kind => {
    const base = `/v3/system/${kind}s/{actor_id}/roles`
    const who = (id: string): { actor: Actor, target: ScopeTarget, inherited: boolean } => ({ actor: { kind, id }, target, inherited: false })
    return [
      route({
        method: 'GET', path: base, rule: of[kind].list, status: 200, summary: `List system role assignments for a ${kind}`, params: t.object({ actor_id: t.id() }),
        handle: async ({ ctx, params }) => listOf(ctx, 'roles', `system/${kind}s/${params.actor_id}/roles`, (await grants.listGranted(ctx, who(params.actor_id))).map(r => viewRole(ctx, r))),
      }),
      ...([['PUT', 'grant'], ['GET', 'check'], ['DELETE', 'revoke']] as const).map(([method, use]) => route({
        method, path: `${base}/{role_id}`, rule: of[kind][use], status: 204, summary: `${use} a system role of a ${kind}`, params: t.object({ actor_id: t.id(), role_id: t.id() }),
        handle: async ({ ctx, params }) => grants[use](ctx, { ...who(params.actor_id), roleId: params.role_id }),
      })),
    ]
  })
}

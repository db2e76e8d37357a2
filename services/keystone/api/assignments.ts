// Grants under projects, domains and the system, and /role_assignments.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { AssignmentManager, ShownAssignment } from '../manager/assignments.ts'
import { invalid } from '../model/faults.ts'
import type { Actor, Assignment, ScopeTarget } from '../model/roles.ts'
import * as rules from '../policy/assignments.ts'
import { listOf } from './links.ts'
import { viewRole } from './roles.ts'

/** The routes of grants and of the list of assignments. */
export function assignmentRoutes(assignments: AssignmentManager): AnyRoute[] {
  return [
    ...grantRoutes(assignments),
    ...systemRoutes(assignments),
    route({
      method: 'GET', path: '/v3/role_assignments', rule: rules.LIST_ROLE_ASSIGNMENTS, status: 200, summary: 'List role assignments',
      query: t.open({
        'user.id': t.optional(t.string()), 'group.id': t.optional(t.string()), 'role.id': t.optional(t.string()), 'scope.project.id': t.optional(t.string()),
        'scope.domain.id': t.optional(t.string()), 'scope.system': t.optional(t.string()), effective: t.optional(t.string()), include_names: t.optional(t.string()),
      }),
      async handle({ ctx, query: q }) {
        if (q['user.id'] && q['group.id']) throw invalid('assignments.query', 'Specify a user or group, not both')
        if (q['scope.project.id'] && q['scope.domain.id']) throw invalid('assignments.query', 'Specify a domain or project, not both')
        const target: ScopeTarget | undefined = q['scope.project.id'] ? { kind: 'project', id: q['scope.project.id'] } : q['scope.domain.id'] ? { kind: 'domain', id: q['scope.domain.id'] } : q['scope.system'] ? { kind: 'system', id: 'all' } : undefined
        const on = (value: string | undefined) => value !== undefined && value !== '0' && value.toLowerCase() !== 'false'
        const found = await assignments.list(ctx, { userId: q['user.id'], groupId: q['group.id'], roleId: q['role.id'], target, effective: on(q.effective), includeNames: on(q.include_names) })
        return listOf(ctx, 'role_assignments', 'role_assignments', found.map(a => view(ctx, a)))
      },
    }),
  ]
}

/** The routes of one kind of target and actor, direct and inherited. */
function grantRoutes(assignments: AssignmentManager): AnyRoute[] {
  return (['project', 'domain'] as const).flatMap(target => (['user', 'group'] as const).flatMap(actor => [false, true].flatMap(inherited => {
    const base = `${inherited ? '/v3/OS-INHERIT' : '/v3'}/${target}s/{target_id}/${actor}s/{actor_id}/roles`
    const suffix = inherited ? '/inherited_to_projects' : ''
    const one = t.object({ target_id: t.id(), actor_id: t.id(), role_id: t.id() })
    const who = (p: { target_id: string, actor_id: string }) => ({ actor: { kind: actor, id: p.actor_id }, target: { kind: target, id: p.target_id }, inherited })
    return [
      route({
        method: 'GET', path: `${base}${suffix}`, rule: rules.LIST_GRANTS, status: 200, summary: `List role assignments for ${actor} on ${target}`, params: t.object({ target_id: t.id(), actor_id: t.id() }),
        handle: async ({ ctx, params }) => listOf(ctx, 'roles', `${target}s/${params.target_id}/${actor}s/${params.actor_id}/roles`, (await assignments.listGranted(ctx, who(params))).map(r => viewRole(ctx, r))),
      }),
      ...([['PUT', rules.CREATE_GRANT, 'Assign', 'grant'], ['HEAD', rules.CHECK_GRANT, 'Check', 'check'], ['DELETE', rules.REVOKE_GRANT, 'Unassign', 'revoke']] as const).map(([method, rule, verb, use]) => route({
        method, path: `${base}/{role_id}${suffix}`, rule, status: 204, summary: `${verb} role ${verb === 'Unassign' ? 'from' : 'to'} ${actor} on ${target}`, params: one,
        handle: async ({ ctx, params }) => assignments[use](ctx, { ...who(params), roleId: params.role_id }),
      })),
    ]
  })))
}

function systemRoutes(assignments: AssignmentManager): AnyRoute[] {
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
        handle: async ({ ctx, params }) => listOf(ctx, 'roles', `system/${kind}s/${params.actor_id}/roles`, (await assignments.listGranted(ctx, who(params.actor_id))).map(r => viewRole(ctx, r))),
      }),
      ...([['PUT', 'grant'], ['HEAD', 'check'], ['DELETE', 'revoke']] as const).map(([method, use]) => route({
        method, path: `${base}/{role_id}`, rule: of[kind][use], status: 204, summary: `${use} a system role of a ${kind}`, params: t.object({ actor_id: t.id(), role_id: t.id() }),
        handle: async ({ ctx, params }) => assignments[use](ctx, { ...who(params.actor_id), roleId: params.role_id }),
      })),
    ]
  })
}

function view(ctx: Context, a: ShownAssignment) {
  const { names } = a
  const role = { id: a.roleId, ...(names && { name: names.role }) }
  const actor = { id: a.actor.id, ...names?.actor }
  const scope = a.target.kind === 'system' ? { system: { all: true } } : { [a.target.kind]: { id: a.target.id, ...names?.target } }
  return { role, [a.actor.kind]: actor, scope: { ...scope, ...(a.inherited && { 'OS-INHERIT:inherited_to': 'projects' }) }, links: { assignment: `${ctx.baseUrl}/v3/${path(a)}`, ...(a.through !== undefined && { membership: `${ctx.baseUrl}/v3/groups/${a.through}/users/${a.actor.id}` }) } }
}

function path(a: Assignment): string {
  const where = a.target.kind === 'system' ? 'system' : `${a.target.kind}s/${a.target.id}`
  return `${a.inherited ? 'OS-INHERIT/' : ''}${where}/${a.actor.kind}s/${a.actor.id}/roles/${a.roleId}${a.inherited ? '/inherited_to_projects' : ''}`
}

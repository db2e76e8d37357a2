// /role_assignments.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { AssignmentQuery, RoleAssignmentManager, ShownAssignment } from '../../manager/roles/role-assignments.ts'
import { invalid } from '../../model/faults.ts'
import type { ScopeTarget } from '../../model/roles/roles.ts'
import * as rules from '../../policy/roles/assignments.ts'

const TEXTS = ['user.id', 'group.id', 'role.id', 'scope.project.id', 'scope.domain.id', 'scope.system', 'scope.OS-INHERIT:inherited_to', 'effective', 'include_names', 'include_subtree'] as const

/** The route of the list of assignments. */
export function roleAssignmentRoutes(assignments: RoleAssignmentManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/role_assignments', rule: rules.LIST_ROLE_ASSIGNMENTS, actionRules: [rules.LIST_ROLE_ASSIGNMENTS_FOR_TREE], status: 200, summary: 'List role assignments',
      query: t.open(Object.fromEntries(TEXTS.map(name => [name, t.optional(t.string())]))),
      async handle({ ctx, url }) {
        const found = await assignments.list(ctx, queryOf(url.searchParams))
        return { role_assignments: found.map(a => view(ctx, a)), links: { self: `${ctx.baseUrl}${url.pathname}${url.search}`, previous: null, next: null } }
      },
    }),
  ]
}

/** Throws Fault('badRequest') for what contradicts itself, or would always give an empty list. */
function queryOf(params: URLSearchParams): AssignmentQuery {
  const text = (name: typeof TEXTS[number]) => params.get(name) || undefined
  const flag = (name: typeof TEXTS[number]) => params.has(name) && !['0', 'false', 'False'].includes(params.get(name)!)
  const [projectId, domainId, isSystem] = [text('scope.project.id'), text('scope.domain.id'), params.get('scope.system') === 'all']
  const inheritedTo = params.get('scope.OS-INHERIT:inherited_to')
  const query: AssignmentQuery = {
    userId: text('user.id'), groupId: text('group.id'), roleId: text('role.id'),
    target: targetOf(projectId, domainId, isSystem), inherited: inheritedTo === null ? undefined : inheritedTo === 'projects',
    effective: flag('effective'), includeNames: flag('include_names'), includeSubtree: flag('include_subtree'),
  }
  for (const [isWrong, why] of [
    [query.userId !== undefined && query.groupId !== undefined, 'Specify a user or group, not both'],
    [projectId !== undefined && domainId !== undefined, 'Specify a domain or project, not both'],
    [domainId !== undefined && isSystem, 'Specify system or domain, not both'],
    [projectId !== undefined && isSystem, 'Specify system or project, not both'],
    [query.effective && query.groupId !== undefined, 'Combining effective and group filter will always result in an empty list.'],
    [query.effective && query.inherited === true && domainId !== undefined, 'Combining effective, domain and inherited filters will always result in an empty list.'],
    [query.includeSubtree && projectId === undefined, 'scope.project.id must be specified if include_subtree is also specified'],
  ] as const) if (isWrong) throw invalid('assignments.query', why)
  return query
}

function targetOf(projectId: string | undefined, domainId: string | undefined, isSystem: boolean): ScopeTarget | undefined {
  if (projectId !== undefined) return { kind: 'project', id: projectId }
  if (domainId !== undefined) return { kind: 'domain', id: domainId }
  return isSystem ? { kind: 'system', id: 'all' } : undefined
}

/** With links to the grant, to the membership and to the implication by which it came. */
function view(ctx: Context, a: ShownAssignment) {
  const { names } = a
  const scope = a.target.kind === 'system' ? { system: { all: true } } : { [a.target.kind]: { id: a.target.id, ...names?.target } }
  const base = `${ctx.baseUrl}/v3`
  return {
    links: {
      ...(a.through !== undefined && { membership: `${base}/groups/${a.through}/users/${a.actor.id}` }), assignment: `${base}/${grantPath(a)}`,
      ...(a.prior !== undefined && { prior_role: `${base}/prior_role/${a.roleId}/implies/${a.prior}` }),
    },
    scope: { ...scope, ...(a.inherited && { 'OS-INHERIT:inherited_to': 'projects' }) }, [a.actor.kind]: { id: a.actor.id, ...names?.actor }, role: { id: a.roleId, ...names?.role },
  }
}

function grantPath(a: ShownAssignment): string {
  const where = a.givenIn.kind === 'system' ? 'system' : `${a.givenIn.kind}s/${a.givenIn.id}`
  const who = a.through === undefined ? `${a.actor.kind}s/${a.actor.id}` : `groups/${a.through}`
  return `${a.inherited ? 'OS-INHERIT/' : ''}${where}/${who}/roles/${a.prior ?? a.roleId}${a.inherited ? '/inherited_to_projects' : ''}`
}

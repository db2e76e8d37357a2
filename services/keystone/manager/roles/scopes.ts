// What a user may do in a scope: the roles that hold there, from assignments, groups, inheritance and implication.
import { idsAbove, type Project } from '../../model/projects/projects.ts'
import { rolesIn, withImplied, type Role, type ScopeTarget } from '../../model/roles/roles.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'

/** The roles that the user has in the target, with what they imply; domain-specific ones count only by what they imply. */
export async function effectiveRoles(tx: Tx, userId: string, target: ScopeTarget, project: Project | undefined): Promise<Role[]> {
  const actors = [{ kind: 'user' as const, id: userId }, ...(await groups.idsOf(tx, userId)).map(id => ({ kind: 'group' as const, id }))]
  const given = await assignments.list(tx, { actors })
  const inherits = given.some(a => a.inherited)
  const above = inherits && project && !project.isDomain ? await projects.idsAbove(tx, project) : []
  const held = rolesIn(given, target, above)
  if (held.size === 0) return []
  const ids = withImplied(held, await roles.inferences(tx))
  return (await roles.list(tx, { ids: [...ids] })).filter(role => role.domainId === null)
}

/** The projects (or domains) in which the user has some role, and could have a token, by name. */
export async function scopesOf(tx: Tx, userId: string, kind: 'project' | 'domain'): Promise<Project[]> {
  const actors = [{ kind: 'user' as const, id: userId }, ...(await groups.idsOf(tx, userId)).map(id => ({ kind: 'group' as const, id }))]
  const given = await assignments.list(tx, { actors })
  const ids = new Set(given.filter(a => !a.inherited && a.target.kind === kind).map(a => a.target.id))
  const inheritedFrom = new Set(given.filter(a => a.inherited).map(a => a.target.id))
  if (kind === 'project' && inheritedFrom.size > 0) {
    const parents = await projects.parents(tx)
    for (const id of parents.keys()) if (idsAbove(parents, id).some(above => inheritedFrom.has(above))) ids.add(id)
  }
  const found = (await projects.list(tx, { isDomain: kind === 'domain', ids: [...ids] })).filter(p => p.enabled)
  if (kind === 'domain') return found
  const homes = new Set((await projects.list(tx, { isDomain: true, ids: [...new Set(found.map(p => p.domainId!))] })).filter(d => d.enabled).map(d => d.id))
  return found.filter(p => homes.has(p.domainId!))
}

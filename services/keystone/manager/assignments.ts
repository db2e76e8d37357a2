// Grants: giving and taking roles, and saying who has which where.
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { notFound } from '../model/faults.ts'
import { idsAbove } from '../model/projects.ts'
import { withImplied, type Actor, type Assignment, type Role, type ScopeTarget } from '../model/roles.ts'
import * as rules from '../policy/assignments.ts'
import * as assignments from '../store/assignments.ts'
import * as groups from '../store/groups.ts'
import * as projects from '../store/projects.ts'
import * as roles from '../store/roles.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users.ts'
import type { Deps } from './deps.ts'

/** Which assignments a list holds; `effective` works groups, inheritance and implications out. */
export interface AssignmentQuery {
  userId?: string | undefined
  groupId?: string | undefined
  roleId?: string | undefined
  target?: ScopeTarget | undefined
  effective: boolean
  includeNames: boolean
}

/** An assignment with the names that were asked for. `through` is the group that an effective one came by. */
export interface ShownAssignment extends Assignment {
  through?: string
  names?: { role: string, actor: InDomain, target?: InDomain }
}

interface InDomain { name: string, domain?: { id: string, name: string } }

export type AssignmentManager = ReturnType<typeof assignmentManager>

/** The use cases of grants. */
export function assignmentManager(deps: Deps) {
  const { db } = deps

  async function authorized(ctx: Context, tx: Tx, which: { grant: Rule, user: Rule, group: Rule }, a: { actor: Actor, target: ScopeTarget, roleId?: string }): Promise<void> {
    const actor = a.actor.kind === 'user' ? await users.find(tx, a.actor.id) : await groups.find(tx, a.actor.id)
    const scope = a.target.kind === 'system' ? undefined : await projects.find(tx, a.target.id)
    const role = a.roleId === undefined ? undefined : await roles.find(tx, a.roleId)
    const rule = a.target.kind === 'system' ? which[a.actor.kind] : which.grant
    ctx.authorize(rule, { target: {
      [a.actor.kind]: { id: a.actor.id, domain_id: actor?.domainId },
      ...(scope && { [a.target.kind]: scope.isDomain ? { id: scope.id } : { id: scope.id, domain_id: scope.domainId } }),
      ...(role && { role: { id: role.id, name: role.name, domain_id: role.domainId } }),
    } })
    if (!actor) throw notFound(a.actor.kind, a.actor.id)
    if (a.target.kind !== 'system' && (!scope || a.target.kind === 'domain' && !scope.isDomain)) throw notFound(a.target.kind, a.target.id)
    if (a.roleId !== undefined && !role) throw notFound('role', a.roleId)
  }

  return {
    async grant(ctx: Context, a: Assignment): Promise<void> {
      await db.write(async tx => {
        await authorized(ctx, tx, { grant: rules.CREATE_GRANT, user: rules.CREATE_SYSTEM_GRANT_FOR_USER, group: rules.CREATE_SYSTEM_GRANT_FOR_GROUP }, a)
        await assignments.insert(tx, a)
        await deps.changed(tx)
      })
    },

    async check(ctx: Context, a: Assignment): Promise<void> {
      await db.read(async tx => {
        await authorized(ctx, tx, { grant: rules.CHECK_GRANT, user: rules.CHECK_SYSTEM_GRANT_FOR_USER, group: rules.CHECK_SYSTEM_GRANT_FOR_GROUP }, a)
        if (!await assignments.exists(tx, a)) throw noGrant(a)
      })
    },

    async revoke(ctx: Context, a: Assignment): Promise<void> {
      await db.write(async tx => {
        await authorized(ctx, tx, { grant: rules.REVOKE_GRANT, user: rules.REVOKE_SYSTEM_GRANT_FOR_USER, group: rules.REVOKE_SYSTEM_GRANT_FOR_GROUP }, a)
        if (!await assignments.remove(tx, a)) throw noGrant(a)
        await deps.changed(tx)
      })
    },

    /** The roles that the actor was given in the target itself. */
    async listGranted(ctx: Context, a: { actor: Actor, target: ScopeTarget, inherited: boolean }): Promise<Role[]> {
      return db.read(async tx => {
        await authorized(ctx, tx, { grant: rules.LIST_GRANTS, user: rules.LIST_SYSTEM_GRANTS_FOR_USER, group: rules.LIST_SYSTEM_GRANTS_FOR_GROUP }, a)
        const given = await assignments.list(tx, { actors: [a.actor], target: a.target, inherited: a.inherited })
        return roles.list(tx, { ids: given.map(g => g.roleId) })
      })
    },

    async list(ctx: Context, query: AssignmentQuery): Promise<ShownAssignment[]> {
      ctx.authorize(rules.LIST_ROLE_ASSIGNMENTS, { target: { domain_id: ctx.credentials.domainId } })
      return db.read(async tx => {
        const found = query.effective ? await effective(tx, query) : await direct(tx, query)
        const seen = await withinDomain(tx, found, ctx.credentials.domainId)
        return query.includeNames ? withNames(tx, seen) : seen
      })
    },
  }
}

function noGrant(a: Assignment) {
  return notFound('role assignment', `role ${a.roleId}, ${a.actor.kind} ${a.actor.id}, ${a.target.kind} ${a.target.id}`)
}

async function direct(tx: Tx, query: AssignmentQuery): Promise<ShownAssignment[]> {
  const actors = query.userId !== undefined ? [{ kind: 'user' as const, id: query.userId }] : query.groupId !== undefined ? [{ kind: 'group' as const, id: query.groupId }] : undefined
  return assignments.list(tx, { actors, target: query.target, roleId: query.roleId })
}

/** Every role that a user really has: groups opened, inheritance carried down, implications followed; domain-specific ones only by what they imply. */
async function effective(tx: Tx, query: AssignmentQuery): Promise<ShownAssignment[]> {
  const all = await assignments.list(tx, {})
  const inferences = await roles.inferences(tx)
  const global = new Set((await roles.list(tx, { domainId: null })).map(role => role.id))
  const below = await projectsByAncestor(tx, all)
  const out = new Map<string, ShownAssignment>()
  const members = await groups.members(tx)
  for (const a of all) {
    const userIds = a.actor.kind === 'user' ? [a.actor.id] : members.get(a.actor.id) ?? []
    const targets: ScopeTarget[] = a.inherited ? (below.get(a.target.id) ?? []).map(id => ({ kind: 'project', id })) : [a.target]
    for (const userId of userIds) for (const target of targets) for (const roleId of withImplied([a.roleId], inferences)) {
      if (!global.has(roleId)) continue
      if (query.userId !== undefined && query.userId !== userId || query.roleId !== undefined && query.roleId !== roleId) continue
      if (query.target && (query.target.kind !== target.kind || query.target.id !== target.id)) continue
      const key = `${userId}/${target.kind}/${target.id}/${roleId}`
      if (!out.has(key)) out.set(key, { roleId, actor: { kind: 'user', id: userId }, target, inherited: false, ...(a.actor.kind === 'group' && { through: a.actor.id }) })
    }
  }
  return [...out.values()]
}

async function projectsByAncestor(tx: Tx, all: readonly Assignment[]): Promise<Map<string, string[]>> {
  const below = new Map<string, string[]>()
  if (!all.some(a => a.inherited)) return below
  const parents = await projects.parents(tx)
  for (const id of parents.keys()) for (const above of idsAbove(parents, id)) below.set(above, [...below.get(above) ?? [], id])
  return below
}

async function withinDomain(tx: Tx, found: ShownAssignment[], domainId: string | undefined): Promise<ShownAssignment[]> {
  if (domainId === undefined) return found
  const own = new Set([domainId, ...(await projects.list(tx, { isDomain: false, domainId })).map(p => p.id)])
  return found.filter(a => own.has(a.target.id))
}

async function withNames(tx: Tx, found: ShownAssignment[]): Promise<ShownAssignment[]> {
  const domains = new Map((await projects.list(tx, { isDomain: true })).map(d => [d.id, d.name]))
  const inDomain = (thing: { name: string, domainId: string | null } | undefined): InDomain => ({ name: thing?.name ?? '', ...(thing && thing.domainId !== null && { domain: { id: thing.domainId, name: domains.get(thing.domainId) ?? '' } }) })
  const all = {
    role: new Map((await roles.list(tx, { ids: [...new Set(found.map(a => a.roleId))] })).map(r => [r.id, r.name])),
    user: new Map((await users.list(tx, {})).map(u => [u.id, u])),
    group: new Map((await groups.list(tx, {})).map(g => [g.id, g])),
    project: new Map((await projects.list(tx, { isDomain: false })).map(p => [p.id, p])),
  }
  return found.map(a => ({
    ...a, names: {
      role: all.role.get(a.roleId) ?? '', actor: inDomain(all[a.actor.kind].get(a.actor.id)),
      ...(a.target.kind === 'project' && { target: inDomain(all.project.get(a.target.id)) }),
      ...(a.target.kind === 'domain' && { target: { name: domains.get(a.target.id) ?? '' } }),
    },
  }))
}

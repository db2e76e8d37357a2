// Grants: giving and taking roles.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { invalid, notFound, refused } from '../../model/faults.ts'
import type { Project } from '../../model/projects/projects.ts'
import type { Actor, Assignment, Role, ScopeTarget } from '../../model/roles/roles.ts'
import * as rules from '../../policy/roles/assignments.ts'
import * as auth from '../../policy/tokens/tokens.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'
import { effectiveRoles } from './scopes.ts'

export type GrantManager = ReturnType<typeof grantManager>

/** The use cases of grants. */
export function grantManager(deps: Deps) {
  const { db } = deps

  async function authorized(ctx: Context, tx: Tx, which: { grant: Rule, user: Rule, group: Rule }, a: { actor: Actor, target: ScopeTarget, roleId?: string }): Promise<{ role: Role | undefined, scope: Project | undefined }> {
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
    return { role, scope }
  }

  return {
    async grant(ctx: Context, a: Assignment): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        const { role, scope } = await authorized(ctx, tx, { grant: rules.CREATE_GRANT, user: rules.CREATE_SYSTEM_GRANT_FOR_USER, group: rules.CREATE_SYSTEM_GRANT_FOR_GROUP }, a)
        checkPlace(role!, a.target, scope)
        await assignments.insert(tx, a)
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
        await deps.changed(tx)
        await authorized(ctx, tx, { grant: rules.REVOKE_GRANT, user: rules.REVOKE_SYSTEM_GRANT_FOR_USER, group: rules.REVOKE_SYSTEM_GRANT_FOR_GROUP }, a)
        if (!await assignments.remove(tx, a)) throw noGrant(a)
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

    /** Whether the caller could have a token for the system. */
    async listOwnSystem(ctx: Context): Promise<boolean> {
      ctx.authorize(auth.GET_AUTH_SYSTEM, {})
      return db.read(async tx => (await effectiveRoles(tx, ctx.credentials.userId, { kind: 'system', id: 'all' }, undefined)).length > 0)
    },
  }
}

/** A domain's role is for the projects of that domain; upstream lets it be given in any domain, and so do we, but not in the system. */
function checkPlace(role: Role, target: ScopeTarget, scope: Project | undefined): void {
  if (role.domainId === null) return
  if (target.kind === 'system') throw invalid('assignment.system', `Role ${role.id} is a domain-specific role. Unable to use a domain-specific role in a system assignment.`)
  if (target.kind === 'project' && scope?.domainId !== role.domainId) throw refused('assignment.domain', `Project ${target.id} must be in the same domain as the role ${role.id} being assigned.`)
}

function noGrant(a: Assignment): Fault {
  return new Fault('notFound', 'keystone.roleAssignment.notFound', `Could not find role assignment with role: ${a.roleId}, user or group: ${a.actor.id}, project, domain, or system: ${a.target.kind === 'system' ? 'system' : a.target.id}.`)
}

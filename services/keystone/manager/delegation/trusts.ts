// Trusts: a trustor gives them, a trustee passes them on, both see them, the trustor takes them back.
import type { Context } from '@alto/kit/context'
import { orFault } from '@alto/kit/db'
import type { Rule } from '@alto/kit/policy'
import { endFrom } from '../../model/delegation/moments.ts'
import { isUsable, settled, type Trust } from '../../model/delegation/trusts.ts'
import { conflict, invalid, notFound, refused } from '../../model/faults.ts'
import type { Role } from '../../model/roles/roles.ts'
import * as rules from '../../policy/delegation/trusts.ts'
import * as trusts from '../../store/delegation/trusts.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'
import { effectiveRoles } from '../roles/scopes.ts'
import { roleIdOf, type RoleNamed } from './application-credentials.ts'
import { delegationOf } from './caller.ts'

/** Milliseconds that a trust is kept after its end, for those who ask what became of it. */
const KEPT = 24 * 3_600_000

/** What a client asks of a new trust. */
export interface TrustInput {
  trustorUserId: string
  trusteeUserId: string
  projectId: string | null
  impersonation: boolean
  roles: readonly RoleNamed[]
  expiresAt: string | null
  remainingUses: number | null
  allowRedelegation: boolean
  redelegationCount: number | null
  redelegatedTrustId: string | null
  extra: Readonly<Record<string, unknown>>
}

/** A trust with the roles of its that exist. */
export interface ShownTrust {
  trust: Trust
  roles: readonly Role[]
}

export type TrustManager = ReturnType<typeof trustManager>

/** The use cases of trusts. */
export function trustManager(deps: Deps) {
  const { db, clock, ids, options } = deps

  /** That a trust is gone, used up or past its end is said to whoever knows its id, as upstream has it. */
  async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<Trust> {
    const trust = await trusts.find(tx, id)
    if (!trust || !isUsable(trust, clock.now())) throw notFound('trust', id)
    ctx.authorize(rule, { target: { trust: targetOf(trust) } })
    refuseDelegates(ctx)
    return trust
  }

  return {
    /** Trusts without their roles: those of a trustor, of a trustee, or all. */
    async list(ctx: Context, filter: { trustorUserId?: string | undefined, trusteeUserId?: string | undefined }): Promise<Trust[]> {
      const { trustorUserId, trusteeUserId } = filter
      if (trustorUserId !== undefined) ctx.authorize(rules.LIST_TRUSTS_FOR_TRUSTOR, { target: { trust: { trustor_user_id: trustorUserId } } })
      else if (trusteeUserId !== undefined) ctx.authorize(rules.LIST_TRUSTS_FOR_TRUSTEE, { target: { trust: { trustee_user_id: trusteeUserId } } })
      else ctx.authorize(rules.LIST_TRUSTS, {})
      refuseDelegates(ctx)
      return db.read(tx => trusts.list(tx, filter))
    },

    async show(ctx: Context, id: string): Promise<ShownTrust> {
      return db.read(async tx => shown(tx, await authorized(ctx, tx, rules.GET_TRUST, id)))
    },

    async listRoles(ctx: Context, id: string): Promise<readonly Role[]> {
      return db.read(async tx => (await shown(tx, await authorized(ctx, tx, rules.LIST_ROLES_FOR_TRUST, id))).roles)
    },

    async showRole(ctx: Context, id: string, roleId: string): Promise<Role> {
      return db.read(async tx => {
        const found = (await shown(tx, await authorized(ctx, tx, rules.GET_ROLE_FOR_TRUST, id))).roles.find(role => role.id === roleId)
        if (!found) throw notFound('role', roleId)
        return found
      })
    },

    /** A trust of the caller's own; with a trust's token one that passes that trust on. */
    async create(ctx: Context, input: TrustInput): Promise<ShownTrust> {
      const { trustorUserId, trusteeUserId, projectId } = input
      ctx.authorize(rules.CREATE_TRUST, { target: { trust: { trustor_user_id: trustorUserId, trustee_user_id: trusteeUserId, project_id: projectId } } })
      refuseDelegates(ctx)
      if (projectId !== null && input.roles.length === 0) throw forbidden('At least one role should be specified.')
      if (ctx.credentials.userId !== trustorUserId) throw forbidden('The authenticated user should match the trustor.')
      const expiresAt = input.expiresAt === null ? null : Math.floor(endFrom(input.expiresAt, clock.now()) / 1_000_000) * 1000
      const { trustId } = delegationOf(ctx.credentials)
      if (input.redelegatedTrustId !== null && input.redelegatedTrustId !== trustId) throw invalid('trust.redelegated', 'redelegated_trust_id is the trust that the token was had by, and no other: it need not be given.')

      return storing(() => db.write(async tx => {
        if (!await users.find(tx, trusteeUserId)) throw notFound('user', trusteeUserId)
        const roleIds = await rolesOf(tx, input)
        const parent = trustId === undefined ? undefined : await trusts.find(tx, trustId)
        if (trustId !== undefined && (!parent || !isUsable(parent, clock.now()))) throw notFound('trust', trustId)
        const terms = { projectId, impersonation: input.impersonation, expiresAt, remainingUses: input.remainingUses, roleIds, allowRedelegation: input.allowRedelegation, redelegationCount: input.redelegationCount }
        const trust: Trust = {
          id: ids.hex(), trustorUserId, trusteeUserId, projectId, impersonation: input.impersonation, remainingUses: input.remainingUses, redelegatedTrustId: parent?.id ?? null,
          ...settled(terms, parent, options.maxRedelegationCount), roleIds, extra: input.extra,
        }
        await trusts.forgetEnded(tx, clock.now() - KEPT)
        await trusts.insert(tx, trust)
        return shown(tx, trust)
      }))
    },

    /** Takes it back, and whatever passes it on. */
    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await authorized(ctx, tx, rules.DELETE_TRUST, id)
        await trusts.remove(tx, id)
      })
    },
  }
}

/** The ids of the roles that are asked for; the trustor must have them in the project. */
async function rolesOf(tx: Tx, input: TrustInput): Promise<string[]> {
  const wanted = new Set<string>()
  for (const one of input.roles) wanted.add('id' in one ? one.id : await roleIdOf(tx, one.name))
  const project = input.projectId === null ? undefined : await projects.find(tx, input.projectId)
  if (input.projectId !== null && !project) throw notFound('project', input.projectId)
  const held = new Set(project ? (await effectiveRoles(tx, input.trustorUserId, { kind: 'project', id: project.id }, project)).map(role => role.id) : [])
  for (const id of wanted) if (!held.has(id)) throw notFound('role', id)
  return [...wanted]
}

async function shown(tx: Tx, trust: Trust): Promise<ShownTrust> {
  return { trust, roles: await roles.list(tx, { ids: trust.roleIds }) }
}

function targetOf(trust: Trust) {
  return { id: trust.id, trustor_user_id: trust.trustorUserId, trustee_user_id: trust.trusteeUserId, project_id: trust.projectId }
}

/** What a program has a secret for gives and takes no trusts; a trust's own token may: so it is passed on. */
function refuseDelegates(ctx: Context): void {
  if (delegationOf(ctx.credentials).byDelegate) throw forbidden('Delegated tokens cannot manage trusts.')
}

function forbidden(why: string) {
  return refused('trust.forbidden', `You are not authorized to perform the requested action: ${why}`)
}

function storing<T>(work: () => Promise<T>): Promise<T> {
  return orFault({ reference: cause => conflict('trust', 'one of its users, its project or the trust that it passes on has just been removed', cause) }, work)
}

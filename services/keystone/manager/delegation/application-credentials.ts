// Application credentials: a user makes them for the project of its token, with roles that it has there.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { sameRule, type AccessRule, type AccessRuleText } from '../../model/delegation/access-rules.ts'
import type { ApplicationCredential } from '../../model/delegation/application-credentials.ts'
import { endFrom } from '../../model/delegation/moments.ts'
import { conflict, invalid, notFound, refused } from '../../model/faults.ts'
import { withImplied, type Role } from '../../model/roles/roles.ts'
import * as rules from '../../policy/delegation/application-credentials.ts'
import * as accessRules from '../../store/delegation/access-rules.ts'
import * as credentials from '../../store/delegation/application-credentials.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'
import { delegationOf, refuseForeignDelegates } from './caller.ts'

/** A role by its id or its name. */
export type RoleNamed = { id: string } | { name: string }

/** What a client asks of a new application credential. */
export interface ApplicationCredentialInput {
  name: string
  description: string | null
  /** One is made when there is none. */
  secret: string | null
  expiresAt: string | null
  unrestricted: boolean | null
  /** All that the token has when empty. */
  roles: readonly RoleNamed[]
  /** By id, or in words. */
  accessRules: readonly ({ id: string } | AccessRuleText)[]
}

/** A credential as it is shown: with its roles. */
export interface ShownCredential {
  credential: ApplicationCredential
  roles: readonly Role[]
}

export type ApplicationCredentialManager = ReturnType<typeof applicationCredentialManager>

const SECRET_BYTES = 64

/** The use cases of application credentials. */
export function applicationCredentialManager(deps: Deps) {
  const { db, clock, ids, passwords, options } = deps

  /** The rule is asked about the credential's owner, whichever user the path names. */
  async function authorized(ctx: Context, tx: Tx, rule: Rule, userId: string, id: string): Promise<ApplicationCredential> {
    const found = await credentials.find(tx, id)
    ctx.authorize(rule, { user_id: found?.userId ?? userId })
    refuseForeignDelegates(ctx)
    if (rule === rules.DELETE_APPLICATION_CREDENTIAL) refuseRestricted(ctx)
    if (!found) throw notFound('Application Credential', id)
    return found
  }

  return {
    async list(ctx: Context, userId: string, name: string | undefined): Promise<ShownCredential[]> {
      ctx.authorize(rules.LIST_APPLICATION_CREDENTIALS, { user_id: userId })
      refuseForeignDelegates(ctx)
      return db.read(async tx => shown(tx, await credentials.list(tx, userId, name)))
    },

    async show(ctx: Context, userId: string, id: string): Promise<ShownCredential> {
      return db.read(async tx => (await shown(tx, [await authorized(ctx, tx, rules.GET_APPLICATION_CREDENTIAL, userId, id)]))[0]!)
    },

    /** Gives the secret too, which nobody sees again. What a credential's token makes is no more than that token: its roles, and its access rules when it has some. */
    async create(ctx: Context, userId: string, input: ApplicationCredentialInput): Promise<ShownCredential & { secret: string }> {
      ctx.authorize(rules.CREATE_APPLICATION_CREDENTIAL, { user_id: userId })
      refuseForeignDelegates(ctx)
      refuseRestricted(ctx)
      if (ctx.credentials.userId !== userId) throw refused('applicationCredential.user', 'You are not authorized to perform the requested action: Cannot create an application credential for another user.')
      const { projectId } = ctx.credentials
      if (projectId === undefined) throw invalid('applicationCredential.scope', 'An application credential is for the project of the token that makes it: this token has none.')
      const expiresAt = input.expiresAt === null ? null : endFrom(input.expiresAt, clock.now())
      const secret = input.secret || ids.bytes(SECRET_BYTES).toString('base64url')
      const hash = await passwords.hash(secret)
      return storing(input.name, () => db.write(async tx => {
        await withinLimit(tx, userId)
        const id = ids.hex()
        await credentials.insert(tx, {
          id, userId, projectId, name: input.name, description: input.description, expiresAt, unrestricted: input.unrestricted,
          roleIds: await rolesFor(ctx, tx, input.roles), accessRules: await rulesFor(ctx, tx, userId, input.accessRules),
        }, hash)
        return { ...(await shown(tx, [(await credentials.find(tx, id))!]))[0]!, secret }
      }))
    },

    async remove(ctx: Context, userId: string, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await authorized(ctx, tx, rules.DELETE_APPLICATION_CREDENTIAL, userId, id)
        await credentials.remove(tx, id)
      })
    },
  }

  async function withinLimit(tx: Tx, userId: string): Promise<void> {
    const most = options.applicationCredentialsPerUser
    if (most !== null && await credentials.count(tx, userId) >= most) throw refused('applicationCredential.limit', `Unable to create additional application credentials, maximum of ${most} already exceeded for user.`)
  }

  /** The user's rules that the input means. Those in words are made when they are not there. */
  async function rulesFor(ctx: Context, tx: Tx, userId: string, asked: ApplicationCredentialInput['accessRules']): Promise<AccessRule[]> {
    const found = new Map<string, AccessRule>()
    for (const one of asked) {
      const rule = 'id' in one ? await accessRules.find(tx, userId, one.id) : await accessRules.settle(tx, { id: ids.hex(), userId, service: one.service, path: one.path, method: one.method })
      if (!rule) throw notFound('Access Rule', 'id' in one ? one.id : '')
      found.set(rule.id, rule)
    }
    const own = delegationOf(ctx.credentials).applicationCredential?.accessRules ?? []
    const wanted = [...found.values()]
    if (own.length && (wanted.length === 0 || !wanted.every(rule => own.some(mine => sameRule(mine, rule))))) {
      throw refused('applicationCredential.accessRules', 'A credential that is made with one that has access rules has some of these, and no others.')
    }
    return wanted
  }
}

/** The ids of the roles that are asked for and of those they imply; all must be the token's. */
async function rolesFor(ctx: Context, tx: Tx, asked: readonly RoleNamed[]): Promise<string[]> {
  const held = new Set(((ctx.credentials.token as { roles?: readonly { id: string }[] } | undefined)?.roles ?? []).map(role => role.id))
  if (asked.length === 0) return [...held]
  const wanted: string[] = []
  for (const one of asked) wanted.push('id' in one ? one.id : await roleIdOf(tx, one.name))
  const all = [...withImplied(wanted, await roles.inferences(tx))]
  if (!all.every(id => held.has(id))) throw invalid('applicationCredential.role', 'Invalid application credential: Cannot create an application credential with unassigned role')
  return all
}

/** The global role of that name. Throws Fault('notFound'). */
export async function roleIdOf(tx: Tx, name: string): Promise<string> {
  const [role] = await roles.list(tx, { name, domainId: null })
  if (!role) throw notFound('role', name)
  return role.id
}

async function shown(tx: Tx, found: readonly ApplicationCredential[]): Promise<ShownCredential[]> {
  const all = new Map((await roles.list(tx, { ids: [...new Set(found.flatMap(c => c.roleIds))] })).map(role => [role.id, role]))
  return found.map(credential => ({ credential, roles: credential.roleIds.map(id => all.get(id)).filter(role => role !== undefined) }))
}

function refuseRestricted(ctx: Context): void {
  if (delegationOf(ctx.credentials).applicationCredential?.restricted) {
    throw refused('applicationCredential.restricted', "You are not authorized to perform the requested action: Using method 'application_credential' is not allowed for managing additional application credentials.")
  }
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orFault({
    unique: cause => conflict('application_credential', `Duplicate entry found with name ${name}`, cause),
    reference: () => invalid('applicationCredential.gone', 'The project, a role or an access rule of the credential has just been removed.'),
  }, work)
}

// Users: what may be made, changed and removed, and by whom; a user changes its own password.
import { orConflict } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound, unauthorized } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import { checkMayChange, expiryOf, isInactive, requirementsOf, type StoredPassword } from '../../model/users/passwords.ts'
import { DEFAULT_DOMAIN } from '../../model/projects/projects.ts'
import { withOptions } from '../../model/resource-options.ts'
import type { User } from '../../model/users/users.ts'
import * as groupRules from '../../policy/users/groups.ts'
import * as rules from '../../policy/users/users.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import * as stored from '../../store/users/passwords.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Passcodes } from '../credentials/passcodes.ts'
import type { Deps } from '../deps.ts'
import { provenByPassword } from '../methods/password.ts'

/** What a client may say of a user. */
export interface UserInput {
  name?: string | undefined
  domainId?: string | undefined
  enabled?: boolean | undefined
  /** null: none, so that the user cannot log in by password. */
  password?: string | null | undefined
  defaultProjectId?: string | null | undefined
  options?: Readonly<Record<string, unknown>> | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

/** A list of users: when the passwords of those in it end, and whether they come from an identity provider, as nobody does here. */
export type UserListing = Listing<users.UserField> & { expiries: readonly users.ExpiryFilter[], ofFederation: boolean }

export type UserManager = ReturnType<typeof userManager>

/** The use cases of users. */
export function userManager(deps: Deps, passcodes: Passcodes) {
  const { db, clock, ids, passwords, options } = deps
  const meetRequirements = requirementsOf(options)

  async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<User> {
    const user = await users.find(tx, id)
    ctx.authorize(rule, user ? targetOf(user) : {})
    if (!user) throw notFound('user', id)
    return user
  }

  /** As the API shows it: who did not log in for too long is disabled. */
  function asNow(user: User): User {
    return user.enabled && isInactive(user, options, clock.now()) ? { ...user, enabled: false } : user
  }

  /** null stays null: the user cannot log in by password. */
  async function hashed(asked: string | null): Promise<string | null> {
    if (asked === null) return null
    meetRequirements(asked)
    return passwords.hash(asked)
  }

  async function setPassword(tx: Tx, user: User, hash: string | null, selfService: boolean): Promise<User> {
    const at = clock.now()
    const expiresAt = hash === null ? null : expiryOf(user, { at, selfService }, options)
    await stored.insert(tx, user.id, { hash, createdAt: at, expiresAt, selfService }, { tokensFrom: user.tokensFrom, keep: options.uniqueLastPasswordCount })
    return { ...user, passwordExpiresAt: expiresAt }
  }

  async function checkIsNew(userId: string, password: string): Promise<void> {
    const count = options.uniqueLastPasswordCount
    const last: StoredPassword[] = count === 0 ? [] : await db.read(tx => stored.list(tx, userId, count))
    for (const { hash } of last) {
      if (await passwords.matches(password, hash)) throw invalid('password.history', `The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${count}.`)
    }
  }

  /** A user's default project may be gone, but is no domain. */
  async function checkDefaultProject(tx: Tx, id: string | null | undefined): Promise<void> {
    if (typeof id === 'string' && (await projects.find(tx, id))?.isDomain) throw invalid('user.defaultProject', `User's default project ID cannot be a domain ID: ${id}`)
  }

  return {
    async show(ctx: Context, id: string): Promise<User> {
      return asNow(await db.read(tx => authorized(ctx, tx, rules.GET_USER, id)))
    },

    async list(ctx: Context, listing: UserListing): Promise<Listed<User>> {
      const { domainId } = ctx.credentials
      ctx.authorize(rules.LIST_USERS, { target: { domain_id: domainId } })
      if (listing.ofFederation) return { items: [], more: false }
      const { items, more } = await db.read(tx => users.listPage(tx, bounded(listing, options), { domainId, expiries: listing.expiries }))
      return { items: items.map(asNow), more }
    },

    async listOfGroup(ctx: Context, groupId: string, listing: UserListing): Promise<Listed<User>> {
      const { items, more } = await db.read(async tx => {
        const group = await groups.find(tx, groupId)
        ctx.authorize(groupRules.LIST_USERS_IN_GROUP, group ? { target: { group: { id: group.id, domain_id: group.domainId } } } : {})
        if (!group) throw notFound('group', groupId)
        return users.listPage(tx, bounded(listing, options), { groupId, domainId: ctx.credentials.domainId, expiries: listing.expiries })
      })
      return { items: items.map(asNow), more }
    },

    async create(ctx: Context, input: UserInput & { name: string }): Promise<User> {
      const user: User = {
        id: ids.hex(), name: input.name.trim(), domainId: input.domainId ?? ctx.credentials.domainId ?? ctx.credentials.projectDomainId ?? DEFAULT_DOMAIN, enabled: input.enabled ?? true,
        defaultProjectId: input.defaultProjectId ?? null, options: withOptions({}, input.options), extra: input.extra ?? {}, tokensFrom: 0, passwordExpiresAt: null, activeAt: clock.now(),
      }
      ctx.authorize(rules.CREATE_USER, targetOf(user))
      const hash = input.password === undefined ? undefined : await hashed(input.password)
      return storing(`${user.name} at domain ID ${user.domainId}`, () => db.write(async tx => {
        await deps.changed(tx)
        if (!(await projects.find(tx, user.domainId))?.isDomain) throw notFound('domain', user.domainId)
        await checkDefaultProject(tx, user.defaultProjectId)
        await users.insert(tx, user)
        const made = hash === undefined ? user : await setPassword(tx, user, hash, false)
        return made
      }))
    },

    /** Whoever changes rules of several proofs, its own or others', and has such rules itself shows a `passcode`. */
    async update(ctx: Context, id: string, input: UserInput, passcode: string | undefined): Promise<User> {
      await db.read(tx => authorized(ctx, tx, rules.UPDATE_USER, id))          // before a hash is worked out for a stranger
      if (Object.keys(input.options ?? {}).some(name => name.startsWith('multi_factor_auth_'))) await passcodes.requireFresh(ctx.credentials.userId, passcode)
      const hash = input.password === undefined ? undefined : await hashed(input.password)
      return storing(input.name ?? id, () => db.write(async tx => {
        await deps.changed(tx)
        const user = await authorized(ctx, tx, rules.UPDATE_USER, id)
        if (input.domainId !== undefined && input.domainId !== user.domainId) throw invalid('user.domain', 'Cannot change Domain ID')
        await checkDefaultProject(tx, input.defaultProjectId)
        const ends = input.enabled === false || hash !== undefined
        const next: User = {
          ...user, name: input.name?.trim() ?? user.name, enabled: input.enabled ?? user.enabled, defaultProjectId: input.defaultProjectId === undefined ? user.defaultProjectId : input.defaultProjectId,
          options: withOptions(user.options, input.options), extra: { ...user.extra, ...input.extra }, tokensFrom: ends ? clock.now() : user.tokensFrom,
          activeAt: input.enabled === true ? clock.now() : user.activeAt,
        }
        await users.update(tx, next)
        if (input.enabled === true) await stored.clearFailures(tx, id)
        return asNow(hash === undefined ? next : await setPassword(tx, next, hash, false))
      }))
    },

    /** A user's own change of password; the old one, expired or not, proves who asks, and a `passcode` too where its rules ask for several proofs. */
    async changePassword(id: string, original: string, next: string, passcode: string | undefined): Promise<void> {
      const { user, current } = await provenByPassword(deps, { id }, original)
      await passcodes.requireFresh(user.id, passcode)
      meetRequirements(next)
      checkMayChange(user, current, options, clock.now())
      await checkIsNew(id, next)
      const hash = await passwords.hash(next)
      await db.write(async tx => {
        await deps.changed(tx)
        const now = await users.find(tx, id)
        if (!now || (await stored.find(tx, id))?.number !== current.number) throw unauthorized('the password was changed meanwhile')
        await setPassword(tx, { ...now, tokensFrom: clock.now() }, hash, true)
      })
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await authorized(ctx, tx, rules.DELETE_USER, id)
        await assignments.removeOfActor(tx, { kind: 'user', id })
        await users.remove(tx, id)
      })
    },
  }
}

function targetOf(user: Pick<User, 'id' | 'domainId'>) {
  return { user_id: user.id, target: { user: { id: user.id, domain_id: user.domainId } } }
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orConflict(cause => conflict('user', `Duplicate entry found with name ${name}`, cause), work)
}

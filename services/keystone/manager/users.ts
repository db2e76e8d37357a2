// Users: what may be made, changed and removed, and by whom; a user changes its own password.
import { orConflict } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { conflict, notFound, unauthorized } from '../model/faults.ts'
import { bounded, type Listed, type Listing } from '../model/filters.ts'
import { DEFAULT_DOMAIN } from '../model/projects.ts'
import type { User } from '../model/users.ts'
import * as groupRules from '../policy/groups.ts'
import * as rules from '../policy/users.ts'
import * as assignments from '../store/assignments.ts'
import * as groups from '../store/groups.ts'
import * as projects from '../store/projects.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users.ts'
import type { Deps } from './deps.ts'

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

export type UserManager = ReturnType<typeof userManager>

/** The use cases of users. */
export function userManager(deps: Deps) {
  const { db, clock, ids, passwords } = deps

  async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<User> {
    const user = await users.find(tx, id)
    ctx.authorize(rule, user ? targetOf(user) : {})
    if (!user) throw notFound('user', id)
    return user
  }

  return {
    show: (ctx: Context, id: string) => db.read(tx => authorized(ctx, tx, rules.GET_USER, id)),

    async list(ctx: Context, listing: Listing<users.UserField>): Promise<Listed<User>> {
      const { domainId } = ctx.credentials
      ctx.authorize(rules.LIST_USERS, { target: { domain_id: domainId } })
      return db.read(tx => users.listPage(tx, bounded(listing, deps.options), { domainId }))
    },

    async listOfGroup(ctx: Context, groupId: string, listing: Listing<users.UserField>): Promise<Listed<User>> {
      return db.read(async tx => {
        const group = await groups.find(tx, groupId)
        ctx.authorize(groupRules.LIST_USERS_IN_GROUP, group ? { target: { group: { id: group.id, domain_id: group.domainId } } } : {})
        if (!group) throw notFound('group', groupId)
        return users.listPage(tx, bounded(listing, deps.options), { groupId, domainId: ctx.credentials.domainId })
      })
    },

    async create(ctx: Context, input: UserInput & { name: string }): Promise<User> {
      const user: User = {
        id: ids.hex(), name: input.name.trim(), domainId: input.domainId ?? ctx.credentials.domainId ?? ctx.credentials.projectDomainId ?? DEFAULT_DOMAIN, enabled: input.enabled ?? true,
        defaultProjectId: input.defaultProjectId ?? null, options: input.options ?? {}, extra: input.extra ?? {}, tokensFrom: 0,
      }
      ctx.authorize(rules.CREATE_USER, targetOf(user))
      const hash = input.password === undefined || input.password === null ? null : await passwords.hash(input.password)
      await storing(user.name, () => db.write(async tx => {
        if (!(await projects.find(tx, user.domainId))?.isDomain) throw notFound('domain', user.domainId)
        await users.insert(tx, user, hash, clock.now())
        await deps.changed(tx)
      }))
      return user
    },

    async update(ctx: Context, id: string, input: UserInput): Promise<User> {
      await db.read(tx => authorized(ctx, tx, rules.UPDATE_USER, id))          // before a hash is worked out for a stranger
      const hash = input.password === undefined || input.password === null ? input.password : await passwords.hash(input.password)
      const changed = await storing(input.name ?? id, () => db.write(async tx => {
        const user = await authorized(ctx, tx, rules.UPDATE_USER, id)
        const ends = input.enabled === false || hash !== undefined
        const next: User = {
          ...user, name: input.name?.trim() ?? user.name, enabled: input.enabled ?? user.enabled, defaultProjectId: input.defaultProjectId === undefined ? user.defaultProjectId : input.defaultProjectId,
          options: { ...user.options, ...input.options }, extra: { ...user.extra, ...input.extra }, tokensFrom: ends ? clock.now() : user.tokensFrom,
        }
        await users.update(tx, next)
        if (hash !== undefined) await users.setPassword(tx, id, hash, next.tokensFrom)
        await deps.changed(tx)
        return next
      }))
      return changed
    },

    /** A user's own change of password; the old one proves who asks. */
    async changePassword(id: string, original: string, next: string): Promise<void> {
      const stored = await db.read(tx => users.passwordHash(tx, id))
      if (!await passwords.matches(original, stored)) throw unauthorized('the original password is wrong')
      const hash = await passwords.hash(next)
      await db.write(async tx => {
        await users.setPassword(tx, id, hash, clock.now())
        await deps.changed(tx)
      })
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await authorized(ctx, tx, rules.DELETE_USER, id)
        await assignments.removeOfActor(tx, { kind: 'user', id })
        await users.remove(tx, id)
        await deps.changed(tx)
      })
    },
  }
}

function targetOf(user: Pick<User, 'id' | 'domainId'>) {
  return { user_id: user.id, target: { user: { id: user.id, domain_id: user.domainId } } }
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orConflict(cause => conflict('user', `Duplicate entry found with name ${name} at domain`, cause), work)
}

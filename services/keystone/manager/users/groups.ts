// Groups and their members.
import { orConflict } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import { DEFAULT_DOMAIN } from '../../model/projects/projects.ts'
import type { Group } from '../../model/users/users.ts'
import * as rules from '../../policy/users/groups.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of a group. */
export interface GroupInput {
  name?: string | undefined
  domainId?: string | undefined
  description?: string | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

export type GroupManager = ReturnType<typeof groupManager>

/** The use cases of groups. */
export function groupManager(deps: Deps) {
  const { db, ids } = deps

  async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<Group> {
    const group = await groups.find(tx, id)
    ctx.authorize(rule, group ? targetOf(group) : {})
    if (!group) throw notFound('group', id)
    return group
  }

  async function member(ctx: Context, tx: Tx, rule: Rule, groupId: string, userId: string): Promise<void> {
    const [group, user] = [await groups.find(tx, groupId), await users.find(tx, userId)]
    ctx.authorize(rule, group && user ? { target: { group: { id: group.id, domain_id: group.domainId }, user: { id: user.id, domain_id: user.domainId } } } : {})
    if (!group) throw notFound('group', groupId)
    if (!user) throw notFound('user', userId)
  }

  return {
    show: (ctx: Context, id: string) => db.read(tx => authorized(ctx, tx, rules.GET_GROUP, id)),

    async list(ctx: Context, listing: Listing<groups.GroupField>): Promise<Listed<Group>> {
      const { domainId } = ctx.credentials
      ctx.authorize(rules.LIST_GROUPS, { target: { group: { domain_id: domainId } } })
      return db.read(tx => groups.listPage(tx, bounded(listing, deps.options), { domainId }))
    },

    async listOfUser(ctx: Context, userId: string, listing: Listing<'name'>): Promise<Listed<Group>> {
      return db.read(async tx => {
        const user = await users.find(tx, userId)
        ctx.authorize(rules.LIST_GROUPS_FOR_USER, user ? { user_id: user.id, target: { user: { id: user.id, domain_id: user.domainId } } } : {})
        if (!user) throw notFound('user', userId)
        return groups.listPage(tx, bounded(listing, deps.options), { userId, domainId: ctx.credentials.domainId })
      })
    },

    async create(ctx: Context, input: GroupInput & { name: string }): Promise<Group> {
      const group: Group = {
        id: ids.hex(), name: input.name.trim(), domainId: input.domainId ?? ctx.credentials.domainId ?? ctx.credentials.projectDomainId ?? DEFAULT_DOMAIN,
        description: input.description ?? '', extra: input.extra ?? {},
      }
      ctx.authorize(rules.CREATE_GROUP, targetOf(group))
      await storing(`${group.name} at domain ID ${group.domainId}`, () => db.write(async tx => {
        await deps.changed(tx)
        if (!(await projects.find(tx, group.domainId))?.isDomain) throw notFound('domain', group.domainId)
        await groups.insert(tx, group)
      }))
      return group
    },

    async update(ctx: Context, id: string, input: GroupInput): Promise<Group> {
      return storing(input.name ?? id, () => db.write(async tx => {
        await deps.changed(tx)
        const group = await authorized(ctx, tx, rules.UPDATE_GROUP, id)
        if (input.domainId !== undefined && input.domainId !== group.domainId) throw invalid('group.domain', 'Cannot change Domain ID')
        const next = { ...group, name: input.name?.trim() ?? group.name, description: input.description ?? group.description, extra: { ...group.extra, ...input.extra } }
        await groups.update(tx, next)
        return next
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await authorized(ctx, tx, rules.DELETE_GROUP, id)
        await assignments.removeOfActor(tx, { kind: 'group', id })
        await groups.remove(tx, id)
      })
    },

    async addMember(ctx: Context, groupId: string, userId: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await member(ctx, tx, rules.ADD_USER_TO_GROUP, groupId, userId)
        await groups.addMember(tx, groupId, userId)
      })
    },

    async checkMember(ctx: Context, groupId: string, userId: string): Promise<void> {
      await db.read(async tx => {
        await member(ctx, tx, rules.CHECK_USER_IN_GROUP, groupId, userId)
        if (!await groups.isMember(tx, groupId, userId)) throw noMember(groupId, userId)
      })
    },

    async removeMember(ctx: Context, groupId: string, userId: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        await member(ctx, tx, rules.REMOVE_USER_FROM_GROUP, groupId, userId)
        if (!await groups.removeMember(tx, groupId, userId)) throw noMember(groupId, userId)
      })
    },
  }
}

function targetOf(group: Pick<Group, 'id' | 'domainId'>) {
  return { target: { group: { id: group.id, domain_id: group.domainId } } }
}

function noMember(groupId: string, userId: string): Fault {
  return new Fault('notFound', 'keystone.member.notFound', `User '${userId}' not found in group '${groupId}'`)
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orConflict(cause => conflict('group', `Duplicate entry found with name ${name}`, cause), work)
}

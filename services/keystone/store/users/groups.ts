// SQL for groups and their members.
import { fromJson, toJson } from '@alto/kit/db'
import type { Listed, Listing } from '../../model/filters.ts'
import type { Group } from '../../model/users/users.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The group, or undefined. */
export async function find(tx: Tx, id: string): Promise<Group | undefined> {
  const row = await tx.selectFrom('groups').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** All groups, or those of a domain, by name. */
export async function list(tx: Tx, filter: { domainId?: string }): Promise<Group[]> {
  let query = tx.selectFrom('groups').selectAll()
  if (filter.domainId !== undefined) query = query.where('domain_id', '=', filter.domainId)
  return (await query.orderBy('name').orderBy('id').execute()).map(fromRow)
}

/** The fields that lists of groups are filtered by. */
export type GroupField = 'name' | 'domain_id'

/** A page of the groups of a domain, or of all, or of those that a user is in. */
export async function listPage(tx: Tx, listing: Listing<GroupField>, within: { domainId?: string | undefined, userId?: string | undefined }): Promise<Listed<Group>> {
  let query = tx.selectFrom('groups').selectAll()
  if (within.domainId !== undefined) query = query.where('domain_id', '=', within.domainId)
  if (within.userId !== undefined) query = query.where('id', 'in', tx.selectFrom('group_members').select('group_id').where('user_id', '=', within.userId))
  const { items, more } = await page(query, listing, { name: 'name', domain_id: 'domain_id' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** The ids of the groups that the user is in. */
export async function idsOf(tx: Tx, userId: string): Promise<string[]> {
  return (await tx.selectFrom('group_members').select('group_id').where('user_id', '=', userId).execute()).map(r => r.group_id)
}

const FEW = 500

/** The ids of the users in each of the groups, by the group's id. Of more than a few groups the whole table is read, which takes no longer. */
export async function members(tx: Tx, groupIds: ReadonlySet<string>): Promise<Map<string, string[]>> {
  if (groupIds.size === 0) return new Map()
  let query = tx.selectFrom('group_members').selectAll()
  if (groupIds.size <= FEW) query = query.where('group_id', 'in', [...groupIds])
  const grouped = Map.groupBy(await query.execute(), row => row.group_id)
  return new Map([...grouped].map(([id, rows]) => [id, rows.map(row => row.user_id)]))
}

/** Adds a group. Breaks the unique index when the name is taken. */
export async function insert(tx: Tx, group: Group): Promise<void> {
  await tx.insertInto('groups').values(toRow(group)).execute()
}

/** Writes all of the group's columns. */
export async function update(tx: Tx, group: Group): Promise<void> {
  await tx.updateTable('groups').set(toRow(group)).where('id', '=', group.id).execute()
}

/** Removes the group. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('groups').where('id', '=', id).execute()
}

/** Puts the user into the group; nothing happens when it is in. */
export async function addMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await tx.insertInto('group_members').values({ group_id: groupId, user_id: userId }).onConflict(c => c.doNothing()).execute()
}

/** True when the user is in the group. */
export async function isMember(tx: Tx, groupId: string, userId: string): Promise<boolean> {
  return await tx.selectFrom('group_members').select('user_id').where('group_id', '=', groupId).where('user_id', '=', userId).executeTakeFirst() !== undefined
}

/** Takes the user out; false when it was not in. */
export async function removeMember(tx: Tx, groupId: string, userId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('group_members').where('group_id', '=', groupId).where('user_id', '=', userId).executeTakeFirst()
  return numDeletedRows > 0n
}

function fromRow(row: Tables['groups']): Group {
  return { id: row.id, name: row.name, domainId: row.domain_id, description: row.description, extra: fromJson(row.extra, {}) }
}

function toRow(group: Group): Tables['groups'] {
  return { id: group.id, name: group.name, domain_id: group.domainId, description: group.description, extra: toJson(group.extra) }
}

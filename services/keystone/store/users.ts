// SQL for users.
import { fromJson, toJson } from '@alto/kit/db'
import type { Listed, Listing } from '../model/filters.ts'
import type { User } from '../model/users.ts'
import { page } from './filters.ts'
import type { Tables, Tx } from './tables.ts'

/** The fields that lists of users are filtered by. */
export type UserField = 'name' | 'domain_id' | 'enabled'

/** The user, or undefined. */
export async function find(tx: Tx, id: string): Promise<User | undefined> {
  const row = await tx.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The user of that name in the domain, or undefined. */
export async function findByName(tx: Tx, domainId: string, name: string): Promise<User | undefined> {
  const row = await tx.selectFrom('users').selectAll().where('domain_id', '=', domainId).where('name', '=', name).executeTakeFirst()
  return row && fromRow(row)
}

/** The hash of the user's password; null when it has none or does not exist. */
export async function passwordHash(tx: Tx, id: string): Promise<string | null> {
  return (await tx.selectFrom('users').select('password_hash').where('id', '=', id).executeTakeFirst())?.password_hash ?? null
}

/** All users, or those of a domain, by name. */
export async function list(tx: Tx, filter: { domainId?: string }): Promise<User[]> {
  let query = tx.selectFrom('users').selectAll()
  if (filter.domainId !== undefined) query = query.where('domain_id', '=', filter.domainId)
  return (await query.orderBy('name').orderBy('id').execute()).map(fromRow)
}

/** A page of the users of a domain, of a group, or of all. */
export async function listPage(tx: Tx, listing: Listing<UserField>, within: { domainId?: string | undefined, groupId?: string | undefined }): Promise<Listed<User>> {
  let query = tx.selectFrom('users').selectAll()
  if (within.domainId !== undefined) query = query.where('domain_id', '=', within.domainId)
  if (within.groupId !== undefined) query = query.where('id', 'in', tx.selectFrom('group_members').select('user_id').where('group_id', '=', within.groupId))
  const { items, more } = await page(query, listing, { name: 'name', domain_id: 'domain_id', enabled: 'enabled' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** Adds a user. Breaks the unique index when the name is taken. */
export async function insert(tx: Tx, user: User, hash: string | null, createdAt: number): Promise<void> {
  await tx.insertInto('users').values({ ...toRow(user), password_hash: hash, created_at: createdAt }).execute()
}

/** Writes all of the user's columns but the password. */
export async function update(tx: Tx, user: User): Promise<void> {
  await tx.updateTable('users').set(toRow(user)).where('id', '=', user.id).execute()
}

/** Gives the user another password and voids its earlier tokens. */
export async function setPassword(tx: Tx, id: string, hash: string | null, tokensFrom: number): Promise<void> {
  await tx.updateTable('users').set({ password_hash: hash, tokens_from: tokensFrom }).where('id', '=', id).execute()
}

/** Removes the user; its memberships go with it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('users').where('id', '=', id).execute()
}

function fromRow(row: Tables['users']): User {
  return {
    id: row.id, name: row.name, domainId: row.domain_id, enabled: row.enabled === 1, defaultProjectId: row.default_project_id,
    options: fromJson(row.options, {}), extra: fromJson(row.extra, {}), tokensFrom: row.tokens_from,
  }
}

function toRow(user: User) {
  return {
    id: user.id, name: user.name, domain_id: user.domainId, enabled: Number(user.enabled), default_project_id: user.defaultProjectId,
    options: toJson(user.options), extra: toJson(user.extra), tokens_from: user.tokensFrom,
  }
}

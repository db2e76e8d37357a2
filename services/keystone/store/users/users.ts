// SQL for users.
import { fromJson, toJson } from '@alto/kit/db'
import type { Listed, Listing } from '../../model/filters.ts'
import type { User } from '../../model/users/users.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The fields that lists of users are filtered by. */
export type UserField = 'name' | 'domain_id' | 'enabled'

/** A condition on when a user's present password ends; users whose password never does meet none. */
export interface ExpiryFilter { operator: '<' | '<=' | '>' | '>=' | '=' | '<>', at: number }

/** The user, or undefined. */
export async function find(tx: Tx, id: string): Promise<User | undefined> {
  const row = await shown(tx).where('users.id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The user of that name in the domain, or undefined. */
export async function findByName(tx: Tx, domainId: string, name: string): Promise<User | undefined> {
  const row = await shown(tx).where('users.domain_id', '=', domainId).where('users.name', '=', name).executeTakeFirst()
  return row && fromRow(row)
}

/** All users, or those of a domain, by name. */
export async function list(tx: Tx, filter: { domainId?: string }): Promise<User[]> {
  let query = shown(tx)
  if (filter.domainId !== undefined) query = query.where('users.domain_id', '=', filter.domainId)
  return (await query.orderBy('users.name').orderBy('users.id').execute()).map(fromRow)
}

/** A page of the users of a domain, of a group, or of all; those whose password ends as `expiries` say. */
export async function listPage(tx: Tx, listing: Listing<UserField>, within: { domainId?: string | undefined, groupId?: string | undefined, expiries?: readonly ExpiryFilter[] }): Promise<Listed<User>> {
  let query = shown(tx)
  if (within.domainId !== undefined) query = query.where('users.domain_id', '=', within.domainId)
  for (const { operator, at } of within.expiries ?? []) query = query.where('passwords.expires_at', operator, at)
  if (within.groupId !== undefined) query = query.where('users.id', 'in', tx.selectFrom('group_members').select('user_id').where('group_id', '=', within.groupId))
  const { items, more } = await page(query, listing, { name: 'name', domain_id: 'domain_id', enabled: 'enabled' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** Adds a user, without a password. Breaks the unique index when the name is taken. */
export async function insert(tx: Tx, user: User): Promise<void> {
  await tx.insertInto('users').values({ ...toRow(user), created_at: user.activeAt, password_number: 0, failures: 0, failed_at: null }).execute()
}

/** Writes all of the user's columns but the password and what failed logins left. */
export async function update(tx: Tx, user: User): Promise<void> {
  await tx.updateTable('users').set(toRow(user)).where('id', '=', user.id).execute()
}

/** Takes a project that goes away from those whose default it is. */
export async function forgetDefaultProject(tx: Tx, projectId: string): Promise<void> {
  await tx.updateTable('users').set({ default_project_id: null }).where('default_project_id', '=', projectId).execute()
}

/** Removes the user; its memberships go with it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('users').where('id', '=', id).execute()
}

/** Users with the end of their present password. */
function shown(tx: Tx) {
  return tx.selectFrom('users').leftJoin('passwords', on => on.onRef('passwords.user_id', '=', 'users.id').onRef('passwords.number', '=', 'users.password_number')).selectAll('users').select('passwords.expires_at')
}

function fromRow(row: Tables['users'] & { expires_at: number | null }): User {
  return {
    id: row.id, name: row.name, domainId: row.domain_id, enabled: row.enabled === 1, defaultProjectId: row.default_project_id,
    options: fromJson(row.options, {}), extra: fromJson(row.extra, {}), tokensFrom: row.tokens_from,
    passwordExpiresAt: row.expires_at, activeAt: row.active_at,
  }
}

function toRow(user: User) {
  return {
    id: user.id, name: user.name, domain_id: user.domainId, enabled: Number(user.enabled), default_project_id: user.defaultProjectId,
    options: toJson(user.options), extra: toJson(user.extra), tokens_from: user.tokensFrom, active_at: user.activeAt,
  }
}

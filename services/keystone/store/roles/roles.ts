// SQL for roles and what they imply. Global roles have the domain '' so that their names are unique too.
import { fromJson, toJson } from '@alto/kit/db'
import type { Listed, Listing } from '../../model/filters.ts'
import type { Inference, Role } from '../../model/roles/roles.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The role, or undefined. */
export async function find(tx: Tx, id: string): Promise<Role | undefined> {
  const row = await tx.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Roles by name and domain (null: the global ones), by name; all of `ids` when those are given. */
export async function list(tx: Tx, filter: { name?: string | undefined, domainId?: string | null | undefined, ids?: readonly string[] }): Promise<Role[]> {
  let query = tx.selectFrom('roles').selectAll()
  if (filter.name !== undefined) query = query.where('name', '=', filter.name)
  if (filter.domainId !== undefined) query = query.where('domain_id', '=', filter.domainId ?? '')
  if (filter.ids) query = query.where('id', 'in', filter.ids.length ? filter.ids : [''])
  return (await query.orderBy('name').orderBy('id').execute()).map(fromRow)
}

/** The fields that lists of roles are filtered by. */
export type RoleField = 'name'

/** A page of the roles of a domain, or of those of none. */
export async function listPage(tx: Tx, listing: Listing<RoleField>, domainId: string | null): Promise<Listed<Role>> {
  const { items, more } = await page(tx.selectFrom('roles').selectAll().where('domain_id', '=', domainId ?? ''), listing, { name: 'name' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** Adds a role. Breaks the unique index when the name is taken. */
export async function insert(tx: Tx, role: Role): Promise<void> {
  await tx.insertInto('roles').values(toRow(role)).execute()
}

/** Writes all of the role's columns. */
export async function update(tx: Tx, role: Role): Promise<void> {
  await tx.updateTable('roles').set(toRow(role)).where('id', '=', role.id).execute()
}

/** Removes the role, its assignments and implications. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('roles').where('id', '=', id).execute()
}

/** Removes the roles of a domain, when it goes. */
export async function removeOfDomain(tx: Tx, domainId: string): Promise<void> {
  await tx.deleteFrom('roles').where('domain_id', '=', domainId).execute()
}

/** All implications. */
export async function inferences(tx: Tx): Promise<Inference[]> {
  return (await tx.selectFrom('implied_roles').selectAll().execute()).map(r => ({ priorId: r.prior_id, impliedId: r.implied_id }))
}

/** Makes `priorId` imply `impliedId`; false when it does already. */
export async function imply(tx: Tx, rule: Inference): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.insertInto('implied_roles').values({ prior_id: rule.priorId, implied_id: rule.impliedId }).onConflict(c => c.doNothing()).executeTakeFirst()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Ends an implication; false when there was none. */
export async function unimply(tx: Tx, rule: Inference): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('implied_roles').where('prior_id', '=', rule.priorId).where('implied_id', '=', rule.impliedId).executeTakeFirst()
  return numDeletedRows > 0n
}

function fromRow(row: Tables['roles']): Role {
  return { id: row.id, name: row.name, domainId: row.domain_id || null, description: row.description, options: fromJson(row.options, {}), extra: fromJson(row.extra, {}) }
}

function toRow(role: Role): Tables['roles'] {
  return { id: role.id, name: role.name, domain_id: role.domainId ?? '', description: role.description, options: toJson(role.options), extra: toJson(role.extra) }
}

// SQL for the names of what ids stand for.
import type { Tx } from './tables.ts'

/** A name, and the domain that it is of; null where it is of none. */
export interface NamedRow { name: string, domainId: string | null }

const FEW = 500

/** The names of the ids that exist, by id. Of more than a few ids the whole table is read, which takes no longer. */
export async function namesOf(tx: Tx, table: 'users' | 'groups' | 'projects' | 'roles', ids: ReadonlySet<string>): Promise<Map<string, NamedRow>> {
  if (ids.size === 0) return new Map()
  let query = tx.selectFrom(table).select(['id', 'name', 'domain_id'])
  if (ids.size <= FEW) query = query.where('id', 'in', [...ids])
  return new Map((await query.execute()).map(row => [row.id, { name: row.name, domainId: row.domain_id || null }]))
}

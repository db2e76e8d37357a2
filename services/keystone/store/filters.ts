// SQL for filtered and paged lists.
import { keysetPage, sql, type SelectQueryBuilder, type SqlBool } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Filter, Listed, Listing } from '../model/filters.ts'

const ALL = 2 ** 31 - 2                              // rows, where nobody set a limit

/**
 * Runs `query` with the listing's conditions, in the order of `sort` (columns; `id` comes last by itself), and gives its page.
 * `query` holds what the caller may see, and a marker must be among it: Fault('notFound', 'keystone.marker.notFound') otherwise.
 * `columns` names each field's column; booleans are 0 and 1 there. Without a difference of case: of ASCII letters, on both databases.
 */
export async function page<DB, TB extends keyof DB, Row extends { id: string }, Field extends string>(
  query: SelectQueryBuilder<DB, TB, Row>, listing: Listing<Field>, columns: Readonly<Record<Field, string>>, sort: readonly (string & keyof Row)[],
): Promise<Listed<Row>> {
  const keys = [...sort, 'id' as const]
  const marker = listing.marker === undefined ? undefined : await query.where(sql<SqlBool>`${sql.ref('id')} = ${listing.marker}`).executeTakeFirst()
  if (listing.marker !== undefined && !marker) throw new Fault('notFound', 'keystone.marker.notFound', `Marker ${listing.marker} could not be found.`)
  const filtered = listing.filters.reduce((q, f) => q.where(condition(columns[f.field], f)), query)
  const { rows, more } = await keysetPage(filtered, {
    limit: listing.limit ?? ALL, sort: keys.map(column => ({ column, direction: 'asc' })),
    after: marker && keys.map(key => (marker as Row)[key] as string | number | null),
  })
  return { items: rows, more }
}

/** No LIKE: databases differ in its case, and what a client looks for may hold its wildcards. */
function condition<Field extends string>(name: string, { comparator, value, caseSensitive }: Filter<Field>) {
  const column = sql.ref(name)
  if (comparator === 'equals') return sql<SqlBool>`${column} = ${typeof value === 'boolean' ? Number(value) : value}`
  const text = String(value)
  const [held, sought] = caseSensitive ? [sql`${column}`, sql`${text}`] : [sql`lower(${column})`, sql`lower(${text})`]
  const length = Array.from(text).length
  if (length === 0) return sql<SqlBool>`${column} is not null`
  if (comparator === 'contains') return sql<SqlBool>`replace(${held}, ${sought}, '') <> ${held}`
  if (comparator === 'startswith') return sql<SqlBool>`substr(${held}, 1, ${length}) = ${sought}`
  return sql<SqlBool>`length(${held}) >= ${length} and substr(${held}, length(${held}) - ${length} + 1) = ${sought}`
}

// Paging by key: the next page starts after the marker's row, found by index, whatever was inserted or removed meanwhile.
import { sql, type SelectQueryBuilder, type SqlBool } from 'kysely'

/** One column to sort by. The last key must be unique (the id), so that the order is total. */
export interface SortKey {
  column: string
  direction: 'asc' | 'desc'
  /** The column never holds null: an index over it gives the order, and where the page begins. */
  notNull?: boolean
}

/** Which page is wanted. */
export interface PageRequest {
  /** Rows at most. */
  limit: number
  sort: readonly SortKey[]
  /** The marker row's values of the sort columns, in their order; undefined for the first page. */
  after?: readonly (string | number | null)[] | undefined
}

/** A page, and whether more follow. */
export interface Page<T> {
  rows: T[]
  more: boolean
}

/**
 * Orders, bounds and runs `query`. Nulls come first in ascending order, on both databases.
 * `query` selects what it likes; the sort columns must be among its tables' columns.
 */
export async function keysetPage<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>, page: PageRequest): Promise<Page<O>> {
  let q = query
  const [first] = page.sort
  if (page.after) q = q.where(beyond(page.sort, page.after))
  if (page.after && first?.notNull) q = q.where(first.direction === 'asc' ? sql<SqlBool>`${sql.ref(first.column)} >= ${page.after[0]}` : sql<SqlBool>`${sql.ref(first.column)} <= ${page.after[0]}`)
  for (const key of page.sort) {
    const column = sql.ref(key.column)
    if (!key.notNull) q = q.orderBy(sql`${column} is null`, key.direction === 'asc' ? 'desc' : 'asc')
    q = q.orderBy(sql`${column}`, key.direction)
  }
  const rows = await q.limit(page.limit + 1).execute()
  return { rows: rows.slice(0, page.limit), more: rows.length > page.limit }
}

function beyond(sort: readonly SortKey[], after: readonly (string | number | null)[]) {
  const alternatives = sort.map((key, i) => {
    const equal = sort.slice(0, i).map((k, j) => after[j] === null ? sql<SqlBool>`${sql.ref(k.column)} is null` : sql<SqlBool>`${sql.ref(k.column)} = ${after[j]}`)
    return sql<SqlBool>`(${sql.join([...equal, past(key, after[i] ?? null)], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`
}

function past(key: SortKey, value: string | number | null) {
  const column = sql.ref(key.column)
  if (key.direction === 'asc') return value === null ? sql<SqlBool>`${column} is not null` : sql<SqlBool>`${column} > ${value}`
  if (key.notNull) return sql<SqlBool>`${column} < ${value}`
  return value === null ? sql<SqlBool>`1 = 0` : sql<SqlBool>`(${column} < ${value} or ${column} is null)`
}

// Lists of any resource: filters that a client named, an order, a page after a marker. Each noun says which names it has and which columns they are.
import { keysetPage, sql, type SortKey } from '@alto/kit/db'
import type { Tables, Tx } from './tables.ts'

/** A condition of a `where`. */
export type Condition = ReturnType<typeof sql<boolean>>

/** A name that a client may filter and sort by. */
export type Column = { readonly column: string, readonly kind: 'text' | 'boolean' | 'integer' }

/** What a client asked for; every value of a filter may match. */
export interface ListRequest {
  readonly filters: ReadonlyMap<string, readonly string[]>
  readonly sort: readonly SortKey[]
  /** Undefined: all. */
  readonly limit: number | undefined
  readonly marker: string | undefined
}

type Standardized = 'networks' | 'subnets' | 'ports' | 'routers' | 'floatingips' | 'security_groups' | 'security_group_rules'

const EVERYTHING = 1_000_000

/** The rows of `table` under all of the conditions. `marker` is the row after which the page begins. */
export async function listRows<T extends Standardized>(tx: Tx, table: T, request: Pick<ListRequest, 'sort' | 'limit'> & { after?: Tables[T] | undefined }, conditions: readonly Condition[]): Promise<{ rows: Tables[T][], more: boolean }> {
  let query = tx.selectFrom(table as 'networks').selectAll()
  for (const condition of conditions) query = query.where(condition)
  const after = request.after && request.sort.map(key => (request.after as unknown as Record<string, string | number | null>)[key.column] ?? null)
  const page = await keysetPage(query, { limit: request.limit ?? EVERYTHING, sort: request.sort, after })
  return { rows: page.rows as unknown as Tables[T][], more: page.more }
}

/** The condition that a column has one of the values. */
export function anyOf({ column, kind }: Column, values: readonly string[]): Condition {
  const wanted = values.map(value => kind === 'boolean' ? Number(/^(true|1|yes|on)$/i.test(value)) : kind === 'integer' ? Number(value) : value).filter(value => !Number.isNaN(value))
  if (wanted.length === 0) return sql<boolean>`1 = 0`
  const nothing = kind === 'text' && values.includes('') ? sql<boolean> ` or ${sql.ref(column)} is null` : sql``
  return sql<boolean>`(${sql.ref(column)} in (${sql.join(wanted)})${nothing})`
}

/** The condition that `tags` has all (`tags`), some (`tags-any`), not all (`not-tags`) or none (`not-tags-any`) of the names, given with commas between. */
export function tagCondition(name: string, values: readonly string[]): Condition {
  const has = values.flatMap(value => value.split(',')).map(tag => sql<boolean>`tags like ${`%${JSON.stringify(tag).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`} escape '\\'`)
  const together = sql<boolean>`(${sql.join(has, name.endsWith('-any') ? sql` or ` : sql` and `)})`
  return name.startsWith('not-') ? sql<boolean>`not ${together}` : together
}

/** The columns that every resource has. */
export const STANDARD_FILTERS: Readonly<Record<string, Column>> = {
  id: { column: 'id', kind: 'text' }, project_id: { column: 'project_id', kind: 'text' }, tenant_id: { column: 'project_id', kind: 'text' },
  description: { column: 'description', kind: 'text' }, revision_number: { column: 'revision', kind: 'integer' },
}

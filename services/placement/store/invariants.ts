// What must always hold among the rows: each query names the rows that break it.
import { sql } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** A broken rule and where. */
export interface Finding {
  invariant: string
  where: string
}

/** Everything that is not as it must be; empty in a sound database. */
export async function findBroken(tx: Tx): Promise<Finding[]> {
  const found: Finding[] = []
  for (const { invariant, query } of INVARIANTS) {
    const { rows } = await sql.raw<{ at: string }>(query).execute(tx)
    found.push(...rows.map(row => ({ invariant, where: row.at })))
  }
  return found
}

const INVARIANTS = [
  {
    invariant: 'the use of an inventory is the sum of its allocations',
    query: `select provider_id || '/' || resource_class as at from inventories i
      where used <> coalesce((select sum(a.used) from allocations a where a.provider_id = i.provider_id and a.resource_class = i.resource_class), 0)`,
  },
  { invariant: 'a consumer holds something', query: 'select id as at from consumers c where not exists (select 1 from allocations a where a.consumer_id = c.id)' },
  {
    invariant: 'a provider is in its parent\'s tree',
    query: 'select p.id as at from resource_providers p left join resource_providers q on q.id = p.parent_id where p.root_id <> coalesce(q.root_id, p.id)',
  },
]

// What must always hold among the rows: each query names the rows that break it.
import { brokenInvariants, type BrokenInvariant, type Invariant } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** A broken rule and where. */
export type Finding = BrokenInvariant

/** Everything that is not as it must be; empty in a sound database. */
export const findBroken = (tx: Tx): Promise<Finding[]> => brokenInvariants(tx, INVARIANTS)

const INVARIANTS: readonly Invariant[] = [
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

// What must always hold among Nova's rows: each query names the rows that break it.
import { brokenInvariants, type BrokenInvariant, type Invariant } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** A broken rule and where. */
export type Finding = BrokenInvariant

/** Everything that is not as it must be; empty in a sound database. */
export const findBroken = (tx: Tx): Promise<Finding[]> => brokenInvariants(tx, INVARIANTS)

const INVARIANTS: readonly Invariant[] = [
  {
    invariant: 'the instances counted of a project are its servers',
    query: `select q.project_id as at from quota_usages q where q.resource = 'instances'
      and q.used <> (select count(*) from servers s where s.project_id = q.project_id and s.deleted_at is null)`,
  },
  // A deleted server has nothing left here; its tombstone may wait for a silent host.
  { invariant: 'a deleted server has no interfaces', query: 'select s.id as at from servers s where s.deleted_at is not null and exists (select 1 from server_ports p where p.server_id = s.id)' },
  { invariant: 'a deleted server has no volumes', query: 'select s.id as at from servers s where s.deleted_at is not null and exists (select 1 from server_volumes v where v.server_id = s.id)' },
  {
    invariant: 'a deleted server is wanted on no host',
    query: "select s.id || ' on ' || w.host as at from servers s join server_wants w on w.server_id = s.id where s.deleted_at is not null and w.tombstone = 0",
  },
  {
    invariant: 'a server with a task state has an open task',
    query: `select s.id || ' (' || s.task_state || ')' as at from servers s where s.task_state is not null and s.deleted_at is null
      and not exists (select 1 from tasks t where t.resource_id = s.id and t.finished_at is null)`,
  },
  {
    invariant: 'an active server is wanted on a host',
    query: `select s.id as at from servers s where s.vm_state = 'active' and s.task_state is null and s.deleted_at is null
      and not exists (select 1 from server_wants w where w.server_id = s.id and w.tombstone = 0)`,
  },
]

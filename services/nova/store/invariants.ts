// What must be true of Nova's rows, as queries that find nothing while it is.
import { sql } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** Something that is not as it must be. */
export interface Finding { readonly message: string }

/** All that is broken. */
export async function findBroken(tx: Tx): Promise<Finding[]> {
  const rows = async (query: ReturnType<typeof sql<{ message: string }>>) => (await query.execute(tx)).rows.map(({ message }) => ({ message }))
  return [
    // The quota's counters are the sums of the rows.
    ...await rows(sql<{ message: string }>`select 'project ' || q.project_id || ' has ' || q.used || ' instances counted, but not as many servers' as message from quota_usages q
      where q.resource = 'instances' and q.used <> (select count(*) from servers s where s.project_id = q.project_id and s.deleted_at is null)`),
    // A deleted server has nothing left here; its tombstone may wait for a silent host.
    ...await rows(sql<{ message: string }>`select 'deleted server ' || s.id || ' still has interfaces' as message from servers s where s.deleted_at is not null and exists (select 1 from server_ports p where p.server_id = s.id)`),
    ...await rows(sql<{ message: string }>`select 'deleted server ' || s.id || ' still has volumes' as message from servers s where s.deleted_at is not null and exists (select 1 from server_volumes v where v.server_id = s.id)`),
    ...await rows(sql<{ message: string }>`select 'deleted server ' || s.id || ' is still wanted on host ' || w.host as message from servers s join server_wants w on w.server_id = s.id where s.deleted_at is not null and w.tombstone = 0`),
    // Who is busy has a task, and who is being built or runs is wanted somewhere.
    ...await rows(sql<{ message: string }>`select 'server ' || s.id || ' is ' || s.task_state || ', but no task is open' as message from servers s where s.task_state is not null and s.deleted_at is null
      and not exists (select 1 from tasks t where t.resource_id = s.id and t.finished_at is null)`),
    ...await rows(sql<{ message: string }>`select 'server ' || s.id || ' is active, but wanted on no host' as message from servers s where s.vm_state = 'active' and s.task_state is null and s.deleted_at is null
      and not exists (select 1 from server_wants w where w.server_id = s.id and w.tombstone = 0)`),
  ]
}

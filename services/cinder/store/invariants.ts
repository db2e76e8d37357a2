// What must always hold among the rows: each query names the rows that break it.
import { brokenInvariants, type BrokenInvariant, type Invariant } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** A broken rule and where. */
export type Finding = BrokenInvariant

/** Everything that is not as it must be; empty in a sound database. */
export const findBroken = (tx: Tx): Promise<Finding[]> => brokenInvariants(tx, INVARIANTS)

const OPEN_TASK = (resource: string) => `exists (select 1 from tasks t where t.resource_id = ${resource} and t.finished_at is null)`

const INVARIANTS: readonly Invariant[] = [
  {
    invariant: 'the use of a quota is the sum of the rows',
    query: `select q.project_id || '/' || q.resource as at from quota_use q where
      (q.resource = 'volumes' and q.used <> (select count(*) from volumes v where v.project_id = q.project_id)) or
      (q.resource = 'snapshots' and q.used <> (select count(*) from snapshots s where s.project_id = q.project_id))`,
  },
  {
    invariant: 'the GiB used of a quota are those of the rows, when nothing is being grown',
    query: `select q.project_id as at from quota_use q where q.resource = 'gigabytes' and not exists (select 1 from volumes v where v.status = 'extending')
      and q.used <> coalesce((select sum(v.size) from volumes v where v.project_id = q.project_id), 0) + coalesce((select sum(s.size) from snapshots s where s.project_id = q.project_id), 0)`,
  },
  { invariant: 'a volume in a passing status has a task', query: `select id as at from volumes where status in ('creating', 'downloading', 'extending', 'uploading', 'deleting') and not ${OPEN_TASK('volumes.id')}` },
  { invariant: 'a snapshot in a passing status has a task', query: `select id as at from snapshots where status in ('creating', 'deleting') and not ${OPEN_TASK('snapshots.id')}` },
  { invariant: 'an available volume has no attachment', query: "select v.id as at from volumes v where v.status = 'available' and exists (select 1 from attachments a where a.volume_id = v.id)" },
  {
    invariant: 'a volume is exported by the host that has its disk',
    query: 'select e.attachment_id as at from exports e join attachments a on a.id = e.attachment_id join disks d on d.id = a.volume_id where d.host <> e.host',
  },
  {
    invariant: 'a disk that another host copies into is being made',
    query: `select e.disk_id as at from copy_exports e where not ${OPEN_TASK('e.disk_id')}`,
  },
  { invariant: 'no two exports of a host have one port', query: 'select e.attachment_id as at from exports e join copy_exports c on c.host = e.host and c.port = e.port' },
  {
    invariant: 'every disk belongs to a volume or snapshot, or is being removed',
    query: 'select d.id as at from disks d where d.tombstone = 0 and not exists (select 1 from volumes v where v.id = d.id) and not exists (select 1 from snapshots s where s.id = d.id)',
  },
]

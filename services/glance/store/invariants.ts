// What must always hold among Glance's rows: each query names the rows that break it.
import { brokenInvariants, type BrokenInvariant, type Invariant } from '@alto/kit/db'
import type { Tx } from './tables.ts'

const INVARIANTS: readonly Invariant[] = [
  { invariant: 'an active or deactivated image has its bytes', query: "select id as at from images i where status in ('active', 'deactivated') and not exists (select 1 from blobs b where b.image_id = i.id and b.state = 'kept')" },
  { invariant: 'an image that is being saved has a writer', query: "select id as at from images i where status = 'saving' and not exists (select 1 from blobs b where b.image_id = i.id and b.state = 'writing')" },
  { invariant: 'an image that is being staged has bytes', query: "select id as at from images i where status = 'uploading' and not exists (select 1 from blobs b where b.image_id = i.id and b.state in ('writing', 'staged'))" },
  { invariant: 'kept bytes belong to an image that is there', query: "select b.id as at from blobs b join images i on i.id = b.image_id where b.state = 'kept' and i.status not in ('active', 'deactivated')" },
  { invariant: 'a queued or deleted image has no bytes', query: "select id as at from images i where status in ('queued', 'deleted') and exists (select 1 from blobs b where b.image_id = i.id and b.state <> 'doomed' and (b.location is null or i.status = 'deleted'))" },
  { invariant: 'an image that is being imported has its task', query: "select id as at from images i where status = 'importing' and not exists (select 1 from image_properties p where p.image_id = i.id and p.name = 'os_glance_import_task')" },
  {
    invariant: 'the task that an image waits for has not ended',
    query: `select i.id as at from images i join image_properties p on p.image_id = i.id and p.name = 'os_glance_import_task'
      where i.status <> 'deleted' and not exists (select 1 from image_tasks t where t.id = p.value and t.status in ('pending', 'processing'))`,
  },
  {
    invariant: 'what an import made belongs to an import that is not over',
    query: `select b.id as at from blobs b where b.import_key is not null and b.state in ('writing', 'staged')
      and not exists (select 1 from image_properties p where p.image_id = b.image_id and p.name = 'os_glance_import_task' and b.import_key like p.value || '/%')`,
  },
  { invariant: 'staged bytes wait for an import', query: "select b.id as at from blobs b join images i on i.id = b.image_id where b.state = 'staged' and b.location is null and b.import_key is null and i.status not in ('uploading', 'importing')" },
  { invariant: 'a deleted image says so twice', query: "select id as at from images where (deleted_at is not null) <> (status = 'deleted')" },
  {
    invariant: "a project's usage is the sum of its images",
    query: `select u.project_id as at from storage_usage u where u.bytes <> coalesce((select sum(i.size) from images i where i.owner = u.project_id and i.status in ('active', 'deactivated')), 0)`,
  },
]

/** Everything that is not as it must be; empty in a sound database. */
export const findBroken = (tx: Tx): Promise<BrokenInvariant[]> => brokenInvariants(tx, INVARIANTS)

// What must always hold of Glance's rows: queries that return nothing.
import { sql } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** A rule that is broken, and by which rows. */
export interface Finding { rule: string, ids: readonly string[] }

const RULES: readonly { rule: string, query: string }[] = [
  { rule: 'an active or deactivated image has its bytes', query: "select id from images i where status in ('active', 'deactivated') and not exists (select 1 from blobs b where b.image_id = i.id and b.state = 'kept')" },
  { rule: 'an image that is being saved has a writer', query: "select id from images i where status = 'saving' and not exists (select 1 from blobs b where b.image_id = i.id and b.state = 'writing')" },
  { rule: 'an image that is being staged has bytes', query: "select id from images i where status = 'uploading' and not exists (select 1 from blobs b where b.image_id = i.id and b.state in ('writing', 'staged'))" },
  { rule: 'kept bytes belong to an image that is there', query: "select b.id from blobs b join images i on i.id = b.image_id where b.state = 'kept' and i.status not in ('active', 'deactivated')" },
  { rule: 'a queued or deleted image has no bytes', query: "select id from images i where status in ('queued', 'deleted') and exists (select 1 from blobs b where b.image_id = i.id and b.state <> 'doomed')" },
  { rule: 'a deleted image says so twice', query: "select id from images where (deleted_at is not null) <> (status = 'deleted')" },
  {
    rule: "a project's usage is the sum of its images",
    query: `select u.project_id as id from storage_usage u where u.bytes <> coalesce((select sum(i.size) from images i where i.owner = u.project_id and i.status in ('active', 'deactivated')), 0)`,
  },
]

/** Broken rules; none is how it should be. */
export async function findings(tx: Tx): Promise<Finding[]> {
  const out: Finding[] = []
  for (const { rule, query } of RULES) {
    const { rows } = await sql.raw<{ id: string }>(`${query} limit 100`).execute(tx)
    if (rows.length) out.push({ rule, ids: rows.map(row => row.id) })
  }
  return out
}

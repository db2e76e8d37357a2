// SQL for what each project keeps in the stores: a counter, changed in the transaction that changes the rows it counts.
import { sql } from '@alto/kit/db'
import { MEBIBYTE, type Used } from '../model/limits.ts'
import type { Tx } from './tables.ts'

/** Bytes that the project keeps. */
export async function used(tx: Tx, projectId: string): Promise<number> {
  return (await tx.selectFrom('storage_usage').select('bytes').where('project_id', '=', projectId).executeTakeFirst())?.bytes ?? 0
}

/** Adds `bytes` when the project then keeps at most `limit`; false when it would keep more. */
export async function take(tx: Tx, projectId: string, bytes: number, limit: number): Promise<boolean> {
  await tx.insertInto('storage_usage').values({ project_id: projectId, bytes: 0 }).onConflict(c => c.doNothing()).execute()
  const { numUpdatedRows } = await tx.updateTable('storage_usage').set(e => ({ bytes: e('bytes', '+', bytes) }))
    .where('project_id', '=', projectId).where('bytes', '<=', limit - bytes).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Gives `bytes` back. */
export async function giveBack(tx: Tx, projectId: string, bytes: number): Promise<void> {
  await tx.updateTable('storage_usage').set(e => ({ bytes: e('bytes', '-', bytes) })).where('project_id', '=', projectId).execute()
}

/** Holds the project's row until the transaction ends: whoever counts what a project has does this first. */
export async function claim(tx: Tx, projectId: string): Promise<void> {
  await tx.insertInto('storage_usage').values({ project_id: projectId, bytes: 0 }).onConflict(c => c.doNothing()).execute()
  await tx.updateTable('storage_usage').set(e => ({ bytes: e.ref('bytes') })).where('project_id', '=', projectId).execute()
}

/** What the project has of each limited resource: images that are there, those whose bytes come in or are copied, and MiB kept and staged. */
export async function counted(tx: Tx, projectId: string): Promise<Used> {
  const copying = sql<boolean>`exists (select 1 from image_properties p where p.image_id = images.id and p.name = 'os_glance_importing_to_stores' and p.value <> '')`
  const own = tx.selectFrom('images').where('owner', '=', projectId).where('deleted_at', 'is', null)
  const total = await own.select(e => e.fn.countAll().as('count')).executeTakeFirstOrThrow()
  const uploading = await own.where(e => e.or([e('status', 'in', ['saving', 'uploading', 'importing']), copying])).select(e => e.fn.countAll().as('count')).executeTakeFirstOrThrow()
  const staged = await own.where(e => e.or([e('status', 'in', ['uploading', 'importing']), copying])).select(e => e.fn.sum('size').as('bytes')).executeTakeFirstOrThrow()
  return {
    image_size_total: Math.floor(await used(tx, projectId) / MEBIBYTE), image_stage_total: Math.floor(Number(staged.bytes ?? 0) / MEBIBYTE),
    image_count_total: Number(total.count), image_count_uploading: Number(uploading.count),
  }
}

// SQL for what each project keeps in the stores: a counter, changed in the transaction that changes the rows it counts.
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

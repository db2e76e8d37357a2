// SQL for a site's own resource classes.
import type { Tx } from './tables.ts'

/** The site's own classes, sorted. */
export async function listOwn(tx: Tx): Promise<string[]> {
  return (await tx.selectFrom('resource_classes').select('name').orderBy('name').execute()).map(r => r.name)
}

/** Adds a class; false when it is there. */
export async function insert(tx: Tx, name: string, now: number): Promise<boolean> {
  return await tx.insertInto('resource_classes').values({ name, updated_at: now }).onConflict(o => o.column('name').doNothing()).returning('name').executeTakeFirst() !== undefined
}

/** Takes the class's row for the rest of the transaction, so that it is not removed meanwhile; false when there is none. */
export async function hold(tx: Tx, name: string): Promise<boolean> {
  return (await tx.updateTable('resource_classes').set(e => ({ updated_at: e.ref('updated_at') })).where('name', '=', name).executeTakeFirst()).numUpdatedRows === 1n
}

/** Removes a class. */
export async function remove(tx: Tx, name: string): Promise<void> {
  await tx.deleteFrom('resource_classes').where('name', '=', name).execute()
}

// What was made under which key (X-Alto-Idempotency-Key), so that a repeated create finds it.
import type { Tx } from './tables.ts'

/** Holds the key until the transaction ends, for `set`. The id of what was made under it before, or undefined. */
export async function reserve(tx: Tx, key: string, kind: string): Promise<string | undefined> {
  const fresh = await tx.insertInto('idempotency_keys').values({ key, kind, resource_id: '' }).onConflict(c => c.doNothing()).returning('key').executeTakeFirst()
  if (fresh) return undefined
  return (await tx.selectFrom('idempotency_keys').select('resource_id').where('key', '=', key).executeTakeFirst())?.resource_id
}

/** Remembers what was made under a reserved key. */
export async function set(tx: Tx, key: string, resourceId: string): Promise<void> {
  await tx.updateTable('idempotency_keys').set({ resource_id: resourceId }).where('key', '=', key).execute()
}

/** Forgets the keys of what is removed. */
export async function removeOf(tx: Tx, resourceId: string): Promise<void> {
  await tx.deleteFrom('idempotency_keys').where('resource_id', '=', resourceId).execute()
}

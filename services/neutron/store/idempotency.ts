// What was made under which key (X-Alto-Idempotency-Key), so that a repeated create finds it.
import type { Tx } from './tables.ts'

/** The id of what was made under the key, or undefined. */
export async function find(tx: Tx, key: string): Promise<string | undefined> {
  return (await tx.selectFrom('idempotency_keys').select('resource_id').where('key', '=', key).executeTakeFirst())?.resource_id
}

/** Remembers what was made under the key. Breaks the primary key when something was. */
export async function insert(tx: Tx, key: string, kind: string, resourceId: string): Promise<void> {
  await tx.insertInto('idempotency_keys').values({ key, kind, resource_id: resourceId }).execute()
}

/** Forgets the keys of what is removed. */
export async function removeOf(tx: Tx, resourceId: string): Promise<void> {
  await tx.deleteFrom('idempotency_keys').where('resource_id', '=', resourceId).execute()
}

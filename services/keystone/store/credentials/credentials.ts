// SQL for credentials. Their blobs are sealed before they come here.
import { fromJson, toJson } from '@alto/kit/db'
import type { Credential } from '../../model/credentials/credentials.ts'
import type { Tables, Tx } from '../tables.ts'

/** A credential as it is stored: its blob under lock, and which key locked it. */
export interface StoredCredential extends Omit<Credential, 'blob'> {
  sealed: { text: string, keyHash: string }
}

/** The credential, or undefined. */
export async function find(tx: Tx, id: string): Promise<StoredCredential | undefined> {
  const row = await tx.selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Credentials by owner and type, by id. */
export async function list(tx: Tx, filter: { userId?: string | undefined, type?: string | undefined }): Promise<StoredCredential[]> {
  let query = tx.selectFrom('credentials').selectAll()
  if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
  if (filter.type !== undefined) query = query.where('type', '=', filter.type)
  return (await query.orderBy('id').execute()).map(fromRow)
}

/** How many the user has. Whoever else would count waits for the end of the transaction, so that two do not both take the last place. */
export async function countLocked(tx: Tx, userId: string): Promise<number> {
  await tx.updateTable('users').set({ id: userId }).where('id', '=', userId).execute()
  const { count } = await tx.selectFrom('credentials').select(tx.fn.countAll().as('count')).where('user_id', '=', userId).executeTakeFirstOrThrow()
  return Number(count)
}

/** Adds a credential. Breaks the primary key when the id is taken. */
export async function insert(tx: Tx, credential: StoredCredential): Promise<void> {
  await tx.insertInto('credentials').values({
    id: credential.id, user_id: credential.userId, project_id: credential.projectId, type: credential.type,
    sealed_blob: credential.sealed.text, key_hash: credential.sealed.keyHash, extra: toJson(credential.extra),
  }).execute()
}

/** Gives the credential another blob. */
export async function setSealed(tx: Tx, id: string, sealed: StoredCredential['sealed']): Promise<void> {
  await tx.updateTable('credentials').set({ sealed_blob: sealed.text, key_hash: sealed.keyHash }).where('id', '=', id).execute()
}

/** At most `limit` credentials whose ids come after `id`, by id. */
export async function listAfter(tx: Tx, id: string, limit: number): Promise<StoredCredential[]> {
  return (await tx.selectFrom('credentials').selectAll().where('id', '>', id).orderBy('id').limit(limit).execute()).map(fromRow)
}

/** Locks the same blob anew; false when the credential was changed or removed since it was read. */
export async function replaceSealed(tx: Tx, id: string, { before, after }: Record<'before' | 'after', StoredCredential['sealed']>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('credentials').set({ sealed_blob: after.text, key_hash: after.keyHash }).where('id', '=', id).where('sealed_blob', '=', before.text).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Removes the credential. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('credentials').where('id', '=', id).execute()
}

function fromRow(row: Tables['credentials']): StoredCredential {
  return { id: row.id, userId: row.user_id, projectId: row.project_id, type: row.type, sealed: { text: row.sealed_blob, keyHash: row.key_hash }, extra: fromJson(row.extra, {}) }
}

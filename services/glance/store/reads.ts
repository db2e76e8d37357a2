// SQL for reads: who is reading which bytes, in stores that would take them away from under a reader.
import type { BlobState } from '../model/blobs.ts'
import type { Tx } from './tables.ts'

/** A read, and the signs of life that its reader gave. */
export interface Read { id: string, blobId: string, beats: number }

/** Adds a read of whole bytes; false when they are doomed. Waits for whoever is dooming them. */
export async function begin(tx: Tx, read: { id: string, blobId: string, reader: string }): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('blobs').set(e => ({ beats: e('beats', '+', 1) })).where('id', '=', read.blobId).where('state', 'in', ['kept', 'staged']).executeTakeFirst()
  if (numUpdatedRows !== 1n) return false
  await tx.insertInto('blob_reads').values({ id: read.id, blob_id: read.blobId, reader: read.reader, beats: 0 }).execute()
  return true
}

/** A sign of life of a reader. */
export async function beat(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('blob_reads').set(e => ({ beats: e('beats', '+', 1) })).where('id', '=', id).execute()
}

/**
 * Ends a read; gives what has become of its bytes. It changes the blob's row first, as a read's beginning does: whoever dooms the bytes comes wholly before
 * (then this end removes them) or wholly after (then it finds no reader), and not between, where each would leave them to the other.
 */
export async function end(tx: Tx, { id, blobId }: Pick<Read, 'id' | 'blobId'>): Promise<BlobState | undefined> {
  const blob = await tx.updateTable('blobs').set(e => ({ beats: e('beats', '+', 1) })).where('id', '=', blobId).returning('state').executeTakeFirst()
  await tx.deleteFrom('blob_reads').where('id', '=', id).execute()
  return blob?.state as BlobState | undefined
}

/** True when somebody reads the blob. */
export async function isRead(tx: Tx, blobId: string): Promise<boolean> {
  return await tx.selectFrom('blob_reads').select('id').where('blob_id', '=', blobId).limit(1).executeTakeFirst() !== undefined
}

/** All reads. */
export async function list(tx: Tx): Promise<Read[]> {
  return (await tx.selectFrom('blob_reads').select(['id', 'blob_id', 'beats']).orderBy('id').execute()).map(row => ({ id: row.id, blobId: row.blob_id, beats: row.beats }))
}

/** Ends all reads of a process that has started again. */
export async function endOf(tx: Tx, reader: string): Promise<void> {
  await tx.deleteFrom('blob_reads').where('reader', '=', reader).execute()
}

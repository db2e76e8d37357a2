// SQL for blobs. See model/blobs.ts for their states.
import { fromJson, toJson } from '@alto/kit/db'
import type { Blob, BlobState } from '../model/blobs.ts'
import type { Tables, Tx } from './tables.ts'

/** Adds a blob. Breaks the unique index when the image has one in that store that is not doomed. */
export async function insert(tx: Tx, blob: Blob): Promise<void> {
  await tx.insertInto('blobs').values({ id: blob.id, image_id: blob.imageId, store: blob.store, state: blob.state, size: blob.size ?? null, writer: blob.writer, created_at: blob.createdAt, beats: 0, location: blob.location ?? null, metadata: toJson(blob.metadata ?? {}) }).execute()
}

/** The image's bytes in these states, one blob for each store. */
export async function listOf(tx: Tx, imageId: string, states: readonly BlobState[]): Promise<Blob[]> {
  return (await tx.selectFrom('blobs').selectAll().where('image_id', '=', imageId).where('state', 'in', states).orderBy('store').execute()).map(fromRow)
}

/** The image's bytes in one of these states, or undefined. */
export async function findOf(tx: Tx, imageId: string, states: readonly BlobState[]): Promise<Blob | undefined> {
  const row = await tx.selectFrom('blobs').selectAll().where('image_id', '=', imageId).where('state', 'in', states).executeTakeFirst()
  return row && fromRow(row)
}

/** Where the images' bytes are, by image, the oldest first: those that are kept, and locations that wait to be. */
export async function placesOf(tx: Tx, imageIds: readonly string[]): Promise<Map<string, Blob[]>> {
  if (imageIds.length === 0) return new Map()
  const rows = await tx.selectFrom('blobs').selectAll().where('image_id', 'in', imageIds)
    .where(e => e.or([e('state', '=', 'kept'), e.and([e('state', '=', 'staged'), e('location', 'is not', null)])])).orderBy('created_at').orderBy('id').execute()
  return Map.groupBy(rows.map(fromRow), blob => blob.imageId)
}

/** Sets what is said of the blob's place. */
export async function setMetadata(tx: Tx, id: string, metadata: Blob['metadata']): Promise<void> {
  await tx.updateTable('blobs').set({ metadata: toJson(metadata ?? {}) }).where('id', '=', id).execute()
}

/** Moves the blob on; false when it is in another state (any more). */
export async function move(tx: Tx, id: string, from: BlobState, to: BlobState, size?: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('blobs').set({ state: to, ...(size !== undefined && { size }) }).where('id', '=', id).where('state', '=', from).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Dooms the image's bytes, whatever their state; gives those that nobody is writing any more. */
export async function doomOf(tx: Tx, imageId: string): Promise<Blob[]> {
  const rows = await tx.selectFrom('blobs').selectAll().where('image_id', '=', imageId).where('state', '<>', 'doomed').execute()
  await tx.updateTable('blobs').set({ state: 'doomed' }).where('image_id', '=', imageId).execute()
  return rows.filter(row => row.state !== 'writing').map(fromRow)
}

/** Dooms a blob that is being written, if it has given no sign since `beats` (whatever it gave when not said); false when it is not so. */
export async function doomWriting(tx: Tx, id: string, beats?: number): Promise<boolean> {
  const update = tx.updateTable('blobs').set({ state: 'doomed' }).where('id', '=', id).where('state', '=', 'writing')
  const { numUpdatedRows } = await (beats === undefined ? update : update.where('beats', '=', beats)).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** A sign of life of whoever writes the blob; false when it is not being written (any more). */
export async function beat(tx: Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('blobs').set(e => ({ beats: e('beats', '+', 1) })).where('id', '=', id).where('state', '=', 'writing').executeTakeFirst()
  return numUpdatedRows === 1n
}

/** The blobs of all writers that are being written or doomed, with the signs of life that were given of each. */
export async function unfinished(tx: Tx): Promise<(Blob & { beats: number })[]> {
  const rows = await tx.selectFrom('blobs').selectAll().where('state', 'in', ['writing', 'doomed']).orderBy('id').execute()
  return rows.map(row => ({ ...fromRow(row), beats: row.beats }))
}

/** What has become of a blob; undefined when it is gone. */
export async function stateOf(tx: Tx, id: string): Promise<BlobState | undefined> {
  return (await tx.selectFrom('blobs').select('state').where('id', '=', id).executeTakeFirst())?.state as BlobState | undefined
}

/** Blobs that `writer` left unfinished or doomed. */
export async function leftBy(tx: Tx, writer: string): Promise<Blob[]> {
  return (await tx.selectFrom('blobs').selectAll().where(e => e.and([e('writer', '=', writer), e('state', 'in', ['writing', 'doomed'])])).orderBy('id').execute()).map(fromRow)
}

/** Blobs in these states, a page by id. */
export async function page(tx: Tx, states: readonly BlobState[], after: string, limit: number): Promise<Blob[]> {
  return (await tx.selectFrom('blobs').selectAll().where('state', 'in', states).where('id', '>', after).orderBy('id').limit(limit).execute()).map(fromRow)
}

/** By store, how many images have something there. */
export async function imagesByStore(tx: Tx): Promise<{ store: string, images: number }[]> {
  const rows = await tx.selectFrom('blobs').select(e => ['store', e.fn.count('image_id').distinct().as('images')]).groupBy('store').orderBy('store').execute()
  return rows.map(({ store, images }) => ({ store, images: Number(images) }))
}

/** Those of the names that are blobs' ids. */
export async function known(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  return new Set((await tx.selectFrom('blobs').select('id').where('id', 'in', ids).execute()).map(row => row.id))
}

/** Forgets a doomed blob, once its bytes are gone. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('blobs').where('id', '=', id).where('state', '=', 'doomed').execute()
}

function fromRow(row: Tables['blobs']): Blob {
  return { id: row.id, imageId: row.image_id, store: row.store, state: row.state as BlobState, size: row.size ?? undefined, writer: row.writer, createdAt: row.created_at, ...(row.location !== null && { location: row.location }), metadata: fromJson<Record<string, unknown>>(row.metadata, {}) }
}

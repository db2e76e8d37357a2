// SQL for imports: the marks on an image, and the blobs that an import makes on its way. A blob's `import_key` is TASK/STEP of what made it.
import { fromJson, toJson } from '@alto/kit/db'
import type { Blob, Whereabouts } from '../model/blobs.ts'
import type { Content, Status } from '../model/images.ts'
import { FAILED, IMPORTING, LOCK } from '../model/imports.ts'
import * as blobs from './blobs.ts'
import type { Tx } from './tables.ts'

/** What an image shows of its import; what is not given stays as it is, `lock: null` gives the image free. */
export interface Marks { lock?: string | null, importing?: readonly string[], failed?: readonly string[] }

/** Changes the marks, when the image is there and is in one of the states `of`; false when it is not. Holds the image's row until the transaction ends. */
export async function setMarks(tx: Tx, imageId: string, of: readonly Status[], marks: Marks): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('images').set(e => ({ generation: e('generation', '+', 1) }))
    .where('id', '=', imageId).where('status', 'in', of).where('deleted_at', 'is', null).executeTakeFirst()
  if (numUpdatedRows !== 1n) return false
  await setProperties(tx, imageId, {
    ...(marks.lock !== undefined && { [LOCK]: marks.lock }),
    ...(marks.importing && { [IMPORTING]: marks.importing.toSorted().join(',') }),
    ...(marks.failed && { [FAILED]: marks.failed.toSorted().join(',') }),
  })
  return true
}

/** Sets properties of an image whose row the transaction holds; null removes one. */
export async function setProperties(tx: Tx, imageId: string, properties: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [name, value] of Object.entries(properties)) {
    await tx.deleteFrom('image_properties').where('image_id', '=', imageId).where('name', '=', name).execute()
    if (value !== null) await tx.insertInto('image_properties').values({ image_id: imageId, name, value }).execute()
  }
}

/** The task that has the image; undefined when none has. */
export async function lockOf(tx: Tx, imageId: string): Promise<string | undefined> {
  return (await tx.selectFrom('image_properties').select('value').where('image_id', '=', imageId).where('name', '=', LOCK).executeTakeFirst())?.value
}

/** Adds a blob that a step writes. */
export async function insertBlob(tx: Tx, blob: Blob, importKey: string): Promise<void> {
  await blobs.insert(tx, blob)
  await tx.updateTable('blobs').set({ import_key: importKey }).where('id', '=', blob.id).execute()
}

/** What a step has already made whole; undefined when it has not. */
export async function findMade(tx: Tx, importKey: string): Promise<string | undefined> {
  return (await tx.selectFrom('blobs').select('id').where('import_key', '=', importKey).where('state', '=', 'staged').executeTakeFirst())?.id
}

/** Dooms what earlier tries of a step left unfinished. */
export async function doomTries(tx: Tx, importKey: string): Promise<void> {
  await tx.updateTable('blobs').set({ state: 'doomed' }).where('import_key', '=', importKey).where('state', '=', 'writing').execute()
}

/** Makes a written blob whole; false when it is not being written (any more). */
export async function setStaged(tx: Tx, blobId: string, content: Content): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('blobs').set({ state: 'staged', size: content.size, content: toJson(content) }).where('id', '=', blobId).where('state', '=', 'writing').executeTakeFirst()
  return numUpdatedRows === 1n
}

/** A blob and what was found when its bytes came in. Throws an Error when there is none. */
export async function getWhole(tx: Tx, blobId: string): Promise<Whereabouts & { state: string, size: number, content: Content | undefined }> {
  const row = await tx.selectFrom('blobs').selectAll().where('id', '=', blobId).executeTakeFirstOrThrow()
  return { id: row.id, imageId: row.image_id, store: row.store, ...(row.location !== null && { location: row.location }), state: row.state, size: row.size ?? 0, content: fromJson<Content | undefined>(row.content, undefined) }
}

/** Dooms all of an image's bytes that are not kept, but for the blob `spared`; true when there were any. */
export async function doomRest(tx: Tx, imageId: string, spared: string | undefined): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('blobs').set({ state: 'doomed' }).where('image_id', '=', imageId).where('state', 'in', ['writing', 'staged']).where('id', '<>', spared ?? '').executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The doomed bytes of an image. */
export async function doomedOf(tx: Tx, imageId: string): Promise<Blob[]> {
  return blobs.listOf(tx, imageId, ['doomed'])
}

// Bytes that nobody will ask for again: removed now, at the next start, or by whoever looks after the silent (signs.ts).
import { messageOf } from '@alto/kit/errors'
import { keyOf, type Blob, type Whereabouts } from '../model/blobs.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as reads from '../store/reads.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** Removes a doomed blob's bytes, then its row. What cannot be removed now stays doomed, and is tried again by signs.ts. */
export async function forget({ db, stores, log }: Pick<Deps, 'db' | 'stores' | 'log'>, blob: Whereabouts): Promise<void> {
  try {
    const store = stores.find(blob.store)
    if (!store) throw new Error(`there is no store ${blob.store} any more`)
    if (await db.read(tx => reads.isRead(tx, blob.id))) return                    // the end of the last read removes them
    await store.remove(keyOf(blob))
    await db.write(tx => blobs.remove(tx, blob.id))
  } catch (error) {
    log.warn({ blobId: blob.id, imageId: blob.imageId, reason: messageOf(error) }, 'the bytes of a deleted image could not be removed yet')
  }
}

/** What a queued image does not have. */
const NOTHING = { size: null, virtual_size: null, checksum: null, os_hash_algo: null, os_hash_value: null }

/** Dooms a blob that is being written and queues its image again; false when it is not being written (any more), or has given a sign since `beats`. */
export async function giveUpWriting({ clock }: Pick<Deps, 'clock'>, tx: Tx, blob: Blob, beats?: number): Promise<boolean> {
  if (!await blobs.doomWriting(tx, blob.id, beats)) return false
  await images.move(tx, blob.imageId, ['saving', 'uploading'], 'queued', { ...NOTHING, updated_at: clock.now() })
  return true
}

/**
 * After a start: what this process was writing when it died is given up (its images are queued again), and its doomed bytes go.
 * What others left is taken back by signs.ts.
 * Rows tell what to remove; files without a row are the audit's.
 */
export async function recover(deps: Deps): Promise<void> {
  const left = await deps.db.write(async tx => {
    await reads.endOf(tx, deps.host)
    const found = await blobs.leftBy(tx, deps.host)
    for (const blob of found.filter(one => one.state === 'writing')) await giveUpWriting(deps, tx, blob)
    return found
  })
  for (const blob of left) await forget(deps, blob)
}

/** Says in the log which stores hold images and are not configured (any more): their bytes are neither read nor removed. */
export async function tellOfMissingStores({ db, stores, log }: Deps): Promise<void> {
  for (const { store, images } of await db.read(blobs.imagesByStore)) {
    if (!stores.find(store)) log.error({ store, images }, `${images} images have bytes in the store ${store}, which [glance] stores does not name: they cannot be read there until it does`)
  }
}

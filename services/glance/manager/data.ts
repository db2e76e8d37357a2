// The bytes of images: up, down, and staged for an import.
//
// An upload, and what holds at each point:
// 1. one transaction takes the image from queued to saving and writes a blob's row (writing): a second upload finds `saving`, 409;
// 2. the bytes stream into the store under the blob's id, invisible until they are whole;
// 3. the store makes them durable;
// 4. one transaction makes the blob kept, the image active, and counts them for the project.
// A failure at 2 or 3 dooms the blob and queues the image again. A crash does the same: at the process's next start (sweep.ts), or within a minute by any
// other (signs.ts).
// An image that was deleted meanwhile makes 4 find nothing to change: the bytes go, and the sender gets 410; when the upload was taken back, 409.
import type { Readable } from 'node:stream'
import type { Context } from '@alto/kit/context'
import type { HeldFile } from '@alto/kit/disk'
import { Fault, isFault } from '@alto/kit/errors'
import { takeIn, type Expected } from '../driver/intake.ts'
import { passing } from '../driver/skipping.ts'
import type { ImageStore } from '../driver/store.ts'
import { verifierOf } from '../driver/verifier.ts'
import type { Blob, BlobState } from '../model/blobs.ts'
import { invalid, refused } from '../model/faults.ts'
import { needFormats, refusedMove, type Content, type Image } from '../model/images.ts'
import { readRange, type ByteRange } from '../model/ranges.ts'
import { DOWNLOAD_IMAGE, UPLOAD_IMAGE } from '../policy/images.ts'
import { DOWNLOAD_FROM_STORE } from '../policy/locations.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import { setStaged } from '../store/imports.ts'
import type { Tables } from '../store/tables.ts'
import type { Deps } from './deps.ts'
import { readCached } from './cache.ts'
import { tell, tellOfFailedUpload, tellOfImage } from './events.ts'
import { announced, heldTo, hold } from './limits.ts'
import { boundsOf, countFor, leftFor } from './quota.ts'
import { holdFile, readAny } from './reading.ts'
import { giveSigns } from './signs.ts'
import { forget, giveUpWriting } from './sweep.ts'
import { imageFor, isAdmin, targetOf } from './visible.ts'

/** Bytes on their way to a client; `range` when only a part was asked for. */
export interface Download { image: Image, bytes: Readable, size: number, range: ByteRange | undefined }

/** What a sender says beforehand: the bytes it will send, and the store they are for; the default one when it names none. */
export interface UploadOptions { promised?: number | undefined, storeId?: string | undefined }

export type DataManager = ReturnType<typeof dataManager>

/** The use cases of images' bytes. */
export function dataManager(deps: Deps) {
  const { db, clock, ids, stores, options, host } = deps

  /** Takes the bytes of a queued image in; `during` is its state meanwhile. */
  async function receive(ctx: Context, id: string, source: AsyncIterable<Uint8Array>, during: 'saving' | 'uploading', { promised, storeId }: UploadOptions): Promise<void> {
    const store = stores.asked(storeId)
    const held = await heldTo(deps, ctx)
    const blob: Blob = { id: ids.uuid(), imageId: id, store: store.id, state: 'writing', size: undefined, writer: host, createdAt: clock.now() }
    const { image, left } = await db.write(async tx => {
      const { image } = await imageFor(tx, ctx, UPLOAD_IMAGE, id)
      if (during === 'saving') needFormats(image)
      const fault = refusedMove(image.status, during)
      if (fault) throw fault
      if (!await images.move(tx, id, ['queued'], during, { updated_at: clock.now() })) throw refusedMove('saving', during) ?? new Error('saving to saving was allowed')
      await hold(tx, held, { image_count_uploading: 0, [during === 'saving' ? 'image_size_total' : 'image_stage_total']: announced(promised) })
      for (const place of (await blobs.placesOf(tx, [id])).get(id) ?? []) await blobs.move(tx, place.id, 'staged', 'doomed')      // a location whose bytes were not what was said
      await blobs.insert(tx, blob)
      return { image, left: await leftFor(deps, tx, image.owner) }
    })
    const signs = giveSigns(deps, blob)
    if (during === 'saving') tellOfImage(deps, ctx, 'image.prepare', { ...image, status: during }, { store: store.id })
    try {
      const verifier = during === 'saving' ? await verifierOf(image, options.imageSignatureCertificates) : undefined       // what is staged is verified by its import
      const expected: Expected = {
        verifier, size: promised, ...boundsOf(deps, left),
        ...(during === 'saving' && { diskFormat: image.diskFormat!, containerFormat: image.containerFormat!, formatMustMatch: options.requireImageFormatMatch }),    // what is staged may be packed still: its import looks into it
      }
      await finish(image, blob, await keep(store, blob, arriving(source, () => { if (signs.isLost) throw gone(id) }), expected), during)
    } catch (error) {
      const was = await giveUp(blob)
      if (was === 'kept' || was === 'staged') return                                          // finished after all: only the answer of the database was lost
      if (during === 'saving') tellOfFailedUpload(deps, ctx, id, isFault(error) ? error.message : 'internal error')
      throw was === 'writing' ? error : await db.read(tx => images.find(tx, id)) ? takenBack(id) : gone(id)
    } finally {
      await signs.stop()
    }
    await tellOfBytes(ctx, id, during)
  }

  /** Bytes on their way, and at their end that they were sent: as an error when the receiver went away before it had all of them. */
  async function* toldOf(ctx: Context, { id, owner }: Image, bytes: Readable, size: number): AsyncGenerator<Uint8Array> {
    let sent = 0
    try {
      for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
        yield chunk
        sent += chunk.length
      }
    } finally {
      const { projectId, userId } = ctx.credentials
      tell(deps, ctx, { event: 'image.send', priority: sent === size ? 'info' : 'error', about: () => ({ bytes_sent: sent, image_id: id, owner_id: owner, receiver_tenant_id: projectId, receiver_user_id: userId }) })
    }
  }

  async function tellOfBytes(ctx: Context, id: string, during: 'saving' | 'uploading'): Promise<void> {
    const image = deps.notifier && await db.read(tx => images.find(tx, id))
    if (image) for (const event of during === 'saving' ? ['image.upload', 'image.activate'] as const : ['image.update'] as const) tellOfImage(deps, ctx, event, image)
  }

  /** Steps 2 and 3: the bytes, durable. */
  async function keep(store: ImageStore, blob: Blob, source: AsyncIterable<Uint8Array>, expected: Expected): Promise<Content> {
    const writer = await store.write(blob.id)
    try {
      const content = await takeIn(source, writer, expected)
      await writer.commit()
      return content
    } catch (error) {
      await writer.abort()
      throw error
    }
  }

  /** Step 4. Throws Fault('gone') when the blob is no longer this upload's. */
  async function finish(image: Image, blob: Blob, content: Content, during: 'saving' | 'uploading'): Promise<void> {
    await db.write(async tx => {
      const { size, virtualSize, checksum, hashAlgo, hashValue } = content
      if (during === 'uploading') {                                                             // the hashes stay with the blob: they are the image's when it is imported
        if (!await setStaged(tx, blob.id, content) || !await images.move(tx, image.id, [during], 'uploading', { size, updated_at: clock.now() })) throw gone(image.id)
        return
      }
      if (!await blobs.move(tx, blob.id, 'writing', 'kept', size)) throw gone(image.id)
      const facts: Partial<Tables['images']> = { size, virtual_size: virtualSize, checksum, os_hash_algo: hashAlgo, os_hash_value: hashValue, updated_at: clock.now() }
      if (!await images.move(tx, image.id, [during], 'active', facts)) throw gone(image.id)
      await countFor(deps, tx, (await images.find(tx, image.id))?.owner ?? null, size)         // another owner may have been given to it meanwhile
    })
  }

  /** Undoes an upload that failed, unless it is finished. Gives what the blob was: `writing` when it was this upload's until now, undefined when it is gone. */
  async function giveUp(blob: Blob): Promise<BlobState | undefined> {
    const was = await db.write(async tx => await giveUpWriting(deps, tx, blob) ? 'writing' : blobs.stateOf(tx, blob.id))
    if (was !== 'kept' && was !== 'staged') await forget(deps, blob)
    return was
  }

  /** An image whose bytes the caller may have, and where they are. */
  async function downloadable(ctx: Context, id: string) {
    const found = await db.read(async tx => ({ ...await imageFor(tx, ctx, DOWNLOAD_IMAGE, id), kept: await blobs.listOf(tx, id, ['kept']) }))
    if (found.image.status === 'deactivated' && !isAdmin(ctx)) throw refused('image.deactivated', 'The requested image has been deactivated. Image data download is forbidden.')
    return found
  }

  return {
    upload: (ctx: Context, id: string, source: AsyncIterable<Uint8Array>, opts: UploadOptions) => receive(ctx, id, source, 'saving', opts),

    /** Like an upload, but the image waits for its import. */
    stage: (ctx: Context, id: string, source: AsyncIterable<Uint8Array>, opts: UploadOptions) => receive(ctx, id, source, 'uploading', opts),

    /**
     * The bytes; undefined when the image has none yet. `range` is the request's header, `prefer` the stores that are asked first.
     * Throws Fault('forbidden') for a deactivated image, Fault('badRequest', 'glance.store.unknown').
     */
    async download(ctx: Context, id: string, { range, prefer }: { range: string | undefined, prefer: readonly string[] }): Promise<Download | undefined> {
      const { image, share, kept } = await downloadable(ctx, id)
      if (prefer.length > 0) ctx.authorize(DOWNLOAD_FROM_STORE, targetOf({ image, share }))
      const unknown = prefer.find(store => !stores.find(store))
      if (unknown !== undefined) throw invalid('store.unknown', `Store '${unknown}' is not configured.`)
      if (kept.length === 0) return undefined
      const size = kept[0]!.size ?? 0
      const wanted = readRange(range, size)
      const bytes = await readCached(deps, image, kept.map(blob => blob.store), wanted) ?? await readAny(deps, image, kept, { range: wanted, prefer })
      return { image, size, range: wanted, bytes: deps.notifier ? passing(bytes, toldOf(ctx, image, bytes, wanted ? wanted.end - wanted.start + 1 : size)) : bytes }
    },

    /** The file of this machine that holds the bytes, for who may download them and expects this sha512; undefined in any other case, of which a download tells why. */
    async fileOf(ctx: Context, { id, sha512 }: { id: string, sha512: string }): Promise<HeldFile | undefined> {
      try {
        const { image: { hashAlgo, hashValue }, kept } = await downloadable(ctx, id)
        return hashAlgo === 'sha512' && hashValue === sha512 ? await holdFile(deps, kept) : undefined
      } catch (error) {
        if (isFault(error)) return undefined
        throw error
      }
    },
  }
}

/** The sender's bytes, while `mayGoOn` throws nothing; a sender that goes away is a Fault, not a bug. */
async function* arriving(source: AsyncIterable<Uint8Array>, mayGoOn: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) {
      mayGoOn()
      yield chunk
    }
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new Fault('badRequest', 'glance.data.brokenOff', 'The sender went away before all of the data had come.', { cause })
  }
}

function takenBack(id: string): Fault {
  return new Fault('conflict', 'glance.upload.takenBack', `The upload to image ${id} was given up, because the process that took it in gave no sign of life for a while. Upload the data again.`)
}

function gone(id: string): Fault {
  return new Fault('gone', 'glance.image.gone', `Image ${id} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks uploaded.`)
}

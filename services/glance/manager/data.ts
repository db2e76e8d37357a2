// The bytes of images: up, down, staged and imported.
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
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import { takeIn } from '../driver/intake.ts'
import type { ImageStore } from '../driver/store.ts'
import type { Blob, BlobState } from '../model/blobs.ts'
import { invalid, refused } from '../model/faults.ts'
import { refusedMove, type Content, type Image } from '../model/images.ts'
import { readRange, type ByteRange } from '../model/ranges.ts'
import { MODIFY_IMAGE, DOWNLOAD_IMAGE, UPLOAD_IMAGE } from '../policy/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import type { Tables } from '../store/tables.ts'
import * as usage from '../store/usage.ts'
import type { Deps } from './deps.ts'
import { giveSigns } from './signs.ts'
import { forget, giveUpWriting } from './sweep.ts'
import { imageFor, isAdmin } from './visible.ts'

/** Bytes on their way to a client; `range` when only a part was asked for. */
export interface Download { image: Image, bytes: Readable, size: number, range: ByteRange | undefined }

/** What a sender says beforehand: the bytes it will send, and the store they are for; the default one when it names none. */
export interface UploadOptions { promised?: number | undefined, storeId?: string | undefined }

export type DataManager = ReturnType<typeof dataManager>

/** The use cases of images' bytes. */
export function dataManager(deps: Deps) {
  const { db, clock, ids, log, stores, options, host } = deps

  /** Takes the bytes of a queued image in; `during` is its state meanwhile. */
  async function receive(ctx: Context, id: string, source: Readable, during: 'saving' | 'uploading', { promised, storeId }: UploadOptions): Promise<void> {
    const store = stores.asked(storeId)
    const blob: Blob = { id: ids.uuid(), imageId: id, store: store.id, state: 'writing', size: undefined, writer: host, createdAt: clock.now() }
    const { image, left } = await db.write(async tx => {
      const { image } = await imageFor(tx, ctx, UPLOAD_IMAGE, id)
      ready(image)
      const fault = refusedMove(image.status, during)
      if (fault) throw fault
      if (!await images.move(tx, id, ['queued'], during, { updated_at: clock.now() })) throw refusedMove('saving', during) ?? new Error('saving to saving was allowed')
      await blobs.insert(tx, blob)
      return { image, left: image.owner === null || options.userStorageQuota === 0 ? Infinity : Math.max(0, options.userStorageQuota - await usage.used(tx, image.owner)) }
    })
    const signs = giveSigns(deps, blob)
    try {
      await finish(image, blob, await keep(image, store, blob, arriving(source, () => { if (signs.isLost) throw gone(id) }), promised, left), during)
    } catch (error) {
      const was = await giveUp(blob)
      if (was === 'kept' || was === 'staged') return                                          // finished after all: only the answer of the database was lost
      throw was === 'writing' ? error : await db.read(tx => images.find(tx, id)) ? takenBack(id) : gone(id)
    } finally {
      await signs.stop()
    }
  }

  /** Steps 2 and 3: the bytes, durable. */
  async function keep(image: Image, store: ImageStore, blob: Blob, source: AsyncIterable<Uint8Array>, promised: number | undefined, left: number): Promise<Content> {
    const writer = await store.write(blob.id)
    try {
      const content = await takeIn(source, writer, {
        diskFormat: image.diskFormat!, containerFormat: image.containerFormat!, size: promised, formatMustMatch: options.requireImageFormatMatch, most: Math.min(options.imageSizeCap, left),
        tooMuch: () => left < options.imageSizeCap ? overQuota(left) : new Fault('tooLarge', 'glance.image.size', `The provided image is too large. It may have at most ${options.imageSizeCap} bytes.`),
      })
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
      const staged = during === 'uploading'
      if (!await blobs.move(tx, blob.id, 'writing', staged ? 'staged' : 'kept', content.size)) throw gone(image.id)
      const facts: Partial<Tables['images']> = {
        size: content.size, virtual_size: content.virtualSize, checksum: content.checksum, os_hash_algo: content.hashAlgo, os_hash_value: content.hashValue, updated_at: clock.now(),
      }
      if (!await images.move(tx, image.id, [during], staged ? 'uploading' : 'active', facts)) throw gone(image.id)
      if (!staged) await count(tx, image, content.size)
    })
  }

  async function count(tx: Parameters<typeof usage.take>[0], image: Image, bytes: number): Promise<void> {
    const owner = (await images.find(tx, image.id))?.owner ?? null
    if (owner === null) return
    const quota = options.userStorageQuota === 0 ? Number.MAX_SAFE_INTEGER : options.userStorageQuota
    if (!await usage.take(tx, owner, bytes, quota)) throw overQuota(Math.max(0, quota - await usage.used(tx, owner)))
  }

  /** Undoes an upload that failed, unless it is finished. Gives what the blob was: `writing` when it was this upload's until now, undefined when it is gone. */
  async function giveUp(blob: Blob): Promise<BlobState | undefined> {
    const was = await db.write(async tx => await giveUpWriting(deps, tx, blob) ? 'writing' : blobs.stateOf(tx, blob.id))
    if (was !== 'kept' && was !== 'staged') await forget(deps, blob)
    return was
  }

  /** The bytes from the first store that gives them, the default one before the others. Throws what the last one did. */
  async function readAny(kept: readonly Blob[], range: ByteRange | undefined): Promise<Readable> {
    const tried = stores.all.flatMap(store => kept.filter(blob => blob.store === store.id).map(blob => ({ store, blob })))
    let problem: unknown = new Fault('notFound', 'glance.store.missing', 'The data of the image could not be found.')
    for (const { store, blob } of tried) {
      try {
        return await store.read(blob.id, range)
      } catch (error) {
        problem = error
        log.warn({ imageId: blob.imageId, store: store.id, reason: messageOf(error) }, 'a store did not give the bytes of an image')
      }
    }
    throw problem
  }

  return {
    upload: (ctx: Context, id: string, source: Readable, opts: UploadOptions) => receive(ctx, id, source, 'saving', opts),

    /** Like an upload, but the image waits for its import. */
    stage: (ctx: Context, id: string, source: Readable, opts: UploadOptions) => receive(ctx, id, source, 'uploading', opts),

    /** Makes a staged image active. Its bytes are in the store already, hashed and inspected. */
    async importStaged(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        const { image } = await imageFor(tx, ctx, MODIFY_IMAGE, id)
        const staged = await blobs.findOf(tx, id, ['staged'])
        if (image.status === 'active') throw new Fault('conflict', 'glance.import.state', 'Image with status active cannot be target for import')
        if (image.status !== 'uploading' || !staged) throw new Fault('conflict', 'glance.import.state', "Image needs to be staged before 'glance-direct' method can be used")
        await blobs.move(tx, staged.id, 'staged', 'kept')
        await images.move(tx, id, ['uploading'], 'active', { updated_at: clock.now() })
        await count(tx, image, staged.size ?? 0)
      })
    },

    /** The bytes; undefined when the image has none yet. `range` is the request's header. Throws Fault('forbidden') for a deactivated image. */
    async download(ctx: Context, id: string, range: string | undefined): Promise<Download | undefined> {
      const { image, kept } = await db.read(async tx => ({ ...await imageFor(tx, ctx, DOWNLOAD_IMAGE, id), kept: await blobs.listOf(tx, id, ['kept']) }))
      if (image.status === 'deactivated' && !isAdmin(ctx)) throw refused('image.deactivated', 'The requested image has been deactivated. Image data download is forbidden.')
      if (kept.length === 0) return undefined
      const size = kept[0]!.size ?? 0
      const wanted = readRange(range, size)
      return { image, size, range: wanted, bytes: await readAny(kept, wanted) }
    },
  }
}

function ready(image: Image): void {
  const missing = [...image.diskFormat === null ? ['disk_format'] : [], ...image.containerFormat === null ? ['container_format'] : []]
  if (missing.length) throw invalid('image.incomplete', `Properties ${missing.join(', ')} must be set prior to saving data.`)
}

/** The sender's bytes, while `mayGoOn` throws nothing; a sender that goes away is a Fault, not a bug. */
async function* arriving(source: Readable, mayGoOn: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      mayGoOn()
      yield chunk
    }
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new Fault('badRequest', 'glance.data.brokenOff', 'The sender went away before all of the data had come.', { cause })
  }
}

function overQuota(left: number): Fault {
  return new Fault('overQuota', 'glance.quota.storage', `The size of the data will exceed the limit. ${left} bytes remaining.`)
}

function takenBack(id: string): Fault {
  return new Fault('conflict', 'glance.upload.takenBack', `The upload to image ${id} was given up, because the process that took it in gave no sign of life for a while. Upload the data again.`)
}

function gone(id: string): Fault {
  return new Fault('gone', 'glance.image.gone', `Image ${id} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks uploaded.`)
}

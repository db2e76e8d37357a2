// The task of an import: bytes from where they are to the stores that want them, all or as many as can.
//
// 1. fetched: the bytes lie in a store, whole, in a blob that is `staged`: they were staged there, or they are fetched (into the default store), or, to copy an image, they are its kept ones.
// 2. shaped: they have been looked into, and unpacked and converted where the plugins say so. What was staged stays until the end, so that a failure gives it back.
// 3. copied: each wanted store has them in a staged blob. The store that they lie in needs no copy.
// 4. The transaction that ends the task makes the wanted blobs kept and the image active, counts the bytes, dooms the rest and has it forgotten; one that fails dooms all that
//    it made, gives the image back as it was, and its record the reason. So an image never has a part of its bytes, and a crash at any point is a step that runs again.
// Nothing is undone step by step: the task only goes forward, and hands over when its image is deleted, because a delete dooms every blob of an image by itself.
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import { task, type Definition, type Ended, type Failure, type TaskShape } from '@alto/kit/task'
import type { Fetched } from '../driver/fetcher.ts'
import type { RemoteFacts } from '../driver/remote-glance.ts'
import type { Deps } from '../manager/deps.ts'
import { askerOf, tellOfFailedUpload, tellOfImage } from '../manager/events.ts'
import { IMAGE_FORGET, IMAGE_IMPORT, IMAGE_STOP, type ImportInput } from '../manager/kinds.ts'
import { countFor, overQuota } from '../manager/quota.ts'
import { forget } from '../manager/sweep.ts'
import { beginRecord, endRecord, tellOfChanged } from '../manager/task-records.ts'
import type { Whereabouts } from '../model/blobs.ts'
import { imageNotFound } from '../model/faults.ts'
import type { Content, Image } from '../model/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as imports from '../store/imports.ts'
import type { Tables, Tx } from '../store/tables.ts'
import { BytesFailed, ending, made, reading, roomFor, type ImportStep } from './bytes.ts'
import { shaped, type Shape } from './shaping.ts'

/** By store the blob that it has now, and the stores that did not take the bytes. */
interface Copied { placed: Readonly<Record<string, string>>, failed: readonly string[] }
interface Forget extends TaskShape { tables: Tables, input: { imageId: string }, got: { forgotten: void } }
interface Import extends TaskShape { tables: Tables, input: ImportInput, got: { fetched: { blobId: string }, shaped: Shape, copied: Copied } }

/** Milliseconds without a byte or a step. */
const DEADLINE = 10 * 60_000

/** Importing an image, or copying one to more stores. */
export function imageImport(deps: Deps): Definition<Tables> {
  return task<Import>({
    kind: IMAGE_IMPORT, deadlineMs: DEADLINE, forwardOnly: true, handsOver: true,
    steps: [
      {
        name: 'fetched', do: async t => {
          await t.write(tx => beginRecord(deps, tx, t.input.recordId))
          return { blobId: await fetched(deps, t) }
        },
      },
      { name: 'shaped', do: async t => shaped(deps, t, await existing(deps, t), t.got.fetched.blobId) },
      { name: 'copied', do: async t => copied(deps, t, t.got.shaped) },
    ],
    onDone: (tx, ended) => finish(deps, tx, ended),
    onFailed: (tx, failed) => takeBack(deps, tx, failed, { message: failed.failure.message, failed: failed.input.stores, isOfBytes: isOfBytes(failed.failure) }),
  }) as Definition<Tables>
}

/** Removing the doomed bytes of an image; the second one when it was deleted while something worked on it. */
export function imageForget(deps: Deps): Definition<Tables>[] {
  return [IMAGE_FORGET, IMAGE_STOP].map(kind => task<Forget>({
    kind, deadlineMs: DEADLINE, forwardOnly: true,
    steps: [{
      name: 'forgotten', do: async t => {
        if (kind === IMAGE_STOP) await t.write(tx => imports.doomRest(tx, t.input.imageId, undefined))      // what the import began to make while the image was deleted
        for (const blob of await deps.db.read(tx => imports.doomedOf(tx, t.input.imageId))) await forget(deps, blob)
      },
    }],
    async onFailed() {},                                                                       // signs.ts looks after what is left
  }) as Definition<Tables>)
}

async function existing({ db }: Deps, t: ImportStep): Promise<Image> {
  const image = await db.read(tx => images.find(tx, t.resourceId))
  if (!image) throw imageNotFound(t.resourceId)
  return image
}

/** The blob that the bytes are in. */
async function fetched(deps: Deps, t: ImportStep): Promise<string> {
  const { method, staged, remote, refusal } = t.input
  if (refusal !== null) throw new Fault('badRequest', 'glance.remote', refusal)
  if (method === 'glance-direct' && staged !== null) return staged
  if (method === 'copy-image') {
    const kept = await deps.db.read(tx => blobs.listOf(tx, t.resourceId, ['kept']))
    const first = deps.stores.all.flatMap(store => kept.filter(blob => blob.store === store.id))[0]
    if (!first) throw new Fault('notFound', 'glance.store.missing', 'Image not found in any configured store')
    return first.id
  }
  const image = await existing(deps, t)
  const room = await roomFor(deps, image)
  let size: number | undefined
  const opened = async () => {
    const found = await source(deps, t)
    size = found.size
    if (size !== undefined && size > room.most) {
      await found.bytes[Symbol.asyncIterator]().return?.()
      throw room.tooMuch()
    }
    return found.bytes
  }
  try {
    const blobId = await made(deps, t, { name: 'fetched', store: deps.stores.main, ...room }, async () => promised(await opened(), () => size))
    if (remote) await sameAsThere(deps, blobId, remote)
    return blobId
  } catch (error) {
    throw ending(error)
  }
}

/** What the bytes come from. */
async function source({ fetcher, remotes }: Deps, t: ImportStep): Promise<Fetched> {
  const { method, uri, remote } = t.input
  if (method === 'web-download' && uri !== null) return fetcher.get(uri, t.signal)
  if (method === 'glance-download' && remote && remotes) return remotes.read(remote.url, t.signal)
  throw new Error(`there is nothing to import by ${method}`)
}

/** Throws Fault('conflict', 'glance.import.corrupt') when the bytes are not those that the other Glance has. */
async function sameAsThere({ db }: Deps, blobId: string, remote: RemoteFacts): Promise<void> {
  const { size, content } = await db.read(tx => imports.getWhole(tx, blobId))
  if (size === remote.size && (content?.hashAlgo !== remote.hashAlgo || content?.hashValue === remote.hashValue)) return
  throw new Fault('conflict', 'glance.import.corrupt', 'The bytes that came are not those that the other Glance has by their size and hash.')
}

/** The bytes, which must be as many as the answer said. */
async function* promised(bytes: AsyncIterable<Uint8Array>, said: () => number | undefined): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    yield chunk
  }
  const expected = said()
  if (expected !== undefined && size !== expected) throw new Fault('badRequest', 'glance.data.size', `The size of the data is ${size} bytes, the ${expected} that were announced did not come.`)
}

async function copied(deps: Deps, t: ImportStep, { blobId, content }: Shape): Promise<Copied> {
  const { stores, allMustSucceed } = t.input
  const source = await deps.db.read(tx => imports.getWhole(tx, blobId))
  const placed: Record<string, string> = {}
  const failed: string[] = []
  for (const [at, id] of stores.entries()) {
    const image = deps.notifier && await deps.db.read(tx => images.find(tx, t.resourceId))
    if (image) tellOfImage(deps, askerOf(t.origin), 'image.prepare', image, { store: id })
    try {
      placed[id] = source.state === 'staged' && source.store === id ? blobId : await copy(deps, t, id, { source, content })
      if (image) tellOfImage(deps, askerOf(t.origin), 'image.upload', image)
    } catch (error) {
      if (error instanceof BytesFailed) tellOfFailedUpload(deps, askerOf(t.origin), t.resourceId, error.message)
      if (allMustSucceed || !(error instanceof BytesFailed)) throw ending(error)
      failed.push(id)
      t.log.warn({ store: id, reason: error.message }, 'a store did not take an image: the import goes on without it')
    }
    const marks = { importing: stores.slice(at + 1), ...(failed.length > 0 && { failed }) }
    if (!await t.write(tx => imports.setMarks(tx, t.resourceId, ['importing', 'active', 'deactivated'], marks))) throw imageNotFound(t.resourceId)
  }
  return { placed, failed }
}

/** The bytes in one more store, found to be the same there. */
async function copy(deps: Deps, t: ImportStep, storeId: string, { source, content }: { source: Whereabouts & { size: number }, content: Content }): Promise<string> {
  const store = deps.stores.find(storeId)
  if (!store) throw new BytesFailed(`there is no store ${storeId} any more`, { cause: new Error(`there is no store ${storeId} any more`) })
  const blobId = await made(deps, t, { name: `store ${storeId}`, store, size: source.size, most: Infinity, tooMuch: () => overQuota(0) }, () => reading(deps, source))
  const { content: found } = await deps.db.read(tx => imports.getWhole(tx, blobId))
  const same = found && found.size === content.size && (content.checksum === '' || found.checksum === content.checksum) && (found.hashAlgo !== content.hashAlgo || found.hashValue === content.hashValue)
  if (same) return blobId
  const cause = new Fault('conflict', 'glance.import.corrupt', `The bytes that store ${source.store} gave are not those that the image has by its hashes.`)
  throw new BytesFailed(cause.message, { cause })
}

/** The end of an import that came through, in the transaction that ends the task. */
async function finish(deps: Deps, tx: Tx, ended: Ended<Import>): Promise<void> {
  const { input, resourceId, got } = ended
  const { shaped, copied } = got
  const isThere = await imports.setMarks(tx, resourceId, ['importing', 'active', 'deactivated'], {})       // nobody deletes it before this transaction ends
  const image = isThere ? await images.find(tx, resourceId) : undefined
  if (!shaped || !copied || !image) return endRecord(deps, tx, input.recordId, { message: messageOf(imageNotFound(resourceId)) })
  if (Object.keys(copied.placed).length === 0) return takeBack(deps, tx, ended, { message: 'None of the uploads finished!', failed: input.stores })
  if (image.status === 'importing') {
    const { size } = shaped.content
    try {
      await countFor(deps, tx, image.owner, size)
    } catch (error) {
      if (!isFault(error, 'glance.quota.storage')) throw error
      return takeBack(deps, tx, ended, { message: error.message, failed: input.stores })
    }
    await images.move(tx, resourceId, ['importing'], 'active', {
      size, virtual_size: shaped.content.virtualSize, checksum: shaped.content.checksum, os_hash_algo: shaped.content.hashAlgo, os_hash_value: shaped.content.hashValue,
      disk_format: shaped.diskFormat, container_format: shaped.containerFormat, updated_at: deps.clock.now(),
    })
  }
  for (const blobId of Object.values(copied.placed)) await blobs.move(tx, blobId, 'staged', 'kept')
  await imports.setMarks(tx, resourceId, ['active', 'deactivated'], { lock: null, importing: [], failed: copied.failed })
  await imports.setProperties(tx, resourceId, input.inject)
  await tellOfChanged(deps, tx, ended, image.status === 'importing' ? ['image.activate', 'image.update'] : ['image.update'])
  await endRecord(deps, tx, input.recordId, { result: { image_id: resourceId } })
  await forgetRest(deps, tx, ended, undefined)
}

/** True when the bytes are the reason, so that another try with them would fail too: they are not what was said, cannot be unpacked or converted, or are too many then. */
function isOfBytes({ step, kind }: Failure): boolean {
  return step === 'shaped' && (kind === 'badRequest' || kind === 'unsupportedMediaType' || kind === 'tooLarge')
}

/** The end of one that did not: the image as it was, but for staged bytes that are no good; nothing of what was made, and the reason. */
async function takeBack(deps: Deps, tx: Tx, { input, resourceId, origin }: Pick<Ended<Import>, 'input' | 'resourceId' | 'origin'>, { message, failed, isOfBytes = false }: { message: string, failed: readonly string[], isOfBytes?: boolean }): Promise<void> {
  const { staged, recordId } = input
  const from = input.from === 'uploading' && isOfBytes ? 'queued' : input.from
  if (from === 'queued' || from === 'uploading') await images.move(tx, resourceId, ['importing'], from, { updated_at: deps.clock.now(), ...(from === 'queued' && { size: null }) })
  await imports.setMarks(tx, resourceId, [from, 'deactivated'], { lock: null, importing: [], failed })
  await tellOfChanged(deps, tx, { resourceId, origin }, ['image.update'])
  await endRecord(deps, tx, recordId, { message })
  await forgetRest(deps, tx, { input, resourceId }, isOfBytes ? undefined : staged ?? undefined)
}

async function forgetRest({ queue }: Deps, tx: Tx, { input, resourceId }: Pick<Ended<Import>, 'input' | 'resourceId'>, spared: string | undefined): Promise<void> {
  if (await imports.doomRest(tx, resourceId, spared)) await queue.enqueue(tx, IMAGE_FORGET, { resourceId: input.recordId, input: { imageId: resourceId } })
}

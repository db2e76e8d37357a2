// Reading the bytes of images.
//
// - Bytes that are read stay until the reader ends, whoever deletes them meanwhile. A store of files does so by itself. Of another (`forgetsReaders`) a read has
//   a row from before its first byte until after its last; `forget` leaves alone what has one, and the end of the last read removes what was doomed meanwhile.
//   A read begins by changing the blob's row where it is kept, so it comes wholly before the transaction that dooms it or is refused. Readers give signs of life as
//   writers do (signs.ts): the rows of one that died go. So it is with a file that is handed over by its path: whoever opens it later must find it.
// - Who reads a whole image gets the bytes that its row tells of, or an error: they are counted and hashed on their way, and the last ones are held back until all are
//   known to be right. Of a part only the number can be checked.
// - A store that fails before its first byte is passed over for the next that has the image.
import { getHashes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { repeat } from '@alto/kit/clock'
import { hashing, HeldFile } from '@alto/kit/disk'
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import { passing } from '../driver/skipping.ts'
import { MISSING, type ImageStore } from '../driver/store.ts'
import { keyOf, type Blob, type Whereabouts } from '../model/blobs.ts'
import type { Image } from '../model/images.ts'
import type { ByteRange } from '../model/ranges.ts'
import * as reads from '../store/reads.ts'
import type { Deps } from './deps.ts'
import { SIGN_EVERY } from './signs.ts'
import { forget } from './sweep.ts'

type Reader = Pick<Deps, 'db' | 'clock' | 'ids' | 'log' | 'stores' | 'host'>

/** What bytes are to be. */
export type Expected = Pick<Image, 'id' | 'size' | 'checksum' | 'hashAlgo' | 'hashValue'>

/**
 * The bytes from the first store that gives them: those of `prefer`, the default one, the others. Throws what the last one did: Fault('notFound', 'glance.store.missing'),
 * Fault('unavailable', 'glance.store.away') for what nobody foresaw.
 */
export async function readAny(deps: Reader, image: Expected, kept: readonly Blob[], { range, prefer }: { range: ByteRange | undefined, prefer: readonly string[] }): Promise<Readable> {
  const { all } = deps.stores
  const tried = [...all.filter(({ id }) => prefer.includes(id)), ...all.filter(({ id }) => !prefer.includes(id))].flatMap(store => kept.filter(blob => blob.store === store.id).map(blob => ({ store, blob })))
  let problem: unknown = new Fault(...MISSING)
  for (const { store, blob } of tried) {
    try {
      const bytes = await begun(await readWhileKept(deps, store, blob, range))
      return range ? exactly(bytes, range.end - range.start + 1, refusal(deps, image, blob)) : whole(deps, image, blob, bytes)
    } catch (error) {
      problem = isFault(error) ? error : new Fault('unavailable', 'glance.store.away', 'Remote server where the image is present is unavailable.', { cause: error })
      deps.log.warn({ imageId: blob.imageId, store: store.id, reason: messageOf(error) }, 'a store did not give the bytes of an image')
    }
  }
  throw problem
}

/** The bytes, which nobody removes before they have been read or let go. Throws Fault('notFound', 'glance.store.missing'). */
export async function readWhileKept(deps: Reader, store: ImageStore, blob: Whereabouts, range?: ByteRange): Promise<Readable> {
  if (!store.forgetsReaders) return store.read(keyOf(blob), range)
  const end = await beginRead(deps, blob)
  try {
    const bytes = await store.read(blob.id, range)
    bytes.once('close', () => { void end() })
    return bytes
  } catch (error) {
    await end()
    throw error
  }
}

/** The file of this machine that holds the image's bytes, which nobody removes before it was disposed of; undefined when no store has them in one. */
export async function holdFile(deps: Reader, kept: readonly Blob[]): Promise<HeldFile | undefined> {
  for (const blob of kept) {
    const store = deps.stores.find(blob.store)
    if (!store?.pathOf || blob.location !== undefined) continue
    await using undo = new AsyncDisposableStack()
    const held = undo.use(new HeldFile(store.pathOf(blob.id), await beginRead(deps, blob)))
    if (await store.size(blob.id) !== blob.size) continue
    undo.move()
    return held
  }
  return undefined
}

/** Begins a read of whole bytes; the function given ends it, and throws nothing. Throws Fault('notFound', 'glance.store.missing') when they are doomed. */
async function beginRead(deps: Reader, blob: Whereabouts): Promise<() => Promise<void>> {
  const { db, clock, ids, log, host } = deps
  const read = { id: ids.uuid(), blobId: blob.id, reader: host }
  if (!await db.write(tx => reads.begin(tx, read))) throw new Fault(...MISSING)
  const stop = repeat(clock, SIGN_EVERY, async () => {
    try {
      await db.write(tx => reads.beat(tx, read.id))
    } catch (error) {
      log.warn({ blobId: blob.id, imageId: blob.imageId, reason: messageOf(error) }, 'a reader could not give a sign of life')
    }
  })
  return async () => {
    try {
      await stop()
      if (await db.write(tx => reads.end(tx, read)) === 'doomed') await forget(deps, blob)
    } catch (error) {
      log.warn({ blobId: blob.id, imageId: blob.imageId, reason: messageOf(error) }, 'the end of a read could not be written')       // signs.ts ends it
    }
  }
}

/** The bytes, once the first of them are there or it is known that there are none. Throws what keeps them from coming. */
async function begun(bytes: Readable): Promise<Readable> {
  if (bytes.errored) throw bytes.errored
  if (bytes.closed) return bytes
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const ended = () => resolve()
  const stop = () => { bytes.off('readable', ended).off('close', ended).off('error', reject) }
  bytes.on('readable', ended).on('close', ended).on('error', reject)
  try {
    await promise
    return bytes
  } finally {
    stop()
  }
}

type Refusal = (why: string) => Error

/** What is said of bytes that are wrong. */
function refusal({ log }: Pick<Deps, 'log'>, { id }: Pick<Image, 'id'>, blob: Pick<Blob, 'id' | 'store'>): Refusal {
  return why => {
    log.error({ imageId: id, blobId: blob.id, store: blob.store, why }, 'the bytes of an image are not those that were kept')
    return new Error(`the bytes of image ${id} in store ${blob.store} are wrong: ${why}`)
  }
}

/** A part of an image, which fails when it is not as long as it is to be. */
function exactly(bytes: Readable, size: number, refuse: Refusal): Readable {
  return passing(bytes, (async function* () {
    let given = 0
    for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
      given += chunk.length
      if (given > size) throw refuse(`there are more than the ${size} that were asked for`)
      yield chunk
    }
    if (given < size) throw refuse(`there are ${given} of the ${size} that were asked for`)
  })())
}

/** The bytes, which fail at their end when they are not the image's. */
export function whole(deps: Pick<Deps, 'log'>, image: Expected, blob: Pick<Blob, 'id' | 'store'>, bytes: Readable): Readable {
  return passing(bytes, asExpected(bytes, image, refusal(deps, image, blob)))
}

async function* asExpected(bytes: AsyncIterable<Uint8Array>, image: Expected, refuse: Refusal): AsyncGenerator<Uint8Array> {
  const expected = hashOf(image)
  using hashes = hashing(expected ? [expected.algorithm] : [])
  let size = 0
  let last: Uint8Array | undefined
  for await (const chunk of bytes) {
    size += chunk.length
    if (image.size !== null && size > image.size) throw refuse(`there are more than ${image.size}`)
    await hashes.update(chunk)
    if (last) yield last
    last = chunk
  }
  if (image.size !== null && size !== image.size) throw refuse(`there are ${size} of ${image.size}`)
  if (expected && (await hashes.digest())[expected.algorithm] !== expected.value) throw refuse('their hash is another')
  if (last) yield last
}

/** The best hash that the image has. */
function hashOf({ checksum, hashAlgo, hashValue }: Expected): { algorithm: string, value: string } | undefined {
  if (hashAlgo !== null && hashValue !== null && getHashes().includes(hashAlgo)) return { algorithm: hashAlgo, value: hashValue }
  return checksum === null ? undefined : { algorithm: 'md5', value: checksum }
}

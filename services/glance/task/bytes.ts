// How a step of an import makes bytes in a store: under a key of its own, so that a step that runs again finds what it made, and dooms what it left half made.
import { isFault, messageOf, type Fault } from '@alto/kit/errors'
import { giveUp, type TaskContext, type TaskShape } from '@alto/kit/task'
import { INSPECT_BYTES } from '@alto/kit/disk'
import { takeIn, type Expected } from '../driver/intake.ts'
import type { ImageStore } from '../driver/store.ts'
import type { Deps } from '../manager/deps.ts'
import type { ImportInput } from '../manager/kinds.ts'
import { boundsOf, leftFor } from '../manager/quota.ts'
import { readWhileKept } from '../manager/reading.ts'
import { giveSigns, type Signs } from '../manager/signs.ts'
import { forget } from '../manager/sweep.ts'
import { keyOf, type Blob, type Whereabouts } from '../model/blobs.ts'
import { imageNotFound } from '../model/faults.ts'
import type { Content, Image } from '../model/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as imports from '../store/imports.ts'
import type { Tables } from '../store/tables.ts'
import * as tasks from '../store/tasks.ts'

/** Milliseconds between two words on how far it is. */
const REPORT_EVERY = 5_000

/** What is to be made: `name` is the step's, and the store's where a step makes several. */
export interface Making extends Expected { name: string, store: ImageStore }

/** What a step of an import sees, as far as bytes go. */
export type ImportStep = TaskContext<TaskShape & { tables: Tables, input: ImportInput }>

/** Bytes that did not come, or that the store did not take: the store's matter or the sender's, not the database's. */
export class BytesFailed extends Error {
  /** The error that ends the import. */
  get reason(): Error {
    return giveUp(this.cause)
  }
}

/** Makes a whole blob of what `source` gives, and gives its id. Throws BytesFailed, and Fault('notFound') when the image was deleted. */
export async function made(deps: Deps, t: ImportStep, { name, store, ...expected }: Making, source: () => Promise<AsyncIterable<Uint8Array>>): Promise<string> {
  const key = `${t.input.recordId}/${name}`
  const blob: Blob = { id: deps.ids.uuid(), imageId: t.resourceId, store: store.id, state: 'writing', size: undefined, writer: deps.host, createdAt: deps.clock.now() }
  const before = await t.write(async tx => {
    await imports.doomTries(tx, key)
    const done = await imports.findMade(tx, key)
    if (done !== undefined) return done
    if (!await images.find(tx, t.resourceId)) throw imageNotFound(t.resourceId)
    await imports.insertBlob(tx, blob, key)
    return undefined
  })
  if (before !== undefined) return before
  const signs = giveSigns(deps, blob)
  try {
    const content = await written(deps, t, { blob, store, expected, signs }, source)
    if (!await t.write(tx => imports.setStaged(tx, blob.id, content))) throw imageNotFound(t.resourceId)
    return blob.id
  } catch (error) {
    const was = await deps.db.write(async tx => await blobs.doomWriting(tx, blob.id) ? 'doomed' : blobs.stateOf(tx, blob.id))
    if (was === 'staged') return blob.id                                                     // made after all: only the answer of the database was lost
    await forget(deps, blob)
    throw error
  } finally {
    await signs.stop()
  }
}

async function written(deps: Deps, t: ImportStep, { blob, store, expected, signs }: { blob: Blob, store: ImageStore, expected: Expected, signs: Signs }, source: () => Promise<AsyncIterable<Uint8Array>>): Promise<Content> {
  try {
    const writer = await store.write(blob.id)                    // first: a source that was opened is read, or it stays open
    try {
      const content = await takeIn(reported(deps, t, signs, await source()), writer, expected)
      await writer.commit()
      return content
    } catch (error) {
      await writer.abort()
      throw error
    }
  } catch (cause) {
    t.signal.throwIfAborted()
    throw new BytesFailed(messageOf(cause), { cause })
  }
}

/** The bytes, while the step may go on; the task's record says how many came. */
async function* reported({ clock }: Deps, t: ImportStep, signs: Signs, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0
  let next = clock.now() + REPORT_EVERY
  for await (const chunk of bytes) {
    t.signal.throwIfAborted()
    if (signs.isLost) throw imageNotFound(t.resourceId)
    size += chunk.length
    if (clock.now() >= next) {
      next = clock.now() + REPORT_EVERY
      await report(t, clock.now(), size)
    }
    yield chunk
  }
}

/** Says in the task's record how many bytes came, and to the runner that it moves. */
async function report(t: ImportStep, now: number, size: number): Promise<void> {
  try {
    await t.progress()
    await t.write(tx => tasks.setProgress(tx, t.input.recordId, `Copied ${Math.floor(size / 2 ** 20)} MiB`, now))
  } catch (error) {
    t.log.warn({ reason: messageOf(error) }, 'an import could not say how far it is')
  }
}

/** The store that a blob is in. Throws an Error when it is not configured any more. */
export function storeOf({ stores }: Pick<Deps, 'stores'>, blob: { store: string }): ImageStore {
  const store = stores.find(blob.store)
  if (!store) throw new Error(`there is no store ${blob.store} any more`)
  return store
}

/** The bytes of a blob, which nobody removes meanwhile. Throws what the store does. */
export async function reading(deps: Deps, blob: Whereabouts): Promise<AsyncIterable<Uint8Array>> {
  return await readWhileKept(deps, storeOf(deps, blob), blob) as AsyncIterable<Uint8Array>
}

/** The first bytes of a blob, as many as an inspection wants. */
export async function headOf(deps: Pick<Deps, 'stores'>, blob: Whereabouts & { size: number }): Promise<Uint8Array> {
  if (blob.size === 0) return new Uint8Array()
  return Buffer.concat(await Array.fromAsync(await storeOf(deps, blob).read(keyOf(blob), { start: 0, end: Math.min(blob.size, INSPECT_BYTES) - 1 }) as AsyncIterable<Uint8Array>))
}

/** How many bytes an image may have: the cap on one, and what is left of its project's quota. */
export async function roomFor(deps: Deps, { owner }: Image): Promise<{ most: number, size: undefined, tooMuch(): Fault }> {
  return { size: undefined, ...boundsOf(deps, await deps.db.read(tx => leftFor(deps, tx, owner))) }
}

/** Ends the step for good with what kept the bytes from coming; anything else is thrown on. */
export function ending(error: unknown): Error {
  if (error instanceof BytesFailed) return error.reason
  return isFault(error) || error instanceof Error ? error : new Error(messageOf(error))
}

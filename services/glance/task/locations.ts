// The task of a location that is added to a queued image (2.17).
//
// Where its sender said what the bytes are, and they are to be hashed, the image is `importing` until they have been compared; else it is active at once, and its hashes
// follow, and its size, when it is another than was said before the bytes were read. As upstream has it, a location whose bytes are not what was said stays with its
// image, which is queued again; an upload or another location takes its place.
import { hashing } from '@alto/kit/disk'
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import { giveUp, task, type Definition, type Ended, type TaskContext, type TaskShape } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { LOCATION_ADD, type LocationInput } from '../manager/kinds.ts'
import { storeOfUrls } from '../manager/places.ts'
import { countFor } from '../manager/quota.ts'
import { beginRecord, endRecord, tellOfChanged } from '../manager/task-records.ts'
import type { Blob } from '../model/blobs.ts'
import { imageNotFound } from '../model/faults.ts'
import { needFormats, type Image } from '../model/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as imports from '../store/imports.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as usage from '../store/usage.ts'

/** What the bytes turned out to be, and how many; null where they were not read. */
type Hashed = { size: number, checksum: string, hashAlgo: string, hashValue: string } | null
interface Adding extends TaskShape { tables: Tables, input: LocationInput, got: { placed: void, hashed: Hashed } }
type Step = TaskContext<TaskShape & { tables: Tables, input: LocationInput }>

/** The hash of bytes of which none was said. An image tells it from when they begin to be hashed; the value comes with their end. */
const ALGORITHM = 'sha512'
/** Milliseconds without a byte or a step. */
const DEADLINE = 10 * 60_000
/** Milliseconds between two words on how far it is. */
const REPORT_EVERY = 5_000

/** Adding a location. */
export function locationAdd(deps: Deps): Definition<Tables> {
  return task<Adding>({
    kind: LOCATION_ADD, deadlineMs: DEADLINE, forwardOnly: true, handsOver: true,
    steps: [
      { name: 'placed', do: t => placed(deps, t) },
      { name: 'hashed', do: t => hashed(deps, t) },
    ],
    onDone: (tx, ended) => finish(deps, tx, ended),
    onFailed: (tx, { input, resourceId, origin, failure }) => takeBack(deps, tx, { input, resourceId, origin }, failure.message),
  }) as Definition<Tables>
}

/** What an image may be when its task ends: an upload or a patch may have taken it before the location had its place. */
const LOCKED = ['queued', 'saving', 'uploading', 'active', 'deactivated'] as const

/** True when the image waits for its bytes to be compared. */
function compares({ validation, hash }: LocationInput): boolean {
  return hash && validation !== null
}

/** The location belongs to the image, which is active unless its bytes are to be compared first. */
async function placed(deps: Deps, t: Step): Promise<void> {
  const { url, validation, recordId } = t.input
  const store = storeOfUrls(deps.stores)
  const size = await store?.size(url)
  if (!store || !size) throw giveUp(new Fault('badRequest', 'glance.locations.invalid', 'Invalid location'))
  const now = deps.clock.now()
  await t.write(async tx => {
    await beginRecord(deps, tx, recordId)
    const image = await images.find(tx, t.resourceId)
    if (!image) throw imageNotFound(t.resourceId)
    if (image.status !== 'queued') {
      if (await placeOf(tx, t.input, image.id)) return                                         // it was placed before a crash
      throw takenMeanwhile()
    }
    needFormats(image)
    for (const blob of (await blobs.placesOf(tx, [image.id])).get(image.id) ?? []) await blobs.move(tx, blob.id, 'staged', 'doomed')
    await blobs.insert(tx, { id: deps.ids.uuid(), imageId: image.id, store: store.id, state: compares(t.input) ? 'staged' : 'kept', size, writer: deps.host, createdAt: now, location: url })
    if (compares(t.input)) await images.move(tx, image.id, ['queued'], 'importing', { size, updated_at: now })
    else await activate(deps, tx, image, { from: 'queued', size, hashes: validation ? { checksum: null, ...validation } : t.input.hash ? { checksum: null, hashAlgo: ALGORITHM, hashValue: null } : null })
    await tellOfChanged(deps, tx, t, ['image.update'])
  })
}

/** Makes the image active and counts its bytes. Throws Fault('overQuota', 'glance.quota.storage'). */
async function activate(deps: Deps, tx: Tx, image: Image, { from, size, hashes }: { from: 'queued' | 'importing', size: number, hashes: { checksum: string | null, hashAlgo: string, hashValue: string | null } | null }): Promise<void> {
  await countFor(deps, tx, image.owner, size)
  await images.move(tx, image.id, [from], 'active', { size, updated_at: deps.clock.now(), ...(hashes && { checksum: hashes.checksum, os_hash_algo: hashes.hashAlgo, os_hash_value: hashes.hashValue }) })
}

async function hashed(deps: Deps, t: Step): Promise<Hashed> {
  if (!t.input.hash) return null
  try {
    return await hashOf(deps, t)
  } catch (error) {
    t.signal.throwIfAborted()
    if (compares(t.input)) throw giveUp(new Error(`Hash calculation failed for image ${t.resourceId} data: ${messageOf(error)}`, { cause: error }))
    t.log.warn({ imageId: t.resourceId, reason: messageOf(error) }, 'the bytes of a location could not be hashed: its image has no hashes')
    return null
  }
}

async function hashOf({ clock, stores }: Deps, t: Step): Promise<Hashed> {
  const hashAlgo = t.input.validation?.hashAlgo ?? ALGORITHM
  using hashes = hashing(['md5', hashAlgo])
  let next = clock.now() + REPORT_EVERY
  let size = 0
  for await (const chunk of await storeOfUrls(stores)!.read(t.input.url) as AsyncIterable<Uint8Array>) {
    t.signal.throwIfAborted()
    size += chunk.length
    await hashes.update(chunk)
    if (clock.now() < next) continue
    next = clock.now() + REPORT_EVERY
    await t.progress()
  }
  const digests = await hashes.digest()
  return { size, checksum: digests['md5']!, hashAlgo, hashValue: digests[hashAlgo]! }
}

async function finish(deps: Deps, tx: Tx, { input, resourceId, origin, got }: Ended<Adding>): Promise<void> {
  const image = await images.find(tx, resourceId)
  const found = got.hashed ?? null
  if (!image) return endRecord(deps, tx, input.recordId, { message: messageOf(imageNotFound(resourceId)) })
  const place = await placeOf(tx, input, resourceId)
  if (!place) return takeBack(deps, tx, { input, resourceId, origin }, messageOf(takenMeanwhile()))
  if (compares(input)) {
    if (found?.hashValue !== input.validation?.hashValue.toLowerCase()) {
      return takeBack(deps, tx, { input, resourceId, origin }, `os_hash_value: (${input.validation?.hashValue}) not matched with actual os_hash_value: (${found?.hashValue})`)
    }
    try {
      await activate(deps, tx, image, { from: 'importing', size: found?.size ?? 0, hashes: found })
    } catch (error) {
      if (!isFault(error, 'glance.quota.storage')) throw error
      return takeBack(deps, tx, { input, resourceId, origin }, error.message)
    }
    await blobs.move(tx, place.id, 'staged', 'kept', found?.size)
  } else if (found && (image.status === 'active' || image.status === 'deactivated') && image.hashValue === null) {
    await images.move(tx, resourceId, [image.status], image.status, { size: found.size, checksum: found.checksum, os_hash_algo: found.hashAlgo, os_hash_value: found.hashValue })
    await blobs.move(tx, place.id, 'kept', 'kept', found.size)
    if (image.owner !== null) await usage.giveBack(tx, image.owner, (image.size ?? 0) - found.size)          // somebody else keeps them: what is more than the project's quota stays
  }
  if (!found) await withoutHash(tx, resourceId)
  await imports.setMarks(tx, resourceId, LOCKED, { lock: null })
  if (found) await tellOfChanged(deps, tx, { resourceId, origin }, ['image.update'])
  await endRecord(deps, tx, input.recordId, { result: { image_id: resourceId } })
}

function takenMeanwhile(): Fault {
  return new Fault('conflict', 'glance.locations.taken', 'The image has other bytes than those of the location, which were given to it meanwhile')
}

async function placeOf(tx: Tx, { url }: LocationInput, imageId: string): Promise<Blob | undefined> {
  return (await blobs.placesOf(tx, [imageId])).get(imageId)?.find(blob => blob.location === url)
}

/** The image names no algorithm where its bytes were not hashed in the end. */
async function withoutHash(tx: Tx, imageId: string): Promise<void> {
  const image = await images.find(tx, imageId)
  if (image && image.hashValue === null && image.hashAlgo !== null) await images.move(tx, imageId, [image.status], image.status, { os_hash_algo: null })
}

/** The image is queued again, as it was but for the location. */
async function takeBack(deps: Deps, tx: Tx, { input, resourceId, origin }: Pick<Ended<Adding>, 'input' | 'resourceId' | 'origin'>, message: string): Promise<void> {
  await images.move(tx, resourceId, ['importing'], 'queued', { size: null, updated_at: deps.clock.now() })
  await withoutHash(tx, resourceId)
  await imports.setMarks(tx, resourceId, LOCKED, { lock: null })
  await tellOfChanged(deps, tx, { resourceId, origin }, ['image.update'])
  await endRecord(deps, tx, input.recordId, { message })
}

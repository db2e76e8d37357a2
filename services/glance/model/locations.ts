// Locations: where the bytes of an image are, as those may know and set it who are trusted with it.
//
// A location that a client sets is a URL of http or https, which the read-only store asks as the fetcher lets it. Never one of files, of another store's objects
// or of its configuration: those would make Glance read, and delete, what it was not given (OSSA 2014-041, 2015-002).
import { Fault } from '@alto/kit/errors'
import type { Blob } from './blobs.ts'
import { needFormats, type Image } from './images.ts'
import { invalid, refused } from './faults.ts'

/** Where bytes are, on the wire. */
export interface Location { url: string, metadata: Readonly<Record<string, unknown>> }

/** What a client says the bytes are; it is not looked at whether they are. */
export interface ValidationData { checksum?: string, hashAlgo: string, hashValue: string }

/** A location that a client sets. */
export interface NewLocation extends Location { validation: ValidationData | undefined }

/** One operation of a patch on locations. `at`: the step after /locations. */
export interface LocationChange { op: 'add' | 'remove' | 'replace', at: string | undefined, locations: readonly NewLocation[] }

const OPERATIONS: Readonly<Record<LocationChange['op'], string>> = { add: 'add', replace: 'update', remove: 'remove' }
/** The steps that a path may have. */
const DEPTHS = { add: 2, remove: 2, replace: 1 }
/** Bytes of a hash, by its name; the names are those that upstream knows. */
const HASH_BYTES: Readonly<Record<string, number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64 }
/** The algorithm of hashes that are made here. */
const HASH_ALGO = 'sha512'

/** True for URLs that a location may have. */
export function isLocatable(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}

/** Throws the Fault of a client that may not see locations, and so not change them. */
export function refuseInvisible(op: LocationChange['op']): never {
  throw refused('locations.invisible', `It's not allowed to ${OPERATIONS[op]} locations if locations are invisible.`)
}

/** Reads an operation on locations. `value` is undefined for a removal. Throws Fault('badRequest'), Fault('forbidden') for an empty list. */
export function readLocationChange(op: LocationChange['op'], steps: readonly string[], value: unknown): LocationChange {
  if (steps.length !== DEPTHS[op]) throw invalid('patch.path', `Invalid JSON pointer for this resource: '/${steps.join('/')}'`)
  if (op === 'remove') return { op, at: steps[1], locations: [] }
  if (op === 'add') return { op, at: steps[1], locations: [readLocation(value)] }
  if (!Array.isArray(value) || value.length > 100) throw mismatch('a list of at most 100 locations')
  if (value.length === 0) throw refused('locations.empty', 'Cannot set locations to empty list.')
  return { op, at: undefined, locations: value.map(readLocation) }
}

/** Throws what a client is told that gives an image its locations when it makes it: Fault('badRequest') for what are none, else Fault('forbidden'), whatever may be seen. */
export function refuseAtCreation(value: unknown): never {
  if (!Array.isArray(value)) throw mismatch('a list')
  for (const one of value) readLocation(one)
  throw refused('attribute.reserved', "Attribute 'locations' is reserved.")
}

function readLocation(raw: unknown): NewLocation {
  const { url, metadata, validation_data: validation } = asObject(raw, 'a location')
  if (typeof url !== 'string' || url.length > 255) throw mismatch("'url', a string of at most 255 characters")
  const said = asObject(metadata, "'metadata', an object")
  if (JSON.stringify(said).length > 65_535) throw mismatch("'metadata' of at most 65535 characters")
  return { url, metadata: said, validation: validation === undefined ? undefined : readValidation(validation) }
}

function readValidation(raw: unknown): ValidationData {
  const { checksum, os_hash_algo: hashAlgo, os_hash_value: hashValue, ...others } = asObject(raw, "'validation_data', an object")
  if (Object.keys(others).length > 0) throw mismatch("'validation_data' with checksum, os_hash_algo and os_hash_value only")
  if (checksum !== undefined && !(typeof checksum === 'string' && checksum.length === 32)) throw mismatch("'checksum', a string of 32 characters")
  if (typeof hashAlgo !== 'string' || hashAlgo.length > 64) throw mismatch("'os_hash_algo', a string of at most 64 characters")
  if (typeof hashValue !== 'string' || hashValue.length > 128) throw mismatch("'os_hash_value', a string of at most 128 characters")
  return { hashAlgo, hashValue, ...(checksum !== undefined && { checksum }) }
}

function asObject(raw: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw mismatch(what)
  return raw as Readonly<Record<string, unknown>>
}

function mismatch(needed: string): Fault {
  return invalid('schema', `Provided object does not match schema 'image': a location needs ${needed}.`)
}

/** What of the image's hashes is new in what `locations` say; throws Fault('conflict') when they contradict the image or each other, or are no hashes. */
export function newHashes(image: Image, locations: readonly NewLocation[]): Partial<Pick<Image, 'checksum' | 'hashAlgo' | 'hashValue'>> {
  const names = { checksum: 'checksum', hashAlgo: 'os_hash_algo', hashValue: 'os_hash_value' } as const
  const fresh: { checksum?: string, hashAlgo?: string, hashValue?: string } = {}
  for (const attribute of ['checksum', 'hashAlgo', 'hashValue'] as const) {
    const said = [...new Set(locations.flatMap(({ validation }) => validation?.[attribute] ?? []))]
    if (said.length > 1) throw conflict(`Conflicting values for ${names[attribute]}`)
    const [value] = said
    if (value === undefined || value === image[attribute]) continue
    if (image[attribute] !== null) throw conflict(`${names[attribute]} is already set with a different value`)
    fresh[attribute] = value
  }
  const added = (['checksum', 'hashAlgo', 'hashValue'] as const).filter(attribute => fresh[attribute] !== undefined)
  if (added.length === 0) return {}
  if (image.status !== 'queued') throw conflict(`New value(s) for ${added.map(attribute => names[attribute]).join(', ')} may only be provided when image status is 'queued'`)
  if (fresh.checksum !== undefined && !isHex(fresh.checksum)) throw conflict(`checksum (${fresh.checksum}) is not a valid hexadecimal value`)
  if (fresh.hashAlgo !== HASH_ALGO) throw conflict(`os_hash_algo must be ${HASH_ALGO}, not ${fresh.hashAlgo ?? 'None'}`)
  if (!isHex(fresh.hashValue ?? '')) throw conflict(`os_hash_value (${fresh.hashValue}) is not a valid hexadecimal value`)
  if (fresh.hashValue!.length !== 2 * HASH_BYTES[HASH_ALGO]!) throw conflict(`os_hash_value (${fresh.hashValue}) is not the correct size for ${HASH_ALGO} (should be ${HASH_BYTES[HASH_ALGO]} bytes)`)
  return fresh
}

/** Throws Fault('badRequest') when the hash that a location is added with is none. */
export function checkHash({ hashAlgo, hashValue }: ValidationData): void {
  if (!isHex(hashValue)) throw invalid('locations.hash', `os_hash_value (${hashValue}) is not a valid hexadecimal value`)
  const bytes = HASH_BYTES[hashAlgo]
  if (hashValue.length !== 2 * (bytes ?? 0)) throw invalid('locations.hash', `os_hash_value: (${hashValue}) is not the correct size for (${hashAlgo}) (should be (${bytes}) bytes)`)
}

/** Where in a list of `count` a path means; `after` allows the place behind the last. undefined when it means none. */
export function positionOf(at: string | undefined, count: number, after: boolean): number | undefined {
  if (at === '-') return after || count > 0 ? count - (after ? 0 : 1) : undefined
  if (at === undefined || !/^\d{1,9}$/.test(at)) return undefined
  return after ? Math.min(Number(at), count) : Number(at) < count ? Number(at) : undefined
}

function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text)
}

function conflict(message: string): Fault {
  return new Fault('conflict', 'glance.locations.validation', message)
}

/** One place of an image's bytes: one that there is, or a location that a client adds. */
export interface Place extends Location { blob?: Blob }

/** An image and its places, on the way from what they are to what they are to be. */
export interface Draft { image: Image, places: readonly Place[] }

/**
 * The draft after `change`, with the sizes of what new URLs name, in bytes. At most `most` places; below 0 any number.
 * Throws Fault('conflict' | 'forbidden' | 'badRequest' | 'tooLarge') in upstream's order and words.
 */
export function changeLocations({ image, places }: Draft, { op, at, locations }: LocationChange, { sizes, most }: { sizes: ReadonlyMap<string, number>, most: number }): Draft {
  const allowed = op === 'remove' ? ['active'] : ['active', 'queued']
  if (!allowed.includes(image.status)) throw conflict(`It's not allowed to ${op} locations if image status is ${image.status}.`)
  if (op === 'remove') {
    if (places.length === 1) throw refused('locations.last', 'Cannot remove last location in the image.')
    const position = positionOf(at, places.length, false)
    if (position === undefined) throw invalid('locations.position', 'Invalid position for removing a location.')
    return { image, places: places.toSpliced(position, 1) }
  }
  const hashes = newHashes(image, locations)
  const next = op === 'add' ? added(places, at, locations[0]!) : replaced(places, locations)
  withinLocations(next.length, most)
  if (image.status !== 'queued') return { image, places: next }
  needFormats(image)
  return { image: { ...image, ...hashes, status: 'active', size: image.size ?? sizes.get(locations[0]!.url) ?? null }, places: next }
}

/** Throws Fault('tooLarge') when an image would have more locations than `most`; below 0 it may have any number. */
export function withinLocations(count: number, most: number): void {
  if (most >= 0 && count > most) throw new Fault('tooLarge', 'glance.image.locations', `The limit has been exceeded on the number of allowed image locations. Attempted: ${count}, Maximum: ${most}`)
}

function added(places: readonly Place[], at: string | undefined, { url, metadata }: NewLocation): Place[] {
  const position = positionOf(at, places.length, true)
  if (position === undefined) throw invalid('locations.position', 'Invalid position for adding a location.')
  if (places.some(place => sameLocation(place, { url, metadata }))) throw invalid('locations.twice', `The location ${url} already exists`)
  return places.toSpliced(position, 0, { url, metadata })
}

/** Another list in place of none, or the same URLs with something else said of them. */
function replaced(places: readonly Place[], locations: readonly NewLocation[]): Place[] {
  const urls = (of: readonly Location[]) => of.map(({ url }) => url).toSorted().join('\n')
  if (places.length > 0 && urls(places) !== urls(locations)) throw invalid('locations.replace', `Original locations is not empty: ${JSON.stringify(places.map(({ url, metadata }) => ({ url, metadata })))}`)
  const twice = locations.find((one, i) => locations.findIndex(other => sameLocation(one, other)) !== i)
  if (twice) throw invalid('locations.twice', `The location ${twice.url} already exists`)
  const left = [...places]
  return locations.map(({ url, metadata }) => {
    const at = left.findIndex(place => place.url === url)
    const [place] = at < 0 ? [] : left.splice(at, 1)
    return { url, metadata, ...(place?.blob && { blob: place.blob }) }
  })
}

function sameLocation(one: Location, other: Location): boolean {
  const { store: _one, ...said } = one.metadata
  const { store: _other, ...alsoSaid } = other.metadata
  return one.url === other.url && JSON.stringify(said) === JSON.stringify(alsoSaid)
}

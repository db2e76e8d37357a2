// The places of images' bytes: seen, and changed by a patch of the image's locations, by those who may. What a location may be: model/locations.ts; the API of locations: locations.ts.
import type { Context } from '@alto/kit/context'
import { isFault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import type { ImageStore } from '../driver/store.ts'
import { keyOf, type Blob } from '../model/blobs.ts'
import { invalid } from '../model/faults.ts'
import type { Image } from '../model/images.ts'
import { changeLocations, isLocatable, withinLocations, type Draft, type Location, type Place } from '../model/locations.ts'
import type { Stores } from '../model/stores.ts'
import { applyPatch, type Change } from '../model/patch.ts'
import * as rules from '../policy/locations.ts'
import * as blobs from '../store/blobs.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'
import { mayChange, readable } from './protected.ts'
import { isAdmin, targetOf } from './visible.ts'

/** An image, the stores that its bytes are in, and where they are there, for those who may know. */
export interface Stored { image: Image, stores: readonly string[], locations?: readonly Location[], directUrl?: string }

type Known = Pick<Deps, 'stores' | 'options' | 'guard'>

/** The images with their places, as the caller may see them. */
export async function stored({ stores, options, guard }: Known, tx: Tx, ctx: Context, images: readonly Image[]): Promise<Stored[]> {
  const places = await blobs.placesOf(tx, images.map(image => image.id))
  return images.map(image => {
    const of = places.get(image.id) ?? []
    const visible = (options.showMultipleLocations || options.showImageDirectUrl) && ctx.allowed(rules.GET_IMAGE_LOCATION, targetOf({ image, share: undefined }))
    const locations = visible ? of.flatMap(blob => placeOf(stores, blob)).map(({ url, metadata }) => ({ url, metadata })) : []
    return {
      image: readable(guard, ctx, image), stores: [...new Set(of.map(blob => blob.store))].toSorted(), ...(options.showMultipleLocations && { locations }),
      ...(options.showImageDirectUrl && locations[0] && { directUrl: locations[0].url }),
    }
  })
}

/** The image's places; those in stores that are not configured any more have none. */
export async function placesOf({ stores }: Pick<Known, 'stores'>, tx: Tx, imageId: string): Promise<Place[]> {
  return ((await blobs.placesOf(tx, [imageId])).get(imageId) ?? []).flatMap(blob => placeOf(stores, blob))
}

function placeOf(stores: Stores<ImageStore>, blob: Blob): Place[] {
  const store = stores.find(blob.store)
  return store ? [{ url: store.urlOf(keyOf(blob)), metadata: { ...blob.metadata, store: store.id }, blob }] : []
}

/** The store that URLs of clients are read by; undefined where a cloud has none. */
export function storeOfUrls(stores: Stores<ImageStore>): ImageStore | undefined {
  return stores.all.find(store => store.kind === 'http')
}

/**
 * Sizes in bytes of what the new URLs in `changes` name, asked of whoever has them.
 * Throws Fault('badRequest', 'glance.locations.invalid') for one that names nothing, Fault('tooLarge') before any is asked when they are more than an image may have.
 */
export async function sizesOf({ db, stores, fetcher, options }: Pick<Deps, 'db' | 'stores' | 'fetcher' | 'options'>, imageId: string, changes: readonly Change[]): Promise<Map<string, number>> {
  const known = new Set((await db.read(tx => placesOf({ stores }, tx, imageId))).map(({ url }) => url))
  const fresh = new Set(changes.flatMap(({ locations }) => locations?.locations ?? []).map(({ url }) => url).filter(url => !known.has(url)))
  const sizes = new Map<string, number>()
  withinLocations(fresh.size, options.imageLocationQuota)
  for (const url of fresh) {
    const store = storeOfUrls(stores)
    if (!store || !isLocatable(url) || !await mayFetch(fetcher, url)) throw invalid('locations.invalid', 'Invalid location')
    const size = await store.size(url)
    if (!size) throw invalid('locations.invalid', 'Invalid location')
    sizes.set(url, size)
  }
  return sizes
}

/** True when the fetcher may ask for `url`, as far as can be told now. */
export async function mayFetch(fetcher: Deps['fetcher'], url: string): Promise<boolean> {
  try {
    await fetcher.check(url)
    return true
  } catch (error) {
    if (isFault(error, 'glance.fetch.refused')) return false
    throw error
  }
}

/** Throws Fault('forbidden') unless the caller may make these changes to the image's locations, whatever they name. */
export function mayChangeLocations(ctx: Context, image: Image, changes: readonly Change[]): void {
  for (const rule of new Set(changes.map(ruleOf))) ctx.authorize(rule, targetOf({ image, share: undefined }))
}

function ruleOf({ op }: Change): Rule {
  return op === 'remove' ? rules.DELETE_IMAGE_LOCATION : rules.SET_IMAGE_LOCATION
}

/** The draft after a patch that changes locations too. Throws Fault('forbidden') for what the caller may not do. */
export function patchedWithLocations({ options, guard }: Known, ctx: Context, draft: Draft, { changes, sizes }: { changes: readonly Change[], sizes: ReadonlyMap<string, number> }): Draft {
  return changes.reduce<Draft>((now, change) => {
    if (!change.locations) {
      mayChange(guard, ctx, now.image, change)
      return { ...now, image: applyPatch(now.image, [change], isAdmin(ctx)) }
    }
    ctx.authorize(ruleOf(change), targetOf({ image: now.image, share: undefined }))
    return changeLocations(now, change.locations, { sizes, most: options.imageLocationQuota })
  }, draft)
}

/** Writes an image's places over those that were; gives the blobs whose bytes are to go. The transaction holds the image's row. */
export async function writePlaces({ ids, clock, stores, host }: Pick<Deps, 'ids' | 'clock' | 'stores' | 'host'>, tx: Tx, before: readonly Place[], { image, places }: Draft): Promise<Blob[]> {
  const gone = before.flatMap(({ blob }) => blob ?? []).filter(blob => !places.some(place => place.blob?.id === blob.id))
  for (const blob of gone) await blobs.move(tx, blob.id, blob.state, 'doomed')
  for (const { blob, url, metadata: { store: _store, ...metadata } } of places) {
    if (blob) {
      if (JSON.stringify(blob.metadata) !== JSON.stringify(metadata)) await blobs.setMetadata(tx, blob.id, metadata)
      if (blob.state === 'staged') await blobs.move(tx, blob.id, 'staged', 'kept')
      continue
    }
    await blobs.insert(tx, { id: ids.uuid(), imageId: image.id, store: storeOfUrls(stores)!.id, state: 'kept', size: image.size ?? 0, writer: host, createdAt: clock.now(), location: url, metadata })
  }
  return gone
}

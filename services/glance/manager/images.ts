// Images' records: made, shown, listed, changed, tagged, switched off and on, deleted.
import type { Context } from '@alto/kit/context'
import { isUniqueViolation, type Page } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Blob } from '../model/blobs.ts'
import { busy, invalid, refused } from '../model/faults.ts'
import { checkProperty, checkRequired } from '../model/image-schema.ts'
import { characters, mayBeSet, withinLimits, type Image } from '../model/images.ts'
import type { Listing } from '../model/listing.ts'
import { refuseAtCreation, type Draft } from '../model/locations.ts'
import { checkValue, withValue, type Change } from '../model/patch.ts'
import * as rules from '../policy/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import { list } from '../store/listings.ts'
import type { Tx } from '../store/tables.ts'
import * as usage from '../store/usage.ts'
import { dropCached } from './cache.ts'
import type { Deps } from './deps.ts'
import { tellOfImage } from './events.ts'
import { stopImport } from './imports.ts'
import { heldTo, hold } from './limits.ts'
import { mayChangeLocations, patchedWithLocations, placesOf, sizesOf, stored, writePlaces, type Stored } from './places.ts'
import { mayCreate } from './protected.ts'
import { countFor } from './quota.ts'
import { refuseUsed } from './stores.ts'
import { forget } from './sweep.ts'
import { imageFor, isAdmin, targetOf, visibleImage } from './visible.ts'

export type ImageManager = ReturnType<typeof imageManager>

/** How often a change is tried again when somebody else changed the image meanwhile. */
const TRIES = 5

/** The use cases of images' records. */
export function imageManager(deps: Deps) {
  const { db, clock, ids, options } = deps
  const limits = { properties: options.imagePropertyQuota, tags: options.imageTagQuota }

  async function one(tx: Tx, ctx: Context, image: Image): Promise<Stored> {
    return (await stored(deps, tx, ctx, [image]))[0]!
  }

  /** Reads, changes and writes the image, and its places where `change` changes them, until nobody came between. */
  async function changing(ctx: Context, id: string, change: (draft: Draft) => Draft): Promise<Image> {
    for (let tries = 0; tries < TRIES; tries++) {
      const seen = await db.read(async tx => ({ ...await imageFor(tx, ctx, rules.MODIFY_IMAGE, id), places: await placesOf(deps, tx, id) }))
      const { image: wanted, places } = change(seen)
      if (wanted.visibility !== seen.image.visibility) authorizeVisibility(ctx, wanted)
      withinLimits(wanted, limits)
      const next = { ...wanted, updatedAt: clock.now(), generation: seen.image.generation + 1 }
      const gone = await db.write(async tx => {
        if (!await images.update(tx, seen.image, next)) return undefined
        await moveUsage(tx, seen.image, next)
        return places === seen.places ? [] : writePlaces(deps, tx, seen.places, { image: next, places })
      })
      if (!gone) continue
      for (const blob of gone) await forget(deps, blob)
      tellOfImage(deps, ctx, 'image.update', next)
      return next
    }
    throw busy(id)
  }

  return {
    async create(ctx: Context, input: Readonly<Record<string, unknown>>): Promise<Stored> {
      for (const [name, value] of Object.entries(input)) {
        mayBeSet(name)
        if (name === 'locations') refuseAtCreation(value)
        checkValue(name, value)
        checkProperty(deps.schema, name, value)
      }
      checkRequired(deps.schema, input)
      const { id: askedId, ...rest } = input as { id?: string }
      const id = askedId ?? ids.uuid()
      const now = clock.now()
      const blank: Image = {
        id, owner: ctx.credentials.projectId ?? null, name: null, status: 'queued', visibility: 'shared', diskFormat: null, containerFormat: null, size: null, virtualSize: null, checksum: null,
        hashAlgo: null, hashValue: null, minRam: 0, minDisk: 0, isProtected: false, hidden: false, createdAt: now, updatedAt: now, generation: 0, properties: {}, tags: [],
      }
      const image = Object.entries(rest).reduce((made, [name, value]) => withValue(made, name, value), blank)
      ctx.authorize(rules.ADD_IMAGE, { ...targetOf({ image, share: undefined }), project_id: ctx.credentials.projectId ?? null })
      authorizeVisibility(ctx, image)
      mayCreate(deps.guard, ctx, image)
      withinLimits(image, limits)
      const key = ctx.idempotencyKey
      const held = await heldTo(deps, ctx)
      try {
        await db.write(async tx => {
          if (key === undefined || !await images.findByKey(tx, key)) await hold(tx, held, { image_count_total: 1 })
          await images.insert(tx, image, key)
        })
      } catch (error) {
        const before = key !== undefined && isUniqueViolation(error) ? await db.read(tx => images.findByKey(tx, key)) : undefined
        if (before) return db.read(tx => one(tx, ctx, before))
        if (isUniqueViolation(error)) throw new Fault('conflict', 'glance.image.exists', `Image ID ${id} already exists!`, { cause: error })
        throw error
      }
      tellOfImage(deps, ctx, 'image.create', image)
      return db.read(tx => one(tx, ctx, image))
    },

    async show(ctx: Context, id: string): Promise<Stored> {
      return db.read(async tx => one(tx, ctx, (await imageFor(tx, ctx, rules.GET_IMAGE, id)).image))
    },

    async list(ctx: Context, listing: Listing): Promise<Page<Stored>> {
      const viewer = { admin: isAdmin(ctx), projectId: ctx.credentials.projectId }
      ctx.authorize(rules.GET_IMAGES, { project_id: viewer.projectId ?? null })
      return db.read(async tx => {
        const marker = listing.marker === undefined ? undefined : await markerImage(tx, ctx, listing.marker)
        const { rows, more } = await list(tx, viewer, listing, marker)
        return { rows: await stored(deps, tx, ctx, rows), more }
      })
    },

    async update(ctx: Context, id: string, changes: readonly Change[]): Promise<Stored> {
      for (const { op, name, value } of changes) if (op !== 'remove') checkProperty(deps.schema, name, value)
      const places = changes.filter(change => change.locations)
      if (places.length > 0) await db.read(async tx => mayChangeLocations(ctx, (await imageFor(tx, ctx, rules.MODIFY_IMAGE, id)).image, places))      // before any URL is asked
      const sizes = places.length > 0 ? await sizesOf(deps, id, places) : new Map<string, number>()
      const image = await changing(ctx, id, draft => patchedWithLocations(deps, ctx, draft, { changes, sizes }))
      return db.read(tx => one(tx, ctx, image))
    },

    async addTag(ctx: Context, id: string, tag: string): Promise<void> {
      if (characters(tag) > 255) throw invalid('tag', 'Invalid tag. A tag has at most 255 characters.')
      await changing(ctx, id, draft => draft.image.tags.includes(tag) ? draft : { ...draft, image: { ...draft.image, tags: [...draft.image.tags, tag].toSorted() } })
    },

    async removeTag(ctx: Context, id: string, tag: string): Promise<void> {
      await changing(ctx, id, ({ image, places }) => {
        if (!image.tags.includes(tag)) throw new Fault('notFound', 'glance.tag.notFound', `The tag ${tag} could not be found on image ${id}.`)
        return { image: { ...image, tags: image.tags.filter(one => one !== tag) }, places }
      })
    },

    async deactivate(ctx: Context, id: string): Promise<void> {
      const updatedAt = clock.now()
      const image = await db.write(async tx => {
        const { image } = await imageFor(tx, ctx, rules.DEACTIVATE, id)
        if (image.status === 'deactivated') return undefined
        if (!await images.move(tx, id, ['active'], 'deactivated', { updated_at: updatedAt })) throw refused('image.deactivate', `Not allowed to deactivate image in status '${image.status}'`)
        return image
      })
      if (image) tellOfImage(deps, ctx, 'image.update', { ...image, status: 'deactivated', updatedAt })
    },

    async reactivate(ctx: Context, id: string): Promise<void> {
      const updatedAt = clock.now()
      const image = await db.write(async tx => {
        const { image } = await imageFor(tx, ctx, rules.REACTIVATE, id)
        if (image.status === 'active') return undefined
        if (!await images.move(tx, id, ['deactivated'], 'active', { updated_at: updatedAt })) throw refused('image.reactivate', `Not allowed to reactivate image in status '${image.status}'`)
        return image
      })
      if (image) tellOfImage(deps, ctx, 'image.update', { ...image, status: 'active', updatedAt })
    },

    /** The row is deleted first, then the bytes: a crash between the two leaves a doomed blob for the sweep. */
    async remove(ctx: Context, id: string): Promise<void> {
      await db.read(tx => imageFor(tx, ctx, rules.DELETE_IMAGE, id))
      await refuseUsed(deps, id, { says: using => `Image ${id} could not be deleted because it is in use: ${using}` })
      const attempt = () => db.write(async tx => {
        const { image } = await imageFor(tx, ctx, rules.DELETE_IMAGE, id)
        if (image.isProtected) throw refused('image.protected', `Image ${id} is protected and cannot be deleted.`)
        const now = clock.now()
        if (!await images.move(tx, id, [image.status], 'deleted', { deleted_at: now, updated_at: now, idempotency_key: null })) return undefined
        if (image.owner !== null && countsAsUsage(image)) await usage.giveBack(tx, image.owner, image.size ?? 0)
        await stopImport(deps, tx, image)
        return { image: { ...image, status: 'deleted' as const, updatedAt: now }, doomed: await blobs.doomOf(tx, id) }
      })
      let deleted: { image: Image, doomed: Blob[] } | undefined
      for (let tries = 0; tries < TRIES && !deleted; tries++) deleted = await attempt()          // an upload or an import may have moved it on meanwhile
      if (!deleted) throw busy(id)
      tellOfImage(deps, ctx, 'image.delete', deleted.image, { deletedAt: deleted.image.updatedAt })
      await dropCached(deps, id)
      for (const blob of deleted.doomed) await forget(deps, blob)
    },
  }

  /** Bytes count for the owner: with another owner they count for that one, whatever its quota, as an admin says so. Throws Fault('overQuota', 'glance.quota.storage') where they begin to count. */
  async function moveUsage(tx: Tx, before: Image, after: Image): Promise<void> {
    if (!countsAsUsage(before) && countsAsUsage(after)) await countFor(deps, tx, after.owner, after.size ?? 0)
    if (before.owner === after.owner || !countsAsUsage(before)) return
    if (before.owner !== null) await usage.giveBack(tx, before.owner, before.size ?? 0)
    if (after.owner !== null) await usage.take(tx, after.owner, before.size ?? 0, Number.MAX_SAFE_INTEGER)
  }
}

function countsAsUsage(image: Image): boolean {
  return image.status === 'active' || image.status === 'deactivated'
}

function authorizeVisibility(ctx: Context, image: Image): void {
  if (image.visibility === 'public') ctx.authorize(rules.PUBLICIZE_IMAGE, targetOf({ image, share: undefined }))
  if (image.visibility === 'community') ctx.authorize(rules.COMMUNITIZE_IMAGE, targetOf({ image, share: undefined }))
}

async function markerImage(tx: Tx, ctx: Context, id: string): Promise<Image> {
  try {
    return (await visibleImage(tx, ctx, id)).image
  } catch (cause) {
    throw new Fault('badRequest', 'glance.marker', `No image found with ID ${id}`, { cause })
  }
}

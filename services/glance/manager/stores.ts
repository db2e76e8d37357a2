// Stores, as clients and administrators see them, and taking an image's bytes out of one.
import type { Context } from '@alto/kit/context'
import { Fault, isFault } from '@alto/kit/errors'
import type { StoreFacts } from '../driver/store.ts'
import { keyOf } from '../model/blobs.ts'
import { busy, refused } from '../model/faults.ts'
import { DEFAULT } from '../policy/base.ts'
import * as rules from '../policy/locations.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'
import { forget } from './sweep.ts'
import { targetOf, visibleImage, type Seen } from './visible.ts'

export type StoreManager = ReturnType<typeof storeManager>

/** The use cases of stores. */
export function storeManager(deps: Deps) {
  const { db, clock, stores } = deps
  return {
    /** All stores, the default one first. */
    async list(ctx: Context): Promise<readonly StoreFacts[]> {
      ctx.authorize(DEFAULT, {})
      return stores.all
    },

    /** The same, for those who may know how the stores work. */
    async detail(ctx: Context): Promise<readonly StoreFacts[]> {
      ctx.authorize(rules.STORES_INFO_DETAIL, {})
      return stores.all
    },

    /** Removes an image's bytes from one of its stores. The rows say so first, then the bytes go: a crash between the two leaves a doomed blob for the sweep. */
    async removeFrom(ctx: Context, storeId: string, imageId: string): Promise<void> {
      const store = stores.find(storeId)
      await db.read(async tx => ctx.authorize(rules.DELETE_IMAGE_LOCATION, targetOf(await visible(tx, ctx, imageId))))
      await refuseUsed(deps, imageId, { storeId, says: using => `The data for Image ${imageId} could not be deleted because it is in use: ${using}` })
      const doomed = await db.write(async tx => {
        const seen = await visible(tx, ctx, imageId)
        ctx.authorize(rules.GET_IMAGE_LOCATION, targetOf(seen))
        ctx.authorize(rules.DELETE_IMAGE_LOCATION, targetOf(seen))
        if (!store) throw new Fault('conflict', 'glance.store.unavailable', `The selected store ${storeId} is not available on this node.`)
        if (seen.image.status !== 'active') throw new Fault('conflict', 'glance.store.state', "It's not allowed to remove image data from store if image status is not 'active'")
        if (!await images.move(tx, imageId, ['active'], 'active', { updated_at: clock.now() })) throw busy(imageId)      // whoever takes out of another store comes after
        const kept = await blobs.listOf(tx, imageId, ['kept'])
        if (kept.length === 1) throw refused('store.last', 'Cannot delete image data from the only store containing it. Consider deleting the image instead.')
        const blob = kept.find(one => one.store === storeId)
        if (!blob) throw new Fault('notFound', 'glance.store.notThere', `Image ${imageId} is not stored in store ${storeId}.`)
        await blobs.move(tx, blob.id, 'kept', 'doomed')
        return blob
      })
      await forget(deps, doomed)
    },
  }
}

async function visible(tx: Tx, ctx: Context, imageId: string): Promise<Seen> {
  try {
    return await visibleImage(tx, ctx, imageId)
  } catch (cause) {
    throw isFault(cause, 'glance.image.notFound') ? new Fault('notFound', 'glance.image.notFound', `Failed to find image ${imageId}`, { cause }) : cause
  }
}

/**
 * Throws Fault('conflict', 'glance.store.inUse') when something outside of Glance uses the image's bytes in the store `storeId`, in any store when none is named.
 * What begins to use them after that keeps them from being removed still, until it has ended.
 */
export async function refuseUsed({ db, stores }: Pick<Deps, 'db' | 'stores'>, imageId: string, { storeId, says }: { storeId?: string, says(using: string): string }): Promise<void> {
  const asked = stores.all.filter(store => store.usedBy !== undefined && (storeId === undefined || store.id === storeId))
  if (asked.length === 0) return
  for (const blob of await db.read(tx => blobs.listOf(tx, imageId, ['kept']))) {
    const using = await asked.find(store => store.id === blob.store)?.usedBy?.(keyOf(blob))
    if (using !== undefined) throw new Fault('conflict', 'glance.store.inUse', says(`The image cannot be deleted because it is in use through the backend store outside of Glance: ${using}`))
  }
}

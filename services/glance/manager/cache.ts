// The cache of images: what is in it and what is wanted, and the worker that fetches that. Whoever reads an image is asked for the right to it first, cached or not (OSSA 2013-027).
import type { Readable } from 'node:stream'
import type { Context } from '@alto/kit/context'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import type { CachedImage, ImageCache } from '../driver/image-cache.ts'
import { imageNotFound, invalid } from '../model/faults.ts'
import type { Image } from '../model/images.ts'
import type { ByteRange } from '../model/ranges.ts'
import * as rules from '../policy/cache.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import type { Deps } from './deps.ts'
import { readAny, whole } from './reading.ts'
import { targetOf, visibleImage } from './visible.ts'

export type CacheManager = ReturnType<typeof cacheManager>

/** Fetches what is wanted, one image after the other. */
export interface CacheWorker {
  /** Wants an image; it is fetched later. */
  want(imageId: string): Promise<void>
  /** Fetches what was wanted before this process started. */
  resume(): void
  isFetching(imageId: string): boolean
  /** Resolves when nothing is being fetched. What is still wanted is fetched after the next start. */
  stop(): Promise<void>
  /** Resolves when nothing is wanted. */
  idle(): Promise<void>
}

/** The worker of a cache. */
export function cacheWorker(deps: Deps, cache: ImageCache): CacheWorker {
  let isStopped = false
  let fetching: string | undefined
  let isWorking = false
  let working = Promise.resolve()

  async function work(): Promise<void> {
    for (let next = cache.queued[0]; next !== undefined && !isStopped; next = cache.queued[0]) {
      fetching = next
      try {
        await fetch(next)
      } catch (error) {
        deps.log.warn({ imageId: next, reason: messageOf(error) }, 'an image could not be fetched into the cache')
        await cache.dequeue(next).catch(inTrouble(deps, next))
      }
    }
    fetching = undefined
    isWorking = false
  }

  async function fetch(id: string): Promise<void> {
    const { image, kept } = await deps.db.read(async tx => ({ image: await images.find(tx, id), kept: await blobs.listOf(tx, id, ['kept']) }))
    if (image?.status !== 'active' || kept.length === 0) await cache.dequeue(id)
    else await cache.fill(id, await readAny(deps, image, kept, { range: undefined, prefer: [] }))
    if (!await deps.db.read(tx => images.find(tx, id))) await cache.remove(id)                 // deleted while it was fetched
  }

  const resume = () => {
    if (isStopped || isWorking) return
    isWorking = true
    working = work()
  }
  return {
    resume,
    isFetching: id => fetching === id,
    async want(id) {
      await cache.enqueue(id)
      resume()
    },
    async stop() {
      isStopped = true
      await working
    },
    idle: () => working,
  }
}

/** The bytes of an image from the cache; undefined when they are not in it: then they are wanted, if all stores that have them are far away. */
export async function readCached(deps: Deps, image: Image, stores: readonly string[], range: ByteRange | undefined): Promise<Readable | undefined> {
  const { cache } = deps
  if (!cache) return undefined
  const bytes = await cache.images.read(image.id, range)
  if (bytes && range) return bytes
  if (bytes) return whole(deps, image, { id: image.id, store: 'the cache' }, bytes).once('error', () => { cache.images.remove(image.id).catch(inTrouble(deps, image.id)) })       // the next reader gets the right ones
  if (stores.every(id => deps.stores.find(id)?.kind !== 'file')) await cache.worker.want(image.id).catch(inTrouble(deps, image.id))
  return undefined
}

/** Takes an image that was deleted out of the cache, and off what it fetches. */
export async function dropCached(deps: Pick<Deps, 'cache' | 'log'>, imageId: string): Promise<void> {
  try {
    await deps.cache?.images.dequeue(imageId)
    await deps.cache?.images.remove(imageId)
  } catch (error) {
    inTrouble(deps, imageId)(error)
  }
}

/** Says that the directory of the cache does not do as it is told: nobody waits for it. */
function inTrouble({ log }: Pick<Deps, 'log'>, imageId: string): (error: unknown) => void {
  return error => log.warn({ imageId, reason: messageOf(error) }, 'the cache of images is in trouble')
}

/** The use cases of the cache. */
export function cacheManager(deps: Deps) {
  const { db, cache } = deps

  /** The cache, when the caller may do with it what `rule` guards. */
  function guarded(ctx: Context, rule: Rule, target: Readonly<Record<string, unknown>> = {}): NonNullable<Deps['cache']> {
    ctx.authorize(rule, target)
    if (!cache) throw new Fault('notFound', 'glance.cache.off', 'Caching via API is not supported at this site.')
    return cache
  }

  return {
    state(ctx: Context): { cached: readonly CachedImage[], queued: readonly string[] } {
      const { images: all } = guarded(ctx, rules.CACHE_LIST)
      return { cached: all.images, queued: all.queued }
    },

    /** Wants an image. Throws Fault('badRequest', 'glance.cache.state') for one that is not active. */
    async queue(ctx: Context, id: string): Promise<void> {
      const seen = await db.read(tx => visibleImage(tx, ctx, id))
      const { worker } = guarded(ctx, rules.CACHE_IMAGE, targetOf(seen))
      if (seen.image.status !== 'active') throw invalid('cache.state', 'Only images with status active can be targeted for queueing')
      await worker.want(id)
    },

    async remove(ctx: Context, id: string): Promise<void> {
      const { images: all } = guarded(ctx, rules.CACHE_DELETE, { image_id: id })
      const known = all.queued.includes(id) || all.images.some(image => image.imageId === id) || await db.read(tx => images.find(tx, id)) !== undefined
      if (!known) throw imageNotFound(id)
      await all.dequeue(id)
      await all.remove(id)
    },

    /** Empties the cache, its queue, or both. */
    async clear(ctx: Context, target: string): Promise<void> {
      const { images: all } = guarded(ctx, rules.CACHE_DELETE)
      if (!['', 'cache', 'queue'].includes(target)) throw invalid('cache.target', "If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.")
      if (target !== 'queue') for (const { imageId } of all.images) await all.remove(imageId)
      if (target !== 'cache') for (const id of all.queued) await all.dequeue(id)
    },

    async clean(ctx: Context): Promise<void> {
      const { images: all, worker } = guarded(ctx, rules.CACHE_CLEAN)
      await all.clean(id => worker.isFetching(id))
      for (const { imageId } of all.images) if (!await db.read(tx => images.find(tx, imageId))) await all.remove(imageId)       // deleted by another process
    },

    prune: async (ctx: Context): Promise<{ files: number, bytes: number }> => guarded(ctx, rules.CACHE_PRUNE).images.prune(),
  }
}

// /v2/cache: what is cached and wanted, and changing that.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { CacheManager } from '../manager/cache.ts'
import * as rules from '../policy/cache.ts'

const byId = t.object({ image_id: t.id() })

/** The routes of the cache. */
export function cacheRoutes(cache: CacheManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2/cache', rule: rules.CACHE_LIST, status: 200, summary: 'Query cache status',
      async handle({ ctx }) {
        const { cached, queued } = cache.state(ctx)
        return { cached_images: cached.map(({ imageId, hits, size, readAt, writtenAt }) => ({ image_id: imageId, hits, size, last_accessed: readAt / 1000, last_modified: writtenAt / 1000 })), queued_images: queued }
      },
    }),
    route({
      method: 'PUT', path: '/v2/cache/{image_id}', rule: rules.CACHE_IMAGE, status: 202, summary: 'Queue image', params: byId,
      handle: async ({ ctx, params }) => cache.queue(ctx, params.image_id),
    }),
    route({
      method: 'DELETE', path: '/v2/cache/{image_id}', rule: rules.CACHE_DELETE, status: 204, summary: 'Delete image from cache', params: byId,
      handle: async ({ ctx, params }) => cache.remove(ctx, params.image_id),
    }),
    route({
      method: 'DELETE', path: '/v2/cache', rule: rules.CACHE_DELETE, status: 204, summary: 'Clear images from cache',
      handle: async ({ ctx, headers }) => cache.clear(ctx, headers['x-image-cache-clear-target']?.toLowerCase() ?? ''),
    }),
    route({
      method: 'POST', path: '/v2/cache/clean', rule: rules.CACHE_CLEAN, status: 200, summary: 'Clean invalid cached images',
      handle: async ({ ctx }) => cache.clean(ctx),
    }),
    route({
      method: 'POST', path: '/v2/cache/prune', rule: rules.CACHE_PRUNE, status: 200, summary: 'Prune image cache directory',
      async handle({ ctx }) {
        const { files, bytes } = await cache.prune(ctx)
        return { total_files_pruned: files, total_bytes_pruned: bytes }
      },
    }),
  ]
}

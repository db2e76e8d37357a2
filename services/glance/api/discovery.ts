// What Glance can do: versions.
import type { Context } from '@alto/kit/context'
import { route, type AnyRoute } from '@alto/kit/http'

/** Minor versions that are served whole; the first is the current one. */
const MINORS = [18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const
/** Those that there are where images are cached. */
const OF_THE_CACHE: readonly number[] = [14, 16, 18]

/** The routes by which clients find out; `caches`: whether images are cached. */
export function discoveryRoutes({ caches }: { caches: boolean }): readonly AnyRoute[] {
  const minors = MINORS.filter(minor => caches || !OF_THE_CACHE.includes(minor))
  const handle = async ({ ctx }: { ctx: Context }) => ({ versions: minors.map((minor, i) => ({ id: `v2.${minor}`, status: i === 0 ? 'CURRENT' : 'SUPPORTED', links: [{ rel: 'self', href: `${ctx.baseUrl}/v2/` }] })) })
  return [
    route({ method: 'GET', path: '/', rule: { public: 'clients look here first' }, status: 300, summary: 'List API versions', handle }),
    route({ method: 'GET', path: '/versions', rule: { public: 'clients look here first' }, status: 200, summary: 'List API versions', handle }),
  ]
}

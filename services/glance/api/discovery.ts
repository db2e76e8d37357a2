// What Glance can do: versions.
import type { Context } from '@alto/kit/context'
import { route, type AnyRoute } from '@alto/kit/http'

/** Minor versions that are served whole; the first is the current one. */
const MINORS = [17, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const

/** The routes by which clients find out. */
export const discoveryRoutes: readonly AnyRoute[] = [
  route({ method: 'GET', path: '/', rule: { public: 'clients look here first' }, status: 300, summary: 'List API versions', handle: async ({ ctx }) => versions(ctx) }),
  route({ method: 'GET', path: '/versions', rule: { public: 'clients look here first' }, status: 200, summary: 'List API versions', handle: async ({ ctx }) => versions(ctx) }),
]

function versions(ctx: Context) {
  return { versions: MINORS.map((minor, i) => ({ id: `v2.${minor}`, status: i === 0 ? 'CURRENT' : 'SUPPORTED', links: [{ rel: 'self', href: `${ctx.baseUrl}/v2/` }] })) }
}

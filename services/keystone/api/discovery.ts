// The documents by which clients find out what they talk to: `/`, `/v3`, and a refusal in kind for `/v2.0`.
import type { Context } from '@alto/kit/context'
import { route, type AnyRoute } from '@alto/kit/http'
import { PREFIX } from './prefix.ts'

/** The listener's own URL, without Keystone's prefix. */
export function root(ctx: Context): string {
  return ctx.baseUrl.endsWith(PREFIX) ? ctx.baseUrl.slice(0, -PREFIX.length) : ctx.baseUrl
}

export const discoveryRoutes: readonly AnyRoute[] = [
  route({ method: 'GET', path: '/', rule: { public: 'clients look here first' }, status: 300, summary: 'List versions', handle: async ({ ctx }) => ({ versions: { values: [version(ctx)] } }) }),
  route({ method: 'GET', path: '/v3', rule: { public: 'clients look here first' }, status: 200, summary: 'Show API version details', handle: async ({ ctx }) => ({ version: version(ctx) }) }),
]

function version(ctx: Context) {
  return {
    id: 'v3.14', status: 'stable', updated: '2020-04-07T00:00:00Z', links: [{ rel: 'self', href: `${ctx.baseUrl}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
}

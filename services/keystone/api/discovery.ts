// The documents by which clients find out what they talk to: `/` and `/v3`, as lists of versions or as JSON home.
import type { Context } from '@alto/kit/context'
import { answer, route, type AnyRoute } from '@alto/kit/http'
import { jsonHome, prefersHome } from './json-home.ts'
import { PREFIX } from './prefix.ts'

/** The listener's own URL, without Keystone's prefix. */
export function root(ctx: Context): string {
  return ctx.baseUrl.endsWith(PREFIX) ? ctx.baseUrl.slice(0, -PREFIX.length) : ctx.baseUrl
}

const PUBLIC = { public: 'clients look here first' }

/** The routes of discovery; `others` are what the JSON home documents tell of. */
export function discoveryRoutes(others: readonly AnyRoute[]): AnyRoute[] {
  const home = (prefix: string) => answer(Buffer.from(JSON.stringify(jsonHome(others, prefix))), { status: 200, headers: { 'content-type': 'application/json-home', vary: 'Accept' } })
  return [
    route({
      method: 'GET', path: '/', rule: PUBLIC, status: 300, summary: 'List versions',
      handle: async ({ ctx, headers }) => prefersHome(headers['accept']) ? home('/v3') : answer({ versions: { values: [version(ctx)] } }, { headers: { location: `${ctx.baseUrl}/v3/`, vary: 'Accept' } }),
    }),
    route({
      method: 'GET', path: '/v3', rule: PUBLIC, status: 200, summary: 'Show API version details',
      handle: async ({ ctx, headers }) => prefersHome(headers['accept']) ? home('') : answer({ version: version(ctx) }, { headers: { vary: 'Accept' } }),
    }),
  ]
}

function version(ctx: Context) {
  return {
    id: 'v3.14', status: 'stable', updated: '2020-04-07T00:00:00Z', links: [{ rel: 'self', href: `${ctx.baseUrl}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
}

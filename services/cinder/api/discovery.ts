// The documents by which clients find out what they talk to.
import type { Context } from '@alto/kit/context'
import { answer, formatVersion, route, type AnyRoute, type MicroversionPolicy } from '@alto/kit/http'

export const microversions: MicroversionPolicy = { min: [3, 0], max: [3, 71], serviceType: 'volume' }

const isPublic = { public: 'clients look here first' }

export const discoveryRoutes: readonly AnyRoute[] = [
  route({ method: 'GET', path: '/', rule: isPublic, status: 300, summary: 'List All API Versions', handle: async ({ ctx }) => answer({ versions: [version(ctx)] }) }),
  route({ method: 'GET', path: '/v3', rule: isPublic, status: 200, summary: 'Show API v3 details', handle: async ({ ctx }) => ({ versions: [version(ctx)] }) }),
]

function version(ctx: Context) {
  return {
    id: 'v3.0', status: 'CURRENT', version: formatVersion(microversions.max), min_version: formatVersion(microversions.min), updated: '2026-03-01T00:00:00Z',
    links: [{ rel: 'self', href: `${ctx.baseUrl}/v3/` }], 'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
  }
}

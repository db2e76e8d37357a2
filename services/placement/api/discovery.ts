// The version document at the root, for anybody.
import { formatVersion, route, type AnyRoute, type MicroversionPolicy } from '@alto/kit/http'

export const microversions: MicroversionPolicy = { min: [1, 0], max: [1, 39], serviceType: 'placement' }

export const discoveryRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET', path: '/', rule: { public: 'clients look here first' }, status: 200, summary: 'List Versions',
    handle: async ({ ctx }) => ({
      versions: [{ id: 'v1.0', status: 'CURRENT', min_version: formatVersion(microversions.min), max_version: formatVersion(microversions.max), links: [{ rel: 'self', href: `${ctx.baseUrl.replace(/\/$/, '')}/` }] }],
    }),
  }),
]

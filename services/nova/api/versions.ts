// Version documents, and the microversions that every route here gives upstream's body at.
import { route, type AnyRoute, type MicroversionPolicy } from '@alto/kit/http'

/** 2.97 brings shares, which Nova does not have yet. */
export const MICROVERSIONS: MicroversionPolicy = { min: [2, 1], max: [2, 96], serviceType: 'compute', legacyHeaders: ['X-OpenStack-Nova-API-Version'] }

const PUBLIC = { public: 'clients find out what there is before they have a token' }

/** `/`, `/v2.1` and `/v2.1/`. */
export const versionRoutes: AnyRoute[] = [
  route({
    method: 'GET', path: '/', rule: PUBLIC, status: 200, summary: 'List All Major Versions',
    handle: async ({ ctx }) => ({ versions: [document(ctx.baseUrl)] }),
  }),
  route({
    method: 'GET', path: '/v2.1', rule: PUBLIC, status: 200, summary: 'Show Details of Specific API Version',
    handle: async ({ ctx }) => ({ version: { ...document(ctx.baseUrl), links: [...document(ctx.baseUrl).links, { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' }], 'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }] } }),
  }),
]

function document(baseUrl: string) {
  return { id: 'v2.1', status: 'CURRENT', version: `${MICROVERSIONS.max[0]}.${MICROVERSIONS.max[1]}`, min_version: '2.1', updated: '2013-07-23T11:33:21Z', links: [{ rel: 'self', href: `${baseUrl}/v2.1/` }] }
}

// What guests ask, as the network's metadata proxy passes it on. Not in the catalog; signed by the proxy.
import { answer, route, t, type AnyRoute, type Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'
import type { MetadataManager } from '../manager/metadata.ts'
import { dialect } from './dialect.ts'

const SIGNED = { public: 'the proxy signs who asks with a secret that it shares with Nova' }

/** The metadata service: one document for each path. */
export function metadataRoutes(metadata: MetadataManager): AnyRoute[] {
  const at = (path: string, params: ReturnType<typeof t.open>) => route({
    method: 'GET', path, rule: SIGNED, status: 200, summary: 'Read metadata', params,
    async handle({ headers, url }) {
      const asker = { instanceId: headers['x-instance-id'], tenantId: headers['x-tenant-id'], signature: headers['x-instance-id-signature'] }
      const { type, content } = await metadata.read(asker, url.pathname.split('/').filter(part => part !== '').map(decodeURIComponent))
      return answer(content, { headers: { 'content-type': type } })
    },
  })
  return [at('/', t.open({})), at('/*', t.open({}))]
}

/** Guests get plain text. */
export const metadataDialect: Dialect = {
  ...dialect,
  render(fault, { unexpected }) {
    const status = statusOf(fault.kind, unexpected)
    return { status, headers: { 'content-type': 'text/plain' }, body: `${status} ${unexpected ? 'Internal Server Error' : fault.message}\n` }
  },
}

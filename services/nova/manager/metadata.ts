// What guests ask of themselves. The network's proxy tells who asks, and signs it with a secret that it shares with Nova.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { Fault } from '@alto/kit/errors'
import { ec2Tree, EC2_VERSIONS, metaData, networkData, OPENSTACK_VERSIONS, readTree } from '../model/metadata.ts'
import type { Interface } from '../model/interfaces.ts'
import type { Server } from '../model/servers.ts'
import * as interfaces from '../store/interfaces.ts'
import * as servers from '../store/servers.ts'
import type { Deps } from './deps.ts'

/** Who asks, as the proxy's headers say. */
export interface MetadataAsker { readonly instanceId: string | undefined, readonly tenantId: string | undefined, readonly signature: string | undefined }

/** A document: JSON, text or bytes. */
export interface MetadataDocument { readonly type: 'application/json' | 'text/plain' | 'application/octet-stream', readonly content: string | Uint8Array }

/** The use case of metadata. `secret`: shared with the network's metadata proxy. */
export function metadataManager({ db, options }: Pick<Deps, 'db' | 'options'>, secret: string) {
  const domain = options.dhcpDomain

  /** The server that asks. */
  function idOf({ instanceId, tenantId, signature }: MetadataAsker): string {
    if (instanceId === undefined || tenantId === undefined) throw new Fault('badRequest', 'nova.metadata.headers', 'X-Instance-ID and X-Tenant-ID headers are missing from request.')
    const expected = createHmac('sha256', secret).update(instanceId).digest()
    const given = Buffer.from(signature ?? '', 'hex')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Fault('forbidden', 'nova.metadata.signature', 'Invalid proxy request signature.')
    return instanceId
  }

  return {
    /** The document at `path`. Throws Fault badRequest, forbidden for a wrong signature, notFound. */
    async read(asker: MetadataAsker, path: readonly string[]): Promise<MetadataDocument> {
      const id = idOf(asker)
      const found = await db.read(async tx => {
        const server = await servers.find(tx, id)
        return server && { server, ports: await interfaces.ofServers(tx, [id]) }
      })
      // Upstream answers 404 for a tenant that is not the server's, as for a server that is not there.
      const document = found && found.server.projectId === asker.tenantId ? documentAt(found.server, found.ports, path, domain) : undefined
      if (!document) throw new Fault('notFound', 'nova.metadata.notFound', 'The resource could not be found.')
      return document
    },
  }
}

export type MetadataManager = ReturnType<typeof metadataManager>

function documentAt(server: Server, ports: readonly Interface[], path: readonly string[], domain: string): MetadataDocument | undefined {
  const text = (content: string | undefined): MetadataDocument | undefined => content === undefined ? undefined : { type: 'text/plain', content }
  const json = (value: unknown): MetadataDocument => ({ type: 'application/json', content: JSON.stringify(value) })
  const userData = (): MetadataDocument | undefined => server.userData === null ? undefined : { type: 'application/octet-stream', content: Buffer.from(server.userData, 'base64') }
  const [root, second, ...rest] = path
  if (root === undefined) return text([...EC2_VERSIONS, 'latest'].join('\n'))
  if (root === 'openstack') {
    if (second === undefined) return text([...OPENSTACK_VERSIONS, 'latest'].join('\n'))
    const version = second === 'latest' ? OPENSTACK_VERSIONS.at(-1)! : OPENSTACK_VERSIONS.find(one => one === second)
    if (version === undefined || rest.length > 1) return undefined
    switch (rest[0]) {
      case undefined: return text(['meta_data.json', ...(server.userData === null ? [] : ['user_data']), ...(version >= '2013-04-04' ? ['password'] : []), ...(version >= '2013-10-17' ? ['vendor_data.json'] : []), ...(version >= '2015-10-15' ? ['network_data.json'] : []), ...(version >= '2016-10-06' ? ['vendor_data2.json'] : [])].join('\n'))
      case 'meta_data.json': return json(metaData(server, domain, version))
      case 'network_data.json': return version >= '2015-10-15' ? json(networkData(ports)) : undefined
      case 'vendor_data.json': case 'vendor_data2.json': return json({})
      case 'password': return text('')
      case 'user_data': return userData()
      default: return undefined
    }
  }
  if (root !== 'latest' && !(EC2_VERSIONS as readonly string[]).includes(root)) return undefined
  if (second === undefined) return text(['meta-data/', ...(server.userData === null ? [] : ['user-data'])].join('\n'))
  if (second === 'user-data') return userData()
  return second === 'meta-data' ? text(readTree(ec2Tree(server, ports, domain), rest)) : undefined
}

// Guests' metadata requests: who asks is told from where the connection came in and from which address, never from what the request says of itself
// (OSSA-2013-033); then the request goes on to Nova's metadata service with the headers that Neutron's proxy would set, signed.
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { WantedNetworkPort } from '@alto/contracts/network-agent'
import { messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import type { MetadataListener, MetadataOrigin } from '../driver/network.ts'
import type { Rows } from './rows.ts'

const LARGEST_BODY = 64 * 1024
const DEADLINE = 20_000

/** What the proxy is made from. */
export interface MetadataProxyOptions {
  /** The agent's rows: which port has the address. */
  readonly rows: Rows
  /** Reaches Nova's metadata service; `url` is its root, without a slash at its end. */
  readonly fetch: (request: Request) => Promise<Response>
  readonly url: string
  /** Shared with Nova (`metadata_proxy_shared_secret`). */
  readonly secret: string
  readonly log: Log
}

/** Answers guests; `listener` is what a driver is given. */
export function metadataProxy(options: MetadataProxyOptions): { listener: MetadataListener, close(): void } {
  const origins = new WeakMap<Socket, MetadataOrigin>()
  const server = createServer({ requestTimeout: DEADLINE, headersTimeout: 5000 }, (request, response) => {
    answer(options, origins.get(request.socket)!, request, response).catch((error: unknown) => {
      options.log.warn({ error: messageOf(error) }, 'a metadata request could not be answered')
      end(response, 503, 'Nova\'s metadata service does not answer.')
    })
  })
  return {
    listener(origin, socket) {
      origins.set(socket, origin)
      server.emit('connection', socket)
    },
    close: () => server.closeAllConnections(),
  }
}

/** The port that has `address` on the network, or on one of the router's inner networks; undefined when none or more than one has. */
export function portOf(rows: Rows, origin: MetadataOrigin): WantedNetworkPort | undefined {
  const router = origin.routerId === undefined ? undefined : rows.routers.get(origin.routerId)
  const networks = new Set(origin.networkId !== undefined ? [origin.networkId] : router?.interfacePortIds.map(id => rows.ports.get(id)?.networkId))
  const found = [...rows.ports.values()].filter(port => networks.has(port.networkId) && port.fixedIps.some(ip => ip.address === origin.address))
  return found.length === 1 ? found[0] : undefined
}

async function answer({ rows, fetch, url, secret }: MetadataProxyOptions, origin: MetadataOrigin, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const port = portOf(rows, origin)
  if (!port?.deviceId.length || !port.deviceOwner.startsWith('compute:')) return end(response, 404, 'No server has this address.')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LARGEST_BODY) return end(response, 413, `A request has ${LARGEST_BODY} bytes at most.`)
    chunks.push(chunk)
  }
  const method = request.method ?? 'GET'
  const answered = await fetch(new Request(`${url}${request.url?.startsWith('/') ? request.url : '/'}`, {
    method,
    headers: {
      'accept': request.headers.accept ?? '*/*',
      ...(request.headers['content-type'] !== undefined && { 'content-type': request.headers['content-type'] }),
      'x-forwarded-for': origin.address,
      'x-instance-id': port.deviceId,
      'x-tenant-id': port.projectId,
      'x-instance-id-signature': createHmac('sha256', secret).update(port.deviceId).digest('hex'),
      ...(origin.networkId !== undefined && { 'x-neutron-network-id': origin.networkId }),
      ...(origin.routerId !== undefined && { 'x-neutron-router-id': origin.routerId }),
    },
    ...(method !== 'GET' && method !== 'HEAD' && { body: Buffer.concat(chunks) }),
    redirect: 'manual', signal: AbortSignal.timeout(DEADLINE),
  }))
  const type = answered.headers.get('content-type')
  response.writeHead(answered.status, { ...(type !== null && { 'content-type': type }) })
  response.end(Buffer.from(await answered.arrayBuffer()))
}

function end(response: ServerResponse, status: number, words: string): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8' })
  response.end(`${words}\n`)
}

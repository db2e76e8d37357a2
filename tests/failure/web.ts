// A web server with images for the cloud to fetch: the bytes of a path are always the same, and half of them wait for whoever looks on.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server. */
export interface Web extends AsyncDisposable {
  readonly url: string
  /** Called when half of an answer is sent; the rest follows when it resolves. */
  halfWay: () => Promise<void>
}

const SIZE = 6 * 2 ** 20

/** What the server has at `path`. */
export function bytesAt(path: string): Uint8Array {
  return Buffer.alloc(SIZE, `what is at ${path}; `)
}

/** Serves every path at `address`, on a port of its own. */
export async function serveImages(address: string): Promise<Web> {
  const server = createServer((request, response) => {
    const bytes = bytesAt(request.url ?? '/')
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, SIZE / 2))
    web.halfWay().then(() => response.end(bytes.subarray(SIZE / 2)), (error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>(resolve => { server.listen(0, address, resolve) })
  const web: Web = {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    halfWay: async () => {},
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>(resolve => { server.close(() => resolve()) })
    },
  }
  return web
}

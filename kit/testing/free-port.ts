// A TCP port for what cannot be told to take any: a daemon with a port on its command line.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A port of `host` (127.0.0.1 when not given) that nobody listens on now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen({ host, port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

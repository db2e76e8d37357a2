// The listener that carries services, and the same services reached in memory.
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { Fault } from '../errors/index.ts'
import { dispatchTo, type Fetch } from './fetch.ts'
import { serviceApp, type HttpService, type Surroundings } from './service.ts'
import { Upgrades } from './websocket.ts'

/** What a listener is made of. */
export interface HttpServerOptions extends Omit<Surroundings, 'upgrades'> {
  services: readonly HttpService[]
  /** PEM texts; without them the listener speaks plain HTTP. */
  tls?: { cert: string, key: string } | undefined
  /** Called with the Fastify instance before it is ready: for what is no service (the dashboard's files). */
  extend?(app: FastifyInstance): void
}

/** Services on one listener. */
export interface HttpServer {
  /** Reaches the services without a socket; URLs need no host. */
  readonly fetch: Fetch
  /** Begins to listen and gives the port. Throws Fault('conflict', 'http.portTaken' | 'http.cannotListen'). */
  listen(at: { host: string, port: number }): Promise<number>
  /** Answers what has begun, within 20 s, then stops. Nobody is waited for who still sends what was answered already. */
  close(): Promise<void>
}

/** Milliseconds that what has begun may take when the listener ends: whoever sends half of a request, with a token or without, would keep it from ending for good. */
const PATIENCE = 20_000

/** Mounts the services, each under its prefix. */
export async function httpServer(opts: HttpServerOptions): Promise<HttpServer> {
  const upgrades = new Upgrades(opts.services, opts.clock)
  const shouldUpgradeCallback = (request: IncomingMessage) => upgrades.wants(request)
  const options: FastifyServerOptions = {
    logger: false, bodyLimit: Number.MAX_SAFE_INTEGER, forceCloseConnections: 'idle', requestTimeout: 0, connectionTimeout: 0, keepAliveTimeout: 75_000,
    trustProxy: opts.trustProxy ?? false,
    routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: true },
  }
  const app = opts.tls ? fastify({ ...(options as object), https: { ...opts.tls, shouldUpgradeCallback } }) as unknown as FastifyInstance : fastify({ ...options, http: { shouldUpgradeCallback } })
  upgrades.attach(app)
  const leftovers = overhang(app)
  for (const service of opts.services) await app.register(serviceApp(service, { ...opts, upgrades }), { prefix: service.prefix })
  opts.extend?.(app)
  await app.ready()
  return {
    fetch: dispatchTo(app),
    async listen({ host, port }) {
      try {
        await app.listen({ host, port })
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code
        if (code === 'EADDRINUSE') throw new Fault('conflict', 'http.portTaken', `${host}:${port} is taken by another program. Stop that, or choose another with --listen HOST:PORT.`, { cause })
        throw new Fault('conflict', 'http.cannotListen', `Cannot listen on ${host}:${port}: ${(cause as Error).message}`, { cause })
      }
      return (app.server.address() as { port: number }).port
    },
    async close() {
      leftovers.cut()
      const cancel = opts.clock.after(PATIENCE, () => app.server.closeAllConnections())
      await app.close().finally(cancel)
    },
  }
}

/** Connections whose request was answered before it was all there: the rest is thrown away, for as long as it may take. `cut` ends them, and from then on each when it is answered. */
function overhang(app: FastifyInstance): { cut(): void } {
  const sockets = new Set<Socket>()
  let isEnding = false
  app.addHook('onResponse', async ({ raw }) => {
    if (!(raw instanceof IncomingMessage) || raw.complete) return
    const { socket } = raw
    if (isEnding) return socket.destroySoon()
    sockets.add(socket)
    raw.once('close', () => { sockets.delete(socket) })
  })
  return {
    cut() {
      isEnding = true
      for (const socket of sockets) socket.destroySoon()
    },
  }
}

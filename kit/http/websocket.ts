// Websockets: an upgrade is a GET that its own route declares (`websocket` in route.ts) and that runs through the same pipeline as every request; only then,
// when the handler has given a stream, the handshake is answered, and bytes go both ways until one side ends. What is refused is refused in plain HTTP.
import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws'
import type { Clock } from '../clock/index.ts'
import { joinStreams } from '../data-link/index.ts'
import { Fault } from '../errors/index.ts'
import type { AnyRoute } from './route.ts'

/** A handler's answer to an upgrade: what the websocket is joined to. It is destroyed when the handshake fails. */
export class WebsocketAnswer {
  readonly stream: Duplex

  constructor(stream: Duplex) {
    this.stream = stream
  }
}

/** Answers an upgrade: the client's bytes go to `stream`, and the stream's to the client as binary messages. */
export function websocketTo(stream: Duplex): WebsocketAnswer {
  return new WebsocketAnswer(stream)
}

/** At once on one listener; a message's bytes; milliseconds between pings, the one before being answered. */
const LIMITS = { open: 1000, message: 1024 * 1024, ping: 30_000 }

/** The upgrades of one listener. */
export class Upgrades {
  readonly #clock: Clock
  readonly #paths: readonly RegExp[]
  readonly #asked = new WeakMap<IncomingMessage, { socket: Duplex, head: Buffer }>()
  readonly #open = new Set<WebSocket>()
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: LIMITS.message })

  /** For the services' routes that are websockets. */
  constructor(services: readonly { prefix: string, routes: readonly AnyRoute[] }[], clock: Clock) {
    this.#clock = clock
    this.#paths = services.flatMap(({ prefix, routes }) => routes.filter(route => route.websocket !== undefined)
      .map(({ path }) => new RegExp(`^${`${prefix}${path}`.replace(/\/$/, '').replaceAll(/[.+*?^$()|[\]\\]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`)))
  }

  /** True when the request is to become a websocket; others that offer to change the protocol are served as they are. */
  wants(request: IncomingMessage): boolean {
    return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket' && this.#paths.some(path => path.test(request.url!.split('?')[0]!))
  }

  /** Sends upgrades through `app`'s routes, and ends websockets before it closes. */
  attach(app: FastifyInstance): void {
    app.server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {})                          // 'close' follows
      this.#asked.set(request, { socket, head })
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(socket as never)
      response.once('finish', () => socket.end())           // refused
      app.routing(request, response)
    })
    app.addHook('preClose', async () => {
      for (const websocket of this.#open) websocket.terminate()
    })
  }

  asked(request: unknown): boolean {
    return this.#asked.has(request as IncomingMessage)
  }

  /** Throws Fault badRequest `http.websocket.protocol` and unavailable `http.websocket.busy` for an upgrade that cannot be. */
  admit(protocols: readonly string[], offered: string | undefined): void {
    const wanted = (offered ?? '').split(',').map(one => one.trim()).filter(one => one !== '')
    if (wanted.length > 0 && !wanted.some(one => protocols.includes(one))) throw new Fault('badRequest', 'http.websocket.protocol', `The websocket's subprotocol may be ${protocols.join(' or ')}.`)
    if (this.#open.size >= LIMITS.open) throw new Fault('unavailable', 'http.websocket.busy', `There are ${this.#open.size} websockets open already. Try again later.`)
  }

  /** Answers the handshake and joins the websocket to `stream`. */
  accept(reply: FastifyReply, stream: Duplex): FastifyReply {
    const request = reply.request.raw
    const { socket, head } = this.#asked.get(request)!
    reply.hijack()
    reply.raw.detachSocket(socket as never)
    const gone = () => stream.destroy()
    socket.once('close', gone)
    if (socket.destroyed) gone()                            // while the handler was at work
    this.#server.handleUpgrade(request, socket, head, websocket => {
      socket.off('close', gone)
      this.#open.add(websocket)
      const endPings = this.#ping(websocket)
      joinStreams(createWebSocketStream(websocket), stream, this.#clock, () => {
        endPings()
        this.#open.delete(websocket)
      })
    })
    return reply
  }

  /** Ends a websocket whose other side is gone without a word. One that does not read, because the stream takes nothing, cannot hear the answer either. */
  #ping(websocket: WebSocket): () => void {
    let answered = true
    let cancel = () => {}
    websocket.on('pong', () => { answered = true })
    const turn = () => {
      if (!answered && !websocket.isPaused) { websocket.terminate(); return }
      answered = false
      websocket.ping()
      cancel = this.#clock.after(LIMITS.ping, turn)
    }
    cancel = this.#clock.after(LIMITS.ping, turn)
    return () => cancel()
  }
}

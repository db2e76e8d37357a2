// Where a host takes bytes from others: a TCP listener at its data address that lets in only whom it has invited.
//
// Properties: a connection is let in once, for one thing, within 30 s of its invitation; both ends prove that they know the site's data secret; who reads the
// bus or the wire can neither come in nor read on; a restart forgets every invitation, so nothing can be replayed to the next process; whoever is not let in
// learns nothing and costs a handshake at most.
//
// How: TLS 1.3 with a pre-shared key and an ephemeral exchange, no certificate. The identity that the client sends is the ticket, PURPOSE/NONCE, made here and
// handed to the client over the bus; the key follows from it and the secret (keys.ts). What an invited connection is for is a function in this process, not
// something to be read out of the ticket. Tickets are spent when the handshake is through, when the client has proved the key: seeing one is not enough to
// spend it. There are no session tickets: a resumed session would pass the check by.
import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import type { Log } from '../log/index.ts'
import { linkKey } from './keys.ts'

/** Where to connect and by which ticket: `connectData` takes it. It may travel: without the secret it opens nothing. */
export interface Invitation {
  readonly address: string
  readonly port: number
  readonly ticket: string
}

/** A host's data listener. */
export interface DataListener {
  readonly port: number
  /**
   * Lets one connection in within 30 s, and hands it to `take`. `purpose` is for the log; `subject` is what the connection is about (a server): of one there
   * are only so many, that it cannot take the places of all. Throws Fault unavailable `data.busy` when too many are awaited, or of its subject awaited and open.
   */
  invite(purpose: string, take: (stream: Duplex) => void, subject?: string): Invitation
  /** Ends every connection. */
  close(): Promise<void>
}

/** What a listener is made of. */
export interface DataListenerOptions {
  /** An address of this host that the others reach. */
  readonly address: string
  /** 0 for any. */
  readonly port: number
  /** The site's data secret. */
  readonly secret: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly limits?: Partial<typeof LIMITS>
}

/** `connections`: at once, and as many invitations; `subject`: both together of one subject; times in milliseconds. A link on which nothing moves for `idle` ends. */
const LIMITS = { connections: 500, subject: 10, handshake: 5000, idle: 3_600_000 }
const INVITED_FOR = 30_000

/** TLS as both ends speak it: 1.3 with suites whose hash is SHA-256, which is what pre-shared keys given by callback go with. */
export const LINK_TLS = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256' } as const

/** Listens. Throws Fault unavailable `data.cannotListen`. */
export async function listenForData(options: DataListenerOptions): Promise<DataListener> {
  const { address, secret, clock, ids, log } = options
  const limits = { ...LIMITS, ...options.limits }
  const invited = new Map<string, { expires: number, purpose: string, take: (stream: Duplex) => void, subject: string | undefined }>()
  const shown = new WeakMap<TLSSocket, string>()
  const open = new Map<TLSSocket, string | undefined>()     // with their subjects
  const valid = (ticket: string | undefined) => {
    const invitation = ticket === undefined ? undefined : invited.get(ticket)
    return invitation && invitation.expires > clock.now() ? invitation : undefined
  }

  const server = createServer({
    ...LINK_TLS, secureOptions: constants.SSL_OP_NO_TICKET, handshakeTimeout: limits.handshake, keepAlive: true, keepAliveInitialDelay: 30_000,
    pskCallback(socket, ticket) {
      if (!valid(ticket)) return null
      shown.set(socket as TLSSocket, ticket)
      return linkKey(secret, ticket)
    },
  })
  server.maxConnections = limits.connections
  server.on('tlsClientError', (error, socket) => {
    log.info({ address, from: socket.remoteAddress, reason: (error as NodeJS.ErrnoException).code ?? error.name }, 'a connection to the data listener was refused')
    socket.destroy()
  })
  server.on('secureConnection', socket => {
    const ticket = shown.get(socket)
    const invitation = valid(ticket)
    if (!invitation) {                                     // two with one ticket: the other was faster
      log.info({ address, from: socket.remoteAddress, reason: 'spent' }, 'a connection to the data listener was refused')
      socket.destroy()
      return
    }
    invited.delete(ticket!)
    open.set(socket, invitation.subject)
    socket.on('error', error => log.debug({ address, purpose: invitation.purpose, reason: error.message }, 'a data link broke'))
    socket.on('close', () => open.delete(socket))
    socket.setTimeout(limits.idle, () => socket.destroy())
    invitation.take(socket)
  })
  const port = await new Promise<number>((resolve, reject) => {
    const cannot = (cause: Error) => reject(new Fault('unavailable', 'data.cannotListen', `The data listener cannot listen on ${address}, port ${options.port}: ${cause.message}`, { cause }))
    server.once('error', cannot)
    server.listen({ host: address, port: options.port }, () => {
      server.off('error', cannot)
      resolve((server.address() as { port: number }).port)
    })
  })
  server.on('error', error => log.error({ address, reason: error.message }, 'the data listener failed to accept a connection'))       // unheard, it would end the process

  return {
    port,
    invite(purpose, take, subject) {
      const now = clock.now()
      for (const [ticket, { expires }] of invited) if (expires <= now) invited.delete(ticket)
      if (invited.size >= limits.connections) throw new Fault('unavailable', 'data.busy', `The host awaits ${invited.size} connections already. Try again later.`)
      const alike = subject === undefined ? 0 : [...open.values(), ...[...invited.values()].map(one => one.subject)].filter(one => one === subject).length
      if (alike >= limits.subject) throw new Fault('unavailable', 'data.busy', `The host has ${alike} connections about ${subject} open or awaited already. Close one, or try again later.`)
      const ticket = `${purpose}/${ids.bytes(16).toString('base64url')}`
      invited.set(ticket, { expires: now + INVITED_FOR, purpose, take, subject })
      return { address, port, ticket }
    },
    async close() {
      invited.clear()
      const closed = new Promise<void>(resolve => { server.close(() => resolve()) })
      for (const socket of open.keys()) socket.destroy()
      await closed
    },
  }
}

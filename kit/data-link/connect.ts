// The other ends of links: to a host's data listener, to a unix socket of this host; and two streams made one.
import { connect as connectPlain, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { linkKey } from './keys.ts'
import { LINK_TLS, type Invitation } from './listener.ts'

const CONNECT_DEADLINE = 5000
/** How long an end gets to take what was sent to it before the other one ended. */
const LAST_WORDS = 5000

/**
 * Accepts an invitation. Gives the stream when both ends have proved the secret.
 * Throws Fault unavailable `data.unreachable` after 5 s at most; its message does not hold the ticket.
 */
export async function connectData({ address, port, ticket }: Invitation, secret: string, clock: Clock): Promise<Duplex> {
  const socket = connect({
    ...LINK_TLS, host: address, port, pskCallback: () => ({ psk: linkKey(secret, ticket), identity: ticket }),
    ca: [], checkServerIdentity: () => new Error('it showed a certificate instead of the key'),
  })
  await opened(socket, 'secureConnect', `the data listener ${address}, port ${port}`, clock)
  if (!(socket as TLSSocket).isSessionReused()) {          // true where the key was used
    socket.destroy()
    throw unreachable(`the data listener ${address}, port ${port}`, new Error('it did not use the key'))
  }
  socket.setKeepAlive(true, 30_000)
  return socket
}

/** Connects to a unix socket of this host. Throws Fault unavailable `data.unreachable` after 5 s at most. */
export async function connectUnix(path: string, clock: Clock): Promise<Duplex> {
  const socket = connectPlain({ path })
  await opened(socket, 'connect', path, clock)
  return socket
}

/**
 * Carries bytes both ways between two streams, each no faster than the other takes them, until one ends or breaks; then the other is ended, having got
 * what was sent before, within 5 s. `onEnd` is called once, when both are closed.
 */
export function joinStreams(one: Duplex, other: Duplex, clock: Clock, onEnd: () => void = () => {}): void {
  let left = 2
  for (const [from, to] of [[one, other], [other, one]] as const) {
    from.pipe(to)
    from.on('error', () => {})                              // 'close' follows
    from.once('end', () => {
      const cancel = clock.after(LAST_WORDS, () => to.destroy())
      to.once('finish', () => { from.destroy(); to.destroy() })
      to.once('close', cancel)
    })
    from.once('close', () => {
      if (!from.readableEnded) to.destroy()
      if (--left === 0) onEnd()
    })
    if (from.destroyed) to.destroy()
  }
}

async function opened(socket: Socket, event: 'connect' | 'secureConnect', where: string, clock: Clock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.on('error', reject)                                // stays: an error that nobody listens to would end the process
  socket.once('close', () => reject(new Error('it closed the connection')))
  socket.once(event, () => resolve())
  const cancel = clock.after(CONNECT_DEADLINE, () => reject(new Error(`no answer within ${CONNECT_DEADLINE} ms`)))
  try {
    await promise
  } catch (cause) {
    socket.destroy()
    throw unreachable(where, cause)
  } finally {
    cancel()
  }
}

function unreachable(where: string, cause: unknown): Fault {
  return new Fault('unavailable', 'data.unreachable', `${where} could not be reached`, { cause })
}

// One connection to a broker, from its opening to its end: whatever goes wrong with it, or with a channel of it, is that end. Nothing here is uncaught.
import type { Duplex } from 'node:stream'
import type { Channel, ChannelModel } from 'amqplib'
import type { Clock } from '../clock/index.ts'
import { Fault, messageOf } from '../errors/index.ts'

/** Where the broker is, and as whom. Never logged. */
export interface BrokerAddress {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

/** An open connection with the two channels that a transport needs. */
export interface Link {
  /** Sends requests and casts, and takes the answers. */
  readonly asking: Channel
  /** Takes requests and casts, and sends the answers. */
  readonly answering: Channel
  /** Resolves with the reason when the connection is over. Never rejects. */
  readonly ended: Promise<string>
  /** False from the moment at which nothing more can be sent, which is a little before it has ended. */
  readonly isOpen: boolean
  /** Ends it at once. */
  drop(reason: string): void
  /** Takes nothing more for a consumer; a broker that does not agree within two seconds ends the link. */
  stopConsuming(tag: string): Promise<void>
  /** Ends it in order, within two seconds. */
  close(): Promise<void>
}

/** What a link tells while it is open: the broker takes nothing for now (it is short of memory or disk), or takes messages again. */
export interface LinkEvents {
  blocked(reason: string): void
  unblocked(): void
}

// A peer that is gone without a word is noticed after two to three of these.
const HEARTBEAT_SECONDS = 5
const CONNECT_MS = 5_000
const PATIENCE_MS = 2_000

/** Reads an AMQP URL. Throws Fault badRequest (`rpc.badUrl`), which does not repeat it: it holds a password. */
export function brokerAddress(url: string): BrokerAddress {
  const { protocol, hostname, port, username, password, pathname } = URL.parse(url) ?? {}
  const scheme = protocol?.slice(0, -1)
  if ((scheme !== 'amqp' && scheme !== 'amqps') || !hostname) throw new Fault('badRequest', 'rpc.badUrl', 'The bus is written as amqp://USER:PASSWORD@HOST:PORT/VIRTUAL-HOST, or amqps:.')
  return {
    protocol: scheme, hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (scheme === 'amqp' ? 5672 : 5671),
    username: decodeURIComponent(username ?? ''), password: decodeURIComponent(password ?? ''), vhost: pathname?.slice(1) ?? '',
  }
}

/** Connects, as `name` in the broker's lists. Throws what the client library says, which holds no password. */
export async function openLink(address: BrokerAddress, name: string, clock: Clock, events: LinkEvents): Promise<Link> {
  const { connect } = await import('amqplib')          // 36 ms and 14 MB that a cloud in one process does not spend
  const model = await connect({ ...address, heartbeat: HEARTBEAT_SECONDS }, { timeout: CONNECT_MS, noDelay: true, clientProperties: { connection_name: name } })
  const end = Promise.withResolvers<string>()
  let isOpen = true
  let why = 'closed'
  const drop = (reason: string) => {
    isOpen = false                                      // a closed channel throws at whoever uses it, and the connection ends only in a later turn
    streamOf(model).destroy(new Error(reason))
  }
  model.on('error', error => { why = messageOf(error) })
  model.on('blocked', reason => events.blocked(reason))
  model.on('unblocked', () => events.unblocked())
  model.on('close', error => {
    isOpen = false
    streamOf(model).destroy()                           // the library only half-closes, and a frozen peer would keep the socket for ever
    end.resolve(error ? messageOf(error) : why)
  })
  const channel = async () => {
    const made = await model.createChannel()
    made.on('error', error => drop(messageOf(error)))
    made.on('close', () => drop('a channel was closed'))
    return made
  }
  const inTime = async (what: () => Promise<unknown>) => {
    const cancel = clock.after(PATIENCE_MS, () => drop('the broker did not answer in time'))
    await what().catch((error: unknown) => drop(messageOf(error)))
    cancel()
  }
  try {
    const [asking, answering] = await Promise.all([channel(), channel()])
    return {
      asking, answering, ended: end.promise, drop,
      get isOpen() { return isOpen },
      stopConsuming: tag => inTime(() => answering.cancel(tag)),
      close: () => {
        isOpen = false
        return inTime(async () => {
          await Promise.race([model.close(), end.promise])
          await end.promise
        })
      },
    }
  } catch (error) {
    drop(messageOf(error))
    throw error
  }
}

// The library names its socket, and declares it to nobody.
function streamOf(model: ChannelModel): Duplex {
  return (model.connection as unknown as { stream: Duplex }).stream
}

// Notifications over RabbitMQ, as upstream's services send them: to the exchange of the service, with the topic and the priority as the key (`notifications.info`).
//
// - Whoever asks for a notification never waits: it is put in a line, and sent while the broker is there. A line that is full loses its oldest; the log says how many.
// - At most once: what was sent and not yet with the broker when the connection broke is lost, as upstream's is.
// - Queues are declared, so that what is told before the first listener came waits for it. Nobody empties the queues of a listener that stays away: an operator who switches
//   this on has one.
import type { Clock } from '../clock/index.ts'
import { messageOf } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import type { Log } from '../log/index.ts'
import { brokerAddress, openLink, type BrokerAddress, type Link } from '../rpc/amqp-link.ts'
import { envelope, type Notification, type Notifier } from './envelope.ts'

export interface AmqpNotifierOptions {
  /** amqp://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST. */
  readonly url: string
  /** The service's: `glance`. */
  readonly exchange: string
  /** `notifications`, and others beside it. */
  readonly topics: readonly string[]
  /** In the broker's list of connections. */
  readonly name: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Messages that wait for the broker at most; 1000 when not given. */
  readonly room?: number
}

const PRIORITIES = ['info', 'error'] as const
const FIRST_PAUSE_MS = 100
const MOST_PAUSE_MS = 10_000

/** See above. It is closed at the end of its process. */
export class AmqpNotifier implements Notifier {
  readonly #options: AmqpNotifierOptions
  readonly #address: BrokerAddress
  readonly #closing = new AbortController()
  readonly #connecting: Promise<void>
  readonly #line: { key: string, text: string }[] = []
  #lost = 0
  #link: Link | undefined

  /** Begins to connect. Throws Fault badRequest (`rpc.badUrl`) for a URL that is none. */
  constructor(options: AmqpNotifierOptions) {
    this.#options = options
    this.#address = brokerAddress(options.url)
    this.#connecting = this.#stayConnected()
  }

  notify(notification: Notification): void {
    const { ids, clock, topics, room = 1000 } = this.#options
    const text = envelope(notification, { ids, now: clock.now() })
    for (const topic of topics) this.#line.push({ key: `${topic}.${notification.priority}`, text })
    while (this.#line.length > room) {
      this.#line.shift()
      this.#lost++
    }
    this.#send()
  }

  /** Sends what waits, when the broker is there, and ends. */
  async close(): Promise<void> {
    this.#send()
    this.#closing.abort(new Error('closed'))
    await this.#link?.close()
    await this.#connecting
  }

  #send(): void {
    const { exchange, log } = this.#options
    while (this.#link?.isOpen && this.#line.length > 0) {
      const { key, text } = this.#line[0]!
      try {
        this.#link.asking.publish(exchange, key, Buffer.from(text), { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 })
      } catch (error) {
        return this.#link.drop(messageOf(error))
      }
      this.#line.shift()
    }
    if (this.#lost > 0 && this.#link?.isOpen) {
      log.warn({ lost: this.#lost }, 'notifications were dropped while the broker was away')
      this.#lost = 0
    }
  }

  async #stayConnected(): Promise<void> {
    const { clock, log, name } = this.#options
    const { signal } = this.#closing
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
      try {
        const link = await openLink(this.#address, name, clock, { blocked: () => {}, unblocked: () => {} })
        await this.#declare(link)
        this.#link = link
        if (signal.aborted) await link.close()
        else this.#send()
        const reason = await link.ended
        pause = FIRST_PAUSE_MS
        this.#link = undefined
        if (!signal.aborted) log.warn({ reason }, 'the broker of notifications is away')
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'the broker of notifications cannot be reached')
      }
      await clock.sleep(pause, signal).catch(() => {})
    }
  }

  /** The exchange and queues as upstream's services declare them: the same settings, or the broker refuses whoever comes second. */
  async #declare(link: Link): Promise<void> {
    const { exchange, topics } = this.#options
    const ended = link.ended.then(reason => { throw new Error(reason) })
    const declared = (async () => {
      await link.asking.assertExchange(exchange, 'topic', { durable: false })
      for (const queue of topics.flatMap(topic => PRIORITIES.map(priority => `${topic}.${priority}`))) {
        await link.asking.assertQueue(queue, { durable: false })
        await link.asking.bindQueue(queue, exchange, queue)
      }
    })()
    ended.catch(() => {})
    await Promise.race([declared, ended])
  }
}

// The transport over a broker (AMQP 0-9-1, RabbitMQ).
//
// What it keeps:
//
// - NEVER A HANG. Every request ends at its deadline at the latest, whatever broker and peer do. Nobody there is told at once: requests are `mandatory`,
//   and the queues of who serves vanish with the last that takes from them (a request that meets just that moment waits out its deadline). Without a connection a request waits for one within its deadline.
// - NEVER LATE. A message is kept by the broker as long as its caller waits (a cast: a minute), so nothing is done for somebody who has given up.
// - COMPETING. Who serves one contract at one target shares a queue: two controllers share the work. With `each`, everybody has a queue of their own.
// - AT MOST `PREFETCH` in work per served target. A message is acknowledged after its method ended, so that a controller that dies leaves what it had taken
//   to the other; one that comes a second time is acknowledged first: what kills who takes it kills two, not all. So a method may run twice; every
//   method is safe to repeat (README). A caller whose own connection breaks is told at once, and does not know whether its request was carried out.
// - ALWAYS BACK. The connection is made anew for ever, after 100 ms … 1 s with jitter, and everything served is declared again. A broker that says
//   that it is blocked (short of memory or disk) counts as absent: it reads nothing from us then, and what we wrote would pile up here.
// - NOTHING KEPT. Messages are transient: after a restart of the broker the rows say what to do, not old messages. So is the exchange, and with it every
//   binding: a shared queue outlives the restart (RabbitMQ gives up those that do not), but nothing reaches it before somebody serves again.
// - NOBODY'S MESSAGE HARMS. What is not written as ours (somebody else's, or a broken one) is acknowledged, logged and dropped.
//
// How: a direct exchange `alto.CLOUD`; key and queue `CONTRACT.TARGET`; answers over RabbitMQ's direct reply-to (no queue, gone with its channel), which say
// the version that the peer speaks. One channel asks, one answers.
import type { ConsumeMessage, Message, MessagePropertyHeaders } from 'amqplib'
import type { Clock } from '../clock/index.ts'
import { Fault, messageOf } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import { type Log, silentLog } from '../log/index.ts'
import { type BrokerAddress, brokerAddress, type Link, openLink } from './amqp-link.ts'
import { type Contract, type ContractVersion, isVersion, type Methods } from './contract.ts'
import { Hearing } from './hearing.ts'
import { serverOf, type Server } from './server.ts'
import type { Cast, Reply, Request, ServeOptions, Serving, Transport } from './transport.ts'

/** What a transport over AMQP is made from. */
export interface AmqpOptions {
  /** `amqp://user:password@host:port/virtual-host`, or `amqps:`. */
  readonly url: string
  /** The cloud's id: exchanges and queues begin with it, so that clouds share a broker. */
  readonly cloud: string
  /** Deadlines and pauses. */
  readonly clock: Clock
  /** Jitter. */
  readonly ids: Ids
  readonly log?: Log
  /** Names the process in the broker's list of connections. */
  readonly name?: string
}

interface Call {
  readonly message: Request
  /** Milliseconds of the clock. */
  readonly until: number
  sent: boolean
  finish(outcome: Reply | Fault): void
}

interface Served {
  readonly server: Server
  /** What was taken and is not answered, as long as somebody waits for it. */
  readonly held: Set<Promise<void>>
  consuming: { readonly link: Link, readonly tag: string } | undefined
  closed: boolean
}

const FIRST_PAUSE_MS = 100
const MOST_PAUSE_MS = 1_000
const PREFETCH = 64
const CAST_MS = 60_000
const VERSION_KNOWN_MS = 60_000
/** Gone with the last that takes from it; or, when nobody came back after a restart of the broker, after that time (milliseconds). */
export const SHARED_QUEUE = { durable: true, autoDelete: true, expires: 60_000, arguments: { 'x-queue-type': 'classic' } } as const
const OWN_QUEUE = { durable: false, autoDelete: true, exclusive: true, arguments: { 'x-queue-type': 'classic' } } as const
const REPLIES = 'amq.rabbitmq.reply-to'

/** See the essay above. */
export class AmqpTransport implements Transport {
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #log: Log
  readonly #exchange: string
  readonly #address: BrokerAddress
  readonly #name: string
  readonly #hearing = new Hearing()
  readonly #served = new Set<Served>()
  readonly #calls = new Map<string, Call>()
  readonly #spoken = new Map<string, { readonly version: ContractVersion, readonly until: number }>()
  readonly #closing = new AbortController()
  readonly #connecting: Promise<void>
  #link: Link | undefined
  #blocked = false
  #count = 0
  #waiters: (() => void)[] = []

  /** Begins to connect. Throws Fault badRequest (`rpc.badUrl`) for a URL that is none. */
  constructor(options: AmqpOptions) {
    this.#clock = options.clock
    this.#ids = options.ids
    this.#log = options.log ?? silentLog
    this.#exchange = `alto.${options.cloud}`
    this.#address = brokerAddress(options.url)
    this.#name = options.name ?? 'altostratus'
    this.#hearing.lost(this.#clock.now())
    this.#connecting = this.#stayConnected()
  }

  /** Resolves when the broker is reached and everything served can be called: without a broker, never. Throws Fault unavailable when closed before. */
  async ready(): Promise<void> {
    while (!this.#usable || [...this.#served].some(served => served.consuming?.link !== this.#link)) {
      if (this.#closing.signal.aborted) throw closed()
      await new Promise<void>(resolve => { this.#waiters.push(resolve) })
    }
  }

  serve<Interface extends Methods<Interface>>(contract: Contract<Interface>, target: string, implementation: Interface, options: ServeOptions = {}): Serving {
    const server = serverOf(contract, target, implementation, { ...options, log: this.#log })
    for (const { server: other } of this.#served) {
      if (other.contract === contract.name && other.target === target && !(other.each && server.each)) throw new Error(`${contract.name} is already served at ${target}`)
    }
    const served: Served = { server, held: new Set(), consuming: undefined, closed: false }
    this.#served.add(served)
    const link = this.#link
    if (link) this.#consume(link, served).catch((error: unknown) => link.drop(messageOf(error)))
    return {
      close: async () => {
        this.#served.delete(served)
        await stop(served)
      },
    }
  }

  request(message: Request): Promise<Reply> {
    if (this.#closing.signal.aborted) return Promise.reject(closed())
    const id = String(++this.#count)
    return new Promise<Reply>((resolve, reject) => {
      const finish = (outcome: Reply | Fault) => {
        cancel()
        this.#calls.delete(id)
        if (outcome instanceof Fault) reject(outcome)
        else resolve(outcome)
      }
      const call: Call = { message, until: this.#clock.now() + message.deadlineMs, sent: false, finish }
      const cancel = this.#clock.after(message.deadlineMs, () => finish(call.sent
        ? new Fault('unavailable', 'rpc.deadline', `${whereOf(message)} did not answer within ${message.deadlineMs} ms`)
        : new Fault('unavailable', 'rpc.unreachable', `${whereOf(message)} was not asked: the bus could not be reached within ${message.deadlineMs} ms`)))
      this.#calls.set(id, call)
      this.#send(id, call)
    })
  }

  cast(message: Cast): void {
    const link = this.#usable
    try {
      if (!link) throw new Error('the bus is not connected')
      link.asking.publish(this.#exchange, keyOf(message), Buffer.from(message.body), { headers: headersOf(message), expiration: CAST_MS, mandatory: true })
    } catch (error) {
      this.#log.debug({ target: message.target, reason: messageOf(error) }, `a cast of ${message.contract}.${message.method} was not sent`)
    }
  }

  spokenBy(contract: string, target: string): ContractVersion | undefined {
    const known = this.#spoken.get(keyOf({ contract, target }))
    return known && known.until > this.#clock.now() ? known.version : undefined     // a peer that is replaced by a newer one is asked again
  }

  heardAgo(ms: number): number {
    return this.#hearing.ago(ms, this.#clock.now())
  }

  /** Answers what was taken, then closes the connection. Calls that wait for an answer get Fault unavailable. */
  async close(): Promise<void> {
    const served = [...this.#served]
    this.#served.clear()
    await Promise.all(served.map(stop))
    this.#closing.abort(closed())
    for (const call of this.#calls.values()) call.finish(closed())
    await this.#link?.close()
    await this.#connecting
  }

  get #usable(): Link | undefined {
    return this.#link?.isOpen && !this.#blocked ? this.#link : undefined
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const link = await this.#connect()
        failures = 0
        this.#log.info({}, 'the bus is connected')
        const reason = await link.ended
        if (!signal.aborted) this.#log.warn({ reason }, 'the bus was lost')
      } catch (error) {
        if (!signal.aborted) this.#log[failures === 0 ? 'warn' : 'debug']({ reason: messageOf(error) }, 'the bus cannot be reached')
      }
      this.#disconnected()
      const pause = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures)
      await this.#clock.sleep(pause / 2 + this.#ids.below(pause / 2), signal).catch(() => {})
    }
    this.#tell()
  }

  async #connect(): Promise<Link> {
    this.#blocked = false
    const link = await openLink(this.#address, this.#name, this.#clock, {
      blocked: reason => {
        this.#log.warn({ reason }, 'the bus takes no messages')
        this.#blocked = true
        this.#hearing.lost(this.#clock.now())
      },
      unblocked: () => {
        this.#log.info({}, 'the bus takes messages again')
        this.#blocked = false
        if (this.#link) this.#connected()
      },
    })
    try {
      await link.answering.assertExchange(this.#exchange, 'direct', { durable: false })
      await link.answering.prefetch(PREFETCH)
      await link.asking.consume(REPLIES, reply => this.#answered(reply), { noAck: true })
      link.asking.on('return', returned => this.#returned(returned))
      for (const served of this.#served) await this.#consume(link, served)       // and what is added meanwhile
      if (this.#closing.signal.aborted || !link.isOpen) throw new Error('it was closed at once')
      this.#link = link
      if (!this.#blocked) this.#connected()
      return link
    } catch (error) {
      link.drop(messageOf(error))
      throw error
    }
  }

  #connected(): void {
    this.#hearing.regained(this.#clock.now())
    for (const [id, call] of this.#calls) if (!call.sent) this.#send(id, call)
    this.#tell()
  }

  #disconnected(): void {
    this.#link = undefined
    this.#hearing.lost(this.#clock.now())
    for (const { message, sent, finish } of this.#calls.values()) {
      if (sent) finish(new Fault('unavailable', 'rpc.unreachable', `${whereOf(message)} has not answered, and the bus was lost: it may have done it or not`))
    }
    this.#tell()
  }

  #tell(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async #consume(link: Link, served: Served): Promise<void> {
    const { contract, target, each } = served.server
    const { queue } = await link.answering.assertQueue(each ? '' : `${this.#exchange}.${keyOf({ contract, target })}`, each ? OWN_QUEUE : SHARED_QUEUE)
    await link.answering.bindQueue(queue, this.#exchange, keyOf({ contract, target }))
    const { consumerTag } = await link.answering.consume(queue, message => {
      if (message) this.#take(link, served, message)
      else link.drop('the broker took a queue away')
    })
    served.consuming = { link, tag: consumerTag }
    if (served.closed) await stopConsuming(served)
    this.#tell()
  }

  #take(link: Link, served: Served, message: ConsumeMessage): void {
    const settle = (how: 'ack' | 'nack') => { if (link.isOpen) link.answering[how](message) }
    const { replyTo, correlationId } = message.properties as { replyTo?: string, correlationId: string }
    const reply = (headers: MessagePropertyHeaders, body: string) => {
      if (replyTo !== undefined && link.isOpen) link.answering.publish('', replyTo, Buffer.from(body), { correlationId, headers })
    }
    if (served.closed) {                                // it came while the broker was told to send no more: somebody else, or nobody, is to have it
      settle(replyTo === undefined ? 'nack' : 'ack')
      reply({ outcome: 'away' }, '')
      return
    }
    const { contract, target, version } = served.server
    const order = orderIn(message)
    if (!order) {
      this.#log.warn({ target }, `what came for ${contract} is no message of ours, and was dropped`)
      settle('ack')
      return
    }
    const { method, since, deadlineMs } = order
    // A method that never ends holds its place as long as its caller waits: the broker ends channels that never acknowledge.
    const { promise, resolve } = Promise.withResolvers<void>()
    let acknowledged = false
    const acknowledge = () => { if (!acknowledged) settle('ack'); acknowledged = true }
    const release = () => {
      acknowledge()
      served.held.delete(promise)
      resolve()
    }
    served.held.add(promise)
    const cancel = this.#clock.after(deadlineMs ?? CAST_MS, release)
    if (message.fields.redelivered) acknowledge()
    void served.server.run({ contract, target, method, since, body: message.content.toString() }).then(answer => {
      cancel()
      reply({ outcome: answer.outcome, version }, answer.outcome === 'error' ? answer.message : answer.body)
      release()
    })
  }

  #send(id: string, call: Call): void {
    const link = this.#usable
    if (!link) return
    const { message } = call
    try {
      link.asking.publish(this.#exchange, keyOf(message), Buffer.from(message.body), {
        correlationId: id, replyTo: REPLIES, mandatory: true, headers: { ...headersOf(message), deadlineMs: message.deadlineMs },
        expiration: Math.max(1, call.until - this.#clock.now()),
      })
      call.sent = true
    } catch (error) {
      if (link.isOpen) call.finish(new Fault('unavailable', 'rpc.unreachable', `${whereOf(message)} could not be asked: ${messageOf(error)}`))
    }
  }

  #answered(reply: ConsumeMessage | null): void {
    const { correlationId, headers } = reply?.properties ?? {}
    const call = this.#calls.get(String(correlationId))
    if (!reply || !call) return                         // later than its deadline
    const { outcome, version } = (headers ?? {}) as { outcome?: Reply['outcome'] | 'away', version: ContractVersion }
    if (outcome === 'away') { this.#send(String(correlationId), call); return }
    this.#spoken.set(keyOf(call.message), { version, until: this.#clock.now() + VERSION_KNOWN_MS })
    const body = reply.content.toString()
    call.finish(outcome === 'result' || outcome === 'fault' ? { outcome, body } : { outcome: 'error', message: body })
  }

  #returned({ properties }: Message): void {
    const { method, contract, target } = properties.headers as Record<'method' | 'contract' | 'target', string>
    const call = this.#calls.get(String(properties.correlationId))
    if (call) call.finish(new Fault('unavailable', 'rpc.unreachable', `nobody answers ${whereOf(call.message)}`))
    else this.#log.debug({ target }, `a cast of ${contract}.${method} found nobody`)
  }
}

async function stop(served: Served): Promise<void> {
  served.closed = true
  await stopConsuming(served)
  await Promise.all(served.held)
}

async function stopConsuming(served: Served): Promise<void> {
  const { consuming } = served
  served.consuming = undefined
  if (consuming?.link.isOpen) await consuming.link.stopConsuming(consuming.tag)
}

/** What a message asks for; undefined when it is not written as `headersOf` writes. */
function orderIn(message: ConsumeMessage): { method: string, since: ContractVersion, deadlineMs?: number } | undefined {
  const { method, since, deadlineMs } = (message.properties.headers ?? {}) as Record<string, unknown>
  if (typeof method !== 'string' || typeof since !== 'string' || !isVersion(since)) return undefined
  if (deadlineMs === undefined) return { method, since }
  return typeof deadlineMs === 'number' && deadlineMs > 0 ? { method, since, deadlineMs } : undefined
}

function headersOf({ contract, target, method, since }: Cast): MessagePropertyHeaders {
  return { contract, target, method, since }
}

function keyOf({ contract, target }: { readonly contract: string, readonly target: string }): string {
  return `${contract}.${target}`
}

function whereOf(message: Cast): string {
  return `${message.contract}.${message.method} at ${message.target}`
}

function closed(): Fault {
  return new Fault('unavailable', 'rpc.unreachable', 'the bus is closed')
}

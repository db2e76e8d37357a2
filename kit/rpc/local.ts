// The transport inside one process. Every message is JSON text on the way, so that nothing is shared by accident and nothing works here that a broker would break.
import type { Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { type Log, silentLog } from '../log/index.ts'
import type { Contract, ContractVersion, Methods } from './contract.ts'
import { serverOf, type Server } from './server.ts'
import type { Cast, Reply, Request, ServeOptions, Serving, Transport } from './transport.ts'

/** What becomes of a message under test: how often it arrives and how much later. Lost is `times: 0`. */
export interface Fate {
  readonly times: number
  /** Milliseconds of the transport's clock. */
  readonly delayMs: number
  /** A request is carried out, but its sender never hears so. */
  readonly replyLost?: boolean
}

/** What a LocalTransport is made from. */
export interface LocalTransportOptions {
  readonly clock: Clock
  readonly log?: Log
  /** For the simulation: decides the fate of every message, so that losses, repeats and overtaking can be played from a seed. */
  readonly fate?: (message: Cast) => Fate
}

/** Carries messages between the parts of one process. */
export class LocalTransport implements Transport {
  readonly #servers = new Map<string, Server[]>()
  readonly #clock: Clock
  readonly #log: Log
  readonly #fate: ((message: Cast) => Fate) | undefined

  constructor(options: LocalTransportOptions) {
    this.#clock = options.clock
    this.#log = options.log ?? silentLog
    this.#fate = options.fate
  }

  serve<Interface extends Methods<Interface>>(contract: Contract<Interface>, target: string, implementation: Interface, options: ServeOptions = {}): Serving {
    const server = serverOf(contract, target, implementation, { ...options, log: this.#log })
    const key = keyOf(contract.name, target)
    const servers = this.#servers.get(key) ?? []
    if (servers.some(other => !other.each || !server.each)) throw new Error(`${contract.name} is already served at ${target}`)
    this.#servers.set(key, [...servers, server])
    return {
      close: async () => {
        this.#servers.set(key, this.#servers.get(key)!.filter(other => other !== server))
        await server.settled()
      },
    }
  }

  request(message: Request): Promise<Reply> {
    const where = `${message.contract}.${message.method} at ${message.target}`
    return new Promise<Reply>((resolve, reject) => {
      const cancel = this.#clock.after(message.deadlineMs, () => {
        reject(new Fault('unavailable', 'rpc.deadline', `${where} did not answer within ${message.deadlineMs} ms`))
      })
      const settle = (finish: () => void) => { cancel(); finish() }
      this.#deliver(message, ([server], { replyLost }) => {
        if (!server) { settle(() => reject(new Fault('unavailable', 'rpc.unreachable', `nobody answers ${where}`))); return }
        void server.run(message).then(reply => { if (replyLost !== true) settle(() => resolve(reply)) })
      })
    })
  }

  cast(message: Cast): void {
    this.#deliver(message, servers => {
      for (const server of servers) void server.run(message)
      if (servers.length === 0) this.#log.debug({ target: message.target }, `a cast of ${message.contract}.${message.method} found nobody`)
    })
  }

  spokenBy(contract: string, target: string): ContractVersion | undefined {
    return this.#servers.get(keyOf(contract, target))?.[0]?.version
  }

  heardAgo(ms: number): number {
    return this.#clock.now() - ms
  }

  // Arrives after the sender's turn, as from a wire: a caller never finds the callee's effects before its own next line.
  #deliver(message: Cast, arrive: (servers: readonly Server[], fate: Fate) => void): void {
    const fate = this.#fate?.(message) ?? { times: 1, delayMs: 0 }
    const { times, delayMs } = fate
    const once = () => arrive(this.#servers.get(keyOf(message.contract, message.target)) ?? [], fate)
    for (let n = 0; n < times; n++) {
      if (delayMs > 0) this.#clock.after(delayMs, once)
      else queueMicrotask(once)
    }
  }
}

function keyOf(contract: string, target: string): string {
  return `${contract} ${target}`
}

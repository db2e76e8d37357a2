// The transport inside one process. Every message is JSON text on the way, so that nothing is shared by accident and nothing works here that a broker would break.
import type { Clock } from '../clock/index.ts'
import { Fault, messageOf } from '../errors/index.ts'
import { type Log, silentLog } from '../log/index.ts'
import { type Contract, type ContractVersion, type Method, type Methods, methodsOf, understands } from './contract.ts'
import type { Cast, Reply, Request, Serving, Transport } from './transport.ts'
import { decode, encode, replyOf } from './wire.ts'

/** What becomes of a message under test: how often it arrives and how much later. Lost is `times: 0`. */
export interface Fate {
  readonly times: number
  /** Milliseconds of the transport's clock. */
  readonly delayMs: number
}

/** What a LocalTransport is made from. */
export interface LocalTransportOptions {
  readonly clock: Clock
  readonly log?: Log
  /** For the simulation: decides the fate of every message, so that losses, repeats and overtaking can be played from a seed. */
  readonly fate?: (message: Cast) => Fate
}

interface Server {
  readonly contract: string
  readonly version: ContractVersion
  readonly methods: ReadonlyMap<string, Method>
  readonly invoke: (method: string, request: unknown) => Promise<unknown>
  readonly running: Set<Promise<Reply>>
}

/** Carries messages between the parts of one process. */
export class LocalTransport implements Transport {
  readonly #servers = new Map<string, Server>()
  readonly #clock: Clock
  readonly #log: Log
  readonly #fate: ((message: Cast) => Fate) | undefined

  constructor(options: LocalTransportOptions) {
    this.#clock = options.clock
    this.#log = options.log ?? silentLog
    this.#fate = options.fate
  }

  serve<Interface extends Methods<Interface>>(contract: Contract<Interface>, target: string, implementation: Interface): Serving {
    const key = keyOf(contract.name, target)
    if (this.#servers.has(key)) throw new Error(`${contract.name} is already served at ${target}`)
    const callable = implementation as unknown as Readonly<Record<string, (request: unknown) => Promise<unknown>>>
    const server: Server = {
      contract: contract.name, version: contract.version, methods: new Map(methodsOf(contract)),
      invoke: (method, request) => callable[method]!(request), running: new Set(),
    }
    this.#servers.set(key, server)
    return {
      close: async () => {
        if (this.#servers.get(key) === server) this.#servers.delete(key)
        await Promise.all(server.running)
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
      this.#deliver(message, server => {
        if (!server) { settle(() => reject(new Fault('unavailable', 'rpc.unreachable', `nobody answers ${where}`))); return }
        void this.#run(server, message).then(reply => settle(() => resolve(reply)))
      })
    })
  }

  cast(message: Cast): void {
    this.#deliver(message, server => {
      if (server) void this.#run(server, message)
      else this.#log.debug({ target: message.target }, `a cast of ${message.contract}.${message.method} found nobody`)
    })
  }

  spokenBy(contract: string, target: string): ContractVersion | undefined {
    return this.#servers.get(keyOf(contract, target))?.version
  }

  // Arrives after the sender's turn, as from a wire: a caller never finds the callee's effects before its own next line.
  #deliver(message: Cast, arrive: (server: Server | undefined) => void): void {
    const { times, delayMs } = this.#fate?.(message) ?? { times: 1, delayMs: 0 }
    const once = () => arrive(this.#servers.get(keyOf(message.contract, message.target)))
    for (let n = 0; n < times; n++) {
      if (delayMs > 0) this.#clock.after(delayMs, once)
      else queueMicrotask(once)
    }
  }

  // Never rejects: whatever goes wrong is the answer.
  #run(server: Server, message: Cast): Promise<Reply> {
    const running = answer(server, message).catch((error: unknown) => {
      if (!(error instanceof Fault)) {
        this.#log.error({ target: message.target, err: error }, `${message.contract}.${message.method} failed: ${messageOf(error)}`)
      } else if (server.methods.get(message.method)?.kind === 'cast') {
        this.#log.warn({ target: message.target, code: error.code }, `a cast of ${message.contract}.${message.method} was refused: ${error.message}`)
      }
      return replyOf(error)
    })
    server.running.add(running)
    void running.then(() => server.running.delete(running))
    return running
  }
}

async function answer(server: Server, message: Cast): Promise<Reply> {
  const { contract, version } = server
  if (!understands(version, message.since)) {
    throw new Fault('notImplemented', 'rpc.peerTooOld', `${contract}.${message.method} needs version ${message.since}; ${message.target} speaks ${version}`)
  }
  if (!server.methods.has(message.method)) {
    throw new Fault('notImplemented', 'rpc.unknownMethod', `${contract} ${version} at ${message.target} has no method '${message.method}'`)
  }
  return { outcome: 'result', body: encode(await server.invoke(message.method, decode(message.body))) }
}

function keyOf(contract: string, target: string): string {
  return `${contract} ${target}`
}

// The answering side of a contract, whatever carries the messages: only methods of the table, only versions that it has, and every error as a reply.
import { Fault, messageOf } from '../errors/index.ts'
import type { Log } from '../log/index.ts'
import { type Contract, type ContractVersion, type Method, type Methods, methodsOf, understands } from './contract.ts'
import type { Cast, Reply, ServeOptions } from './transport.ts'
import { decode, encode, replyOf } from './wire.ts'

/** What a Server is made from. */
interface Answering extends ServeOptions {
  readonly contract: string
  readonly version: ContractVersion
  readonly target: string
  readonly methods: ReadonlyMap<string, Method>
  readonly invoke: (method: string, request: unknown) => Promise<unknown>
  readonly log: Log
}

/**
 * Who answers `contract` at `target` with `implementation`.
 * Throws a TypeError when everybody there is to get each message and one of the methods is a call: several answers to one question.
 */
export function serverOf<Interface extends Methods<Interface>>(
  contract: Contract<Interface>, target: string, implementation: Interface, options: ServeOptions & { readonly log: Log },
): Server {
  const callable = implementation as unknown as Readonly<Record<string, (request: unknown) => Promise<unknown>>>
  const methods = new Map(methodsOf(contract))
  const call = [...methods].find(([, { kind }]) => kind === 'call')
  if (options.each && call) throw new TypeError(`${contract.name} at ${target}: '${call[0]}' is a call, which only one may answer`)
  return new Server({ ...options, contract: contract.name, version: contract.version, target, methods, invoke: (method, request) => callable[method]!(request) })
}

/** One contract answered at one target. */
export class Server {
  readonly #answering: Answering
  readonly #running = new Set<Promise<Reply>>()

  constructor(answering: Answering) {
    this.#answering = answering
  }

  get contract(): string { return this.#answering.contract }
  get version(): ContractVersion { return this.#answering.version }
  get target(): string { return this.#answering.target }
  get each(): boolean { return this.#answering.each ?? false }

  /** The answer to `message`. Never rejects: whatever goes wrong is the answer, and is logged unless the caller will hear of it. */
  run(message: Cast): Promise<Reply> {
    const { contract, target, methods, log } = this.#answering
    const running = this.#answer(message).catch((error: unknown) => {
      if (!(error instanceof Fault)) {
        log.error({ target, err: error }, `${contract}.${message.method} failed: ${messageOf(error)}`)
      } else if (methods.get(message.method)?.kind === 'cast') {
        log.warn({ target, code: error.code }, `a cast of ${contract}.${message.method} was refused: ${error.message}`)
      }
      return replyOf(error)
    })
    this.#running.add(running)
    void running.then(() => this.#running.delete(running))
    return running
  }

  /** Resolves when everything that was taken is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #answer(message: Cast): Promise<Reply> {
    const { contract, version, target, methods, invoke } = this.#answering
    if (!understands(version, message.since)) {
      throw new Fault('notImplemented', 'rpc.peerTooOld', `${contract}.${message.method} needs version ${message.since}; ${target} speaks ${version}`)
    }
    if (!methods.has(message.method)) {
      throw new Fault('notImplemented', 'rpc.unknownMethod', `${contract} ${version} at ${target} has no method '${message.method}'`)
    }
    return { outcome: 'result', body: encode(await invoke(message.method, read(message, target))) }
  }
}

function read(message: Cast, target: string): unknown {
  try {
    return decode(message.body)
  } catch (cause) {
    throw new Fault('badRequest', 'rpc.malformed', `${message.contract}.${message.method} at ${target} was sent what is no JSON`, { cause })
  }
}

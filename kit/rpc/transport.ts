// What carries messages between a client and who serves the contract: in memory (LocalTransport) or over a broker.
import type { Contract, ContractVersion, Methods } from './contract.ts'

/** A message that is handed over and forgotten. `body` is JSON text. */
export interface Cast {
  readonly contract: string
  /** The version that brought the method; who serves an older one refuses. */
  readonly since: ContractVersion
  readonly target: string
  readonly method: string
  readonly body: string
}

/** A message whose sender waits for a Reply, at most `deadlineMs`. */
export interface Request extends Cast {
  readonly deadlineMs: number
}

/** What came back: JSON text of the result, of a Fault, or the message of any other error (a bug at the far side). */
export type Reply =
  | { readonly outcome: 'result', readonly body: string }
  | { readonly outcome: 'fault', readonly body: string }
  | { readonly outcome: 'error', readonly message: string }

/** A contract that is being answered. */
export interface Serving {
  /** Takes no more messages; resolves when those that were taken are answered. */
  close(): Promise<void>
}

/** How a contract is answered. */
export interface ServeOptions {
  /** True where everybody who answers there gets each cast, instead of one of them: for what all processes must hear. Only contracts without calls. */
  readonly each?: boolean
}

/** Carries messages. Implementations differ in reach only: what a method sees and throws is the same over each. */
export interface Transport {
  /**
   * Answers `contract` at `target` (a host's name, or a service's) with `implementation`.
   * Throws an Error when this transport already serves the contract there (with `each` it may, several times); a TypeError for `each` with calls.
   */
  serve<Interface extends Methods<Interface>>(contract: Contract<Interface>, target: string, implementation: Interface, options?: ServeOptions): Serving
  /** Sends, and resolves with the answer. Throws Fault `unavailable` when nobody answers within the deadline. */
  request(message: Request): Promise<Reply>
  /** Sends. Never throws: the message may be lost, repeated, or overtaken by a later one. */
  cast(message: Cast): void
  /** The version that `target` is known to serve; undefined when it is not known (yet). */
  spokenBy(contract: string, target: string): ContractVersion | undefined
  /**
   * The time of the clock since which messages could arrive here for `ms` milliseconds. Who was silent since then is gone: by the clock alone, a minute
   * without the broker would bury every host. Time before this transport was made counts as heard.
   */
  heardAgo(ms: number): number
}

// The calling side of a contract: an object with the interface's methods, each of which sends a message.
import { Fault } from '../errors/index.ts'
import { type Contract, type ContractVersion, type Methods, methodsOf, understands } from './contract.ts'
import type { Transport } from './transport.ts'
import { encode, resultOf } from './wire.ts'

/** What a client may be told. */
export interface ClientOptions {
  /** How long a call waits for its answer, in milliseconds, where the contract does not say; 30 s when not given. */
  readonly deadlineMs?: number
}

/**
 * `contract` as answered at `target`.
 * A call throws the Fault that the far side threw; Fault `unavailable` (`rpc.unreachable`, `rpc.deadline`) when nobody answers; Fault `notImplemented`
 * (`rpc.peerTooOld`, `rpc.unknownMethod`) when the far side is older than the method; RemoteError when the far side failed otherwise.
 * A cast resolves when it is handed over and throws only the TypeError of a request that cannot travel.
 */
export function client<Interface extends Methods<Interface>>(
  contract: Contract<Interface>, transport: Transport, target: string, options: ClientOptions = {},
): Interface {
  const methods = methodsOf(contract).map(([method, entry]) => [method, async (request: unknown) => {
    const message = { contract: contract.name, since: entry.since, target, method, body: encode(request) }
    if (entry.kind === 'cast') { transport.cast(message); return undefined }
    refuseOldPeer(transport, { contract: contract.name, target, since: entry.since, what: `${contract.name}.${method}` })
    const deadlineMs = entry.deadlineMs ?? options.deadlineMs ?? 30_000
    return resultOf(await transport.request({ ...message, deadlineMs }), `${contract.name}.${method} at ${target}`)
  }] as const)
  return Object.fromEntries(methods) as unknown as Interface
}

/**
 * For what a field or a kind of thing brings with it, as a client does for methods: throws Fault notImplemented `rpc.peerTooOld` when `target` is known to
 * speak a version of the contract that is older than `since`, which brought `what`. A peer of which nothing is known is taken for new enough.
 */
export function refuseOldPeer(transport: Pick<Transport, 'spokenBy'>, about: { contract: string, target: string, since: ContractVersion, what: string }): void {
  const { contract, target, since, what } = about
  const spoken = transport.spokenBy(contract, target)
  if (spoken === undefined || understands(spoken, since)) return
  throw new Fault('notImplemented', 'rpc.peerTooOld', `${what} needs version ${since}; ${target} speaks ${spoken}`)
}

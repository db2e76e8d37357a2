// What travels is JSON text. A value that JSON would change in silence is refused where it is written, not discovered where it is read.
import { Fault, type FaultKind, messageOf } from '../errors/index.ts'
import type { Reply } from './transport.ts'

/** Something at the far side failed that was not a Fault: a bug there, logged there with its cause. */
export class RemoteError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RemoteError'
  }
}

/**
 * `value` as JSON text; nothing (undefined) is the empty text. Properties that are undefined are left out.
 * Throws a TypeError naming the place for what JSON cannot carry: dates, maps, sets, buffers, class instances, functions, bigints, NaN and the infinities.
 */
export function encode(value: unknown): string {
  if (value === undefined) return ''
  return JSON.stringify(value, function (this: unknown, key: string) {
    const raw: unknown = (this as Record<string, unknown>)[key]
    const fault = refusal(raw, Array.isArray(this))
    if (fault) throw new TypeError(`${fault} cannot travel${key && ` (at '${key}')`}: send text, numbers, booleans, null, arrays and plain objects`)
    return raw
  })
}

/** The value that `text` encodes. */
export function decode(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}

/** The answer to send for whatever was thrown. A Fault crosses with kind, code, message, and what of its detail JSON can carry. */
export function replyOf(error: unknown): Reply {
  if (!(error instanceof Fault)) return { outcome: 'error', message: messageOf(error) }
  const { kind, code, message } = error
  return { outcome: 'fault', body: JSON.stringify({ kind, code, message, detail: carried(error.detail) }) }
}

/** The result that `reply` brings. Throws the Fault, made anew, or a RemoteError; `where` (`contract.method at target`) begins the latter's message. */
export function resultOf(reply: Reply, where: string): unknown {
  if (reply.outcome === 'result') return decode(reply.body)
  if (reply.outcome === 'error') throw new RemoteError(`${where}: ${reply.message}`)
  const fault = decode(reply.body) as { kind: unknown, code: unknown, message: unknown, detail?: Record<string, unknown> }
  if (typeof fault.kind !== 'string' || !Object.hasOwn(KINDS, fault.kind)) throw new RemoteError(`${where}: a fault of unknown kind '${String(fault.kind)}': ${String(fault.message)}`)
  throw new Fault(fault.kind as FaultKind, String(fault.code), String(fault.message), { detail: fault.detail ?? {} })
}

const KINDS: Readonly<Record<FaultKind, true>> = {
  badRequest: true, unauthenticated: true, forbidden: true, notFound: true, methodNotAllowed: true, notAcceptable: true, conflict: true,
  gone: true, preconditionFailed: true, tooLarge: true, unsupportedMediaType: true, rangeNotSatisfiable: true, overQuota: true,
  tooManyRequests: true, notImplemented: true, unavailable: true,
}

function refusal(value: unknown, inArray: boolean): string | undefined {
  switch (typeof value) {
    case 'string': case 'boolean': return undefined
    case 'undefined': return inArray ? 'undefined in an array' : undefined
    case 'number': return Number.isFinite(value) ? undefined : String(value)
    case 'object': {
      if (value === null || Array.isArray(value)) return undefined
      const prototype: unknown = Object.getPrototypeOf(value)
      return prototype === Object.prototype || prototype === null ? undefined : `a ${value.constructor.name}`
    }
    default: return `a ${typeof value}`
  }
}

function carried(detail: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(detail).flatMap(([name, value]): [string, unknown][] => {
    try { return [[name, decode(encode(value))]] } catch { return [[name, String(value)]] }
  })
  return Object.fromEntries(entries)
}

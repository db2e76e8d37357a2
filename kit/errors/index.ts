// Errors that a caller is meant to see. Everything else is a bug, and becomes a 500.
// The HTTP status of a kind is the service's dialect: a quota refusal is 403 in Nova, 409 in Neutron, 413 in Cinder.

/** What went wrong, in the caller's eyes. Each service's dialect turns it into a status. */
export type FaultKind =
  | 'badRequest' | 'unauthenticated' | 'forbidden' | 'notFound' | 'methodNotAllowed' | 'notAcceptable' | 'conflict'
  | 'gone' | 'preconditionFailed' | 'tooLarge' | 'unsupportedMediaType' | 'rangeNotSatisfiable' | 'overQuota'
  | 'tooManyRequests' | 'notImplemented' | 'unavailable'

/** Facts for the log; the client never sees them. */
export type FaultDetail = Readonly<Record<string, unknown>>

/** An expected failure. `message` goes to the client; `cause` and `detail` go to the log only. */
export class Fault extends Error {
  readonly kind: FaultKind
  /** Stable, dotted, never reused: `nova.server.locked`. Clients and tests match on it. */
  readonly code: string
  readonly detail: FaultDetail

  constructor(kind: FaultKind, code: string, message: string, opts: { cause?: unknown, detail?: FaultDetail } = {}) {
    super(message, opts.cause === undefined ? undefined : { cause: opts.cause })
    this.name = 'Fault'
    this.kind = kind
    this.code = code
    this.detail = opts.detail ?? {}
  }
}

/** True when `error` is a Fault, and of `code` when one is named. */
export function isFault(error: unknown, code?: string): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code)
}

const PASSING: readonly FaultKind[] = ['unavailable', 'tooManyRequests', 'unauthenticated']

/** True when another try cannot help: a Fault of a kind that stays. `unauthenticated` passes, because tokens expire; an error that nobody foresaw may pass. */
export function isFinalFault(error: unknown): boolean {
  return error instanceof Fault && !PASSING.includes(error.kind)
}

/** The message of whatever was thrown, for logs and reasons. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// The HTTP status of each kind of fault, where services agree; a dialect passes what it does otherwise.
import type { FaultKind } from '../errors/index.ts'

/** Statuses by kind. */
export type StatusTable = Readonly<Record<FaultKind, number>>

const COMMON: StatusTable = {
  badRequest: 400, unauthenticated: 401, forbidden: 403, notFound: 404, methodNotAllowed: 405, notAcceptable: 406, conflict: 409, gone: 410,
  preconditionFailed: 412, tooLarge: 413, unsupportedMediaType: 415, rangeNotSatisfiable: 416, overQuota: 403, tooManyRequests: 429, notImplemented: 501, unavailable: 503,
}

/** The status of a fault of `kind`; 500 for what was not expected. */
export function statusOf(kind: FaultKind, unexpected: boolean, otherwise: Partial<StatusTable> = {}): number {
  return unexpected ? 500 : otherwise[kind] ?? COMMON[kind]
}

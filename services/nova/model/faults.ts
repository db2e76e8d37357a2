// The faults that Nova's managers throw, with upstream's words where clients match on them.
import { Fault, type FaultKind } from '@alto/kit/errors'

/** No such server, or none that the caller may see. */
export function serverNotFound(id: string): Fault {
  return new Fault('notFound', 'nova.server.notFound', `Instance ${id} could not be found.`)
}

/** Something else of Nova's is not there. */
export function notFound(noun: string, message: string): Fault {
  return new Fault('notFound', `nova.${noun}.notFound`, message)
}

/** The request makes no sense in a way that its schema cannot tell. */
export function invalid(code: string, message: string): Fault {
  return new Fault('badRequest', `nova.${code}`, message)
}

/** The state of things forbids it. */
export function conflict(code: string, message: string): Fault {
  return new Fault('conflict', `nova.${code}`, message)
}

/** Refused for a reason other than policy. */
export function refused(code: string, message: string): Fault {
  return new Fault('forbidden', `nova.${code}`, message)
}

/** A state (`vm_state stopped`, `task_state powering-off`) in which `action` cannot be. */
export function wrongState(action: string, id: string, attribute: 'vm_state' | 'task_state', state: string | null): Fault {
  return conflict('server.state', `Cannot '${action}' instance ${id} while it is in ${attribute} ${state ?? 'None'}`)
}

/** The server is locked and the caller is not its admin. */
export function locked(id: string): Fault {
  return conflict('server.locked', `Instance ${id} is locked`)
}

/** More than the quota allows: which resources, what was asked, used, and allowed. */
export function overQuota(over: readonly { resource: string, requested: number, used: number, limit: number }[]): Fault {
  const list = (pick: (one: typeof over[number]) => string | number) => over.map(pick).join(', ')
  return new Fault('overQuota', 'nova.quota', `Quota exceeded for ${list(o => o.resource)}: Requested ${list(o => o.requested)}, but already used ${list(o => o.used)} of ${list(o => o.limit)} ${list(o => o.resource)}`)
}

/** The HTTP status that a server's fault shows for a failure of `kind`. */
export function faultCode(kind: FaultKind | undefined): number {
  const codes: Partial<Record<FaultKind, number>> = { badRequest: 400, forbidden: 403, overQuota: 403, notFound: 404, conflict: 409 }
  return kind === undefined ? 500 : codes[kind] ?? 500
}

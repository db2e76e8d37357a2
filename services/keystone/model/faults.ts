// The faults that Keystone's managers throw, with upstream's words.
import { Fault } from '@alto/kit/errors'

/** Nothing of that kind under that id. */
export function notFound(noun: string, id: string): Fault {
  return new Fault('notFound', `keystone.${noun.replaceAll(' ', '')}.notFound`, `Could not find ${noun}: ${id}.`)
}

/** A name (or another rule over a set) is taken. */
export function conflict(noun: string, message: string, cause?: unknown): Fault {
  return new Fault('conflict', `keystone.${noun.replaceAll(' ', '')}.conflict`, `Conflict occurred attempting to store ${noun} - ${message}.`, { cause })
}

/** The request makes no sense in a way that its schema cannot tell. */
export function invalid(code: string, message: string): Fault {
  return new Fault('badRequest', `keystone.${code}`, message)
}

/** A body names something that does not exist, or lacks what it must name. */
export function expected(attribute: string, target: string): Fault {
  return invalid(`${target.replaceAll(' ', '')}.expected`, `Expecting to find ${attribute} in ${target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`)
}

/** No limit, or registered limit, under that id. */
export function limitNotFound(noun: 'limit' | 'registered limit', id: string): Fault {
  return new Fault('notFound', `keystone.${noun.replaceAll(' ', '')}.notFound`, `Could not find ${noun} for ${id}.`)
}

/** Wrong name, wrong password, disabled, locked, gone: all the same to the caller; `reason` is for the log. */
export function unauthorized(reason: string): Fault {
  return new Fault('unauthenticated', 'keystone.unauthorized', 'The request you have made requires authentication.', { detail: { reason } })
}

/** Something whose operation is refused for a reason other than policy. */
export function refused(code: string, message: string): Fault {
  return new Fault('forbidden', `keystone.${code}`, message)
}

// The faults that Glance's managers throw, with upstream's words.
import { Fault } from '@alto/kit/errors'

/** No such image, or none that the caller may know of. */
export function imageNotFound(id: string): Fault {
  return new Fault('notFound', 'glance.image.notFound', `No image found with ID ${id}`)
}

/** The request makes no sense in a way that its schema cannot tell. */
export function invalid(code: string, message: string): Fault {
  return new Fault('badRequest', `glance.${code}`, message)
}

/** A value that the attribute or property `name` of an image cannot have; `why` is a sentence. */
export function mismatched(name: string, value: unknown, why: string): Fault {
  return invalid('schema', `Provided object does not match schema 'image': ${JSON.stringify(value)?.slice(0, 120)} is not valid for '${name}'. ${why}`)
}

/** Something that is refused for a reason other than policy. */
export function refused(code: string, message: string): Fault {
  return new Fault('forbidden', `glance.${code}`, message)
}

/** Somebody else changed it at the same time, again and again. */
export function busy(id: string): Fault {
  return new Fault('conflict', 'glance.image.busy', `Image ${id} is being changed by others. Try again.`)
}

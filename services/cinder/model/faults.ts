// The faults that Cinder's managers throw, with upstream's words.
import { Fault } from '@alto/kit/errors'

/** Nothing of that kind under that id: `Volume`, `Snapshot`, `Volume attachment`. */
export function notFound(noun: string, id: string): Fault {
  return new Fault('notFound', `cinder.${noun.toLowerCase().replaceAll(' ', '')}.notFound`, noun === 'Volume attachment' ? `Volume attachment could not be found with filter: attachment_id = ${id}.` : `${noun} ${id} could not be found.`)
}

/** A volume type that does not exist, or that the caller's project does not see. */
export function noType(id: string): Fault {
  return new Fault('notFound', 'cinder.type.notFound', `Volume type ${id} could not be found.`)
}

/** A volume (or what is asked of it) that does not allow the request. */
export function invalidVolume(message: string): Fault {
  return new Fault('badRequest', 'cinder.volume.invalid', `Invalid volume: ${message}`)
}

/** A snapshot that does not allow the request. */
export function invalidSnapshot(message: string): Fault {
  return new Fault('badRequest', 'cinder.snapshot.invalid', `Invalid snapshot: ${message}`)
}

/** A request that its schema lets through and that makes no sense. */
export function invalid(message: string): Fault {
  return new Fault('badRequest', 'cinder.invalid', message)
}

/** More than a quota allows; `message` as upstream's resource has it. */
export function overQuota(message: string): Fault {
  return new Fault('overQuota', 'cinder.quota.exceeded', message)
}

/** A server has the volume: only Nova may take it away (CVE-2023-2088). */
export function usedByServer(instanceId: string | null): Fault {
  return new Fault('conflict', 'cinder.attachment.usedByNova', `Detach volume from instance ${instanceId} using the Compute API`)
}

/** Two changed the same thing at once. */
export function changed(noun: string): Fault {
  return new Fault('conflict', 'cinder.changed', `${noun} was changed by somebody else meanwhile. Look again and repeat the request if it still makes sense.`)
}

/** There is no metadata of that key. */
export function metadataNotFound(id: string, key: string): Fault {
  return new Fault('notFound', 'cinder.metadata.notFound', `Volume ${id} has no metadata with key ${key}.`)
}

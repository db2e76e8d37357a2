// The kinds of tasks that Glance's managers enqueue.
import { taskKind } from '@alto/kit/task'
import type { RemoteFacts } from '../driver/remote-glance.ts'
import type { ImportMethod } from '../model/imports.ts'
import type { Status } from '../model/images.ts'
import type { ValidationData } from '../model/locations.ts'

/** What an import is given. */
export interface ImportInput {
  /** The id of the task's record, and of the image's lock. */
  recordId: string
  method: ImportMethod
  uri: string | null
  remote: RemoteFacts | null
  /** Why a remote image is not to be had, as it was found within the request: the import fails with it. */
  refusal: string | null
  stores: readonly string[]
  allMustSucceed: boolean
  /** The state that the image goes back to when it fails. */
  from: Status
  /** The blob that was staged, for glance-direct: a failure leaves it. */
  staged: string | null
  /** Properties that the image gets when it comes in. */
  inject: Readonly<Record<string, string>>
}

/** Its resource is the image. */
export const IMAGE_IMPORT = taskKind<ImportInput>('image.import')
/** Removes the doomed bytes of an image. Its resource is the record of the task that doomed them: the image's next import does not wait for it. */
export const IMAGE_FORGET = taskKind<{ imageId: string }>('image.forget')
/** The same for an image, its resource, that was deleted while an import works on it: that stops first. */
export const IMAGE_STOP = taskKind<{ imageId: string }>('image.stop', { preempts: true })

/** What adding a location is given. */
export interface LocationInput {
  /** The id of the task's record, and of the image's lock. */
  recordId: string
  url: string
  /** What its sender says the bytes are. */
  validation: ValidationData | null
  /** Whether they are hashed, and compared with that. */
  hash: boolean
}

export const LOCATION_ADD = taskKind<LocationInput>('image.location')

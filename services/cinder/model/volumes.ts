// Volumes: what they are, and which status allows what.
import type { VolumeConnection } from './disks.ts'

/** Every status that a volume can have here. Those ending in -ing have a task or an owner who ends them. */
export type VolumeStatus =
  | 'creating' | 'downloading' | 'available' | 'reserved' | 'attaching' | 'in-use' | 'detaching' | 'extending' | 'uploading' | 'deleting'
  | 'error' | 'error_deleting' | 'error_extending' | 'maintenance'

/** Where a volume's first bytes come from. */
export type VolumeSource =
  | { readonly kind: 'blank' }
  | { readonly kind: 'image', readonly image: { readonly id: string, readonly sha512: string, readonly diskFormat: string } }
  | { readonly kind: 'snapshot', readonly id: string }
  | { readonly kind: 'volume', readonly id: string }

/** A volume. Times are milliseconds, sizes GiB. */
export interface Volume {
  id: string
  projectId: string
  userId: string
  name: string | null
  description: string | null
  size: number
  status: VolumeStatus
  /** The status that a passing one (extending, uploading) goes back to. */
  previousStatus: VolumeStatus | null
  /** Why it is in an error status. */
  reason: string | null
  typeId: string
  zone: string
  host: string | null
  source: VolumeSource
  bootable: boolean
  multiattach: boolean
  readOnly: boolean
  metadata: Readonly<Record<string, string>>
  /** Properties of the image that it was made from. */
  imageMetadata: Readonly<Record<string, string>>
  createdAt: number
  updatedAt: number | null
  launchedAt: number | null
}

/** A volume's tie to a server or host. */
export interface Attachment {
  id: string
  volumeId: string
  projectId: string
  /** Null when it was attached to a host, not to a server. */
  instanceId: string | null
  status: 'reserved' | 'attaching' | 'attached' | 'detaching'
  mode: 'rw' | 'ro'
  mountpoint: string | null
  host: string | null
  connection: VolumeConnection | null
  createdAt: number
  attachedAt: number | null
}

/** Statuses from which a volume may be deleted; and by force (an administrator) from all but those of its use. */
export const DELETABLE: readonly VolumeStatus[] = ['available', 'error', 'error_deleting', 'error_extending']
export const FORCE_DELETABLE: readonly VolumeStatus[] = [...DELETABLE, 'creating', 'downloading', 'extending', 'uploading', 'deleting', 'maintenance', 'attaching', 'reserved']
/** Statuses that an administrator may set by hand. */
export const RESETTABLE: readonly VolumeStatus[] = ['creating', 'available', 'deleting', 'error', 'error_deleting', 'attaching', 'detaching', 'in-use', 'maintenance', 'reserved', 'uploading', 'extending']

/** What a volume's status is with these attachments; `otherwise` when it has none. */
export function statusWith(attachments: readonly Pick<Attachment, 'status'>[], otherwise: VolumeStatus): VolumeStatus {
  if (attachments.some(a => a.status === 'attached')) return 'in-use'
  if (attachments.some(a => a.status === 'attaching')) return 'attaching'
  return attachments.some(a => a.status === 'reserved') ? 'reserved' : otherwise
}

// The tasks that managers enqueue; task/ says what they do. Each carries the instance action that it ends.
import { taskKind } from '@alto/kit/task'
import type { WantedInterface } from '../model/interfaces.ts'

/** What a build is told besides the server's own rows. */
export interface CreateInput {
  readonly actionId: string
  /** The host that an admin forced, or asked for. */
  readonly host?: string
  /** `none`: no network; else the interfaces wanted, in order. */
  readonly interfaces: readonly WantedInterface[]
  /** Security groups of ports that Nova makes. */
  readonly securityGroupIds: readonly string[]
}

/** An image that waits for snapshots of a server's volumes. */
export interface VolumeImageInput {
  readonly actionId: string
  readonly serverId: string
  readonly snapshotIds: readonly string[]
  readonly imageId?: string
  readonly refusal?: string
}

export type PowerAction = 'start' | 'stop' | 'reboot' | 'reboot_hard' | 'pause' | 'unpause' | 'suspend' | 'resume'

export const SERVER_CREATE = taskKind<CreateInput>('server.create')
export const SERVER_DELETE = taskKind<{ actionId: string }>('server.delete', { preempts: true })
export const SERVER_POWER = taskKind<{ actionId: string, action: PowerAction }>('server.power')
export const SERVER_SNAPSHOT = taskKind<{ actionId: string, imageId: string, diskFormat: 'qcow2' | 'raw' }>('server.snapshot')
/** Of an image that names snapshots of volumes; its own resource, not the server's. `refusal`: why there is none, and what was taken so far is to go. */
export const VOLUME_IMAGE = taskKind<VolumeImageInput>('image.ofVolumes')
/** `rowId`: of the server_volumes row that the request made. */
export const VOLUME_ATTACH = taskKind<{ actionId: string, rowId: string }>('server.attachVolume')
export const VOLUME_DETACH = taskKind<{ actionId: string, rowId: string }>('server.detachVolume')
export const INTERFACE_ATTACH = taskKind<{ actionId: string, wanted: WantedInterface, securityGroupIds: readonly string[] }>('server.attachInterface')
export const INTERFACE_DETACH = taskKind<{ actionId: string, portId: string }>('server.detachInterface')
/** Looks at sizes again after Cinder has extended a volume. */
export const VOLUME_EXTEND = taskKind<{ actionId: string, volumeId: string }>('server.extendVolume')

// The tasks that Cinder's managers enqueue; task/ says what they do.
import { taskKind } from '@alto/kit/task'

export const VOLUME_CREATE = taskKind('volume.create')
export const VOLUME_DELETE = taskKind('volume.delete', { preempts: true })
export const VOLUME_EXTEND = taskKind<{ to: number, from: number, attached: boolean }>('volume.extend')
export const VOLUME_UPLOAD = taskKind<{ imageId: string, diskFormat: 'qcow2' | 'raw' }>('volume.upload')
export const SNAPSHOT_CREATE = taskKind('snapshot.create')
export const SNAPSHOT_DELETE = taskKind('snapshot.delete', { preempts: true })

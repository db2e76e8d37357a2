// Snapshots: copies of a volume's disk that nobody writes to.

export type SnapshotStatus = 'creating' | 'available' | 'deleting' | 'error' | 'error_deleting'

/** A snapshot. Times are milliseconds, the size GiB. */
export interface Snapshot {
  id: string
  volumeId: string
  projectId: string
  userId: string
  name: string | null
  description: string | null
  size: number
  status: SnapshotStatus
  reason: string | null
  metadata: Readonly<Record<string, string>>
  createdAt: number
  updatedAt: number | null
}

export const SNAPSHOT_STATUSES: readonly SnapshotStatus[] = ['creating', 'available', 'deleting', 'error', 'error_deleting']
export const SNAPSHOT_DELETABLE: readonly SnapshotStatus[] = ['available', 'error', 'error_deleting']

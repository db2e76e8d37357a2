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

/**
 * The snapshot from which a server of the image with these properties boots: Nova's block device mapping names it. undefined for an image of another kind, and for a mapping that
 * cannot be read: its owner may have written anything there.
 */
export function bootSnapshotOf(properties: Readonly<Record<string, string>>): string | undefined {
  try {
    const entries: unknown = JSON.parse(properties['block_device_mapping'] ?? '[]')
    const root = (Array.isArray(entries) ? entries as unknown[] : []).find((one): one is { snapshot_id: string } => typeof one === 'object' && one !== null && 'source_type' in one && one.source_type === 'snapshot'
      && 'boot_index' in one && one.boot_index === 0 && 'snapshot_id' in one && typeof one.snapshot_id === 'string' && /^[0-9a-f-]{32,36}$/i.test(one.snapshot_id))
    return root?.snapshot_id
  } catch {
    return undefined
  }
}

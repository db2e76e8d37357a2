// What lists of volumes and snapshots are narrowed by.

/** A condition on a column: equal, or containing (`like`), or compared in time. */
export interface ColumnFilter {
  column: 'id' | 'name' | 'description' | 'status' | 'zone' | 'bootable' | 'size' | 'user_id' | 'snapshot_id' | 'type_id' | 'created_at' | 'updated_at' | 'host' | 'multiattach'
  operator: '=' | 'like' | '>' | '>=' | '<' | '<='
  value: string | number
}

/** Which volumes a list holds. */
export interface VolumeFilter {
  projectId?: string | undefined
  columns?: readonly ColumnFilter[]
  metadata?: Readonly<Record<string, string>> | undefined
}

/** Which snapshots a list holds. */
export interface SnapshotFilter {
  projectId?: string | undefined
  volumeId?: string | undefined
  name?: string | undefined
  status?: string | undefined
  metadata?: Readonly<Record<string, string>> | undefined
}

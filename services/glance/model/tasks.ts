// Tasks as clients see them: what was asked for, how it stands, what came of it. The work itself is done under kit/task.

export const TASK_TYPES = ['import', 'api_image_import', 'location_import'] as const
export type TaskType = typeof TASK_TYPES[number]
export const TASK_STATUSES = ['pending', 'processing', 'success', 'failure'] as const
export type TaskStatus = typeof TASK_STATUSES[number]

/** A task's record. Times are milliseconds. */
export interface TaskRecord {
  id: string
  type: TaskType
  status: TaskStatus
  /** A project; null for none. */
  owner: string | null
  imageId: string | null
  userId: string | null
  requestId: string | null
  input: Readonly<Record<string, unknown>> | null
  result: Readonly<Record<string, unknown>> | null
  message: string
  createdAt: number
  updatedAt: number
  /** When its record may go; null before it ended. */
  expiresAt: number | null
}

/** A list of tasks, as a client asks for it. */
export interface TaskListing {
  limit: number
  marker: string | undefined
  sort: { column: TaskColumn, direction: 'asc' | 'desc' }
  filters: { status?: TaskStatus, type?: TaskType, owner?: string, id?: string, image_id?: string }
}

export const TASK_COLUMNS = ['id', 'type', 'status', 'owner', 'image_id', 'user_id', 'request_id', 'expires_at', 'created_at', 'updated_at'] as const
export type TaskColumn = typeof TASK_COLUMNS[number]

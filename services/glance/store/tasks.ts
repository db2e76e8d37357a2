// SQL for the records of tasks. What has expired is not found any more, and goes when the next one is made.
import { fromJson, keysetPage, sql, toJson, type Page, type SqlBool } from '@alto/kit/db'
import type { TaskColumn, TaskListing, TaskRecord, TaskStatus, TaskType } from '../model/tasks.ts'
import type { Tables, Tx } from './tables.ts'

/** Adds a record, and removes those that have expired (a few at a time). */
export async function insert(tx: Tx, record: TaskRecord): Promise<void> {
  const expired = tx.selectFrom('image_tasks').select('id').where('expires_at', '<', record.createdAt).limit(100)
  await tx.deleteFrom('image_tasks').where('id', 'in', expired).execute()
  await tx.insertInto('image_tasks').values(toRow(record)).execute()
}

/** The record, or undefined when there is none, or none that is kept at `now`. */
export async function find(tx: Tx, id: string, now: number): Promise<TaskRecord | undefined> {
  const row = await tx.selectFrom('image_tasks').selectAll().where('id', '=', id).where(kept(now)).executeTakeFirst()
  return row && fromRow(row)
}

/** The records of an image, the oldest first. */
export async function listOf(tx: Tx, imageId: string, now: number): Promise<TaskRecord[]> {
  return (await tx.selectFrom('image_tasks').selectAll().where('image_id', '=', imageId).where(kept(now)).orderBy('created_at').orderBy('id').execute()).map(fromRow)
}

/** A page of records; `marker` is the last one of the page before. */
export async function list(tx: Tx, { limit, sort, filters }: TaskListing, marker: TaskRecord | undefined, now: number): Promise<Page<TaskRecord>> {
  if (limit === 0) return { rows: [], more: false }
  let query = tx.selectFrom('image_tasks').selectAll().where(kept(now))
  for (const column of ['status', 'type', 'owner', 'id', 'image_id'] as const) {
    const wanted = filters[column]
    if (wanted !== undefined) query = query.where(column, '=', wanted)
  }
  const columns = [...new Set<TaskColumn>([sort.column, 'created_at', 'id'])].map(column => ({ column, direction: sort.direction }))
  const { rows, more } = await keysetPage(query, { limit, sort: columns, after: marker && columns.map(({ column }) => toRow(marker)[column]) })
  return { rows: rows.map(fromRow), more }
}

/** Says that a task is being worked on; false when that was said before, it has ended, or there is none. */
export async function begin(tx: Tx, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('image_tasks').set({ status: 'processing', updated_at: now }).where('id', '=', id).where('status', '=', 'pending').executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Says how far an unfinished task is; false when it has ended, or there is none. */
export async function setProgress(tx: Tx, id: string, message: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('image_tasks').set({ status: 'processing', updated_at: now, message })
    .where('id', '=', id).where('status', 'in', ['pending', 'processing']).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** How a task ended: well with a result, or not, with the reason. */
export type TaskEnd = { result: Readonly<Record<string, unknown>> } | { message: string }

/** Ends a task that has not ended; false when it has. `expiresAt` is when its record may go. */
export async function end(tx: Tx, id: string, how: TaskEnd, times: { now: number, expiresAt: number }): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('image_tasks')
    .set({ updated_at: times.now, expires_at: times.expiresAt, ...('result' in how ? { status: 'success', result: toJson(how.result) } : { status: 'failure', message: how.message }) })
    .where('id', '=', id).where('status', 'in', ['pending', 'processing']).executeTakeFirst()
  return numUpdatedRows === 1n
}

function kept(now: number) {
  return sql<SqlBool>`(expires_at is null or expires_at > ${now})`
}

function toRow(record: TaskRecord): Tables['image_tasks'] {
  return {
    id: record.id, type: record.type, status: record.status, owner: record.owner, image_id: record.imageId, user_id: record.userId, request_id: record.requestId,
    input: toJson(record.input), result: toJson(record.result), message: record.message, created_at: record.createdAt, updated_at: record.updatedAt, expires_at: record.expiresAt,
  }
}

function fromRow(row: Tables['image_tasks']): TaskRecord {
  return {
    id: row.id, type: row.type as TaskType, status: row.status as TaskStatus, owner: row.owner, imageId: row.image_id, userId: row.user_id, requestId: row.request_id,
    input: fromJson<TaskRecord['input']>(row.input, null), result: fromJson<TaskRecord['result']>(row.result, null), message: row.message,
    createdAt: row.created_at, updatedAt: row.updated_at, expiresAt: row.expires_at,
  }
}

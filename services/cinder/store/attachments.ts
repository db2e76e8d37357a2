// SQL for attachments.
import { fromJson, toJson } from '@alto/kit/db'
import type { Attachment } from '../model/volumes.ts'
import type { Tables, Tx } from './tables.ts'

/** Which attachments a list holds. */
export interface AttachmentFilter {
  projectId?: string | undefined
  volumeIds?: readonly string[] | undefined
  instanceId?: string | undefined
  status?: string | undefined
}

/** The attachment, or undefined. */
export async function find(tx: Tx, id: string): Promise<Attachment | undefined> {
  const row = await tx.selectFrom('attachments').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The attachment that was made under an idempotency key. */
export async function findByKey(tx: Tx, key: string): Promise<Attachment | undefined> {
  const row = await tx.selectFrom('attachments').selectAll().where('idempotency_key', '=', key).executeTakeFirst()
  return row && fromRow(row)
}

/** Attachments by filter, the oldest first. */
export async function list(tx: Tx, filter: AttachmentFilter): Promise<Attachment[]> {
  if (filter.volumeIds?.length === 0) return []
  let query = tx.selectFrom('attachments').selectAll()
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.volumeIds) query = query.where('volume_id', 'in', filter.volumeIds)
  if (filter.instanceId !== undefined) query = query.where('instance_id', '=', filter.instanceId)
  if (filter.status !== undefined) query = query.where('status', '=', filter.status)
  return (await query.orderBy('created_at').orderBy('id').execute()).map(fromRow)
}

/** Adds an attachment. Breaks the unique index when the server has the volume already. */
export async function insert(tx: Tx, a: Attachment, idempotencyKey: string | undefined): Promise<void> {
  await tx.insertInto('attachments').values({ ...toRow(a), id: a.id, volume_id: a.volumeId, project_id: a.projectId, instance_id: a.instanceId, created_at: a.createdAt, idempotency_key: idempotencyKey ?? null }).execute()
}

/** Writes what may change of it. */
export async function update(tx: Tx, a: Attachment): Promise<void> {
  await tx.updateTable('attachments').set(toRow(a)).where('id', '=', a.id).execute()
}

/** Removes it; false when it is not there. */
export async function remove(tx: Tx, id: string): Promise<boolean> {
  return (await tx.deleteFrom('attachments').where('id', '=', id).executeTakeFirst()).numDeletedRows === 1n
}

function fromRow(row: Tables['attachments']): Attachment {
  return {
    id: row.id, volumeId: row.volume_id, projectId: row.project_id, instanceId: row.instance_id, status: row.status as Attachment['status'], mode: row.mode as Attachment['mode'], mountpoint: row.mountpoint,
    host: row.host, connection: fromJson<Attachment['connection']>(row.connection, null), createdAt: row.created_at, attachedAt: row.attached_at,
  }
}

function toRow(a: Attachment) {
  return { status: a.status, mode: a.mode, mountpoint: a.mountpoint, host: a.host, connection: a.connection && toJson(a.connection), attached_at: a.attachedAt }
}

// SQL for volumes.
import { fromJson, keysetPage, sql, toJson, type Page, type SortKey } from '@alto/kit/db'
import { notFound } from '../model/faults.ts'
import type { VolumeFilter } from '../model/filters.ts'
import type { Volume, VolumeSource, VolumeStatus } from '../model/volumes.ts'
import type { Tables, Tx, VolumesTable } from './tables.ts'

/** Which page of them. */
export interface VolumePage {
  limit: number
  offset?: number
  sort: readonly SortKey[]
  after?: string | undefined
}

/** The volume, or undefined. */
export async function find(tx: Tx, id: string): Promise<Volume | undefined> {
  const row = await tx.selectFrom('volumes').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The volume that was made under an idempotency key. */
export async function findByKey(tx: Tx, key: string): Promise<Volume | undefined> {
  const row = await tx.selectFrom('volumes').selectAll().where('idempotency_key', '=', key).executeTakeFirst()
  return row && fromRow(row)
}

/** A page of volumes. `after` is the marker's id; undefined when the marker is not there. */
export async function list(tx: Tx, filter: VolumeFilter, page: VolumePage): Promise<Page<Volume> | undefined> {
  const marker = page.after === undefined ? undefined : await tx.selectFrom('volumes').selectAll().where('id', '=', page.after).executeTakeFirst()
  if (page.after !== undefined && !marker) return undefined
  const { rows, more } = await keysetPage(matching(tx, filter).selectAll(), {
    limit: page.limit + (page.offset ?? 0), sort: page.sort, ...(marker && { after: page.sort.map(key => marker[key.column as keyof VolumesTable]) }),
  })
  return { rows: rows.slice(page.offset ?? 0).map(fromRow), more }
}

/** How many volumes match, and their GiB in all. */
export async function count(tx: Tx, filter: VolumeFilter): Promise<{ count: number, size: number }> {
  const row = await matching(tx, filter).select(e => [e.fn.countAll<number | string>().as('count'), e.fn.sum<number | string | null>('size').as('size')]).executeTakeFirstOrThrow()
  return { count: Number(row.count), size: Number(row.size ?? 0) }
}

/** Adds a volume. */
export async function insert(tx: Tx, v: Volume, idempotencyKey: string | undefined): Promise<void> {
  await tx.insertInto('volumes').values({ ...toRow(v), id: v.id, project_id: v.projectId, user_id: v.userId, created_at: v.createdAt, idempotency_key: idempotencyKey ?? null }).execute()
}

/** Writes what may change of a volume, if its status still is one of `from`; false when it is not. */
export async function move(tx: Tx, v: Volume, from: readonly VolumeStatus[], changes: Partial<Volume>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('volumes').set(toRow({ ...v, ...changes })).where('id', '=', v.id).where('status', 'in', from).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Writes names, metadata, flags. */
export async function update(tx: Tx, v: Volume): Promise<void> {
  const { name, description, metadata, read_only, bootable, updated_at } = toRow(v)
  await tx.updateTable('volumes').set({ name, description, metadata, read_only, bootable, updated_at }).where('id', '=', v.id).execute()
}

/** Takes the row for the rest of the transaction, so that what is read from now on holds until its end; gives the row as it is now. Fault notFound. */
export async function hold(tx: Tx, id: string): Promise<Volume> {
  const row = await tx.updateTable('volumes').set(e => ({ size: e.ref('size') })).where('id', '=', id).returningAll().executeTakeFirst()
  if (!row) throw notFound('Volume', id)
  return fromRow(row)
}

/** True while a volume or snapshot is being made from the disk of this volume or snapshot. */
export async function isBeingCopied(tx: Tx, id: string): Promise<boolean> {
  const volume = await tx.selectFrom('volumes').select('id').where('status', '=', 'creating').where(e => e.or([e('source_volume_id', '=', id), e('snapshot_id', '=', id)])).limit(1).executeTakeFirst()
  return volume !== undefined || await tx.selectFrom('snapshots').select('id').where('volume_id', '=', id).where('status', '=', 'creating').limit(1).executeTakeFirst() !== undefined
}

/** Removes it. Breaks a foreign key while it has snapshots or attachments. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('volumes').where('id', '=', id).execute()
}

function matching(tx: Tx, filter: VolumeFilter) {
  let query = tx.selectFrom('volumes')
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  for (const { column, operator, value } of filter.columns ?? []) {
    query = query.where(column, operator, operator === 'like' ? `%${String(value).replaceAll(/[%_\\]/g, '')}%` as never : value as never)
  }
  for (const [key, value] of Object.entries(filter.metadata ?? {})) query = query.where(sql<boolean>`metadata like ${`%${JSON.stringify(key)}:${JSON.stringify(value)}%`}`)
  return query
}

function fromRow(row: Tables['volumes']): Volume {
  return {
    id: row.id, projectId: row.project_id, userId: row.user_id, name: row.name, description: row.description, size: row.size, status: row.status as VolumeStatus,
    previousStatus: row.previous_status as VolumeStatus | null, reason: row.reason, typeId: row.type_id, zone: row.zone, host: row.host, source: fromJson<VolumeSource>(row.source, { kind: 'blank' }),
    bootable: row.bootable === 1, multiattach: row.multiattach === 1, readOnly: row.read_only === 1, metadata: fromJson(row.metadata, {}), imageMetadata: fromJson(row.image_metadata, {}),
    createdAt: row.created_at, updatedAt: row.updated_at, launchedAt: row.launched_at,
  }
}

/** All columns but those that never change. */
function toRow(v: Volume) {
  return {
    name: v.name, description: v.description, size: v.size, status: v.status, previous_status: v.previousStatus, reason: v.reason, type_id: v.typeId, zone: v.zone, host: v.host,
    source: toJson(v.source), snapshot_id: v.source.kind === 'snapshot' ? v.source.id : null, source_volume_id: v.source.kind === 'volume' ? v.source.id : null, bootable: Number(v.bootable), multiattach: Number(v.multiattach), read_only: Number(v.readOnly),
    metadata: toJson(v.metadata), image_metadata: toJson(v.imageMetadata), updated_at: v.updatedAt, launched_at: v.launchedAt,
  }
}

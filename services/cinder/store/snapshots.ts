// SQL for snapshots.
import { fromJson, keysetPage, sql, toJson, type Page, type SortKey } from '@alto/kit/db'
import type { SnapshotFilter } from '../model/filters.ts'
import type { Snapshot, SnapshotStatus } from '../model/snapshots.ts'
import type { SnapshotsTable, Tables, Tx } from './tables.ts'

/** The snapshot, or undefined. */
export async function find(tx: Tx, id: string): Promise<Snapshot | undefined> {
  const row = await tx.selectFrom('snapshots').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The snapshot that was made under an idempotency key. */
export async function findByKey(tx: Tx, key: string): Promise<Snapshot | undefined> {
  const row = await tx.selectFrom('snapshots').selectAll().where('idempotency_key', '=', key).executeTakeFirst()
  return row && fromRow(row)
}

/** A page of snapshots; undefined when the marker is not there. */
export async function list(tx: Tx, filter: SnapshotFilter, page: { limit: number, offset?: number, sort: readonly SortKey[], after?: string | undefined }): Promise<Page<Snapshot> | undefined> {
  const marker = page.after === undefined ? undefined : await tx.selectFrom('snapshots').selectAll().where('id', '=', page.after).executeTakeFirst()
  if (page.after !== undefined && !marker) return undefined
  const { rows, more } = await keysetPage(matching(tx, filter).selectAll(), {
    limit: page.limit + (page.offset ?? 0), sort: page.sort, ...(marker && { after: page.sort.map(key => marker[key.column as keyof SnapshotsTable]) }),
  })
  return { rows: rows.slice(page.offset ?? 0).map(fromRow), more }
}

/** How many snapshots match. */
export async function count(tx: Tx, filter: SnapshotFilter): Promise<number> {
  return Number((await matching(tx, filter).select(e => e.fn.countAll<number | string>().as('count')).executeTakeFirstOrThrow()).count)
}

/** Adds a snapshot. */
export async function insert(tx: Tx, s: Snapshot, idempotencyKey: string | undefined): Promise<void> {
  await tx.insertInto('snapshots').values({
    ...toRow(s), id: s.id, volume_id: s.volumeId, project_id: s.projectId, user_id: s.userId, size: s.size, created_at: s.createdAt, idempotency_key: idempotencyKey ?? null,
  }).execute()
}

/** Writes what may change, if the status still is one of `from`; false when it is not. */
export async function move(tx: Tx, s: Snapshot, from: readonly SnapshotStatus[], changes: Partial<Snapshot>): Promise<boolean> {
  return (await tx.updateTable('snapshots').set(toRow({ ...s, ...changes })).where('id', '=', s.id).where('status', 'in', from).executeTakeFirst()).numUpdatedRows === 1n
}

/** Removes it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('snapshots').where('id', '=', id).execute()
}

function matching(tx: Tx, filter: SnapshotFilter) {
  let query = tx.selectFrom('snapshots')
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.volumeId !== undefined) query = query.where('volume_id', '=', filter.volumeId)
  if (filter.name !== undefined) query = query.where('name', '=', filter.name)
  if (filter.status !== undefined) query = query.where('status', '=', filter.status)
  for (const [key, value] of Object.entries(filter.metadata ?? {})) query = query.where(sql<boolean>`metadata like ${`%${JSON.stringify(key)}:${JSON.stringify(value)}%`}`)
  return query
}

function fromRow(row: Tables['snapshots']): Snapshot {
  return {
    id: row.id, volumeId: row.volume_id, projectId: row.project_id, userId: row.user_id, name: row.name, description: row.description, size: row.size, status: row.status as SnapshotStatus, reason: row.reason,
    metadata: fromJson(row.metadata, {}), createdAt: row.created_at, updatedAt: row.updated_at,
  }
}

function toRow(s: Snapshot) {
  return { name: s.name, description: s.description, status: s.status, reason: s.reason, metadata: toJson(s.metadata), updated_at: s.updatedAt }
}

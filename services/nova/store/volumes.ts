// SQL for servers' volumes.
import { fromJson, toJson } from '@alto/kit/db'
import type { Connection, ServerVolume, VolumeSource } from '../model/volumes.ts'
import type { ServerVolumesTable, Tx } from './tables.ts'

/** The volumes of the servers, the boot volume first. */
export async function ofServers(tx: Tx, serverIds: readonly string[]): Promise<ServerVolume[]> {
  if (serverIds.length === 0) return []
  return (await tx.selectFrom('server_volumes').selectAll().where('server_id', 'in', serverIds).orderBy('device').execute()).map(fromRow)
}

/** The volume as it is attached to the server. */
export async function find(tx: Tx, serverId: string, volumeId: string): Promise<ServerVolume | undefined> {
  const row = await tx.selectFrom('server_volumes').selectAll().where('server_id', '=', serverId).where('volume_id', '=', volumeId).executeTakeFirst()
  return row && fromRow(row)
}

/** Wherever the volume is attached. */
export async function ofVolume(tx: Tx, volumeId: string): Promise<ServerVolume[]> {
  return (await tx.selectFrom('server_volumes').selectAll().where('volume_id', '=', volumeId).execute()).map(fromRow)
}

/** Adds a volume to a server. A volume that is not multiattach is on one server only. `maker` is the controller that makes it as the user; '' when it is there already. */
export async function insert(tx: Tx, v: ServerVolume, maker = ''): Promise<void> {
  await tx.insertInto('server_volumes').values({
    id: v.id, server_id: v.serverId, volume_id: v.volumeId, attachment_id: v.attachmentId, source: toJson(v.source), boot_index: v.bootIndex, device: v.device, size: v.size, tag: v.tag,
    delete_on_termination: Number(v.deleteOnTermination), multiattach: Number(v.multiattach), read_only: Number(v.readOnly), connection: v.connection && toJson(v.connection), created_at: v.createdAt, made_by: maker, beats: 0,
  }).execute()
}

/** What becomes known of a volume, or changes. */
export async function set(tx: Tx, id: string, changes: { volumeId?: string, source?: VolumeSource, attachmentId?: string | null, size?: number, connection?: Connection | null, deleteOnTermination?: boolean, readOnly?: boolean }): Promise<void> {
  const row = {
    ...(changes.source && { source: toJson(changes.source) }), ...(changes.volumeId !== undefined && { volume_id: changes.volumeId }), ...(changes.attachmentId !== undefined && { attachment_id: changes.attachmentId }), ...(changes.size !== undefined && { size: changes.size }),
    ...(changes.connection !== undefined && { connection: changes.connection && toJson(changes.connection) }), ...(changes.deleteOnTermination !== undefined && { delete_on_termination: Number(changes.deleteOnTermination) }),
    ...(changes.readOnly !== undefined && { read_only: Number(changes.readOnly) }),
  }
  if (Object.keys(row).length) await tx.updateTable('server_volumes').set(row).where('id', '=', id).execute()
}

/** A volume that is being made, by whom, and the signs of life that its maker has given. */
export interface Unmade { readonly volume: ServerVolume, readonly maker: string, readonly beats: number }

/** What is being made, by all controllers. */
export async function unmade(tx: Tx): Promise<Unmade[]> {
  return (await tx.selectFrom('server_volumes').selectAll().where('made_by', '<>', '').orderBy('id').execute()).map(row => ({ volume: fromRow(row), maker: row.made_by, beats: row.beats }))
}

/** A sign of life of the controller `maker` for all that it is making. */
export async function beat(tx: Tx, maker: string): Promise<void> {
  await tx.updateTable('server_volumes').set(e => ({ beats: e('beats', '+', 1) })).where('made_by', '=', maker).execute()
}

/** What became of a volume that `maker` was making: its id, or why there is none. False when nobody waits for it from that maker (any more); with `beats`, also when it gave a sign since. */
export async function endMaking(tx: Tx, { volume, maker, beats }: { volume: ServerVolume, maker: string, beats?: number }, end: { volumeId: string } | { failure: string }): Promise<boolean> {
  const update = tx.updateTable('server_volumes').set({ made_by: '', ...('volumeId' in end ? { volume_id: end.volumeId } : { source: toJson({ ...volume.source, failure: end.failure }) }) })
    .where('id', '=', volume.id).where('made_by', '=', maker)
  const { numUpdatedRows } = await (beats === undefined ? update : update.where('beats', '=', beats)).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Takes away one volume. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('server_volumes').where('id', '=', id).execute()
}

/** Takes away all volumes of a server. */
export async function removeAll(tx: Tx, serverId: string): Promise<void> {
  await tx.deleteFrom('server_volumes').where('server_id', '=', serverId).execute()
}

function fromRow(row: ServerVolumesTable): ServerVolume {
  return {
    id: row.id, serverId: row.server_id, volumeId: row.volume_id, attachmentId: row.attachment_id, source: fromJson<VolumeSource>(row.source, { kind: 'volume' }), bootIndex: row.boot_index,
    device: row.device, size: row.size, tag: row.tag, deleteOnTermination: row.delete_on_termination === 1, multiattach: row.multiattach === 1, readOnly: row.read_only === 1,
    connection: fromJson<Connection | null>(row.connection, null), createdAt: row.created_at,
  }
}

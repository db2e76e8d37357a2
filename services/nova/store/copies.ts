// SQL for copies of servers' volumes that the agent is to make. They go with the wanted row.
import { toJson } from '@alto/kit/db'
import type { VolumeCopy } from '../model/copies.ts'
import type { Connection } from '../model/volumes.ts'
import type { CopiesTable, Tx } from './tables.ts'

/** The copy, or undefined. */
export async function find(tx: Tx, id: string): Promise<VolumeCopy | undefined> {
  const row = await tx.selectFrom('server_copies').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The copies of these servers' volumes, the oldest first. */
export async function ofServers(tx: Tx, serverIds: readonly string[]): Promise<VolumeCopy[]> {
  if (serverIds.length === 0) return []
  return (await tx.selectFrom('server_copies').selectAll().where('server_id', 'in', serverIds).orderBy('generation').orderBy('id').execute()).map(fromRow)
}

/** Adds a copy. Breaks the primary key when there is one of that id. */
export async function insert(tx: Tx, copy: VolumeCopy): Promise<void> {
  await tx.insertInto('server_copies').values({ id: copy.id, server_id: copy.serverId, server_volume_id: copy.serverVolumeId, volume_id: copy.volumeId, target: toJson(copy.to), generation: copy.generation }).execute()
}

/** Takes one away; nothing when it is not there. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('server_copies').where('id', '=', id).execute()
}

function fromRow(row: CopiesTable): VolumeCopy {
  return { id: row.id, serverId: row.server_id, serverVolumeId: row.server_volume_id, volumeId: row.volume_id, to: JSON.parse(row.target) as Connection, generation: row.generation }
}

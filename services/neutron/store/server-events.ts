// Events that Nova has not been told of yet. They are written with the change they are about, so that a crash loses none.
import type { Tx } from './tables.ts'

/** One event of Nova's os-server-external-events. `tag` is the port's id; '' for none. */
export interface ServerEvent {
  readonly id: string
  readonly name: 'network-vif-plugged' | 'network-vif-unplugged' | 'network-vif-deleted' | 'network-changed'
  readonly serverId: string
  readonly tag: string
  readonly createdAt: number
}

/** Adds an event. */
export async function insert(tx: Tx, event: ServerEvent): Promise<void> {
  await tx.insertInto('server_events').values({ id: event.id, name: event.name, server_id: event.serverId, tag: event.tag, created_at: event.createdAt }).execute()
}

/** The oldest events. */
export async function list(tx: Tx, limit: number): Promise<ServerEvent[]> {
  const rows = await tx.selectFrom('server_events').selectAll().orderBy('created_at').orderBy('id').limit(limit).execute()
  return rows.map(row => ({ id: row.id, name: row.name as ServerEvent['name'], serverId: row.server_id, tag: row.tag, createdAt: Number(row.created_at) }))
}

/** Removes what was told. */
export async function remove(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length) await tx.deleteFrom('server_events').where('id', 'in', ids).execute()
}

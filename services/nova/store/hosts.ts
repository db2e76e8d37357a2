// SQL for compute hosts.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Host, Resources } from '../model/hosts.ts'
import type { HostsTable, Tx } from './tables.ts'
import { next } from './wants.ts'

/** Every host, by name. */
export async function list(tx: Tx): Promise<Host[]> {
  return (await tx.selectFrom('hosts').selectAll().orderBy('name').execute()).map(fromRow)
}

/** The host of that name, or undefined. */
export async function find(tx: Tx, name: string): Promise<Host | undefined> {
  const row = await tx.selectFrom('hosts').selectAll().where('name', '=', name).executeTakeFirst()
  return row && fromRow(row)
}

/** Writes down that a host lives and what it has; a new host gets `ids`. Gives the host. */
export async function seen(tx: Tx, host: { name: string, incarnation: string, resources: Resources, ids: { id: string, serviceId: string }, now: number }): Promise<Host> {
  const news = { incarnation: host.incarnation, resources: toJson(host.resources), seen_at: host.now }
  const known = await tx.updateTable('hosts').set(news).where('name', '=', host.name).returningAll().executeTakeFirst()
  if (known) return fromRow(known)
  await next(tx, 'hosts')
  const { number } = await tx.selectFrom('hosts').select(sql<number>`coalesce(max(number), 0) + 1`.as('number')).executeTakeFirstOrThrow()
  const row = await tx.insertInto('hosts')
    .values({ ...news, name: host.name, id: host.ids.id, service_id: host.ids.serviceId, number, disabled: 0, disabled_reason: null, forced_down: 0, created_at: host.now, updated_at: host.now })
    .onConflict(conflict => conflict.column('name').doUpdateSet(news)).returningAll().executeTakeFirstOrThrow()
  return fromRow(row)
}

/** Changes what an admin says of a host. */
export async function set(tx: Tx, name: string, changes: { disabled?: boolean, disabledReason?: string | null, forcedDown?: boolean, updatedAt: number }): Promise<void> {
  await tx.updateTable('hosts').set({
    updated_at: changes.updatedAt, ...(changes.disabled !== undefined && { disabled: Number(changes.disabled) }), ...(changes.disabledReason !== undefined && { disabled_reason: changes.disabledReason }),
    ...(changes.forcedDown !== undefined && { forced_down: Number(changes.forcedDown) }),
  }).where('name', '=', name).execute()
}

/** Forgets a host. */
export async function remove(tx: Tx, name: string): Promise<void> {
  await tx.deleteFrom('hosts').where('name', '=', name).execute()
}

function fromRow(row: HostsTable): Host {
  return {
    name: row.name, id: row.id, serviceId: row.service_id, number: row.number, resources: fromJson<Resources>(row.resources, {} as Resources), disabled: row.disabled === 1,
    disabledReason: row.disabled_reason, forcedDown: row.forced_down === 1, seenAt: row.seen_at, createdAt: row.created_at, updatedAt: row.updated_at,
  }
}

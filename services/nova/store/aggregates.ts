// SQL for host aggregates.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Aggregate } from '../model/hosts.ts'
import type { Tx } from './tables.ts'
import { next } from './wants.ts'

/** Every aggregate with its hosts. */
export async function list(tx: Tx): Promise<Aggregate[]> {
  const [rows, members] = [await tx.selectFrom('aggregates').selectAll().orderBy('id').execute(), await tx.selectFrom('aggregate_hosts').selectAll().orderBy('host').execute()]
  return rows.map(row => ({
    id: row.id, uuid: row.uuid, name: row.name, metadata: fromJson<Record<string, string>>(row.metadata, {}), createdAt: row.created_at, updatedAt: row.updated_at,
    hosts: members.filter(member => member.aggregate_id === row.id).map(member => member.host),
  }))
}

/** Adds an aggregate under the next number, which it gives. */
export async function insert(tx: Tx, aggregate: Omit<Aggregate, 'id' | 'hosts' | 'updatedAt'>): Promise<number> {
  await next(tx, 'aggregates')
  const { id } = await tx.insertInto('aggregates').values({
    id: sql<number>`(select coalesce(max(id), 0) + 1 from aggregates)`, uuid: aggregate.uuid, name: aggregate.name, metadata: toJson(aggregate.metadata), created_at: aggregate.createdAt, updated_at: null,
  }).returning('id').executeTakeFirstOrThrow()
  return id
}

/** Changes an aggregate's name or metadata. */
export async function set(tx: Tx, id: number, changes: { name?: string, metadata?: Readonly<Record<string, string>>, updatedAt: number }): Promise<void> {
  await tx.updateTable('aggregates').set({ updated_at: changes.updatedAt, ...(changes.name !== undefined && { name: changes.name }), ...(changes.metadata && { metadata: toJson(changes.metadata) }) }).where('id', '=', id).execute()
}

/** Removes an aggregate; one with hosts is kept by its foreign key. */
export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('aggregates').where('id', '=', id).execute()
}

/** Puts a host into an aggregate; once. */
export async function addHost(tx: Tx, id: number, host: string): Promise<void> {
  await tx.insertInto('aggregate_hosts').values({ aggregate_id: id, host }).execute()
}

/** False when the host was not in it. */
export async function removeHost(tx: Tx, id: number, host: string): Promise<boolean> {
  return (await tx.deleteFrom('aggregate_hosts').where('aggregate_id', '=', id).where('host', '=', host).executeTakeFirst()).numDeletedRows === 1n
}

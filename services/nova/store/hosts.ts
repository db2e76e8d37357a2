// SQL for compute hosts, host aggregates and server groups.
import { fromJson, sql, toJson, type Selectable } from '@alto/kit/db'
import type { Aggregate, Host, Resources, ServerGroup } from '../model/hosts.ts'
import type { HostsTable, Tables, Tx } from './tables.ts'

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
  const { number } = await tx.selectFrom('hosts').select(sql<number>`coalesce(max(number), 0) + 1`.as('number')).executeTakeFirstOrThrow()
  const news = { incarnation: host.incarnation, resources: toJson(host.resources), seen_at: host.now }
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

/** Every aggregate with its hosts. */
export async function aggregates(tx: Tx): Promise<Aggregate[]> {
  const [rows, members] = [await tx.selectFrom('aggregates').selectAll().orderBy('id').execute(), await tx.selectFrom('aggregate_hosts').selectAll().orderBy('host').execute()]
  return rows.map(row => ({
    id: row.id, uuid: row.uuid, name: row.name, metadata: fromJson<Record<string, string>>(row.metadata, {}), createdAt: row.created_at, updatedAt: row.updated_at,
    hosts: members.filter(member => member.aggregate_id === row.id).map(member => member.host),
  }))
}

/** Adds an aggregate under the next number, which it gives. */
export async function insertAggregate(tx: Tx, aggregate: Omit<Aggregate, 'id' | 'hosts' | 'updatedAt'>): Promise<number> {
  const { id } = await tx.insertInto('aggregates').values({
    id: sql<number>`(select coalesce(max(id), 0) + 1 from aggregates)`, uuid: aggregate.uuid, name: aggregate.name, metadata: toJson(aggregate.metadata), created_at: aggregate.createdAt, updated_at: null,
  }).returning('id').executeTakeFirstOrThrow()
  return id
}

/** Changes an aggregate's name or metadata. */
export async function setAggregate(tx: Tx, id: number, changes: { name?: string, metadata?: Readonly<Record<string, string>>, updatedAt: number }): Promise<void> {
  await tx.updateTable('aggregates').set({ updated_at: changes.updatedAt, ...(changes.name !== undefined && { name: changes.name }), ...(changes.metadata && { metadata: toJson(changes.metadata) }) }).where('id', '=', id).execute()
}

/** Removes an aggregate; one with hosts is kept by its foreign key. */
export async function removeAggregate(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('aggregates').where('id', '=', id).execute()
}

/** Puts a host into an aggregate; once. */
export async function addToAggregate(tx: Tx, id: number, host: string): Promise<void> {
  await tx.insertInto('aggregate_hosts').values({ aggregate_id: id, host }).execute()
}

/** False when the host was not in it. */
export async function removeFromAggregate(tx: Tx, id: number, host: string): Promise<boolean> {
  return (await tx.deleteFrom('aggregate_hosts').where('aggregate_id', '=', id).where('host', '=', host).executeTakeFirst()).numDeletedRows === 1n
}

/** The server group, or undefined. */
export async function findGroup(tx: Tx, id: string): Promise<ServerGroup | undefined> {
  const row = await tx.selectFrom('server_groups').selectAll().where('id', '=', id).executeTakeFirst()
  return row && groupFromRow(row)
}

/** The groups of a project, or of all. */
export async function listGroups(tx: Tx, projectId: string | undefined, page: { limit: number, offset: number }): Promise<ServerGroup[]> {
  let query = tx.selectFrom('server_groups').selectAll().orderBy('name').orderBy('id').limit(page.limit).offset(page.offset)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return (await query.execute()).map(groupFromRow)
}

/** Adds a server group. */
export async function insertGroup(tx: Tx, group: ServerGroup): Promise<void> {
  await tx.insertInto('server_groups').values({ id: group.id, name: group.name, project_id: group.projectId, user_id: group.userId, policy: group.policy, rules: toJson(group.rules), generation: 0 }).execute()
}

/** Removes a server group; its servers stay. */
export async function removeGroup(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('server_groups').where('id', '=', id).execute()
}

/** Takes the group's next generation, if it is still the one that the choice of a host was made with; false when it moved on. */
export async function commitGroup(tx: Tx, id: string, generation: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('server_groups').set({ generation: generation + 1 }).where('id', '=', id).where('generation', '=', generation).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** The living servers of each group. */
export async function membersOf(tx: Tx, groupIds: readonly string[]): Promise<{ groupId: string, serverId: string, host: string | null }[]> {
  if (groupIds.length === 0) return []
  const rows = await tx.selectFrom('servers').select(['id', 'group_id', 'host']).where('group_id', 'in', groupIds).where('deleted_at', 'is', null).orderBy('created_at').execute()
  return rows.map(row => ({ groupId: row.group_id!, serverId: row.id, host: row.host }))
}

function groupFromRow(row: Selectable<Tables['server_groups']>): ServerGroup {
  return { id: row.id, name: row.name, projectId: row.project_id, userId: row.user_id, policy: row.policy as ServerGroup['policy'], rules: fromJson<ServerGroup['rules']>(row.rules, {}), generation: row.generation }
}

function fromRow(row: HostsTable): Host {
  return {
    name: row.name, id: row.id, serviceId: row.service_id, number: row.number, resources: fromJson<Resources>(row.resources, {} as Resources), disabled: row.disabled === 1,
    disabledReason: row.disabled_reason, forcedDown: row.forced_down === 1, seenAt: row.seen_at, createdAt: row.created_at, updatedAt: row.updated_at,
  }
}

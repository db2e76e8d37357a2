// SQL for server groups.
import { fromJson, toJson, type Selectable } from '@alto/kit/db'
import type { ServerGroup } from '../model/hosts.ts'
import type { Tables, Tx } from './tables.ts'

/** The server group, or undefined. */
export async function find(tx: Tx, id: string): Promise<ServerGroup | undefined> {
  const row = await tx.selectFrom('server_groups').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The groups of a project, or of all. */
export async function list(tx: Tx, projectId: string | undefined, page: { limit: number, offset: number }): Promise<ServerGroup[]> {
  let query = tx.selectFrom('server_groups').selectAll().orderBy('name').orderBy('id').limit(page.limit).offset(page.offset)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return (await query.execute()).map(fromRow)
}

/** Adds a server group. */
export async function insert(tx: Tx, group: ServerGroup): Promise<void> {
  await tx.insertInto('server_groups').values({ id: group.id, name: group.name, project_id: group.projectId, user_id: group.userId, policy: group.policy, rules: toJson(group.rules), generation: 0 }).execute()
}

/** Removes a server group; its servers stay. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('server_groups').where('id', '=', id).execute()
}

/** Takes the group's next generation, if it is still the one that the choice of a host was made with; false when it moved on. */
export async function commit(tx: Tx, id: string, generation: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('server_groups').set({ generation: generation + 1 }).where('id', '=', id).where('generation', '=', generation).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** The living servers of each group. */
export async function membersOf(tx: Tx, groupIds: readonly string[]): Promise<{ groupId: string, serverId: string, host: string | null }[]> {
  if (groupIds.length === 0) return []
  const rows = await tx.selectFrom('servers').select(['id', 'group_id', 'host']).where('group_id', 'in', groupIds).where('deleted_at', 'is', null).orderBy('created_at').execute()
  return rows.map(row => ({ groupId: row.group_id!, serverId: row.id, host: row.host }))
}

function fromRow(row: Selectable<Tables['server_groups']>): ServerGroup {
  return { id: row.id, name: row.name, projectId: row.project_id, userId: row.user_id, policy: row.policy as ServerGroup['policy'], rules: fromJson<ServerGroup['rules']>(row.rules, {}), generation: row.generation }
}

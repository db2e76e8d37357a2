// SQL for what was done to servers. It outlives them.
import type { Selectable } from '@alto/kit/db'
import type { ActionEvent, ServerAction } from '../model/actions.ts'
import type { Tables, Tx } from './tables.ts'

/** Notes that something was asked, and that its one event has begun. */
export async function begin(tx: Tx, action: ServerAction, event: string | undefined): Promise<void> {
  await tx.insertInto('server_actions').values({
    id: action.id, server_id: action.serverId, action: action.action, request_id: action.requestId, user_id: action.userId, project_id: action.projectId,
    started_at: action.startedAt, updated_at: action.updatedAt, message: action.message, shared: 0,
  }).execute()
  if (event !== undefined) await tx.insertInto('server_action_events').values({ action_id: action.id, event, started_at: action.startedAt, finished_at: null, result: null, traceback: null, host: null }).execute()
}

/** Notes how it ended; `error` is the reason when it ended badly. */
export async function finish(tx: Tx, id: string, at: number, outcome: { error?: string, host?: string | null }): Promise<void> {
  await tx.updateTable('server_actions').set({ updated_at: at, ...(outcome.error !== undefined && { message: 'Error' }) }).where('id', '=', id).execute()
  await tx.updateTable('server_action_events')
    .set({ finished_at: at, result: outcome.error === undefined ? 'Success' : 'Error', traceback: outcome.error ?? null, ...(outcome.host !== undefined && { host: outcome.host }) })
    .where('action_id', '=', id).where('finished_at', 'is', null).execute()
}

/** A server's actions, the newest first. */
export async function list(tx: Tx, serverId: string, filter: { limit: number, since?: number | undefined, before?: number | undefined, after?: ServerAction | undefined }): Promise<{ rows: ServerAction[], more: boolean }> {
  let query = tx.selectFrom('server_actions').selectAll().where('server_id', '=', serverId).orderBy('started_at', 'desc').orderBy('id', 'desc')
  if (filter.since !== undefined) query = query.where('updated_at', '>=', filter.since)
  if (filter.before !== undefined) query = query.where('updated_at', '<=', filter.before)
  const { after } = filter
  if (after) query = query.where(eb => eb.or([eb('started_at', '<', after.startedAt), eb.and([eb('started_at', '=', after.startedAt), eb('id', '<', after.id)])]))
  const rows = await query.limit(filter.limit + 1).execute()
  return { rows: rows.slice(0, filter.limit).map(fromRow), more: rows.length > filter.limit }
}

/** The action that a request began. */
export async function find(tx: Tx, serverId: string, requestId: string): Promise<ServerAction | undefined> {
  const row = await tx.selectFrom('server_actions').selectAll().where('server_id', '=', serverId).where('request_id', '=', requestId).executeTakeFirst()
  return row && fromRow(row)
}

/** The events of an action, in order. */
export async function events(tx: Tx, actionId: string): Promise<ActionEvent[]> {
  const rows = await tx.selectFrom('server_action_events').selectAll().where('action_id', '=', actionId).orderBy('started_at').execute()
  return rows.map(row => ({ event: row.event, startedAt: row.started_at, finishedAt: row.finished_at, result: row.result, traceback: row.traceback, host: row.host }))
}

function fromRow(row: Selectable<Tables['server_actions']>): ServerAction {
  return { id: row.id, serverId: row.server_id, action: row.action, requestId: row.request_id, userId: row.user_id, projectId: row.project_id, startedAt: row.started_at, updatedAt: row.updated_at, message: row.message }
}

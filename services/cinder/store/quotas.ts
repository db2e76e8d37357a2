// SQL for limits and for the counters that keep them: changed in the transactions that change the rows they count.
import type { Tx } from './tables.ts'

/** The project under which changed defaults are kept. */
export const CLASS_DEFAULT = 'default:'

/** Limits that were set for the project. */
export async function limitsOf(tx: Tx, projectId: string): Promise<Map<string, number>> {
  return new Map((await tx.selectFrom('quotas').selectAll().where('project_id', '=', projectId).execute()).map(r => [r.resource, r.hard_limit]))
}

/** Sets a limit. */
export async function setLimit(tx: Tx, projectId: string, resource: string, limit: number): Promise<void> {
  await tx.insertInto('quotas').values({ project_id: projectId, resource, hard_limit: limit }).onConflict(c => c.columns(['project_id', 'resource']).doUpdateSet({ hard_limit: limit })).execute()
}

/** Back to the defaults. */
export async function removeLimits(tx: Tx, projectId: string): Promise<void> {
  await tx.deleteFrom('quotas').where('project_id', '=', projectId).execute()
}

/** What the project uses. */
export async function useOf(tx: Tx, projectId: string): Promise<Map<string, number>> {
  return new Map((await tx.selectFrom('quota_use').selectAll().where('project_id', '=', projectId).execute()).map(r => [r.resource, r.used]))
}

/** Takes `amount`, unless that would exceed `limit` (negative: no limit); false then. A negative amount is given back. */
export async function take(tx: Tx, projectId: string, counted: { resource: string, amount: number, limit: number }): Promise<boolean> {
  const { resource, amount, limit } = counted
  await tx.insertInto('quota_use').values({ project_id: projectId, resource, used: 0 }).onConflict(c => c.doNothing()).execute()
  let query = tx.updateTable('quota_use').set(e => ({ used: e('used', '+', amount) })).where('project_id', '=', projectId).where('resource', '=', resource)
  if (amount > 0 && limit >= 0) query = query.where(e => e(e('used', '+', amount), '<=', limit))
  return (await query.executeTakeFirst()).numUpdatedRows === 1n
}

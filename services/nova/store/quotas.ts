// SQL for quotas: a project's limits where they differ from the cloud's, and the counters of what it uses.
import { sql } from '@alto/kit/db'
import { COUNTED, type Counted, type Limits } from '../model/quotas.ts'
import type { Tx } from './tables.ts'

/** The project's limits. */
export async function limits(tx: Tx, projectId: string, defaults: Limits): Promise<Limits> {
  const rows = await tx.selectFrom('quotas').selectAll().where('project_id', '=', projectId).execute()
  return { ...defaults, ...Object.fromEntries(rows.map(row => [row.resource, row.amount])) }
}

/** Gives a project a limit of its own. */
export async function setLimit(tx: Tx, projectId: string, resource: string, amount: number): Promise<void> {
  await tx.insertInto('quotas').values({ project_id: projectId, resource, amount }).onConflict(conflict => conflict.columns(['project_id', 'resource']).doUpdateSet({ amount })).execute()
}

/** Back to the cloud's defaults. */
export async function removeLimits(tx: Tx, projectId: string): Promise<void> {
  await tx.deleteFrom('quotas').where('project_id', '=', projectId).execute()
}

/** What the project uses. */
export async function usage(tx: Tx, projectId: string): Promise<Record<Counted, number>> {
  const rows = await tx.selectFrom('quota_usages').selectAll().where('project_id', '=', projectId).execute()
  return Object.fromEntries(COUNTED.map(resource => [resource, rows.find(row => row.resource === resource)?.used ?? 0])) as Record<Counted, number>
}

/** Takes `amount` more, if the limit (-1: none) allows it; false when it does not. Negative amounts give back. The last statements of their transaction. */
export async function take(tx: Tx, projectId: string, resource: Counted, amount: number, limit: number): Promise<boolean> {
  await tx.insertInto('quota_usages').values({ project_id: projectId, resource, used: 0 }).onConflict(conflict => conflict.doNothing()).execute()
  let update = tx.updateTable('quota_usages').set({ used: sql<number>`used + ${amount}` }).where('project_id', '=', projectId).where('resource', '=', resource)
  if (amount > 0 && limit >= 0) update = update.where(sql<boolean>`used + ${amount} <= ${limit}`)
  return (await update.executeTakeFirst()).numUpdatedRows === 1n
}

// SQL for quotas: limits that were set, and what is used. A usage changes in the transaction that adds or removes the rows it counts.
import { sql } from '@alto/kit/db'
import { COUNTED, type Counted, type Limits, type Usage } from '../model/quotas.ts'
import type { Tx } from './tables.ts'

/** Counts `n` more (or fewer) of a project's resource; false when that would be more than its limit. Nothing is counted for the cloud's own ports (project ''). */
export async function use(tx: Tx, projectId: string, resource: Counted, n: number, defaults: Limits): Promise<boolean> {
  if (projectId === '' || n === 0) return true
  const limit = sql<number>`coalesce((select quota_limit from quota_limits where project_id = ${projectId} and resource = ${resource}), ${sql.raw(String(defaults[resource]))})`
  await tx.insertInto('quota_usages').values({ project_id: projectId, resource, used: 0 }).onConflict(c => c.doNothing()).execute()
  const { numUpdatedRows } = await tx.updateTable('quota_usages').set(e => ({ used: e('used', '+', n) })).where('project_id', '=', projectId).where('resource', '=', resource)
    .where(sql<boolean>`(${n} < 0 or ${limit} < 0 or used + ${n} <= ${limit})`).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Counts `n` more without asking: what the cloud makes by itself in a project (DHCP ports, a default group). */
export async function count(tx: Tx, projectId: string, resource: Counted, n: number): Promise<void> {
  if (projectId === '' || n === 0) return
  await tx.insertInto('quota_usages').values({ project_id: projectId, resource, used: n }).onConflict(c => c.columns(['project_id', 'resource']).doUpdateSet(e => ({ used: e('quota_usages.used', '+', n) }))).execute()
}

/** What a project has and may have, in upstream's order. */
export async function usages(tx: Tx, projectId: string, defaults: Limits): Promise<Usage[]> {
  const limits = await tx.selectFrom('quota_limits').select(['resource', 'quota_limit']).where('project_id', '=', projectId).execute()
  const used = await tx.selectFrom('quota_usages').select(['resource', 'used']).where('project_id', '=', projectId).execute()
  return COUNTED.map(resource => ({
    resource, limit: limits.find(row => row.resource === resource)?.quota_limit ?? defaults[resource], used: used.find(row => row.resource === resource)?.used ?? 0,
  }))
}

/** The projects whose limits were set. */
export async function listProjects(tx: Tx): Promise<string[]> {
  return (await tx.selectFrom('quota_limits').select('project_id').distinct().orderBy('project_id').execute()).map(row => row.project_id)
}

/** Sets a project's limits; others stay. */
export async function setLimits(tx: Tx, projectId: string, limits: Partial<Limits>): Promise<void> {
  for (const [resource, limit] of Object.entries(limits)) {
    await tx.insertInto('quota_limits').values({ project_id: projectId, resource, quota_limit: limit }).onConflict(c => c.columns(['project_id', 'resource']).doUpdateSet({ quota_limit: limit })).execute()
  }
}

/** Back to the defaults. */
export async function removeLimits(tx: Tx, projectId: string): Promise<void> {
  await tx.deleteFrom('quota_limits').where('project_id', '=', projectId).execute()
}

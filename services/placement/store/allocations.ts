// SQL for consumers and what they hold.
import { flat, type Consumer, type Holdings } from '../model/allocations.ts'
import type { Tables, Tx } from './tables.ts'

/** One row of what is held. */
export interface Allocation {
  consumerId: string
  providerId: string
  resourceClass: string
  used: number
}

/** Which consumers' use is summed. */
export interface UsageFilter {
  projectId: string
  userId?: string | undefined
  /** null: those without a type. */
  type?: string | null | undefined
}

/** The consumer, or undefined. */
export async function findConsumer(tx: Tx, id: string): Promise<Consumer | undefined> {
  const row = await tx.selectFrom('consumers').selectAll().where('id', '=', id).executeTakeFirst()
  return row && { id: row.id, projectId: row.project_id, userId: row.user_id, type: row.type, generation: row.generation }
}

/** Adds a consumer; false when there is one of that id. */
export async function insertConsumer(tx: Tx, c: Consumer, now: number): Promise<boolean> {
  const made = await tx.insertInto('consumers').values({ id: c.id, project_id: c.projectId, user_id: c.userId, type: c.type, generation: c.generation, updated_at: now })
    .onConflict(o => o.column('id').doNothing()).returning('id').executeTakeFirst()
  return made !== undefined
}

/** Writes the consumer at its next generation, if nobody has changed it since it was read. */
export async function updateConsumer(tx: Tx, c: Consumer, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('consumers').set({ project_id: c.projectId, user_id: c.userId, type: c.type, generation: c.generation + 1, updated_at: now })
    .where('id', '=', c.id).where('generation', '=', c.generation).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Removes a consumer that holds nothing. */
export async function removeConsumer(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('consumers').where('id', '=', id).execute()
}

/** What a consumer holds. */
export async function holdingsOf(tx: Tx, consumerId: string): Promise<Holdings> {
  const rows = await tx.selectFrom('allocations').selectAll().where('consumer_id', '=', consumerId).orderBy('provider_id').orderBy('resource_class').execute()
  return new Map([...Map.groupBy(rows, r => r.provider_id)].map(([id, own]) => [id, new Map(own.map(r => [r.resource_class, r.used]))]))
}

/** Replaces all that a consumer holds. Breaks a foreign key where there is no such inventory. */
export async function setHoldings(tx: Tx, consumerId: string, holdings: Holdings): Promise<void> {
  await tx.deleteFrom('allocations').where('consumer_id', '=', consumerId).execute()
  const rows = flat(holdings).map(([provider_id, resource_class, used]) => ({ consumer_id: consumerId, provider_id, resource_class, used }))
  if (rows.length) await tx.insertInto('allocations').values(rows).execute()
}

/** All that is held of a provider, with each consumer's generation. */
export async function listOfProvider(tx: Tx, providerId: string): Promise<(Allocation & { consumerGeneration: number })[]> {
  const rows = await tx.selectFrom('allocations').innerJoin('consumers', 'consumers.id', 'allocations.consumer_id').select(['consumer_id', 'provider_id', 'resource_class', 'used', 'generation'])
    .where('provider_id', '=', providerId).orderBy('consumer_id').orderBy('resource_class').execute()
  return rows.map(r => ({ ...fromRow(r), consumerGeneration: r.generation }))
}

/** Use by consumer type and class, and how many consumers each type has. */
export async function usages(tx: Tx, filter: UsageFilter): Promise<{ type: string | null, resources: Map<string, number>, consumers: number }[]> {
  let base = tx.selectFrom('allocations').innerJoin('consumers', 'consumers.id', 'allocations.consumer_id').where('project_id', '=', filter.projectId)
  if (filter.userId !== undefined) base = base.where('user_id', '=', filter.userId)
  if (filter.type !== undefined) base = base.where('type', filter.type === null ? 'is' : '=', filter.type)
  const sums = await base.select(e => ['type', 'resource_class', e.fn.sum<number | string>('used').as('used')]).groupBy(['type', 'resource_class']).orderBy('resource_class').execute()
  const counts = await base.select(e => ['type', e.fn.count<number | string>('consumer_id').distinct().as('consumers')]).groupBy('type').execute()
  return [...Map.groupBy(sums, r => r.type)].map(([type, rows]) => ({
    type, resources: new Map(rows.map(r => [r.resource_class, Number(r.used)])), consumers: Number(counts.find(c => c.type === type)?.consumers ?? 0),
  }))
}

function fromRow(row: Tables['allocations']): Allocation {
  return { consumerId: row.consumer_id, providerId: row.provider_id, resourceClass: row.resource_class, used: row.used }
}

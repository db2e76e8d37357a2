// SQL for the aggregates that providers are in. An aggregate is no more than its id.
import type { Tx } from './tables.ts'

/** Ids of a provider's aggregates, sorted. */
export async function listOfProvider(tx: Tx, providerId: string): Promise<string[]> {
  return (await tx.selectFrom('provider_aggregates').select('aggregate_id').where('provider_id', '=', providerId).orderBy('aggregate_id').execute()).map(r => r.aggregate_id)
}

/** Replaces a provider's aggregates. */
export async function setOfProvider(tx: Tx, providerId: string, aggregates: readonly string[]): Promise<void> {
  await tx.deleteFrom('provider_aggregates').where('provider_id', '=', providerId).execute()
  if (aggregates.length) await tx.insertInto('provider_aggregates').values(aggregates.map(aggregate_id => ({ provider_id: providerId, aggregate_id }))).execute()
}

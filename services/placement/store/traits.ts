// SQL for a site's own traits, and for which provider has which.
import type { Tx } from './tables.ts'

/** The site's own traits, sorted. */
export async function listOwn(tx: Tx): Promise<string[]> {
  return (await tx.selectFrom('traits').select('name').orderBy('name').execute()).map(r => r.name)
}

/** Adds a trait; false when it is there. */
export async function insert(tx: Tx, name: string, now: number): Promise<boolean> {
  return await tx.insertInto('traits').values({ name, updated_at: now }).onConflict(o => o.column('name').doNothing()).returning('name').executeTakeFirst() !== undefined
}

/** Removes a trait that no provider has; false when one has. */
export async function remove(tx: Tx, name: string): Promise<boolean> {
  const used = await tx.selectFrom('provider_traits').select('trait').where('trait', '=', name).limit(1).executeTakeFirst()
  if (!used) await tx.deleteFrom('traits').where('name', '=', name).execute()
  return used === undefined
}

/** Takes the trait's row for the rest of the transaction, so that it is not removed meanwhile; false when there is none. */
export async function hold(tx: Tx, name: string): Promise<boolean> {
  return (await tx.updateTable('traits').set(e => ({ updated_at: e.ref('updated_at') })).where('name', '=', name).executeTakeFirst()).numUpdatedRows === 1n
}

/** The traits that some provider has. */
export async function listAssociated(tx: Tx): Promise<Set<string>> {
  return new Set((await tx.selectFrom('provider_traits').select('trait').distinct().execute()).map(r => r.trait))
}

/** A provider's traits, sorted. */
export async function listOfProvider(tx: Tx, providerId: string): Promise<string[]> {
  return (await tx.selectFrom('provider_traits').select('trait').where('provider_id', '=', providerId).orderBy('trait').execute()).map(r => r.trait)
}

/** Replaces a provider's traits. */
export async function setOfProvider(tx: Tx, providerId: string, traits: readonly string[]): Promise<void> {
  await tx.deleteFrom('provider_traits').where('provider_id', '=', providerId).execute()
  if (traits.length) await tx.insertInto('provider_traits').values(traits.map(trait => ({ provider_id: providerId, trait }))).execute()
}

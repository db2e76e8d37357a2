// SQL for resource providers, and for whole trees of them with all that candidates are chosen by.
import type { Inventory, Provider, ProviderNode } from '../model/providers.ts'
import { fromRow as inventoryFromRow } from './inventories.ts'
import type { Tables, Tx } from './tables.ts'

/** Which providers a list holds. */
export interface ProviderFilter {
  id?: string | undefined
  name?: string | undefined
  /** Every provider of this one's tree. */
  inTree?: string | undefined
}

/** The provider, or undefined. */
export async function find(tx: Tx, id: string): Promise<Provider | undefined> {
  const row = await tx.selectFrom('resource_providers').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Providers by filter, by name, with inventories, traits and aggregates: four statements, however many there are. */
export async function listNodes(tx: Tx, filter: ProviderFilter): Promise<ProviderNode[]> {
  let ids = tx.selectFrom('resource_providers').select('id')
  if (filter.id !== undefined) ids = ids.where('id', '=', filter.id)
  if (filter.name !== undefined) ids = ids.where('name', '=', filter.name)
  if (filter.inTree !== undefined) ids = ids.where('root_id', 'in', tx.selectFrom('resource_providers').select('root_id').where('id', '=', filter.inTree))
  return nodesAmong(tx, ids)
}

/** Whole trees in which some provider has, of one of the resources, as much free as is wanted. */
export async function treesWith(tx: Tx, resources: readonly (readonly [resourceClass: string, amount: number])[]): Promise<ProviderNode[]> {
  const roots = tx.selectFrom('inventories').innerJoin('resource_providers', 'resource_providers.id', 'inventories.provider_id').select('root_id')
    .where(e => e.or(resources.map(([resourceClass, amount]) => e.and([e('resource_class', '=', resourceClass), e(e('used', '+', amount), '<=', e.ref('capacity'))]))))
  return nodesAmong(tx, tx.selectFrom('resource_providers').select('id').where('root_id', 'in', roots))
}

/** The ids directly below the provider. */
export async function listChildren(tx: Tx, id: string): Promise<string[]> {
  return (await tx.selectFrom('resource_providers').select('id').where('parent_id', '=', id).execute()).map(r => r.id)
}

/** The rows of one whole tree. */
export async function listTree(tx: Tx, rootId: string): Promise<Provider[]> {
  return (await tx.selectFrom('resource_providers').selectAll().where('root_id', '=', rootId).execute()).map(fromRow)
}

/** Takes the row for the rest of the transaction, so that a rule over its tree holds; false when there is none. */
export async function hold(tx: Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('resource_providers').set(e => ({ generation: e.ref('generation') })).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Adds a provider. Breaks a unique index when its name or id is taken. */
export async function insert(tx: Tx, p: Provider): Promise<void> {
  await tx.insertInto('resource_providers').values({ id: p.id, name: p.name, parent_id: p.parentId, root_id: p.rootId, generation: p.generation, updated_at: p.updatedAt }).execute()
}

/** Gives it another name and parent, without a change of generation. */
export async function update(tx: Tx, p: Pick<Provider, 'id' | 'name' | 'parentId' | 'updatedAt'>): Promise<void> {
  await tx.updateTable('resource_providers').set({ name: p.name, parent_id: p.parentId, updated_at: p.updatedAt }).where('id', '=', p.id).execute()
}

/** Moves providers to another tree. */
export async function setRoot(tx: Tx, ids: readonly string[], rootId: string): Promise<void> {
  for (const id of ids) await tx.updateTable('resource_providers').set({ root_id: rootId }).where('id', '=', id).execute()
}

/** Raises the generation if it still is `seen` (undefined: whatever it is); false when it is not. */
export async function bump(tx: Tx, id: string, seen: number | undefined, now: number): Promise<boolean> {
  let query = tx.updateTable('resource_providers').set(e => ({ generation: e('generation', '+', 1), updated_at: now })).where('id', '=', id)
  if (seen !== undefined) query = query.where('generation', '=', seen)
  return (await query.executeTakeFirst()).numUpdatedRows === 1n
}

/** Removes it with its inventories, traits and aggregates. Breaks a foreign key while it has allocations or children. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('resource_providers').where('id', '=', id).execute()
}

async function nodesAmong(tx: Tx, ids: ReturnType<typeof selectIds>): Promise<ProviderNode[]> {
  const rows = await tx.selectFrom('resource_providers').selectAll().where('id', 'in', ids).orderBy('name').execute()
  const inventories = Map.groupBy(await tx.selectFrom('inventories').selectAll().where('provider_id', 'in', ids).orderBy('resource_class').execute(), r => r.provider_id)
  const traits = Map.groupBy(await tx.selectFrom('provider_traits').selectAll().where('provider_id', 'in', ids).orderBy('trait').execute(), r => r.provider_id)
  const aggregates = Map.groupBy(await tx.selectFrom('provider_aggregates').selectAll().where('provider_id', 'in', ids).execute(), r => r.provider_id)
  return rows.map(row => ({
    ...fromRow(row),
    inventories: new Map((inventories.get(row.id) ?? []).map((r): [string, Inventory] => [r.resource_class, inventoryFromRow(r)])),
    traits: new Set(traits.get(row.id)?.map(r => r.trait)), aggregates: new Set(aggregates.get(row.id)?.map(r => r.aggregate_id)),
  }))
}

function selectIds(tx: Tx) {
  return tx.selectFrom('resource_providers').select('id')
}

function fromRow(row: Tables['resource_providers']): Provider {
  return { id: row.id, name: row.name, parentId: row.parent_id, rootId: row.root_id, generation: row.generation, updatedAt: row.updated_at }
}

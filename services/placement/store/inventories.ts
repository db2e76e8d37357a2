// SQL for inventories and their counter of use.
import { capacity, type Inventory } from '../model/providers.ts'
import type { Tables, Tx } from './tables.ts'

/** An inventory without its use. */
export type InventoryFacts = Omit<Inventory, 'used'>

/** A provider's inventories, by class. */
export async function list(tx: Tx, providerId: string): Promise<Inventory[]> {
  return (await tx.selectFrom('inventories').selectAll().where('provider_id', '=', providerId).orderBy('resource_class').execute()).map(fromRow)
}

/** One inventory, or undefined. */
export async function find(tx: Tx, providerId: string, resourceClass: string): Promise<Inventory | undefined> {
  const row = await tx.selectFrom('inventories').selectAll().where('provider_id', '=', providerId).where('resource_class', '=', resourceClass).executeTakeFirst()
  return row && fromRow(row)
}

/** Adds an inventory. Breaks the primary key when there is one of that class. */
export async function insert(tx: Tx, providerId: string, facts: InventoryFacts): Promise<void> {
  await tx.insertInto('inventories').values({ provider_id: providerId, ...toRow(facts), used: 0 }).execute()
}

/** Adds or changes an inventory; its use stays. */
export async function put(tx: Tx, providerId: string, facts: InventoryFacts): Promise<void> {
  await tx.insertInto('inventories').values({ provider_id: providerId, ...toRow(facts), used: 0 }).onConflict(c => c.columns(['provider_id', 'resource_class']).doUpdateSet(toRow(facts))).execute()
}

/** Removes it; false when there is none. Breaks a foreign key while something is allocated of it. */
export async function remove(tx: Tx, providerId: string, resourceClass: string): Promise<boolean> {
  return (await tx.deleteFrom('inventories').where('provider_id', '=', providerId).where('resource_class', '=', resourceClass).executeTakeFirst()).numDeletedRows === 1n
}

/** Changes the use of an inventory by `by`, if it does not exceed the capacity then; less is always possible. False when it does, or there is no such inventory. */
export async function use(tx: Tx, providerId: string, resourceClass: string, by: number): Promise<boolean> {
  let query = tx.updateTable('inventories').set(e => ({ used: e('used', '+', by) })).where('provider_id', '=', providerId).where('resource_class', '=', resourceClass)
  if (by > 0) query = query.where(e => e(e('used', '+', by), '<=', e.ref('capacity')))
  return (await query.executeTakeFirst()).numUpdatedRows === 1n
}

/** True while some provider has an inventory of the class. */
export async function hasClass(tx: Tx, resourceClass: string): Promise<boolean> {
  return await tx.selectFrom('inventories').select('provider_id').where('resource_class', '=', resourceClass).limit(1).executeTakeFirst() !== undefined
}

/** The row as the model has it. */
export function fromRow(row: Tables['inventories']): Inventory {
  return { resourceClass: row.resource_class, total: row.total, reserved: row.reserved, minUnit: row.min_unit, maxUnit: row.max_unit, stepSize: row.step_size, allocationRatio: row.allocation_ratio, used: row.used }
}

function toRow(facts: InventoryFacts) {
  return {
    resource_class: facts.resourceClass, total: facts.total, reserved: facts.reserved, min_unit: facts.minUnit, max_unit: facts.maxUnit, step_size: facts.stepSize,
    allocation_ratio: facts.allocationRatio, capacity: capacity(facts),
  }
}

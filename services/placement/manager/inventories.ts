// What providers have to give. Every change names the generation of the provider that its author has seen.
import type { Context } from '@alto/kit/context'
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { invalid, inventoryInUse, noInventory, providerChanged } from '../model/faults.ts'
import { capacity, type Inventory, type Provider } from '../model/providers.ts'
import * as rules from '../policy/inventories.ts'
import * as inventories from '../store/inventories.ts'
import type { InventoryFacts } from '../store/inventories.ts'
import * as providers from '../store/providers.ts'
import type { Tx } from '../store/tables.ts'
import { holdClasses } from './classes.ts'
import { getProvider, type Deps } from './deps.ts'

/** A provider and its inventories. */
export interface ProviderInventories {
  inventories: Inventory[]
  provider: Provider
}

export type InventoryManager = ReturnType<typeof inventoryManager>

/** The use cases of inventories. */
export function inventoryManager({ db, clock }: Deps) {
  return {
    async list(ctx: Context, providerId: string): Promise<ProviderInventories> {
      ctx.authorize(rules.LIST, {})
      return db.read(tx => stateOf(tx, providerId))
    },

    async show(ctx: Context, providerId: string, resourceClass: string): Promise<ProviderInventories & { inventory: Inventory }> {
      ctx.authorize(rules.SHOW, {})
      return db.read(async tx => {
        const state = await stateOf(tx, providerId)
        const inventory = state.inventories.find(i => i.resourceClass === resourceClass)
        if (!inventory) throw noInventory(providerId, resourceClass)
        return { ...state, inventory }
      })
    },

    /** Replaces all of a provider's inventories. Fault conflict when it has changed, or when one that would go is in use. */
    async replace(ctx: Context, providerId: string, wanted: readonly InventoryFacts[], seen: number, opts: { mayReserveAll: boolean }): Promise<ProviderInventories> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(async tx => {
        await getProvider(tx, providerId)
        await replaceInventories(tx, providerId, { wanted, seen, now: clock.now(), ...opts })
        return stateOf(tx, providerId)
      })
    },

    /** Adds an inventory of a class that the provider has none of. */
    async create(ctx: Context, providerId: string, wanted: InventoryFacts, seen: number, opts: { mayReserveAll: boolean }): Promise<{ inventory: Inventory, provider: Provider }> {
      ctx.authorize(rules.CREATE, {})
      try {
        return await db.write(async tx => {
          await getProvider(tx, providerId)
          refuseEmpty([wanted], opts.mayReserveAll)
          await holdClasses(tx, [wanted.resourceClass])
          if (!await providers.bump(tx, providerId, seen, clock.now())) throw providerChanged()
          await inventories.insert(tx, providerId, wanted)
          return { inventory: { ...wanted, used: 0 }, provider: await getProvider(tx, providerId) }
        })
      } catch (cause) {
        if (isUniqueViolation(cause)) throw new Fault('conflict', 'placement.inventory.exists', `Update conflict: inventory of class ${wanted.resourceClass} on resource provider ${providerId} already exists.`, { cause })
        throw cause
      }
    },

    /** Changes the one inventory of that class. */
    async update(ctx: Context, providerId: string, wanted: InventoryFacts, seen: number, opts: { mayReserveAll: boolean }): Promise<{ inventory: Inventory, provider: Provider }> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(async tx => {
        const provider = await getProvider(tx, providerId)
        refuseEmpty([wanted], opts.mayReserveAll)
        if (provider.generation !== seen) throw providerChanged()
        if (!await inventories.find(tx, providerId, wanted.resourceClass)) throw invalid(`No inventory record with resource class for resource provider ${providerId}: ${wanted.resourceClass}.`)
        if (!await providers.bump(tx, providerId, seen, clock.now())) throw providerChanged()
        await inventories.put(tx, providerId, wanted)
        return { inventory: (await inventories.find(tx, providerId, wanted.resourceClass))!, provider: await getProvider(tx, providerId) }
      })
    },

    /** Removes one inventory (or all, without a class). Fault conflict while something is allocated of it. */
    async remove(ctx: Context, providerId: string, resourceClass?: string): Promise<void> {
      ctx.authorize(rules.REMOVE, {})
      await db.write(async tx => {
        await getProvider(tx, providerId)
        await providers.bump(tx, providerId, undefined, clock.now())
        const gone = resourceClass === undefined ? (await inventories.list(tx, providerId)).map(i => i.resourceClass) : [resourceClass]
        for (const name of gone) if (!await removeUnused(tx, providerId, name)) throw noInventory(providerId, name)
      })
    },
  }
}

/** Makes a provider's inventories those `wanted`, at the generation `seen`, within the caller's transaction. */
export async function replaceInventories(tx: Tx, providerId: string, change: { wanted: readonly InventoryFacts[], seen: number, now: number, mayReserveAll: boolean }): Promise<void> {
  refuseEmpty(change.wanted, change.mayReserveAll)
  await holdClasses(tx, change.wanted.map(i => i.resourceClass))
  if (!await providers.bump(tx, providerId, change.seen, change.now)) throw providerChanged()
  const stays = new Set(change.wanted.map(i => i.resourceClass))
  for (const { resourceClass } of await inventories.list(tx, providerId)) if (!stays.has(resourceClass)) await removeUnused(tx, providerId, resourceClass)
  for (const facts of change.wanted) await inventories.put(tx, providerId, facts)
}

async function removeUnused(tx: Tx, providerId: string, resourceClass: string): Promise<boolean> {
  const inventory = await inventories.find(tx, providerId, resourceClass)
  if (inventory && inventory.used > 0) throw inventoryInUse(resourceClass, providerId)
  try {
    return await inventories.remove(tx, providerId, resourceClass)
  } catch (cause) {
    throw isForeignKeyViolation(cause) ? inventoryInUse(resourceClass, providerId) : cause
  }
}

async function stateOf(tx: Tx, providerId: string): Promise<ProviderInventories> {
  return { inventories: await inventories.list(tx, providerId), provider: await getProvider(tx, providerId) }
}

/** Reserved may equal the total from microversion 1.26, and never exceed it. */
function refuseEmpty(wanted: readonly InventoryFacts[], mayReserveAll: boolean): void {
  const bad = wanted.find(i => i.reserved > i.total || (!mayReserveAll && capacity(i) <= 0))
  if (bad) throw invalid(`Unable to update inventory for resource provider: Invalid inventory for '${bad.resourceClass}'. The reserved value is greater than ${mayReserveAll ? '' : 'or equal to '}total.`)
}

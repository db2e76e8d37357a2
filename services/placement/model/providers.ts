// Resource providers: what has something to give, in trees.

/** A resource provider. Times are milliseconds. */
export interface Provider {
  id: string
  name: string
  parentId: string | null
  /** The top of its tree; its own id at the top. */
  rootId: string
  /** Grows with every change of its inventories, traits, aggregates and allocations. */
  generation: number
  updatedAt: number
}

/** A provider with all that candidates are chosen by. */
export interface ProviderNode extends Provider {
  inventories: ReadonlyMap<string, Inventory>
  traits: ReadonlySet<string>
  aggregates: ReadonlySet<string>
}

/** How much of one resource class a provider has, and how it may be taken. */
export interface Inventory {
  resourceClass: string
  total: number
  reserved: number
  minUnit: number
  maxUnit: number
  stepSize: number
  allocationRatio: number
  /** The sum of the allocations against it. */
  used: number
}

/** What may be allocated of an inventory in all: whole units of (total - reserved) × ratio, never less than 0. */
export function capacity(inventory: Pick<Inventory, 'total' | 'reserved' | 'allocationRatio'>): number {
  return Math.max(0, Math.floor((inventory.total - inventory.reserved) * inventory.allocationRatio))
}

/** True when one allocation may be of `amount`: within the units and a multiple of the step. */
export function isAllowedAmount(inventory: Pick<Inventory, 'minUnit' | 'maxUnit' | 'stepSize'>, amount: number): boolean {
  return amount >= inventory.minUnit && amount <= inventory.maxUnit && amount % inventory.stepSize === 0
}

/** True when one more allocation of `amount` may be made. */
export function fits(inventory: Inventory, amount: number): boolean {
  return isAllowedAmount(inventory, amount) && inventory.used + amount <= capacity(inventory)
}

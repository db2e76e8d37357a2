// Claims: consumers take and give back what providers have, all of it or nothing, in one transaction.
//
// Property: no inventory is ever allocated beyond its capacity by a claim, however many claim at once.
// How: a claim becomes the changes of use it makes (model), each a conditional update of the inventory's counter; the database lets one of two
// claims for the last unit through. Consumers first, then providers, each in the order of their ids, so that claims cannot wait for each other
// in a circle; once its rows are held nobody else changes what a claim has read. Less use is always possible, also where the inventory has shrunk below it.
import type { Context } from '@alto/kit/context'
import { deltas, flat, UNKNOWN_OWNER, type Claim, type Consumer, type Holdings } from '../model/allocations.ts'
import { consumerChanged, invalid, unallocatable } from '../model/faults.ts'
import { capacity, isAllowedAmount, type Inventory, type Provider } from '../model/providers.ts'
import { Fault } from '@alto/kit/errors'
import * as rules from '../policy/allocations.ts'
import * as usageRules from '../policy/usages.ts'
import * as allocations from '../store/allocations.ts'
import * as inventories from '../store/inventories.ts'
import type { InventoryFacts } from '../store/inventories.ts'
import * as providers from '../store/providers.ts'
import type { Tx } from '../store/tables.ts'
import { getProvider, type Deps } from './deps.ts'
import { replaceInventories } from './inventories.ts'

/** What a consumer holds, and of which providers at which generation. */
export interface ConsumerAllocations {
  consumer: Consumer | undefined
  holdings: Holdings
  providers: ReadonlyMap<string, Provider>
}

/** A provider's inventories as they are to be after a reshaping. */
export interface Reshaped {
  providerId: string
  generation: number
  inventories: readonly InventoryFacts[]
}

export type AllocationManager = ReturnType<typeof allocationManager>

/** The use cases of allocations. */
export function allocationManager({ db, clock }: Deps) {
  return {
    async list(ctx: Context, consumerId: string): Promise<ConsumerAllocations> {
      ctx.authorize(rules.LIST, {})
      return db.read(async tx => {
        const holdings = await allocations.holdingsOf(tx, consumerId)
        const known = new Map<string, Provider>()
        for (const id of holdings.keys()) known.set(id, await getProvider(tx, id))
        return { consumer: await allocations.findConsumer(tx, consumerId), holdings, providers: known }
      })
    },

    async listOfProvider(ctx: Context, providerId: string): Promise<{ rows: Awaited<ReturnType<typeof allocations.listOfProvider>>, provider: Provider }> {
      ctx.authorize(rules.LIST_OF_PROVIDER, {})
      return db.read(async tx => {
        const provider = await getProvider(tx, providerId)
        return { rows: await allocations.listOfProvider(tx, providerId), provider }
      })
    },

    /** Makes one consumer hold what is claimed. Fault conflict when it cannot be had, or when the consumer has changed; badRequest for providers and classes that do not exist. */
    async replace(ctx: Context, claim: Claim): Promise<void> {
      ctx.authorize(rules.UPDATE, {})
      await db.write(tx => claimAll(tx, [claim], clock.now()))
    },

    /** The same for several consumers at once: all or none. */
    async replaceMany(ctx: Context, claims: readonly Claim[]): Promise<void> {
      ctx.authorize(rules.MANAGE, {})
      await db.write(tx => claimAll(tx, claims, clock.now()))
    },

    /** Gives back all that a consumer holds. Fault notFound when it holds nothing. */
    async remove(ctx: Context, consumerId: string): Promise<void> {
      ctx.authorize(rules.REMOVE, {})
      await db.write(async tx => {
        const consumer = await allocations.findConsumer(tx, consumerId)
        if (!consumer) throw new Fault('notFound', 'placement.allocation.notFound', `No allocations for consumer '${consumerId}'`)
        await claimAll(tx, [{ consumerId, projectId: consumer.projectId, userId: consumer.userId, type: undefined, generation: undefined, holdings: new Map() }], clock.now())
      })
    },

    /** Use of one provider, by class. */
    async usagesOfProvider(ctx: Context, providerId: string): Promise<{ inventories: Inventory[], provider: Provider }> {
      ctx.authorize(usageRules.SHOW_PROVIDER, {})
      return db.read(async tx => {
        const provider = await getProvider(tx, providerId)
        return { inventories: await inventories.list(tx, providerId), provider }
      })
    },

    /** Use by a project's consumers, or one user's among them. */
    async usages(ctx: Context, filter: allocations.UsageFilter): Promise<Awaited<ReturnType<typeof allocations.usages>>> {
      ctx.authorize(usageRules.LIST, { project_id: filter.projectId })
      return db.read(tx => allocations.usages(tx, filter))
    },

    /** Moves inventories between providers together with the allocations against them: all or nothing. */
    async reshape(ctx: Context, reshaped: readonly Reshaped[], claims: readonly Claim[]): Promise<void> {
      ctx.authorize(rules.RESHAPE, {})
      await db.write(async tx => {
        const now = clock.now()
        for (const { providerId, generation, inventories: wanted } of reshaped.toSorted((a, b) => a.providerId < b.providerId ? -1 : 1)) {
          await getProvider(tx, providerId)
          const leaving = (await inventories.list(tx, providerId)).filter(i => !wanted.some(w => w.resourceClass === i.resourceClass))
          await replaceInventories(tx, providerId, { wanted: [...wanted, ...leaving], seen: generation, now, mayReserveAll: true })
        }
        await claimAll(tx, claims, now)
        for (const { providerId, inventories: wanted } of reshaped) {
          await replaceInventories(tx, providerId, { wanted, seen: (await getProvider(tx, providerId)).generation, now, mayReserveAll: true })
        }
      })
    },
  }
}

async function claimAll(tx: Tx, claims: readonly Claim[], now: number): Promise<void> {
  const sorted = claims.toSorted((a, b) => a.consumerId < b.consumerId ? -1 : 1)
  for (const claim of sorted) await ensureConsumer(tx, claim, now)
  const before: Holdings[] = []
  for (const claim of sorted) before.push(await allocations.holdingsOf(tx, claim.consumerId))
  const after = sorted.map(claim => claim.holdings)
  for (const id of [...new Set([...before, ...after].flatMap(h => [...h.keys()]))].toSorted()) {
    if (!await providers.bump(tx, id, undefined, now)) throw invalid(`Allocation for resource provider '${id}' that does not exist.`)
  }
  await refuseBadAmounts(tx, after)
  for (const claim of sorted) {
    await allocations.setHoldings(tx, claim.consumerId, claim.holdings)
    if (claim.holdings.size === 0) await allocations.removeConsumer(tx, claim.consumerId)
  }
  for (const { providerId, resourceClass, by } of deltas(before, after)) {
    if (!await inventories.use(tx, providerId, resourceClass, by)) throw unallocatable(`Unable to create allocation for '${resourceClass}' on resource provider '${providerId}'. The requested amount would exceed the capacity.`)
  }
}

/** The consumer as the claim has it, at its next generation; made when there is none. */
async function ensureConsumer(tx: Tx, claim: Claim, now: number): Promise<void> {
  const found = await allocations.findConsumer(tx, claim.consumerId)
  const seen = claim.generation === undefined ? found?.generation ?? null : claim.generation
  const is = found?.generation ?? null
  if (seen !== is) throw consumerChanged(is, seen)
  const consumer: Consumer = {
    id: claim.consumerId, projectId: claim.projectId === UNKNOWN_OWNER && found ? found.projectId : claim.projectId, userId: claim.userId === UNKNOWN_OWNER && found ? found.userId : claim.userId,
    type: claim.type ?? found?.type ?? null, generation: found?.generation ?? 0,
  }
  if (!found) {
    if (claim.holdings.size > 0 && !await allocations.insertConsumer(tx, { ...consumer, generation: 1 }, now)) throw consumerChanged(1, seen)
  } else if (!await allocations.updateConsumer(tx, consumer, now)) throw consumerChanged(found.generation + 1, seen)
}

async function refuseBadAmounts(tx: Tx, wanted: readonly Holdings[]): Promise<void> {
  for (const [providerId, resourceClass, amount] of wanted.flatMap(flat)) {
    const inventory = await inventories.find(tx, providerId, resourceClass)
    if (!inventory) throw unallocatable(`No inventory of class ${resourceClass} on resource provider '${providerId}'.`)
    if (!isAllowedAmount(inventory, amount)) {
      throw unallocatable(`Unable to create allocation for '${resourceClass}' on resource provider '${providerId}'. The requested amount ${amount} would violate inventory constraints (min_unit ${inventory.minUnit}, max_unit ${inventory.maxUnit}, step_size ${inventory.stepSize}, capacity ${capacity(inventory)}).`)
    }
  }
}

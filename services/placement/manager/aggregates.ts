// The aggregates that a provider is in.
import type { Context } from '@alto/kit/context'
import { providerChanged } from '../model/faults.ts'
import type { Provider } from '../model/providers.ts'
import * as rules from '../policy/aggregates.ts'
import * as aggregates from '../store/aggregates.ts'
import * as providers from '../store/providers.ts'
import { getProvider, type Deps } from './deps.ts'

/** A provider and the ids of its aggregates. */
export interface ProviderAggregates {
  aggregates: string[]
  provider: Provider
}

export type AggregateManager = ReturnType<typeof aggregateManager>

/** The use cases of a provider's aggregates. */
export function aggregateManager({ db, clock }: Deps) {
  return {
    async list(ctx: Context, providerId: string): Promise<ProviderAggregates> {
      ctx.authorize(rules.LIST, {})
      return db.read(async tx => {
        const provider = await getProvider(tx, providerId)
        return { aggregates: await aggregates.listOfProvider(tx, providerId), provider }
      })
    },

    /** Replaces them, at the generation `seen` (undefined before microversion 1.19). */
    async set(ctx: Context, providerId: string, ids: readonly string[], seen: number | undefined): Promise<ProviderAggregates> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(async tx => {
        await getProvider(tx, providerId)
        if (!await providers.bump(tx, providerId, seen, clock.now())) throw providerChanged()
        const wanted = [...new Set(ids)].toSorted()
        await aggregates.setOfProvider(tx, providerId, wanted)
        return { aggregates: wanted, provider: await getProvider(tx, providerId) }
      })
    },
  }
}

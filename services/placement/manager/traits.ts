// Traits: the standard ones, what a site adds, and which provider has which.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { invalid, noTrait, providerChanged } from '../model/faults.ts'
import { isStandardTrait, STANDARD_TRAITS } from '../model/traits.ts'
import type { Provider } from '../model/providers.ts'
import * as rules from '../policy/traits.ts'
import * as providers from '../store/providers.ts'
import type { Tx } from '../store/tables.ts'
import * as traits from '../store/traits.ts'
import { getProvider, type Deps } from './deps.ts'

/** Which traits a list holds. */
export interface TraitQuery {
  names?: readonly string[] | undefined
  prefix?: string | undefined
  associated?: boolean | undefined
}

/** A provider and its traits. */
export interface ProviderTraits {
  traits: string[]
  provider: Provider
}

export type TraitManager = ReturnType<typeof traitManager>

/** The use cases of traits. */
export function traitManager({ db, clock }: Deps) {
  return {
    async list(ctx: Context, query: TraitQuery): Promise<string[]> {
      ctx.authorize(rules.LIST, {})
      return db.read(async tx => {
        const associated = query.associated === undefined ? undefined : await traits.listAssociated(tx)
        return [...await knownTraits(tx)].toSorted().filter(name =>
          (!query.names || query.names.includes(name)) && (query.prefix === undefined || name.startsWith(query.prefix)) && (!associated || associated.has(name) === query.associated))
      })
    },

    /** Throws Fault notFound when there is no such trait. */
    async show(ctx: Context, name: string): Promise<void> {
      ctx.authorize(rules.SHOW, {})
      if (!(await db.read(tx => knownTraits(tx))).has(name)) throw noTrait(name)
    },

    /** Makes sure that there is such a trait; true when it is new. */
    async put(ctx: Context, name: string): Promise<boolean> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(tx => traits.insert(tx, name, clock.now()))
    },

    /** Removes a trait of the site's own that no provider has. */
    async remove(ctx: Context, name: string): Promise<void> {
      ctx.authorize(rules.REMOVE, {})
      if (isStandardTrait(name)) throw invalid(`Cannot delete standard trait ${name}.`)
      await db.write(async tx => {
        if (!await traits.hold(tx, name)) throw noTrait(name)
        if (!await traits.remove(tx, name)) throw new Fault('conflict', 'placement.trait.inuse', `The trait ${name} is in use by a resource provider.`)
      })
    },

    async listOfProvider(ctx: Context, providerId: string): Promise<ProviderTraits> {
      ctx.authorize(rules.LIST_OF_PROVIDER, {})
      return db.read(async tx => {
        const provider = await getProvider(tx, providerId)
        return { traits: await traits.listOfProvider(tx, providerId), provider }
      })
    },

    /** Replaces a provider's traits at the generation `seen`. Fault badRequest for traits that do not exist, conflict when the provider has changed. */
    async setOfProvider(ctx: Context, providerId: string, names: readonly string[], seen: number): Promise<ProviderTraits> {
      ctx.authorize(rules.UPDATE_OF_PROVIDER, {})
      return db.write(async tx => {
        await getProvider(tx, providerId)
        const wanted = [...new Set(names)].toSorted()
        const unknown: string[] = []
        for (const name of wanted) if (!isStandardTrait(name) && !await traits.hold(tx, name)) unknown.push(name)
        if (unknown.length) throw invalid(`No such trait ${unknown.join(', ')}.`)
        if (!await providers.bump(tx, providerId, seen, clock.now())) throw providerChanged()
        await traits.setOfProvider(tx, providerId, wanted)
        return { traits: wanted, provider: await getProvider(tx, providerId) }
      })
    },

    async clearProvider(ctx: Context, providerId: string): Promise<void> {
      ctx.authorize(rules.REMOVE_OF_PROVIDER, {})
      await db.write(async tx => {
        await getProvider(tx, providerId)
        await providers.bump(tx, providerId, undefined, clock.now())
        await traits.setOfProvider(tx, providerId, [])
      })
    },
  }
}

/** The names of all traits. */
export async function knownTraits(tx: Tx): Promise<Set<string>> {
  return new Set([...STANDARD_TRAITS, ...await traits.listOwn(tx)])
}

// Resource providers and their trees: what may be made, moved and removed.
import type { Context } from '@alto/kit/context'
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { offers } from '../model/candidates.ts'
import { badQuery, invalid, nameTaken } from '../model/faults.ts'
import type { RequestGroup } from '../model/filters.ts'
import type { Provider } from '../model/providers.ts'
import * as rules from '../policy/providers.ts'
import * as providers from '../store/providers.ts'
import type { Tx } from '../store/tables.ts'
import { getProvider, type Deps } from './deps.ts'
import { knownClasses } from './classes.ts'
import { knownTraits } from './traits.ts'

/** What a list is narrowed by. */
export interface ProviderQuery extends providers.ProviderFilter {
  /** Resources, traits and aggregates that each provider itself must offer. */
  group: RequestGroup
}

export type ProviderManager = ReturnType<typeof providerManager>

/** The use cases of resource providers. */
export function providerManager(deps: Deps) {
  const { db, clock, ids } = deps

  return {
    async show(ctx: Context, id: string): Promise<Provider> {
      ctx.authorize(rules.SHOW, {})
      return db.read(tx => getProvider(tx, id))
    },

    async list(ctx: Context, query: ProviderQuery): Promise<Provider[]> {
      ctx.authorize(rules.LIST, {})
      return db.read(async tx => {
        const unknown = [...await unknownIn(tx, query.group)]
        if (unknown.length) throw badQuery(`Invalid query string parameters: no such trait or resource class: ${unknown.join(', ')}.`)
        const nodes = await providers.listNodes(tx, query)
        const roots = new Map(nodes.map(node => [node.id, node]))
        return nodes.filter(node => offers(node, query.group.memberOf.length || query.group.outside.length ? roots.get(node.id) : undefined, query.group))
      })
    },

    /** Makes a provider, below `parentId` when one is named. Fault conflict when name or id is taken. */
    async create(ctx: Context, input: { id: string | undefined, name: string, parentId: string | null }): Promise<Provider> {
      ctx.authorize(rules.CREATE, {})
      const id = input.id ?? ids.uuid()
      return naming(input.name, () => db.write(async tx => {
        const parent = input.parentId === null ? undefined : await heldParent(tx, input.parentId)
        const provider: Provider = { id, name: input.name, parentId: input.parentId, rootId: parent?.rootId ?? id, generation: 0, updatedAt: clock.now() }
        await providers.insert(tx, provider)
        return provider
      }))
    },

    /** Renames it, or moves it below another parent; `parentId` undefined leaves it where it is. `mayMove`: from microversion 1.37 also away from a parent. */
    async update(ctx: Context, id: string, input: { name: string, parentId: string | null | undefined, mayMove: boolean }): Promise<Provider> {
      ctx.authorize(rules.UPDATE, {})
      return naming(input.name, () => db.write(async tx => {
        const before = await getProvider(tx, id)
        const parentId = input.parentId === undefined ? before.parentId : input.parentId
        await providers.update(tx, { id, name: input.name, parentId: before.parentId, updatedAt: clock.now() })
        if (parentId !== before.parentId) {
          if (before.parentId !== null && !input.mayMove) throw invalid('Unable to save resource provider: re-parenting a provider is not currently allowed.')
          await move(tx, before, parentId)
          await providers.update(tx, { id, name: input.name, parentId, updatedAt: clock.now() })
        }
        return getProvider(tx, id)
      }))
    },

    /** Removes it. Fault conflict while it has children or allocations. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.REMOVE, {})
      try {
        await db.write(async tx => {
          await getProvider(tx, id)
          const children = await providers.listChildren(tx, id)
          if (children.length) throw new Fault('conflict', 'placement.resource_provider.cannot_delete_parent', `Unable to delete parent resource provider ${id}: It has child resource providers: ${children.join(', ')}.`)
          await providers.remove(tx, id)
        })
      } catch (cause) {
        if (isForeignKeyViolation(cause)) throw new Fault('conflict', 'placement.resource_provider.inuse', `Unable to delete resource provider ${id}: Resource provider has allocations.`, { cause })
        throw cause
      }
    },
  }

  /** The parent, held so that it neither goes nor moves to another tree before we are done. */
  async function heldParent(tx: Tx, id: string): Promise<Provider> {
    if (!await providers.hold(tx, id)) throw invalid(`Parent provider UUID does not exist: ${id}.`)
    return getProvider(tx, id)
  }

  /** Both trees' roots are held while the rule that a tree has no circle is looked at. */
  async function move(tx: Tx, provider: Provider, parentId: string | null): Promise<void> {
    const target = parentId === null ? undefined : await heldParent(tx, parentId)
    for (const root of [...new Set([provider.rootId, target?.rootId ?? provider.rootId])].toSorted()) await providers.hold(tx, root)
    const below = subtree(await providers.listTree(tx, provider.rootId), provider.id)
    if (target && below.includes(target.id)) throw invalid(`Unable to save resource provider: creating loop in the provider tree is not allowed (${target.id} is below ${provider.id}).`)
    await providers.setRoot(tx, below, target?.rootId ?? provider.id)
  }
}

function subtree(tree: readonly Provider[], id: string): string[] {
  return [id, ...tree.filter(p => p.parentId === id).flatMap(p => subtree(tree, p.id))]
}

async function unknownIn(tx: Tx, group: RequestGroup): Promise<Set<string>> {
  const traits = new Set([...group.required.flat(), ...group.forbidden])
  const classes = new Set(group.resources.keys())
  return new Set([...traits.size ? traits.difference(await knownTraits(tx)) : [], ...classes.size ? classes.difference(await knownClasses(tx)) : []])
}

async function naming<T>(name: string, store: () => Promise<T>): Promise<T> {
  try {
    return await store()
  } catch (cause) {
    if (isUniqueViolation(cause)) throw nameTaken('resource provider', name)
    throw cause
  }
}

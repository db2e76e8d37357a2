// What a namespace holds: properties, objects, tags and associations with resource types, all handled in one way.
import type { Context } from '@alto/kit/context'
import { orConflict } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { definitionExists, definitionNotFound, KINDS, type Contents, type Definition, type Kind, type MetadefListing } from '../../model/metadefs.ts'
import * as rules from '../../policy/metadefs.ts'
import * as metadefs from '../../store/metadefs.ts'
import type { Deps } from '../deps.ts'
import { tellOfDefinition, tellOfEmptied } from './events.ts'
import { insertWanted, namespaceFor, namespaceToFill, targetOf } from './namespaces.ts'

/** The rules of a kind. Removing all of a kind asks `removeAll`. */
interface KindRules { list: Rule, get: Rule, add: Rule, modify: Rule, remove: Rule, removeAll: readonly Rule[] }

const RULES: Readonly<Record<Kind, KindRules>> = {
  association: {
    list: rules.LIST_METADEF_RESOURCE_TYPES, get: rules.GET_METADEF_RESOURCE_TYPE, add: rules.ADD_METADEF_RESOURCE_TYPE_ASSOCIATION, modify: rules.ADD_METADEF_RESOURCE_TYPE_ASSOCIATION,
    remove: rules.REMOVE_METADEF_RESOURCE_TYPE_ASSOCIATION, removeAll: [rules.DELETE_METADEF_NAMESPACE],
  },
  property: { list: rules.GET_METADEF_PROPERTIES, get: rules.GET_METADEF_PROPERTY, add: rules.ADD_METADEF_PROPERTY, modify: rules.MODIFY_METADEF_PROPERTY, remove: rules.REMOVE_METADEF_PROPERTY, removeAll: [rules.DELETE_METADEF_NAMESPACE] },
  object: { list: rules.GET_METADEF_OBJECTS, get: rules.GET_METADEF_OBJECT, add: rules.ADD_METADEF_OBJECT, modify: rules.MODIFY_METADEF_OBJECT, remove: rules.DELETE_METADEF_OBJECT, removeAll: [rules.DELETE_METADEF_NAMESPACE] },
  tag: { list: rules.GET_METADEF_TAGS, get: rules.GET_METADEF_TAG, add: rules.ADD_METADEF_TAG, modify: rules.MODIFY_METADEF_TAG, remove: rules.DELETE_METADEF_TAG, removeAll: [rules.DELETE_METADEF_NAMESPACE, rules.DELETE_METADEF_TAGS] },
}

/** The use cases of one kind. */
export type DefinitionManager<K extends Kind> = ReturnType<typeof definitionManager<K>>

/** The use cases of every kind. */
export type DefinitionManagers = { readonly [K in Kind]: DefinitionManager<K> }

/** The use cases of every kind of definition. */
export function definitionManagers(deps: Deps): DefinitionManagers {
  return Object.fromEntries(KINDS.map(kind => [kind, definitionManager(deps, kind)])) as unknown as DefinitionManagers
}

function definitionManager<K extends Kind>(deps: Deps, kind: K) {
  const { db, clock } = deps
  const own = RULES[kind]

  return {
    async list(ctx: Context, namespace: string): Promise<Definition<K>[]> {
      return db.read(async tx => {
        const { id, ...rest } = await namespaceFor(tx, ctx, own.list, namespace)
        const found = (await metadefs.definitionsOf(tx, kind, [id])).get(id) ?? []
        return found.filter(() => ctx.allowed(own.get, targetOf({ id, ...rest })))
      })
    },

    /** Tags, a page of them, the newest first. */
    async listTags(ctx: Context, namespace: string, listing: MetadefListing): Promise<Definition<'tag'>[]> {
      return db.read(async tx => {
        const { id } = await namespaceFor(tx, ctx, own.list, namespace)
        const marker = listing.marker === undefined ? undefined : await metadefs.findDefinition(tx, 'tag', id, listing.marker)
        if (listing.marker !== undefined && !marker) throw definitionNotFound('tag', listing.marker)
        return metadefs.listTags(tx, id, listing, marker)
      })
    },

    async show(ctx: Context, namespace: string, name: string): Promise<Definition<K>> {
      return db.read(async tx => {
        const { id } = await namespaceFor(tx, ctx, own.get, namespace)
        const found = await metadefs.findDefinition(tx, kind, id, name)
        if (!found) throw definitionNotFound(kind, name)
        return found
      })
    },

    /** A property by the name that it has on a resource type, prefix and all. */
    async showOn(ctx: Context, namespace: string, resourceType: string, name: string): Promise<Definition<'property'>> {
      return db.read(async tx => {
        const found = await namespaceFor(tx, ctx, rules.GET_METADEF_PROPERTY, namespace)
        ctx.authorize(rules.GET_METADEF_RESOURCE_TYPE, targetOf(found))
        const association = await metadefs.findDefinition(tx, 'association', found.id, resourceType)
        if (!association) throw new Fault('notFound', 'glance.metadef.resourceType.notFound', `The metadata definition resource-type with name=${resourceType}, was not found.`)
        const { prefix = '' } = association.content
        if (prefix === '' || !name.startsWith(prefix)) throw new Fault('notFound', 'glance.metadef.prefix', `Property ${name} does not start with the expected resource type association prefix of '${prefix}'.`)
        const property = await metadefs.findDefinition(tx, 'property', found.id, name.slice(prefix.length))
        if (!property) throw definitionNotFound('property', name.slice(prefix.length))
        return property
      })
    },

    async create(ctx: Context, namespace: string, name: string, content: Contents[K]): Promise<Definition<K>> {
      const made = await db.write(async tx => {
        const found = await namespaceToFill(tx, ctx, own.add, namespace)
        return (await insertWanted(tx, kind, found, [{ name, content }], clock.now()))[0]!
      })
      tellOfDefinition(deps, ctx, 'create', { kind, namespace, definition: made })
      return made
    },

    /** Many tags at once: in place of those that are there, or besides them. */
    async createTags(ctx: Context, namespace: string, names: readonly string[], append: boolean): Promise<void> {
      const made = await db.write(async tx => {
        const found = await namespaceToFill(tx, ctx, rules.ADD_METADEF_TAGS, namespace)
        if (!append) await metadefs.removeDefinitions(tx, 'tag', found.id)
        return insertWanted(tx, 'tag', found, names.map(name => ({ name, content: {} })), clock.now())
      })
      for (const definition of made) tellOfDefinition(deps, ctx, 'create', { kind: 'tag', namespace, definition })
    },

    async update(ctx: Context, namespace: string, name: string, next: { name: string, content: Contents[K] }): Promise<Definition<K>> {
      const definition = await orConflict(cause => definitionExists(kind, next.name, namespace, cause), () => db.write(async tx => {
        const { id } = await namespaceFor(tx, ctx, own.modify, namespace)
        const was = await metadefs.findDefinition(tx, kind, id, name)
        const changed = was && { ...next, createdAt: was.createdAt, updatedAt: clock.now() }
        if (!changed || !await metadefs.updateDefinition(tx, kind, id, name, changed)) throw definitionNotFound(kind, name)
        return changed
      }))
      tellOfDefinition(deps, ctx, 'update', { kind, namespace, definition }, { was: name })
      return definition
    },

    async remove(ctx: Context, namespace: string, name: string): Promise<void> {
      const removed = await db.write(async tx => {
        const { id } = await namespaceFor(tx, ctx, own.remove, namespace)
        const found = await metadefs.findDefinition(tx, kind, id, name)
        if (!found || await metadefs.removeDefinitions(tx, kind, id, name) === 0) throw definitionNotFound(kind, name)
        return found
      })
      tellOfDefinition(deps, ctx, 'delete', { kind, namespace, definition: removed }, { deletedAt: clock.now() })
    },

    async removeAll(ctx: Context, namespace: string): Promise<void> {
      const emptied = await db.write(async tx => {
        const [first, ...rest] = own.removeAll
        const found = await namespaceFor(tx, ctx, first!, namespace)
        for (const rule of rest) ctx.authorize(rule, targetOf(found))
        await metadefs.removeDefinitions(tx, kind, found.id)
        return found
      })
      tellOfEmptied(deps, ctx, kind, emptied)
    },
  }
}

// Namespaces of metadata definitions: made, shown with all that they hold, listed, changed, removed.
import type { Context } from '@alto/kit/context'
import { isUniqueViolation, orConflict, type Page } from '@alto/kit/db'
import type { Rule } from '@alto/kit/policy'
import { refused } from '../../model/faults.ts'
import type { NamespaceInput, WantedDefinitions } from '../../model/metadef-bodies.ts'
import { definitionExists, keyOf, KINDS, namespaceExists, namespaceNotFound, type Contents, type Definition, type Kind, type MetadefListing, type Namespace, type ResourceType } from '../../model/metadefs.ts'
import * as rules from '../../policy/metadefs.ts'
import * as metadefs from '../../store/metadefs.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'
import { isAdmin } from '../visible.ts'
import { tellOfDefinition, tellOfNamespace } from './events.ts'

/** What a namespace holds, by kind. */
export type Held = { readonly [K in Kind]: readonly Definition<K>[] }

export type NamespaceManager = ReturnType<typeof namespaceManager>

const ADD: Readonly<Record<Kind, Rule>> = { association: rules.ADD_METADEF_RESOURCE_TYPE_ASSOCIATION, property: rules.ADD_METADEF_PROPERTY, object: rules.ADD_METADEF_OBJECT, tag: rules.ADD_METADEF_TAG }

/** The namespace, when the caller may know of it, after `rule` was asked about it. Private ones of others are not found. */
export async function namespaceFor(tx: Tx, ctx: Context, rule: Rule, name: string, looking = false): Promise<Namespace> {
  const namespace = await metadefs.findNamespace(tx, name)
  const isKnown = namespace && (isAdmin(ctx) || namespace.visibility === 'public' || namespace.owner === ctx.credentials.projectId)
  if (!isKnown) throw namespaceNotFound(name, looking)
  ctx.authorize(rule, targetOf(namespace))
  return namespace
}

/** The same for whoever adds to it: nobody removes it before the transaction ends. */
export async function namespaceToFill(tx: Tx, ctx: Context, rule: Rule, name: string): Promise<Namespace> {
  const namespace = await namespaceFor(tx, ctx, rule, name)
  if (!await metadefs.holdNamespace(tx, namespace.id)) throw namespaceNotFound(name, false)
  return namespace
}

/** What a rule is asked about a namespace and all in it. */
export function targetOf(namespace: Namespace) {
  return { project_id: namespace.owner, owner: namespace.owner, visibility: namespace.visibility }
}

/** Definitions as they begin to be, with the resource types that they name made known. */
export async function insertWanted<K extends Kind>(tx: Tx, kind: K, namespace: Namespace, wanted: readonly { name: string, content: Contents[K] }[], now: number): Promise<Definition<K>[]> {
  const made = wanted.map(one => ({ ...one, createdAt: now, updatedAt: now }))
  if (made.length > 1) await refuseTaken(tx, kind, namespace, made)
  if (kind === 'association') await metadefs.ensureResourceTypes(tx, made.map(one => one.name), now)
  try {
    await metadefs.insertDefinitions(tx, kind, namespace.id, made)
  } catch (error) {
    if (isUniqueViolation(error)) throw definitionExists(kind, wanted.map(one => one.name).join(', '), namespace.name, error)
    throw error
  }
  return made
}

/** Of many, which one is taken, or wanted twice: the database would tell of all of them together. */
async function refuseTaken(tx: Tx, kind: Kind, namespace: Namespace, wanted: readonly { name: string }[]): Promise<void> {
  const taken = new Set(((await metadefs.definitionsOf(tx, kind, [namespace.id])).get(namespace.id) ?? []).map(one => keyOf(kind, one.name)))
  for (const { name } of wanted) {
    const key = keyOf(kind, name)
    if (taken.has(key)) throw definitionExists(kind, name, namespace.name)
    taken.add(key)
  }
}

/** The use cases of namespaces. */
export function namespaceManager(deps: Deps) {
  const { db, clock, ids } = deps

  return {
    async create(ctx: Context, input: NamespaceInput, wanted: WantedDefinitions): Promise<{ namespace: Namespace, held: Held }> {
      const own = { project_id: ctx.credentials.projectId ?? null }
      ctx.authorize(rules.ADD_METADEF_NAMESPACE, own)
      for (const kind of KINDS) if (wanted[kind].length > 0) ctx.authorize(ADD[kind], own)
      const now = clock.now()
      const namespace: Namespace = {
        id: ids.uuid(), name: input.name, displayName: input.displayName ?? null, description: input.description ?? null, visibility: input.visibility ?? 'private',
        isProtected: input.isProtected ?? false, owner: input.owner ?? ctx.credentials.projectId ?? '', createdAt: now, updatedAt: now,
      }
      const held = await orConflict(cause => namespaceExists(namespace.name, cause), () => db.write(async tx => {
        await metadefs.insertNamespace(tx, namespace)
        return holdingWanted(tx, namespace, wanted, now)
      }))
      tellOfNamespace(deps, ctx, 'create', namespace)
      for (const kind of KINDS) for (const definition of held[kind]) tellOfDefinition(deps, ctx, 'create', { kind, namespace: namespace.name, definition })
      return { namespace, held }
    },

    /** A page, each with its associations. */
    async list(ctx: Context, listing: MetadefListing): Promise<Page<{ namespace: Namespace, associations: readonly Definition<'association'>[] }>> {
      const own = { project_id: ctx.credentials.projectId ?? null, visibility: 'public' }
      ctx.authorize(rules.GET_METADEF_NAMESPACES, own)
      ctx.authorize(rules.LIST_METADEF_RESOURCE_TYPES, own)
      return db.read(async tx => {
        const marker = listing.marker === undefined ? undefined : await namespaceFor(tx, ctx, rules.GET_METADEF_NAMESPACE, listing.marker, true)
        const { rows, more } = await metadefs.listNamespaces(tx, { admin: isAdmin(ctx), projectId: ctx.credentials.projectId }, listing, marker)
        const seen = rows.filter(one => ctx.allowed(rules.GET_METADEF_NAMESPACE, targetOf(one)))
        const associations = await metadefs.definitionsOf(tx, 'association', seen.map(one => one.id))
        return { rows: seen.map(namespace => ({ namespace, associations: associations.get(namespace.id) ?? [] })), more }
      })
    },

    async show(ctx: Context, name: string): Promise<{ namespace: Namespace, held: Held }> {
      return db.read(async tx => {
        const namespace = await namespaceFor(tx, ctx, rules.GET_METADEF_NAMESPACE, name, true)
        for (const rule of [rules.LIST_METADEF_RESOURCE_TYPES, rules.GET_METADEF_OBJECTS, rules.GET_METADEF_PROPERTIES, rules.GET_METADEF_TAGS]) ctx.authorize(rule, targetOf(namespace))
        return { namespace, held: await heldBy(tx, namespace.id) }
      })
    },

    /** What is not said is as in a new namespace; what the namespace holds stays. */
    async update(ctx: Context, name: string, input: NamespaceInput): Promise<Namespace> {
      const changed = await orConflict(cause => namespaceExists(input.name, cause), () => db.write(async tx => {
        const was = await namespaceFor(tx, ctx, rules.MODIFY_METADEF_NAMESPACE, name)
        const next: Namespace = {
          ...was, name: input.name, displayName: input.displayName ?? null, description: input.description ?? null, visibility: input.visibility ?? 'private', isProtected: input.isProtected ?? false,
          owner: input.owner ?? ctx.credentials.projectId ?? was.owner, updatedAt: clock.now(),
        }
        await metadefs.updateNamespace(tx, next)
        return next
      }))
      tellOfNamespace(deps, ctx, 'update', changed, { was: name })
      return changed
    },

    async remove(ctx: Context, name: string): Promise<void> {
      const removed = await db.write(async tx => {
        const namespace = await namespaceFor(tx, ctx, rules.DELETE_METADEF_NAMESPACE, name)
        if (namespace.isProtected) throw refused('metadef.namespace.protected', `Metadata definition namespace ${name} is protected and cannot be deleted.`)
        await metadefs.removeNamespace(tx, namespace.id)
        return namespace
      })
      tellOfNamespace(deps, ctx, 'delete', removed, { deletedAt: clock.now() })
    },

    async resourceTypes(ctx: Context): Promise<ResourceType[]> {
      ctx.authorize(rules.LIST_METADEF_RESOURCE_TYPES, { project_id: ctx.credentials.projectId ?? null, visibility: 'public' })
      return db.read(metadefs.listResourceTypes)
    },
  }
}

/** Puts the wanted definitions into a new namespace. */
export async function holdingWanted(tx: Tx, namespace: Namespace, wanted: WantedDefinitions, now: number): Promise<Held> {
  return {
    association: await insertWanted(tx, 'association', namespace, wanted.association, now), property: await insertWanted(tx, 'property', namespace, wanted.property, now),
    object: await insertWanted(tx, 'object', namespace, wanted.object, now), tag: await insertWanted(tx, 'tag', namespace, wanted.tag, now),
  }
}

async function heldBy(tx: Tx, id: string): Promise<Held> {
  const of = async <K extends Kind>(kind: K) => (await metadefs.definitionsOf(tx, kind, [id])).get(id) ?? []
  return { association: await of('association'), property: await of('property'), object: await of('object'), tag: await of('tag') }
}

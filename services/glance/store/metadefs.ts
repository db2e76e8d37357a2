// SQL for metadata definitions. See model/metadefs.ts.
import { fromJson, keysetPage, toJson, type Page } from '@alto/kit/db'
import { keyOf, type Contents, type Definition, type Kind, type MetadefListing, type Namespace, type ResourceType } from '../model/metadefs.ts'
import type { Tables, Tx } from './tables.ts'

/** Who looks: administrators see every namespace, others the public ones and their project's. */
export interface Viewer { admin: boolean, projectId: string | undefined }

/** The namespace of that name, or undefined. */
export async function findNamespace(tx: Tx, name: string): Promise<Namespace | undefined> {
  const row = await tx.selectFrom('metadef_namespaces').selectAll().where('namespace', '=', name).executeTakeFirst()
  return row && toNamespace(row)
}

/** A page of the namespaces that the viewer sees, after `marker`. */
export async function listNamespaces(tx: Tx, viewer: Viewer, listing: MetadefListing, marker: Namespace | undefined): Promise<Page<Namespace>> {
  let query = tx.selectFrom('metadef_namespaces').selectAll()
  if (!viewer.admin) query = query.where(e => e.or([e('visibility', '=', 'public'), ...viewer.projectId === undefined ? [] : [e('owner', '=', viewer.projectId)]]))
  if (listing.visibility !== undefined) query = query.where('visibility', '=', listing.visibility)
  if (listing.resourceTypes) {
    query = query.where('id', 'in', tx.selectFrom('metadef_definitions').select('namespace_id').where('kind', '=', 'association').where('name', 'in', listing.resourceTypes))
  }
  const sort = [listing.sort, { column: 'namespace', direction: listing.sort.direction }]
  const row = marker && fromNamespace(marker)
  const { rows, more } = await keysetPage(query, { limit: listing.limit, sort, after: row && sort.map(key => row[key.column as keyof typeof row]) })
  return { rows: rows.map(toNamespace), more }
}

/** Adds a namespace. Breaks the unique index when the name is taken. */
export async function insertNamespace(tx: Tx, namespace: Namespace): Promise<void> {
  await tx.insertInto('metadef_namespaces').values(fromNamespace(namespace)).execute()
}

/** Writes all of a namespace's columns. Breaks the unique index when the name is taken. */
export async function updateNamespace(tx: Tx, namespace: Namespace): Promise<void> {
  await tx.updateTable('metadef_namespaces').set(fromNamespace(namespace)).where('id', '=', namespace.id).execute()
}

/** Keeps the namespace until the transaction ends; false when it is gone. */
export async function holdNamespace(tx: Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('metadef_namespaces').set(e => ({ updated_at: e.ref('updated_at') })).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Removes a namespace with all that it holds. */
export async function removeNamespace(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('metadef_namespaces').where('id', '=', id).execute()
}

/** The definitions of a kind in some namespaces, in the order in which they were made, by namespace. */
export async function definitionsOf<K extends Kind>(tx: Tx, kind: K, namespaceIds: readonly string[]): Promise<Map<string, Definition<K>[]>> {
  if (namespaceIds.length === 0) return new Map()
  const rows = await tx.selectFrom('metadef_definitions').selectAll().where('kind', '=', kind).where('namespace_id', 'in', namespaceIds).orderBy('created_at').orderBy('key').execute()
  return new Map([...Map.groupBy(rows, row => row.namespace_id)].map(([id, of]) => [id, of.map(row => toDefinition<K>(row))]))
}

/** The definition of that name, or undefined. */
export async function findDefinition<K extends Kind>(tx: Tx, kind: K, namespaceId: string, name: string): Promise<Definition<K> | undefined> {
  const row = await tx.selectFrom('metadef_definitions').selectAll().where('namespace_id', '=', namespaceId).where('kind', '=', kind).where('key', '=', keyOf(kind, name)).executeTakeFirst()
  return row && toDefinition<K>(row)
}

/** A page of a namespace's tags, after `marker`. */
export async function listTags(tx: Tx, namespaceId: string, listing: MetadefListing, marker: Definition<'tag'> | undefined): Promise<Definition<'tag'>[]> {
  const sort = [listing.sort, { column: 'key', direction: listing.sort.direction }]
  const values = marker && { name: marker.name, created_at: marker.createdAt, updated_at: marker.updatedAt, key: keyOf('tag', marker.name) }
  const query = tx.selectFrom('metadef_definitions').selectAll().where('namespace_id', '=', namespaceId).where('kind', '=', 'tag')
  const { rows } = await keysetPage(query, { limit: listing.limit, sort, after: values && sort.map(key => values[key.column as keyof typeof values]) })
  return rows.map(row => toDefinition<'tag'>(row))
}

/** Definitions in one statement: a statement has a bounded number of values. */
const AT_ONCE = 500

/** Adds definitions. Breaks the primary key when a name is taken. */
export async function insertDefinitions<K extends Kind>(tx: Tx, kind: K, namespaceId: string, definitions: readonly Definition<K>[]): Promise<void> {
  for (let at = 0; at < definitions.length; at += AT_ONCE) {
    await tx.insertInto('metadef_definitions').values(definitions.slice(at, at + AT_ONCE).map(one => ({
      namespace_id: namespaceId, kind, key: keyOf(kind, one.name), name: one.name, content: toJson(one.content), created_at: one.createdAt, updated_at: one.updatedAt,
    }))).execute()
  }
}

/** Writes a definition anew, under another name too; false when there is none of the name `was`. Breaks the primary key when the new name is taken. */
export async function updateDefinition<K extends Kind>(tx: Tx, kind: K, namespaceId: string, was: string, next: Definition<K>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('metadef_definitions').set({ key: keyOf(kind, next.name), name: next.name, content: toJson(next.content), updated_at: next.updatedAt })
    .where('namespace_id', '=', namespaceId).where('kind', '=', kind).where('key', '=', keyOf(kind, was)).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Removes a definition, or all of a kind; gives how many. */
export async function removeDefinitions(tx: Tx, kind: Kind, namespaceId: string, name?: string): Promise<number> {
  let query = tx.deleteFrom('metadef_definitions').where('namespace_id', '=', namespaceId).where('kind', '=', kind)
  if (name !== undefined) query = query.where('key', '=', keyOf(kind, name))
  return Number((await query.executeTakeFirst()).numDeletedRows)
}

/** Every resource type, the oldest first. */
export async function listResourceTypes(tx: Tx): Promise<ResourceType[]> {
  const rows = await tx.selectFrom('metadef_resource_types').selectAll().orderBy('created_at').orderBy('name').execute()
  return rows.map(row => ({ name: row.name, createdAt: row.created_at, updatedAt: row.updated_at }))
}

/** Adds those that are not there. */
export async function ensureResourceTypes(tx: Tx, names: readonly string[], now: number): Promise<void> {
  if (names.length === 0) return
  await tx.insertInto('metadef_resource_types').values(names.map(name => ({ name, created_at: now, updated_at: now }))).onConflict(conflict => conflict.doNothing()).execute()
}

/** Notes that a namespace of ours was loaded; false when it was before. */
export async function noteLoaded(tx: Tx, name: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.insertInto('metadef_loaded').values({ namespace: name }).onConflict(conflict => conflict.doNothing()).executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

function toNamespace(row: Tables['metadef_namespaces']): Namespace {
  return {
    id: row.id, name: row.namespace, displayName: row.display_name, description: row.description, visibility: row.visibility === 'public' ? 'public' : 'private', isProtected: row.protected === 1,
    owner: row.owner, createdAt: row.created_at, updatedAt: row.updated_at,
  }
}

function fromNamespace(one: Namespace): Tables['metadef_namespaces'] {
  return {
    id: one.id, namespace: one.name, display_name: one.displayName, description: one.description, visibility: one.visibility, protected: Number(one.isProtected), owner: one.owner,
    created_at: one.createdAt, updated_at: one.updatedAt,
  }
}

function toDefinition<K extends Kind>(row: Tables['metadef_definitions']): Definition<K> {
  return { name: row.name, content: fromJson<Contents[K]>(row.content, {}), createdAt: row.created_at, updatedAt: row.updated_at }
}

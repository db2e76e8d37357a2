// Metadata definitions: what may be written on images, volumes, servers, flavors, for people and programs that offer a choice.
//
// A namespace holds four kinds of definitions, each with a name of its own in it: associations with resource types (with the prefix that its
// properties carry there), properties, objects (properties that belong together) and tags.
import { Fault } from '@alto/kit/errors'
import { invalid } from './faults.ts'

/** A namespace. `id` is ours: the name can be changed. Times are milliseconds. */
export interface Namespace {
  id: string
  name: string
  displayName: string | null
  description: string | null
  visibility: 'public' | 'private'
  isProtected: boolean
  owner: string
  createdAt: number
  updatedAt: number
}

export const KINDS = ['association', 'property', 'object', 'tag'] as const
export type Kind = typeof KINDS[number]

/** What a property may be: a JSON schema's members. */
export type PropertySchema = Readonly<Record<string, unknown>>

/** What a kind of definition holds besides its name. */
export interface Contents {
  association: { prefix?: string | undefined, properties_target?: string | undefined }
  property: PropertySchema
  object: { description?: string | undefined, required?: readonly string[] | undefined, properties?: Readonly<Record<string, PropertySchema>> | undefined }
  tag: Record<never, never>
}

/** One definition of a namespace. */
export interface Definition<K extends Kind = Kind> {
  name: string
  content: Contents[K]
  createdAt: number
  updatedAt: number
}

/** A resource type that somebody associated a namespace with. */
export interface ResourceType { name: string, createdAt: number, updatedAt: number }

/** What makes two names of a kind the same: tags differ in more than the case of their letters. */
export function keyOf(kind: Kind, name: string): string {
  return kind === 'tag' ? name.toLowerCase() : name
}

const SORTABLE = { namespace: ['namespace', 'display_name', 'created_at', 'updated_at'], tag: ['name', 'created_at', 'updated_at'] } as const

/** What a list of namespaces, or of tags, is asked for. */
export interface MetadefListing {
  limit: number
  marker: string | undefined
  sort: { column: string, direction: 'asc' | 'desc' }
  visibility: string | undefined
  resourceTypes: readonly string[] | undefined
}

/** Reads a list's query. Throws Fault('badRequest', 'glance.metadef.query'). */
export function readMetadefListing(query: URLSearchParams, of: keyof typeof SORTABLE, limits: { otherwise: number, most: number }): MetadefListing {
  const bad = (message: string) => invalid('metadef.query', message)
  const limit = query.get('limit')
  if (limit !== null && !/^-?\d{1,9}$/.test(limit)) throw bad('limit param must be an integer')
  if (limit !== null && Number(limit) < 0) throw bad('limit param must be positive')
  const column = query.get('sort_key') ?? 'created_at'
  if (!SORTABLE[of].some(known => known === column)) throw bad(`Invalid sort key: ${column}. It may be ${SORTABLE[of].join(', ')}`)
  const direction = query.get('sort_dir') ?? 'desc'
  if (direction !== 'asc' && direction !== 'desc') throw bad(`Invalid sort direction: ${direction}`)
  const visibility = query.get('visibility') ?? undefined
  if (visibility !== undefined && visibility !== 'public' && visibility !== 'private') throw bad(`Invalid visibility value: ${visibility}`)
  const resourceTypes = query.get('resource_types')?.split(',').filter(Boolean)
  return { limit: Math.min(limit === null ? limits.otherwise : Number(limit), limits.most), marker: query.get('marker') || undefined, sort: { column, direction }, visibility, resourceTypes: resourceTypes?.length ? resourceTypes : undefined }
}

/** Nobody sets these: throws Fault('forbidden', 'glance.metadef.readOnly') for a body that has one. */
export function refuseReadOnly(body: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  for (const name of names) if (Object.hasOwn(body, name)) throw new Fault('forbidden', 'glance.metadef.readOnly', `Attribute '${name}' is read-only.`)
}

/** Properties and objects as they are called on a resource type that is associated under `prefix`. */
export function prefixed(prefix: string, properties: Readonly<Record<string, PropertySchema>>): Record<string, PropertySchema> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [prefix + name, schema]))
}

/** No such namespace, or none that the caller may know of; `looking` words it as a GET does. */
export function namespaceNotFound(name: string, looking = false): Fault {
  return new Fault('notFound', 'glance.metadef.namespace.notFound', looking ? `Metadata definition namespace=${name} was not found.` : `Namespace ${name} not found`)
}

/** The namespace is there. */
export function namespaceExists(name: string, cause: unknown): Fault {
  return new Fault('conflict', 'glance.metadef.namespace.exists', `The metadata definition namespace=${name} already exists.`, { cause })
}

/** No such definition in the namespace. */
export function definitionNotFound(kind: Kind, name: string): Fault {
  const said = { association: `Failed to find resource type ${name} to delete`, property: `Could not find property ${name}`, object: `Could not find metadata object ${name}`, tag: `Could not find metadata tag ${name}` }
  return new Fault('notFound', `glance.metadef.${kind}.notFound`, said[kind])
}

/** The namespace has one of that name. */
export function definitionExists(kind: Kind, name: string, namespace: string, cause?: unknown): Fault {
  const said = {
    association: `The metadata definition resource-type association of resource-type=${name} to namespace=${namespace} already exists.`,
    property: `A metadata definition property with name=${name} already exists in namespace=${namespace}.`, object: `A metadata definition object with name=${name} already exists in namespace=${namespace}.`,
    tag: `A metadata tag with name=${name} already exists in namespace=${namespace}. (Please note that metadata tag names are case insensitive).`,
  }
  return new Fault('conflict', `glance.metadef.${kind}.exists`, said[kind], { cause })
}

// What bodies of metadata definitions look like, coming and going.
import { t } from '@alto/kit/http'
import { isoTime } from '../../model/images.ts'
import { prefixed, type Definition, type Namespace } from '../../model/metadefs.ts'
import type { Held } from '../../manager/metadefs/namespaces.ts'

/** Names of namespaces and of what they hold: such as can be asked for. No path has an empty segment, or `.` and `..` (RFC 3986, 6.2.2.3: clients take them out, encoded or not). */
const NAME = '^(?!\\.{1,2}$)[^/]*$'
export const name = t.string({ min: 1, max: 80, pattern: NAME })
const text = t.string({ max: 65_535 })
const count = t.integer({ min: 0 })
const type = t.nullable(t.oneOf('array', 'boolean', 'integer', 'number', 'object', 'string'))

/** A property's schema; `name` and `title` are told apart by the callers. */
export const propertyMembers = {
  name: t.optional(name), title: text, description: t.optional(text), operators: t.optional(t.array(t.string(), { max: 100 })), type, required: t.optional(t.array(t.string(), { max: 1000 })),
  minimum: t.optional(t.number()), maximum: t.optional(t.number()), maxLength: t.optional(count), minLength: t.optional(count), pattern: t.optional(t.string({ max: 10_000 })),
  enum: t.optional(t.array(t.anything(), { max: 10_000 })), readonly: t.optional(t.boolean()), default: t.optional(t.anything()),
  items: t.optional(t.open({ type: t.optional(type), enum: t.optional(t.array(t.anything(), { max: 10_000 })) })),
  maxItems: t.optional(count), minItems: t.optional(count), uniqueItems: t.optional(t.boolean()), additionalItems: t.optional(t.boolean()),
}
/** Under their names: of an object's, which are no segments of paths, and of a namespace's, which are. */
const properties = t.map(t.object(propertyMembers), { max: 1000, keyMax: 80 })
const ownProperties = t.map(t.object(propertyMembers), { max: 1000, keyPattern: '^(?!\\.{1,2}$)[^/]{1,80}$' })

/** Members that only the service writes: a body that has one is refused by name, so the schema lets them through. */
const readOnly = { self: t.optional(t.anything()), schema: t.optional(t.anything()), created_at: t.optional(t.anything()), updated_at: t.optional(t.anything()) }
export const READ_ONLY = ['self', 'schema', 'created_at', 'updated_at']
export const READ_ONLY_TIMES = ['created_at', 'updated_at']
const times = { created_at: readOnly.created_at, updated_at: readOnly.updated_at }

export const associationBody = t.object({ name, prefix: t.optional(t.string({ max: 80 })), properties_target: t.optional(t.string({ max: 80 })), ...times })
export const objectBody = t.object({ name, description: t.optional(text), required: t.optional(t.array(t.string(), { max: 1000 })), properties: t.optional(properties), ...readOnly })
export const propertyBody = t.object({ ...propertyMembers, name, ...times })
export const tagBody = t.object({ name, ...times })
export const tagsBody = t.object({ tags: t.array(t.object({ name }), { max: 10_000 }), ...times })
export const namespaceBody = t.object({
  namespace: name, display_name: t.optional(t.string({ max: 80 })), description: t.optional(t.string({ max: 500 })), visibility: t.optional(t.oneOf('public', 'private')), protected: t.optional(t.boolean()),
  owner: t.optional(t.string()), resource_type_associations: t.optional(t.array(associationBody, { max: 1000 })), properties: t.optional(ownProperties), objects: t.optional(t.array(objectBody, { max: 1000 })),
  tags: t.optional(t.array(tagBody, { max: 10_000 })), ...readOnly,
})

const BASE = '/v2/metadefs/namespaces'

/** A namespace's own path. */
export const pathOf = (namespace: string) => `${BASE}/${namespace}`

/** A namespace as clients see it. */
export function viewNamespace(one: Namespace) {
  return {
    namespace: one.name, ...(one.displayName !== null && { display_name: one.displayName }), ...(one.description !== null && { description: one.description }), visibility: one.visibility,
    protected: one.isProtected, owner: one.owner, created_at: isoTime(one.createdAt), updated_at: isoTime(one.updatedAt), self: pathOf(one.name), schema: '/v2/schemas/metadefs/namespace',
  }
}

/** The same with what it holds; with a `resourceType`, properties are called as on that. */
export function viewWhole(namespace: Namespace, held: Held, resourceType?: string) {
  const prefix = held.association.find(one => one.name === resourceType)?.content.prefix ?? ''
  return {
    ...viewNamespace(namespace),
    ...(held.association.length > 0 && { resource_type_associations: held.association.map(viewAssociation) }),
    ...(held.property.length > 0 && { properties: prefixed(prefix, Object.fromEntries(held.property.map(one => [one.name, one.content]))) }),
    ...(held.object.length > 0 && { objects: held.object.map(one => viewObject(namespace.name, one, prefix)) }),
    ...(held.tag.length > 0 && { tags: held.tag.map(one => ({ name: one.name })) }),
  }
}

/** An association as clients see it. */
export function viewAssociation(one: Definition<'association'>) {
  return { name: one.name, ...one.content, created_at: isoTime(one.createdAt), updated_at: isoTime(one.updatedAt) }
}

/** An object as clients see it. */
export function viewObject(namespace: string, one: Definition<'object'>, prefix = '') {
  const { description, required = [], properties } = one.content
  return {
    name: one.name, required: required.map(each => prefix + each), ...(description !== undefined && { description }), ...(properties && { properties: prefixed(prefix, properties) }),
    created_at: isoTime(one.createdAt), updated_at: isoTime(one.updatedAt), self: `${pathOf(namespace)}/objects/${one.name}`, schema: '/v2/schemas/metadefs/object',
  }
}

/** A property as clients see it alone. */
export function viewProperty(one: Definition<'property'>) {
  return { name: one.name, ...one.content }
}

/** A tag as clients see it alone. */
export function viewTag(one: Definition<'tag'>) {
  return { name: one.name, created_at: isoTime(one.createdAt), updated_at: isoTime(one.updatedAt) }
}

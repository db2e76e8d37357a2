// What is told to listeners of what happened to metadata definitions: after the commit, with upstream's names and payloads.
// A namespace is named by its name in all of them; upstream's payloads of new objects, properties and tags hold an object of its program in that place.
import { isoTime } from '../../model/images.ts'
import type { Contents, Definition, Kind, Namespace, PropertySchema } from '../../model/metadefs.ts'
import type { Deps } from '../deps.ts'
import { gone, tell, type Asker } from '../events.ts'

type Told = Pick<Deps, 'notifier' | 'options'>

/** How upstream's events call a kind. */
const GROUPS: Readonly<Record<Kind, string>> = { association: 'metadef_resource_type', property: 'metadef_property', object: 'metadef_object', tag: 'metadef_tag' }
/** How they call the end of all of a kind; nobody is told of associations, which cannot end together. */
const ALL: Readonly<Record<Kind, string | undefined>> = { association: undefined, property: 'delete_properties', object: 'delete_objects', tag: 'delete_tags' }

/** What a payload says of a property's schema. */
const SCHEMA = ['type', 'title', 'description', 'default', 'minimum', 'maximum', 'enum', 'pattern', 'minLength', 'maxLength', 'confidential', 'items', 'uniqueItems', 'minItems', 'maxItems', 'additionalItems'] as const

/** What happened to one: `was` is the name that it had before, `deletedAt` when it was deleted, milliseconds. */
interface Change { was?: string, deletedAt?: number }

/** Tells of a namespace. */
export function tellOfNamespace(deps: Told, asker: Asker, verb: string, namespace: Namespace, { was = namespace.name, deletedAt }: Change = {}): void {
  tell(deps, asker, { event: `metadef_namespace.${verb}`, about: () => ({
    namespace: namespace.name, namespace_old: was, display_name: namespace.displayName, protected: namespace.isProtected, visibility: namespace.visibility, owner: namespace.owner, description: namespace.description,
    created_at: isoTime(namespace.createdAt), updated_at: isoTime(namespace.updatedAt), ...gone(deletedAt),
  }) })
}

/** Tells of the end of all of a kind in a namespace. */
export function tellOfEmptied(deps: Told, asker: Asker, kind: Kind, namespace: Namespace): void {
  const verb = ALL[kind]
  if (verb !== undefined) tellOfNamespace(deps, asker, verb, namespace)
}

/** Tells of a definition. */
export function tellOfDefinition<K extends Kind>(deps: Told, asker: Asker, verb: 'create' | 'update' | 'delete', { kind, namespace, definition }: { kind: K, namespace: string, definition: Definition<K> }, { was = definition.name, deletedAt }: Change = {}): void {
  const { name, content, createdAt, updatedAt } = definition
  const times = kind === 'property' ? {} : { created_at: isoTime(createdAt), updated_at: isoTime(updatedAt) }
  tell(deps, asker, { event: `${GROUPS[kind]}.${verb}`, about: () => ({ namespace, name, name_old: was, ...PARTS[kind](content), ...times, ...gone(deletedAt) }) })
}

/** What a payload says of a kind's content. */
const PARTS: { readonly [K in Kind]: (content: Contents[K]) => Readonly<Record<string, unknown>> } = {
  association: ({ prefix, properties_target: target }) => ({ prefix: prefix ?? null, properties_target: target ?? null }),
  property: schema => told(schema),
  object: ({ description, required, properties }) => ({
    description: description ?? null, required: required ?? [], properties: Object.entries(properties ?? {}).map(([name, schema]) => ({ name, ...told(schema) })),
  }),
  tag: () => ({}),
}

function told(schema: PropertySchema): Record<string, unknown> {
  return Object.fromEntries(SCHEMA.map(member => [member, schema[member] ?? null]))
}

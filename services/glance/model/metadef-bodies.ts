// A namespace of metadata definitions as bodies and our own data files have it, and what is meant by it.
import type { Contents, Kind } from './metadefs.ts'

/** What a client says of a namespace. */
export interface NamespaceInput {
  name: string
  displayName?: string | undefined
  description?: string | undefined
  visibility?: 'public' | 'private' | undefined
  isProtected?: boolean | undefined
  owner?: string | undefined
}

/** What a client wants in a new namespace, by kind: contents under their names. */
export type WantedDefinitions = { readonly [K in Kind]: readonly { name: string, content: Contents[K] }[] }

/** A namespace as a body (and our own data files) has it. */
export interface NamespaceBody {
  namespace: string
  display_name?: string
  description?: string
  visibility?: 'public' | 'private'
  protected?: boolean
  owner?: string
  resource_type_associations?: { name: string, prefix?: string, properties_target?: string }[]
  properties?: Record<string, Record<string, unknown>>
  objects?: { name: string, description?: string, required?: string[], properties?: Record<string, Record<string, unknown>> }[]
  tags?: { name: string }[]
}

/** What a body says of the namespace itself. */
export function namespaceInput(b: NamespaceBody): NamespaceInput {
  return { name: b.namespace, displayName: b.display_name, description: b.description, visibility: b.visibility, isProtected: b.protected, owner: b.owner }
}

/** What a body wants in the namespace. */
export function wantedDefinitions(b: NamespaceBody): WantedDefinitions {
  return {
    association: (b.resource_type_associations ?? []).map(({ name, prefix, properties_target }) => ({ name, content: { ...(prefix !== undefined && { prefix }), ...(properties_target !== undefined && { properties_target }) } })),
    property: Object.entries(b.properties ?? {}).map(([name, content]) => ({ name, content })), object: (b.objects ?? []).map(one => ({ name: one.name, content: objectContent(one) })),
    tag: (b.tags ?? []).map(({ name }) => ({ name, content: {} })),
  }
}

/** What an object holds, out of its body. */
export function objectContent({ description, required, properties: has }: { description?: string, required?: string[], properties?: Record<string, Record<string, unknown>> }): Contents['object'] {
  return { ...(description !== undefined && { description }), ...(required !== undefined && { required }), ...(has !== undefined && { properties: has }) }
}

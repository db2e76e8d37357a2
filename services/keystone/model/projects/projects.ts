// Projects, and domains, which are projects that act as one.

/** A project; a domain when `isDomain`. */
export interface Project {
  id: string
  name: string
  /** The domain it lives in; null for a domain. */
  domainId: string | null
  /** The project (or domain) above it; null for a domain. */
  parentId: string | null
  isDomain: boolean
  enabled: boolean
  description: string
  options: Readonly<Record<string, unknown>>
  tags: readonly string[]
  /** Members that clients added of their own. */
  extra: Readonly<Record<string, unknown>>
}

/** Whether names may hold what a URL reserves: always, not new ones, or not even where a token is scoped by them. */
export const NAME_CHECKS = ['off', 'new', 'strict'] as const

export type NameCheck = typeof NAME_CHECKS[number]

/** The characters of a name that mean something in a URL (RFC 3986, section 2.2), in their order; empty when there are none. */
export function reservedIn(name: string): string {
  return name.replaceAll(/[^:/?#[\]@!$&'()*+,;=]/g, '')
}

/** Conditions on the tags of a project; all that are there must hold, each tag list as it is named. */
export interface TagFilter {
  all?: readonly string[] | undefined
  any?: readonly string[] | undefined
  notAll?: readonly string[] | undefined
  notAny?: readonly string[] | undefined
}

/** The most tags that a project has. */
export const MOST_TAGS = 80

/** Ids within ids; null where nothing is further in. */
export interface Nested { [id: string]: Nested | null }

/** The ids of `above`, nearest first, each within the one before; null when there are none. */
export function nestedAbove(above: readonly string[]): Nested | null {
  return above.reduceRight<Nested | null>((inner, id) => ({ [id]: inner }), null)
}

/** The ids of the projects below `id`, each with those below it; null when there are none. */
export function nestedBelow(projects: readonly Project[], id: string): Nested | null {
  const children = projects.filter(p => p.parentId === id)
  return children.length === 0 ? null : Object.fromEntries(children.map(child => [child.id, nestedBelow(projects, child.id)]))
}

/** The ids above the project, nearest first, its domain last, by a map of parents. */
export function idsAbove(parents: ReadonlyMap<string, string | null>, id: string): string[] {
  const above: string[] = []
  for (let parent = parents.get(id) ?? null; parent !== null; parent = parents.get(parent) ?? null) above.push(parent)
  return above
}

/** The domain that everything without one belongs to. */
export const DEFAULT_DOMAIN = 'default'

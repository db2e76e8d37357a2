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

/** Whether a name could stand in a URL as it is. */
export function isUrlSafe(name: string): boolean {
  return !/[;/?:@&=+$,]/.test(name)
}

/** The ids above the project, nearest first, its domain last, by a map of parents. */
export function idsAbove(parents: ReadonlyMap<string, string | null>, id: string): string[] {
  const above: string[] = []
  for (let parent = parents.get(id) ?? null; parent !== null; parent = parents.get(parent) ?? null) above.push(parent)
  return above
}

/** The domain that everything without one belongs to. */
export const DEFAULT_DOMAIN = 'default'

/** Levels of projects below a domain. */
export const MAX_DEPTH = 5

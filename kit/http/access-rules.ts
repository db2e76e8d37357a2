// Access rules of tokens: the only requests that some application credentials are for.
// A pattern is matched by walking all its places at once, so that its time is its length times the path's, whatever somebody wrote into it.
import type { Credentials } from '../policy/index.ts'

type AccessRules = NonNullable<Credentials['accessRules']>

/** A place of a pattern: a character, one that is no slash, any number of these, or any number of all. */
type Place = { char: string } | 'one' | 'more' | 'all'

/**
 * True when `rules` let the bearer of their token ask `method` of one of `paths`, the names of one resource, at a service of the `types`.
 * What a token is worth may always be asked with it (keystonemiddleware, access rules).
 */
export function permits(rules: AccessRules, types: readonly string[], method: string, paths: readonly string[]): boolean {
  if (types.includes('identity') && method === 'GET' && paths.includes('/v3/auth/tokens')) return true
  return rules.some(rule => rule.method === method && types.includes(rule.service) && paths.some(path => pathMatches(path, rule.path)))
}

/** True when the path is of the pattern: `{name}` and `*` are one character or more without a slash, `**` is anything. */
export function pathMatches(path: string, pattern: string): boolean {
  const places = placesOf(pattern)
  let at = withSkipped(places, new Set([0]))
  for (const char of path) {
    const next = new Set<number>()
    for (const i of at) {
      const place = places[i]
      if (place === undefined) continue
      if (place === 'all' || place === 'more' && char !== '/') next.add(i)
      else if (place === 'one' ? char !== '/' : place !== 'more' && place.char === char) next.add(i + 1)
    }
    at = withSkipped(places, next)
  }
  return at.has(places.length)
}

function placesOf(pattern: string): Place[] {
  return [...pattern.matchAll(/\{[^}]*\}|\*\*|[\s\S]/gu)].flatMap(([token]): Place[] => token === '**' ? ['all'] : token === '*' || token.length > 1 && token.startsWith('{') ? ['one', 'more'] : [{ char: token }])
}

function withSkipped(places: readonly Place[], at: Set<number>): Set<number> {
  for (const i of at) if (places[i] === 'more' || places[i] === 'all') at.add(i + 1)
  return at
}

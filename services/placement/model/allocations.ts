// Allocations: what consumers hold of providers. A claim is a change from what a consumer holds to what it wants.

/** Project and user of consumers that were made before either had to be said. */
export const UNKNOWN_OWNER = '00000000-0000-0000-0000-000000000000'

/** Amounts by resource class by provider id. */
export type Holdings = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Who holds allocations. */
export interface Consumer {
  id: string
  projectId: string
  userId: string
  /** `INSTANCE`, `MIGRATION`, …; null: made before types. */
  type: string | null
  generation: number
}

/** What a consumer is to hold: all of it; nothing for an empty map. */
export interface Claim {
  consumerId: string
  projectId: string
  userId: string
  /** Undefined: as it was (older microversions). */
  type: string | undefined
  /** The generation that the caller has seen; null: no such consumer yet; undefined: the caller does not say (older microversions). */
  generation: number | null | undefined
  holdings: Holdings
}

/** One inventory's change of use. */
export interface Delta {
  providerId: string
  resourceClass: string
  by: number
}

/**
 * The changes of use that lead from `before` to `after`, summed over consumers: only those that are not 0, by provider and class in a fixed
 * order, what is given back before what is taken.
 */
export function deltas(before: readonly Holdings[], after: readonly Holdings[]): Delta[] {
  const sums = new Map<string, Delta>()
  const add = (all: readonly Holdings[], sign: 1 | -1) => {
    for (const [providerId, resourceClass, amount] of all.flatMap(flat)) {
      const key = `${providerId}/${resourceClass}`
      const sum = sums.get(key) ?? { providerId, resourceClass, by: 0 }
      sums.set(key, { ...sum, by: sum.by + sign * amount })
    }
  }
  add(before, -1)
  add(after, 1)
  return [...sums.entries()].filter(([, d]) => d.by !== 0).toSorted(([a, x], [b, y]) => Number(x.by > 0) - Number(y.by > 0) || (a < b ? -1 : 1)).map(([, d]) => d)
}

/** Holdings as rows. */
export function flat(holdings: Holdings): [providerId: string, resourceClass: string, amount: number][] {
  return [...holdings].flatMap(([providerId, resources]) => [...resources].map(([resourceClass, amount]) => [providerId, resourceClass, amount] as [string, string, number]))
}

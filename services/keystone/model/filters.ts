// What a list of the API is asked for: conditions on its fields, and which page.

/** One condition on a field. `value` is a boolean for fields that are one, and those are only compared with `equals`. */
export interface Filter<Field extends string> {
  field: Field
  comparator: 'equals' | 'contains' | 'startswith' | 'endswith'
  value: string | boolean
  /** Whether A is another letter than a; `equals` always thinks so. */
  caseSensitive: boolean
}

/** Conditions that all must hold, and the page: at most `limit` rows, those after the row `marker`. */
export interface Listing<Field extends string> {
  filters: readonly Filter<Field>[]
  limit?: number | undefined
  marker?: string | undefined
}

/** A page of a list, and whether more follows it. */
export interface Listed<T> {
  items: T[]
  more: boolean
}

/** The listing with the limits of the configuration: `listLimit` where the client asked for none, `maxDbLimit` over what it asked for. */
export function bounded<Field extends string>(listing: Listing<Field>, limits: { listLimit: number | null, maxDbLimit: number }): Listing<Field> {
  const wanted = listing.limit ?? limits.listLimit ?? undefined
  return { ...listing, limit: wanted === undefined ? undefined : Math.min(wanted, limits.maxDbLimit) }
}

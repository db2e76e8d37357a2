// The filters and pages of lists, as every list of Keystone reads and shows them.
import type { Context } from '@alto/kit/context'
import { t } from '@alto/kit/http'
import { invalid } from '../model/faults.ts'
import type { Filter, Listed, Listing } from '../model/filters.ts'

/** The fields that a list can be filtered by. */
export type Fields<Field extends string> = Readonly<Record<Field, 'text' | 'flag'>>

const FLAGS = ['true', 'True', 'TRUE', 'false', 'False', 'FALSE', '', '1', '0', 'y', 'Y', 'n', 'N', 'on', 'ON', 'off', 'OFF', 'yes', 'no'] as const
const OFF: readonly string[] = ['false', 'False', 'FALSE', '0', 'n', 'N', 'off', 'OFF', 'no'] satisfies readonly (typeof FLAGS)[number][]

/**
 * The query schema of a list: each field, `limit`, `marker`, and what upstream takes and ignores. Other parameters are let through,
 * `FIELD__[i]contains|startswith|endswith` among them.
 */
export function listQuery<Field extends string>(fields: Fields<Field>) {
  const exact = Object.entries(fields).map(([name, kind]) => [name, t.optional(kind === 'flag' ? t.oneOf(...FLAGS) : t.string({ min: 1 }))] as const)
  return t.open({ ...Object.fromEntries(exact), limit: t.optional(t.integer({ min: 0 })), marker: t.optional(t.string()), sort_key: t.optional(t.string()), sort_dir: t.optional(t.oneOf('asc', 'desc')) })
}

/** What the query of a checked URL asks for. A flag without a value is true, as upstream; comparisons that nobody knows are ignored. */
export function listingOf<Field extends string>(url: URL, fields: Fields<Field>): Listing<Field> {
  const limit = url.searchParams.getAll('limit').at(-1)
  const marker = url.searchParams.get('marker')
  return {
    filters: [...url.searchParams].flatMap(([key, value]) => filterOf(fields, key, value) ?? []),
    ...(limit !== undefined && { limit: Number(limit) }), ...(marker !== null && marker !== '' && { marker }),
  }
}

/** A page's body under `name`, with the link to the next one and upstream's `truncated` where more follows. */
export function pageOf<T extends { id: string }>(ctx: Context, url: URL, name: string, { items, more }: Listed<T>, view: (item: T) => unknown) {
  const link = (search: string) => `${ctx.baseUrl}${url.pathname}${search}`
  const next = new URLSearchParams(url.searchParams)
  const last = items.at(-1)
  if (last) {
    next.set('limit', String(items.length))
    next.set('marker', last.id)
  }
  return { [name]: items.map(view), links: { self: link(url.search), previous: null, next: more && last ? link(`?${next}`) : null }, ...(more && { truncated: true }) }
}

function filterOf<Field extends string>(fields: Fields<Field>, key: string, value: string): Filter<Field> | undefined {
  const [name = '', suffix] = key.split(/__(.*)/)
  if (!Object.hasOwn(fields, name)) return undefined
  const field = name as Field
  const kind = fields[field]
  if (suffix === undefined) return { field, comparator: 'equals', value: kind === 'flag' ? !OFF.includes(value) : value, caseSensitive: true }
  const [, insensitive, comparator] = /^(i?)(contains|startswith|endswith)$/.exec(suffix) ?? []
  if (comparator === undefined) return undefined
  if (kind === 'flag') throw invalid('filter', `${name} is true or false: it cannot be compared by ${suffix}.`)
  return { field, comparator: comparator as Filter<Field>['comparator'], value, caseSensitive: insensitive === '' }
}

// limit, marker, sort_key and sort_dir, and the links to the next page, as OpenStack's lists have them.
import { Fault } from '../errors/index.ts'

/** The largest page when neither the client nor the service says otherwise. */
const MAX_LIMIT = 1000

/**
 * Rows on a page: `asked`, at most `max`; `max` when nothing was asked for.
 * Throws Fault('badRequest', 'openstack.limit').
 */
export function pageLimit(asked: string | number | undefined, max: number = MAX_LIMIT): number {
  if (asked === undefined || asked === '') return max
  const limit = Number(asked)
  if (!Number.isInteger(limit) || limit < 0) throw new Fault('badRequest', 'openstack.limit', `Invalid input for query parameter limit. Value: ${asked}. It must be an integer of 0 or more.`)
  return Math.min(limit, max)
}

/** A client's wish for an order. */
export interface SortRequest {
  /** `sort=name:desc,id`, as Cinder, Glance and Heat have it. */
  sort?: string | undefined
  sort_key?: string | readonly string[] | undefined
  sort_dir?: string | readonly string[] | undefined
}

/**
 * The columns to sort by, with `id` last. `columns` maps the names that clients may use to columns.
 * Throws Fault('badRequest', 'openstack.sort') for other names and for directions that are none.
 */
export function sortKeys(request: SortRequest, columns: Readonly<Record<string, string>>, otherwise: readonly { column: string, direction: 'asc' | 'desc' }[]): { column: string, direction: 'asc' | 'desc' }[] {
  const asked = request.sort !== undefined
    ? request.sort.split(',').map(part => part.trim().split(':') as [string, string?])
    : [request.sort_key ?? []].flat().map((key, i) => [key, [request.sort_dir ?? []].flat()[i]] as [string, string?])
  const first = otherwise[0]?.direction ?? 'desc'
  const keys = asked.map(([name, dir]) => {
    const column = columns[name]
    if (column === undefined) throw new Fault('badRequest', 'openstack.sort', `Sort key ${name} is not supported. It may be ${Object.keys(columns).join(', ')}.`)
    const direction = dir?.toLowerCase() ?? first
    if (direction !== 'asc' && direction !== 'desc') throw new Fault('badRequest', 'openstack.sort', `Sort direction ${dir} is not supported. It may be asc or desc.`)
    return { column, direction } as const
  })
  const order = keys.length ? keys : [...otherwise]
  return order.some(k => k.column === 'id') ? order : [...order, { column: 'id', direction: order.at(-1)?.direction ?? 'desc' }]
}

/** The same query with `changes` in place: an undefined value removes a parameter. `base` is the URL without query. */
export function linkWith(base: string, url: URL, changes: Readonly<Record<string, string | undefined>>): string {
  const params = new URLSearchParams(url.search)
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) params.delete(key)
    else params.set(key, value)
  }
  const query = params.toString()
  return query ? `${base}?${query}` : base
}

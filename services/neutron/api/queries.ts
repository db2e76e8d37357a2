// What a list's query says: filters, fields, order and page; and the links of its pages.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { linkWith } from '@alto/kit/openstack'
import type { Listing } from '../manager/access.ts'

const CONTROLS = new Set(['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir'])

/** A list's query. `fields` is undefined when all are wanted. */
export interface ListQuery {
  readonly listing: Listing
  readonly fields: readonly string[] | undefined
  readonly reverse: boolean
}

/** Reads the query. Throws Fault('badRequest', 'neutron.HTTPBadRequest'). */
export function listQuery(url: URL): ListQuery {
  const params = url.searchParams
  if ([...params].flat().some(text => text.includes('\0'))) throw bad('A query may not have NUL characters')
  const filters = new Map<string, string[]>()
  for (const [name, value] of params) if (!CONTROLS.has(name)) filters.set(name, [...filters.get(name) ?? [], value])
  const reverse = /^(true|1)$/i.test(params.get('page_reverse') ?? '')
  const keys = params.getAll('sort_key')
  const directions = params.getAll('sort_dir')
  if (keys.length && directions.length && keys.length !== directions.length) throw bad('The number of sort_keys and sort_dirs must be same')
  const wrong = directions.find(direction => direction !== 'asc' && direction !== 'desc')
  if (wrong !== undefined) throw bad(`sort_dir '${wrong}' is not asc or desc`)
  const sort = (keys.length ? keys : ['id']).map((column, i) => ({ column, direction: ((directions[i] ?? 'asc') === 'asc') === !reverse ? 'asc' as const : 'desc' as const }))
  const fields = params.getAll('fields').filter(field => field !== '')
  return { listing: { filters, sort, limit: limitOf(params.get('limit')), marker: params.get('marker') || undefined }, fields: fields.length ? fields : undefined, reverse }
}

/** The links to the pages before and after, as upstream's `<collection>_links`; none for a list that is whole. */
export function pageLinks(ctx: Context, url: URL, query: ListQuery, ids: readonly string[], more: boolean): { rel: string, href: string }[] | undefined {
  const { limit, marker } = query.listing
  if (limit === undefined) return undefined
  const at = (id: string | undefined, reverse: boolean) => linkWith(`${ctx.baseUrl}${url.pathname}`, url, { marker: id, page_reverse: reverse ? 'True' : undefined })
  const links: { rel: string, href: string }[] = []
  const first = ids[0]
  const last = ids.at(-1)
  if (last !== undefined && (query.reverse ? marker !== undefined : more)) links.push({ rel: 'next', href: at(last, false) })
  if (first !== undefined && (query.reverse ? more : marker !== undefined)) links.push({ rel: 'previous', href: at(first, true) })
  return links.length ? links : undefined
}

/** The view with the fields that were asked for. */
export function pick(view: Readonly<Record<string, unknown>>, fields: readonly string[] | undefined): Readonly<Record<string, unknown>> {
  if (!fields) return view
  return Object.fromEntries(Object.entries(view).filter(([name]) => fields.includes(name)))
}

function limitOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  if (!/^\d{1,9}$/.test(text)) throw bad(`Limit must be an integer 0 or greater and not '${text.slice(0, 60)}'`)
  return Number(text) || undefined
}

function bad(message: string): Fault {
  return new Fault('badRequest', 'neutron.HTTPBadRequest', message)
}

// What a list of images is asked for: filters with operators, order, page. Images API v2, "List images".
import { invalid } from './faults.ts'
import { ATTRIBUTES } from './images.ts'

/** Columns of one kind of value may be compared; the rest is equality. */
export type Filter =
  | { kind: 'text', column: string, anyOf: readonly string[] }
  | { kind: 'number', column: string, value: number }
  | { kind: 'flag', column: string, value: boolean }
  /** Milliseconds: `from` included, `before` not; `except` turns it round. */
  | { kind: 'time', column: string, from: number | undefined, before: number | undefined, except: boolean }
  | { kind: 'size', atLeast: number | undefined, atMost: number | undefined }
  | { kind: 'tag', tag: string }
  | { kind: 'property', name: string, value: string }

export interface SortKey { column: string, direction: 'asc' | 'desc' }

/** A checked query. */
export interface Listing {
  filters: readonly Filter[]
  /** undefined: what everybody sees without asking; all: others' community images too. */
  visibility: 'public' | 'private' | 'shared' | 'community' | 'all' | undefined
  memberStatus: 'accepted' | 'pending' | 'rejected' | 'all'
  sort: readonly SortKey[]
  limit: number
  marker: string | undefined
}

const SORTABLE = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']
const TEXTS: Readonly<Record<string, string>> = {
  id: 'id', name: 'name', status: 'status', container_format: 'container_format', disk_format: 'disk_format', owner: 'owner', checksum: 'checksum', os_hash_algo: 'os_hash_algo', os_hash_value: 'os_hash_value',
}
const LISTS = ['id', 'name', 'status', 'container_format', 'disk_format']
const NUMBERS = ['min_ram', 'min_disk', 'size', 'virtual_size']
const PAGING = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'visibility', 'member_status', 'tag', 'os_hidden', 'size_min', 'size_max']
const TRUE = ['true', '1', 'yes', 'on', 't', 'y'], FALSE = ['false', '0', 'no', 'off', 'f', 'n']

/** Reads a list's query. Throws Fault('badRequest') with upstream's words. */
export function readListing(query: URLSearchParams, limits: { otherwise: number, most: number }): Listing {
  const filters: Filter[] = query.getAll('tag').map(tag => ({ kind: 'tag', tag }))
  filters.push({ kind: 'flag', column: 'os_hidden', value: query.has('os_hidden') ? flag('os_hidden', query.get('os_hidden')!) : false })
  if (query.has('size_min') || query.has('size_max')) filters.push({ kind: 'size', atLeast: bound(query, 'size_min'), atMost: bound(query, 'size_max') })
  for (const [name, value] of query) if (!PAGING.includes(name)) filters.push(filterOf(name, value))
  return {
    filters, sort: order(query), limit: limit(query.get('limit'), limits), marker: query.get('marker') ?? undefined,
    visibility: choice(query, 'visibility', ['public', 'private', 'shared', 'community', 'all']),
    memberStatus: choice(query, 'member_status', ['accepted', 'pending', 'rejected', 'all']) ?? 'accepted',
  }
}

function filterOf(name: string, value: string): Filter {
  const column = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined
  if (column !== undefined) return { kind: 'text', column, anyOf: LISTS.includes(name) && value.startsWith('in:') ? listed(value.slice(3)) : [value] }
  if (name === 'protected') return { kind: 'flag', column: 'protected', value: flag(name, value) }
  if (name === 'created_at' || name === 'updated_at') return timeFilter(name, value)
  if (NUMBERS.includes(name)) return { kind: 'number', column: name, value: whole(name, value) }
  if (ATTRIBUTES.includes(name)) throw invalid('filter', `Images cannot be filtered by ${name}.`)
  return { kind: 'property', name, value }
}

/** `a,"b,c",d`: values in quotes may hold commas. */
function listed(text: string): string[] {
  if (!/^(?:"[^"]*"|[^",]*)(?:,(?:"[^"]*"|[^",]*))*$/.test(text)) throw invalid('filter', `Invalid filter value ${text}. The quote is not closed or there is no comma after or before the quotation mark.`)
  return [...text.matchAll(/(?:^|,)(?:"([^"]*)"|([^",]*))/g)].map(m => m[1] ?? m[2] ?? '').slice(0, 1000)
}

const SECOND = 1000

/** Times are shown in whole seconds, so a second is what is equal to itself. */
function timeFilter(column: string, text: string): Filter {
  const [, op = 'eq', at = ''] = /^(?:(gte|gt|lte|lt|eq|neq):)?(.*)$/s.exec(text) ?? []
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(at) ? Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(at) || !at.includes('T') ? at : `${at}Z`) : NaN
  if (Number.isNaN(ms)) throw invalid('filter', `Invalid time value ${text} for ${column}. It must be in ISO 8601, with one of gt, gte, lt, lte, eq, neq and a colon before it or none.`)
  const from = op === 'gte' || op === 'eq' || op === 'neq' ? ms : op === 'gt' ? ms + SECOND : undefined
  const before = op === 'lt' ? ms : op === 'lte' || op === 'eq' || op === 'neq' ? ms + SECOND : undefined
  return { kind: 'time', column, from, before, except: op === 'neq' }
}

function order(query: URLSearchParams): SortKey[] {
  const direction = (text: string) => {
    if (text !== 'asc' && text !== 'desc') throw invalid('sort', `Invalid sort direction: ${text}`)
    return text
  }
  const keys = query.getAll('sort_key'), dirs = query.getAll('sort_dir'), combined = query.get('sort')
  if (combined !== null && (keys.length || dirs.length)) throw invalid('sort', 'Old and new sorting syntax cannot be combined')
  if (keys.length && dirs.length > 1 && dirs.length !== keys.length) throw invalid('sort', 'Number of sort dirs does not match the number of sort keys')
  const asked: SortKey[] = combined !== null
    ? combined.split(',').map(part => ({ column: part.split(':')[0]!.trim(), direction: direction(part.split(':')[1]?.trim() ?? 'desc') }))
    : keys.map((column, i) => ({ column, direction: direction(dirs[i] ?? dirs[0] ?? 'desc') }))
  const wrong = asked.find(key => !SORTABLE.includes(key.column))
  if (wrong) throw invalid('sort', `Invalid sort key: ${wrong.column}. It must be one of the following: ${SORTABLE.join(', ')}.`)
  const unique = asked.filter((key, i) => asked.findIndex(other => other.column === key.column) === i)
  const last = unique.at(-1)?.direction ?? direction(dirs[0] ?? 'desc')
  for (const column of ['created_at', 'id']) if (!unique.some(key => key.column === column)) unique.push({ column, direction: last })
  return unique
}

function limit(text: string | null, { otherwise, most }: { otherwise: number, most: number }): number {
  if (text === null) return Math.min(otherwise, most)
  if (!/^-?\d{1,15}$/.test(text)) throw invalid('limit', 'limit param must be an integer')
  if (Number(text) < 0) throw invalid('limit', 'limit param must be positive')
  return Math.min(Number(text), most)
}

function bound(query: URLSearchParams, name: string): number | undefined {
  return query.has(name) ? whole(name, query.get(name)!) : undefined
}

function whole(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw invalid('filter', `Invalid value ${text} for ${name}. It must be an integer of 0 or more.`)
  return Number(text)
}

function flag(name: string, text: string): boolean {
  const word = text.toLowerCase()
  if (TRUE.includes(word)) return true
  if (FALSE.includes(word)) return false
  throw invalid('filter', `Invalid value '${text}' for '${name}' filter. Valid values are true or false.`)
}

function choice<const V extends string>(query: URLSearchParams, name: string, values: readonly V[]): V | undefined {
  const given = query.get(name)
  if (given === null) return undefined
  const found = values.find(value => value === given)
  if (!found) throw invalid(name, name === 'visibility' ? `Invalid visibility value: ${given}` : `Invalid status: ${given}`)
  return found
}

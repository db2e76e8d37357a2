// What a list of images is asked for: filters with operators, order, page. Images API v2, "List images".
import { invalid } from './faults.ts'

/** Columns of one kind of value may be compared; the rest is equality. */
export type Filter =
  | { kind: 'text', column: string, anyOf: readonly string[] }
  | { kind: 'number', column: string, value: number }
  | { kind: 'flag', column: string, value: boolean }
  /** Milliseconds: `from` included, `before` not; `except` turns it round. */
  | { kind: 'time', column: string, from: number | undefined, before: number | undefined, except: boolean }
  /** Both ends included. */
  | { kind: 'range', column: string, atLeast: number | undefined, atMost: number | undefined }
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
/** Texts that take the operators `in:` and `eq:`. */
const WITH_OPERATORS = ['id', 'name', 'status', 'container_format', 'disk_format']
const TEXTS = ['owner', 'checksum', 'os_hash_algo', 'os_hash_value']
const NUMBERS = ['min_ram', 'min_disk', 'size', 'virtual_size']
const PAGING = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'visibility', 'member_status', 'tag', 'os_hidden', 'deleted']
const VALUES_AT_MOST = 1000

/** Reads a list's query; where a name comes twice the last one counts. Throws Fault('badRequest') with upstream's words. */
export function readListing(query: URLSearchParams, limits: { otherwise: number, most: number }): Listing {
  const last = new Map(query)
  if (last.has('changes-since')) throw invalid('filter', 'The "changes-since" filter is no longer available on v2.')
  const filters: Filter[] = query.getAll('tag').map(tag => ({ kind: 'tag', tag: tag.trim() }))
  filters.push({ kind: 'flag', column: 'os_hidden', value: flag('os_hidden', (last.get('os_hidden') ?? 'false').toLowerCase()) })
  for (const [name, value] of last) if (!PAGING.includes(name)) filters.push(filterOf(name, value))
  return {
    filters, sort: order(query), limit: limit(last.get('limit'), limits), marker: last.get('marker'),
    visibility: choice(last, 'visibility', ['public', 'private', 'shared', 'community', 'all']),
    memberStatus: choice(last, 'member_status', ['accepted', 'pending', 'rejected', 'all']) ?? 'accepted',
  }
}

function filterOf(name: string, value: string): Filter {
  if (WITH_OPERATORS.includes(name)) return { kind: 'text', column: name, anyOf: operands(value) }
  if (TEXTS.includes(name)) return { kind: 'text', column: name, anyOf: [value] }
  if (name === 'protected') return { kind: 'flag', column: name, value: flag(name, value) }
  if (name === 'created_at' || name === 'updated_at') return timeFilter(name, value)
  if (NUMBERS.includes(name)) return { kind: 'number', column: name, value: whole(value, () => `Invalid value ${value} for ${name}. It must be an integer.`) }
  const [, column = '', end] = /^(.*)_(min|max)$/s.exec(name) ?? []
  if (NUMBERS.includes(column)) {
    const bound = whole(value, () => 'Unable to filter on a range with a non-numeric value.')
    return { kind: 'range', column, atLeast: end === 'min' ? bound : undefined, atMost: end === 'max' ? bound : undefined }
  }
  return { kind: 'property', name, value }
}

/** An operator and what comes after its colon; `eq` where there is none. A time holds colons of its own. */
function operatorOf(text: string): { operator: string, operand: string } {
  const colon = text.indexOf(':')
  return colon < 0 || timeOf(text) !== undefined ? { operator: 'eq', operand: text } : { operator: text.slice(0, colon), operand: text.slice(colon + 1) }
}

function operands(text: string): string[] {
  const { operator, operand } = operatorOf(text)
  if (operator === 'eq') return [operand]
  if (operator === 'in') return listed(operand)
  throw invalid('filter', `Unable to filter by unknown operator '${operator}'.`)
}

/** `a,"b,c",d`: values in quotes may hold commas, and quotes behind a backslash. */
function listed(text: string): string[] {
  const wrong = (why: string) => invalid('filter', `Invalid filter value ${text}. ${why}`)
  let open = false
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '"' || (i > 0 && text[i - 1] === '\\')) continue
    if (!open && i > 0 && text[i - 1] !== ',') throw wrong('There is no comma before opening quotation mark.')
    if (open && i + 1 < text.length && text[i + 1] !== ',') throw wrong('There is no comma after closing quotation mark.')
    open = !open
  }
  if (open) throw wrong('The quote is not closed.')
  const values = [...text.matchAll(/"((?:[^"\\]|\\.)*)",?|([^,]+),?|,/gs)].map(match => match[1] ?? match[2] ?? '')
  if (values.length > VALUES_AT_MOST) throw invalid('filter', `A filter takes at most ${VALUES_AT_MOST} values.`)
  return values
}

const SECOND = 1000

/** Times are shown in whole seconds, so a second is what is equal to itself. */
function timeFilter(column: string, text: string): Filter {
  const { operator, operand } = operatorOf(text)
  const ms = timeOf(operand)
  if (ms === undefined) throw invalid('filter', `Bad "${column}" query filter format. Use ISO 8601 DateTime notation.`)
  switch (operator) {
    case 'gte': return { kind: 'time', column, from: ms, before: undefined, except: false }
    case 'gt': return { kind: 'time', column, from: ms + SECOND, before: undefined, except: false }
    case 'lt': return { kind: 'time', column, from: undefined, before: ms, except: false }
    case 'lte': return { kind: 'time', column, from: undefined, before: ms + SECOND, except: false }
    case 'eq': case 'neq': return { kind: 'time', column, from: ms, before: ms + SECOND, except: operator === 'neq' }
    default: throw invalid('filter', 'Unable to filter on a unknown operator.')
  }
}

/** Milliseconds of an ISO 8601 time, in UTC where it names no zone; undefined when it is none. */
function timeOf(text: string): number | undefined {
  const parts = /^(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?$/.exec(text)
  if (!parts) return undefined
  const [year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '0', sign, zoneHour = '0', zoneMinute = '0'] = parts.slice(1)
  const wanted = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const ms = Date.parse(`${wanted}Z`)
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== wanted) return undefined    // the 30th of February
  return ms + Math.floor(Number(`0.${fraction}`) * 1000) - (sign === '-' ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000
}

function order(query: URLSearchParams): SortKey[] {
  const keys = query.getAll('sort_key').map(key => sortable(key.trim())), dirs = query.getAll('sort_dir').map(dir => direction(dir.trim())), combined = query.getAll('sort').at(-1)
  if (combined !== undefined && (keys.length || dirs.length)) throw invalid('sort', 'Old and new sorting syntax cannot be combined')
  if (dirs.length > 1 && dirs.length !== keys.length) throw invalid('sort', 'Number of sort dirs does not match the number of sort keys')
  const asked = combined !== undefined
    ? combined.trim().split(',').map(part => {
        const [key = '', ...rest] = part.split(':')
        return { column: sortable(key.trim()), direction: rest.join('') === '' ? 'desc' : direction(rest.join(':').trim()) }
      })
    : keys.map((column, i) => ({ column, direction: dirs[i] ?? dirs[0] ?? 'desc' }))
  const unique = asked.filter((key, i) => asked.findIndex(other => other.column === key.column) === i)
  const rest = dirs.length === 1 ? dirs[0]! : combined !== undefined && asked.length === 1 ? asked[0]!.direction : 'desc'
  for (const column of ['created_at', 'id']) if (!unique.some(key => key.column === column)) unique.push({ column, direction: rest })
  return unique
}

function sortable(column: string): string {
  if (!SORTABLE.includes(column)) throw invalid('sort', `Invalid sort key: ${column}. It must be one of the following: ${SORTABLE.join(', ')}.`)
  return column
}

function direction(text: string): 'asc' | 'desc' {
  if (text !== 'asc' && text !== 'desc') throw invalid('sort', `Invalid sort direction: ${text}`)
  return text
}

function limit(text: string | undefined, { otherwise, most }: { otherwise: number, most: number }): number {
  if (text === undefined) return Math.min(otherwise, most)
  const asked = whole(text, () => 'limit param must be an integer')
  if (asked < 0) throw invalid('limit', 'limit param must be positive')
  return Math.min(asked, most)
}

/** As Python's int() reads it, within what a database's integers hold. */
function whole(text: string, says: () => string): number {
  if (!/^[+-]?\d{1,15}$/.test(text.trim())) throw invalid('filter', says())
  return Number(text)
}

function flag(name: string, text: string): boolean {
  if (text !== 'true' && text !== 'false') throw invalid('filter', `Invalid value '${text}' for '${name}' filter. Valid values are 'true' or 'false'.`)
  return text === 'true'
}

function choice<const V extends string>(query: ReadonlyMap<string, string>, name: string, values: readonly V[]): V | undefined {
  const given = query.get(name)
  if (given === undefined) return undefined
  const found = values.find(value => value === given)
  if (!found) throw invalid(name, name === 'visibility' ? `Invalid visibility value: ${given}` : `Invalid status: ${given}`)
  return found
}

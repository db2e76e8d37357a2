// The little language of Placement's queries: resources, traits, aggregates, request groups.
// Follows the placement API reference, "List allocation candidates" and "Granular Resource Requests", microversions to 1.39.
import { isUuid } from '@alto/kit/ids'
import { badQuery, missingQuery } from './faults.ts'

/** What one provider (a named group) or one tree (the group without a name) must offer. */
export interface RequestGroup {
  /** '' for the group without a name. */
  suffix: string
  resources: ReadonlyMap<string, number>
  /** Of each list at least one trait. */
  required: readonly (readonly string[])[]
  forbidden: readonly string[]
  /** Of each list at least one aggregate. */
  memberOf: readonly (readonly string[])[]
  outside: readonly string[]
  /** A provider in whose tree it must lie. */
  inTree: string | undefined
}

/** A whole question for candidates. */
export interface CandidateRequest {
  groups: readonly RequestGroup[]
  isolate: boolean
  rootRequired: readonly string[]
  rootForbidden: readonly string[]
  /** Suffixes of groups that must lie within one subtree. */
  sameSubtree: readonly (readonly string[])[]
  limit: number | undefined
}

/** What a query may say at a minor version of 1.x. */
type Minor = number

const AMOUNT = /^([A-Z0-9_]+):([1-9][0-9]{0,9})$/
const KINDS = ['resources', 'required', 'member_of', 'in_tree'] as const
const SINGLE: readonly string[] = ['limit', 'group_policy', 'root_required', 'same_subtree']
/** From which minor version candidates know a parameter. */
const SINCE: Readonly<Record<string, number>> = { resources: 10, limit: 16, required: 17, member_of: 21, group_policy: 25, in_tree: 31, root_required: 35, same_subtree: 36 }

/** `VCPU:2,MEMORY_MB:512` as amounts. Throws Fault badRequest. */
export function parseResources(text: string): Map<string, number> {
  const amounts = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, name, amount] = AMOUNT.exec(part) ?? []
    if (name === undefined) throw badQuery(`Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: ${text}.`)
    amounts.set(name, Number(amount))
  }
  return amounts
}

/** `A,!B` or `in:A,B` (1.39), once or repeated, as required and forbidden traits. Throws Fault badRequest. */
export function parseRequired(texts: readonly string[], minor: Minor, name = 'required'): Pick<RequestGroup, 'required' | 'forbidden'> {
  if (texts.length > 1 && minor < 39) throw badQuery(`Invalid query string parameters: ${name} may be given once.`)
  const required: string[][] = []
  const forbidden: string[] = []
  for (const text of texts) {
    const anyOf = text.startsWith('in:')
    const traits = (anyOf ? text.slice(3) : text).split(',')
    if (traits.some(trait => trait.replace(/^!/, '') === '' || (trait.startsWith('!') && (minor < 22 || anyOf))) || (anyOf && minor < 39)) {
      throw badQuery(`Invalid query string parameters: Expected '${name}' parameter value of the form: HW_CPU_X86_VMX,${minor < 22 ? '' : '!'}CUSTOM_MAGIC. Got: ${text}`)
    }
    if (anyOf) required.push(traits)
    else for (const trait of traits) if (trait.startsWith('!')) forbidden.push(trait.slice(1)); else required.push([trait])
  }
  const both = forbidden.filter(trait => required.some(list => list.length === 1 && list[0] === trait))
  if (both.length) throw badQuery(`Conflicting required and forbidden traits found in the following traits keys: ${name}: (${both.join(', ')})`)
  return { required, forbidden }
}

/** `UUID`, `in:A,B`, `!UUID`, `!in:A,B` (1.32), repeated from 1.24, as aggregates. Throws Fault badRequest. */
export function parseMemberOf(texts: readonly string[], minor: Minor, name = 'member_of'): Pick<RequestGroup, 'memberOf' | 'outside'> {
  if (texts.length > 1 && minor < 24) throw badQuery(`Multiple ${name} parameters are not supported before version 1.24.`)
  const memberOf: string[][] = []
  const outside: string[] = []
  for (const text of texts) {
    const not = text.startsWith('!')
    const rest = not ? text.slice(1) : text
    const ids = rest.startsWith('in:') ? rest.slice(3).split(',') : [rest]
    if (ids.some(id => !isUuid(id)) || (not && minor < 32)) throw badQuery(`Invalid query string parameters: Expected '${name}' parameter to contain valid UUID(s). Got: ${text}`)
    if (not) outside.push(...ids)
    else memberOf.push(ids)
  }
  return { memberOf, outside }
}

/** The question in a query for allocation candidates. Throws Fault badRequest. */
export function parseCandidateRequest(query: URLSearchParams, minor: Minor): CandidateRequest {
  const suffixes = new Set<string>()
  const pattern = minor < 25 ? '' : minor < 33 ? '[1-9][0-9]*' : '[a-zA-Z0-9_-]{1,64}'
  const grouped = new RegExp(`^(${KINDS.join('|')})${pattern && `(${pattern})?`}$`)
  for (const key of query.keys()) {
    const [, kind, suffix] = SINGLE.includes(key) ? [key, key, undefined] : grouped.exec(key) ?? []
    if (kind === undefined || minor < SINCE[kind]!) throw badQuery(`Invalid query string parameters: Additional properties are not allowed ('${key}' was unexpected)`)
    if (!SINGLE.includes(key)) suffixes.add(suffix ?? '')
  }
  const groups = [...suffixes].map(suffix => parseGroup(query, suffix, minor)).toSorted((a, b) => a.suffix < b.suffix ? -1 : 1)
  const sameSubtree = query.getAll('same_subtree').map(text => text.split(','))
  const named = new Set(sameSubtree.flat())
  const unknown = [...named].filter(suffix => suffix === '' || !suffixes.has(suffix))
  if (unknown.length) throw badQuery(`Real suffixes should be specified in same_subtree: ${unknown.join(', ') || "''"} not found.`)
  if (!groups.some(g => g.resources.size > 0)) throw minor < 25 ? missingQuery("'resources' is a required property") : missingQuery('There must be at least one resources or resources[$S] parameter.')
  const empty = groups.find(g => g.resources.size === 0 && !named.has(g.suffix))
  if (empty) throw badQuery(`All traits parameters must be associated with resources. Found the following orphaned traits keys: required${empty.suffix}`)
  const policy = query.get('group_policy')
  if (policy !== null && policy !== 'none' && policy !== 'isolate') throw badQuery(`Invalid query string parameters: '${policy}' is not one of ['none', 'isolate']`)
  if (policy === null && groups.filter(g => g.suffix !== '' && g.resources.size > 0).length > 1) throw missingQuery('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.')
  const root = parseRequired(query.has('root_required') ? query.getAll('root_required').slice(0, 1) : [], Math.min(minor, 38), 'root_required')
  const limit = query.get('limit')
  if (limit !== null && !/^[1-9][0-9]{0,8}$/.test(limit)) throw badQuery(`Invalid query string parameters: '${limit}' does not match '^[1-9][0-9]*$'`)
  return { groups, isolate: policy === 'isolate', rootRequired: root.required.flat(), rootForbidden: root.forbidden, sameSubtree, limit: limit === null ? undefined : Number(limit) }
}

function parseGroup(query: URLSearchParams, suffix: string, minor: Minor): RequestGroup {
  const resources = query.get(`resources${suffix}`)
  const inTree = query.get(`in_tree${suffix}`) ?? undefined
  if (inTree !== undefined && !isUuid(inTree)) throw badQuery(`Expected 'in_tree${suffix}' parameter to be a format of uuid. Got: ${inTree}`)
  return {
    suffix, inTree, resources: resources === null ? new Map() : parseResources(resources),
    ...parseRequired(query.getAll(`required${suffix}`), minor, `required${suffix}`), ...parseMemberOf(query.getAll(`member_of${suffix}`), minor, `member_of${suffix}`),
  }
}

// What clients may say of a resource, as tables: each attribute's conversion, whether a create needs or a change may carry it, its default.
// Values keep their names on the wire (`admin_state_up`), because policy rules, filters and refusals name attributes so.
import { Fault } from '@alto/kit/errors'
import { isUuid } from '@alto/kit/ids'
import { formatAddress, formatPrefix, tryAddress, tryPrefix } from './addresses.ts'

/** Turns what was sent into a value; throws with the reason (`invalid`) when it is none. */
export type Convert<T> = (value: unknown, name: string) => T

/** One attribute. `default` is what a create without it gets. */
export interface Attribute<T> {
  readonly convert: Convert<T>
  readonly create: 'required' | 'optional' | 'never'
  readonly update: boolean
  readonly default?: T
}

type Table = Readonly<Record<string, Attribute<unknown>>>
type ValueOf<A> = A extends Attribute<infer T> ? T : never

/** The values of a table's attributes, those that were not given absent. */
export type Input<S extends Table> = { readonly [K in keyof S]?: ValueOf<S[K]> }

/** What a request says: its values, and the names that it carried itself (defaults are not among them), for the rules on attributes. */
export interface Parsed<S extends Table> {
  readonly values: Input<S>
  readonly given: ReadonlySet<string>
}

/** An attribute that a create may carry and a change too (`fixed`: not). */
export function attribute<T>(convert: Convert<T>, opts: { default?: T, required?: boolean, fixed?: boolean, updateOnly?: boolean } = {}): Attribute<T> {
  return {
    convert, create: opts.updateOnly ? 'never' : opts.required ? 'required' : 'optional', update: opts.fixed !== true,
    ...(opts.default !== undefined && { default: opts.default }),
  }
}

/** The attributes of a create. Throws Fault('badRequest', 'neutron.attributes'). */
export function parseCreate<S extends Table>(table: S, body: Readonly<Record<string, unknown>>): Parsed<S> {
  refuseUnknown(table, body)
  const values: Record<string, unknown> = {}
  for (const [name, { convert, create, default: otherwise }] of Object.entries(table)) {
    if (Object.hasOwn(body, name)) {
      if (create === 'never') throw bad(`Attribute '${name}' not allowed in POST`)
      values[name] = convert(body[name], name)
    } else if (create === 'required') throw bad(`Failed to parse request. Required attribute '${name}' not specified`)
    else if (otherwise !== undefined) values[name] = otherwise
  }
  return { values: values as Input<S>, given: new Set(Object.keys(body)) }
}

/** The attributes of a change. Throws Fault('badRequest', 'neutron.attributes'). */
export function parseUpdate<S extends Table>(table: S, body: Readonly<Record<string, unknown>>): Parsed<S> {
  refuseUnknown(table, body)
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(body)) {
    const known = table[name]!
    if (!known.update) throw bad(`Cannot update read-only attribute ${name}`)
    values[name] = known.convert(body[name], name)
  }
  return { values: values as Input<S>, given: new Set(Object.keys(body)) }
}

/** The refusal of one value. */
export function invalid(name: string, reason: string): Fault {
  return bad(`Invalid input for ${name}. Reason: ${reason}.`)
}

function bad(message: string): Fault {
  return new Fault('badRequest', 'neutron.attributes', message)
}

function refuseUnknown(table: Table, body: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(body).filter(name => !Object.hasOwn(table, name))
  if (unknown.length) throw bad(`Unrecognized attribute(s) '${unknown.join(', ')}'`)
}

/** A string of at most `max` characters. */
export function text(max = 255): Convert<string> {
  return (value, name) => {
    if (typeof value !== 'string') throw invalid(name, `'${shown(value)}' is not a valid string`)
    if (value.includes('\0')) throw invalid(name, 'it has a NUL character, which text cannot hold')
    if (value.length > max) throw invalid(name, `'${value.slice(0, 60)}…' exceeds maximum length of ${max}`)
    return value
  }
}

/** The converter's values, or null. */
export function orNull<T>(convert: Convert<T>): Convert<T | null> {
  return (value, name) => value === null ? null : convert(value, name)
}

const WORDS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([[true, true], [false, false], [1, true], [0, false], ['true', true], ['false', false], ['1', true], ['0', false]])

/** A boolean, 0 or 1, or their words. */
export const flag: Convert<boolean> = (value, name) => {
  const known = WORDS.get(typeof value === 'string' ? value.toLowerCase() : value)
  if (known === undefined) throw invalid(name, `'${shown(value)}' cannot be converted to boolean`)
  return known
}

/** An integer between the two, its digits too. */
export function integer(min: number, max: number): Convert<number> {
  return (value, name) => {
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(name, `'${shown(value)}' is not an integer`)
    if (number < min) throw invalid(name, `'${number}' is too small - must be at least '${min}'`)
    if (number > max) throw invalid(name, `'${number}' is too large - must be no larger than '${max}'`)
    return number
  }
}

/** A UUID with dashes. */
export const uuid: Convert<string> = (value, name) => {
  if (typeof value !== 'string' || !isUuid(value)) throw invalid(name, `'${shown(value)}' is not a valid UUID`)
  return value.toLowerCase()
}

/** An IP address, in its canonical text. */
export const ipAddress: Convert<string> = (value, name) => {
  const address = typeof value === 'string' ? tryAddress(value) : undefined
  if (!address) throw invalid(name, `'${shown(value)}' is not a valid IP address`)
  return formatAddress(address)
}

/** A prefix, in its canonical text, its host bits dropped. */
export const cidr: Convert<string> = (value, name) => {
  const prefix = typeof value === 'string' && value.includes('/') ? tryPrefix(value) : undefined
  if (!prefix) throw invalid(name, `'${shown(value)}' is not a valid IP subnet`)
  return formatPrefix(prefix)
}

/** A MAC address of one station, in lower case. */
export const macAddress: Convert<string> = (value, name) => {
  const mac = typeof value === 'string' ? value.toLowerCase().replaceAll('-', ':') : ''
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || mac === '00:00:00:00:00:00') throw invalid(name, `'${shown(value)}' is not a valid MAC address`)
  return mac
}

/** One of the words. */
export function oneOf<const V extends readonly string[]>(...values: V): Convert<V[number]> {
  return (value, name) => {
    if (typeof value !== 'string' || !values.includes(value)) throw invalid(name, `'${shown(value)}' is not in [${values.map(v => `'${v}'`).join(', ')}]`)
    return value
  }
}

/** A list of at most `max` of the converter's values. */
export function listOf<T>(convert: Convert<T>, max: number): Convert<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw invalid(name, `'${shown(value)}' is not a list`)
    if (value.includes('\0')) throw invalid(name, 'it has a NUL character, which text cannot hold')
    if (value.length > max) throw invalid(name, `it has ${value.length} entries, ${max} at most are allowed`)
    return value.map(item => convert(item, name))
  }
}

/** A map with these members, each optional, and no others. */
export function record<S extends Readonly<Record<string, Convert<unknown>>>>(members: S): Convert<{ readonly [K in keyof S]?: ReturnType<S[K]> }> {
  return (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, `'${shown(value)}' is not a dictionary`)
    const unknown = Object.keys(value).filter(key => !Object.hasOwn(members, key))
    if (unknown.length) throw invalid(name, `unexpected key(s) '${unknown.join(', ')}'; known are '${Object.keys(members).join(', ')}'`)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, members[key]!(member, `${name}.${key}`)])) as { [K in keyof S]?: ReturnType<S[K]> }
  }
}

/** Up to 50 tags of 1 to 255 characters, each once. */
export const tags: Convert<readonly string[]> = (value, name) => {
  const list = listOf(text(255), 50)(value, name)
  if (list.some(tag => tag === '')) throw invalid(name, 'a tag may not be empty')
  return [...new Set(list)]
}

function shown(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value) ?? 'nothing').slice(0, 100)
}

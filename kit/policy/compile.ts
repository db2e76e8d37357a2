// A parsed check to a closure: parsed once, run in microseconds at every request. explain() says which part of a check refused.
import { checkText, type Check } from './grammar.ts'
import type { Target } from './credentials.ts'

/** What a check is asked about. */
export interface Question {
  /** The credentials under upstream's names (credentialNames). */
  readonly credentials: Readonly<Record<string, unknown>>
  readonly target: Target
}

/** A compiled check. */
export type Test = (question: Question) => boolean

/** A kind of check that one service adds to the language (Neutron's `field:`): from the text after its colon to a test. */
export type CheckKind = (match: string) => Test

/** What compiling a check needs to know of its surroundings. */
export interface Surroundings {
  /** The compiled rule of that name, asked when it is first needed; undefined: the reference refuses. */
  rule(name: string): Test | undefined
  readonly kinds: Readonly<Record<string, CheckKind>>
}

/** The closure for a check. */
export function compileCheck(check: Check, around: Surroundings): Test {
  switch (check.is) {
    case 'always': return () => true
    case 'never': return () => false
    case 'not': {
      const part = compileCheck(check.part, around)
      return question => !part(question)
    }
    case 'and': {
      const parts = check.parts.map(part => compileCheck(part, around))
      return question => parts.every(part => part(question))
    }
    case 'or': {
      const parts = check.parts.map(part => compileCheck(part, around))
      return question => parts.some(part => part(question))
    }
    case 'match': return compileMatch(check.kind, check.match, around)
  }
}

/** Why a check that refused did: its failing parts, each with what was found. Only for a check that is false. */
export function explain(check: Check, question: Question, around: Surroundings, checkOf: (name: string) => Check | undefined): string {
  const again = (part: Check) => explain(part, question, around, checkOf)
  switch (check.is) {
    case 'never': return 'nobody may ("!")'
    case 'always': return 'everybody may ("@")'
    case 'not': return `${checkText(check.part)} holds`
    case 'and': return again(check.parts.find(part => !compileCheck(part, around)(question)) ?? check)
    case 'or': return check.parts.map(again).join('; ')
    case 'match': {
      if (check.kind === 'rule') {
        const rule = checkOf(check.match)
        return rule ? `${checkText(check)} (${again(rule)})` : `${checkText(check)} (there is no such rule)`
      }
      return `${checkText(check)} (${check.kind in around.kinds ? 'does not hold' : found(check.kind, check.match, question)})`
    }
  }
}

function compileMatch(kind: string, match: string, around: Surroundings): Test {
  if (kind === 'rule') {
    let rule: Test | undefined
    return question => (rule ??= around.rule(match))?.(question) ?? false
  }
  const added = around.kinds[kind]
  if (added) return added(match)
  const wanted = template(match)
  if (kind === 'role') return ({ credentials, target }) => {
    const role = wanted(target)?.toLowerCase()
    return role !== undefined && Array.isArray(credentials['roles']) && credentials['roles'].some(have => String(have).toLowerCase() === role)
  }
  if (kind === 'is_admin') {
    const expected = /^(true|1)$/i.test(match)
    return ({ credentials }) => (credentials['is_admin'] === true) === expected
  }
  const literal = literalText(kind)
  if (literal !== undefined) return ({ target }) => wanted(target) === literal
  const path = kind.split('.')
  return ({ credentials, target }) => {
    const value = wanted(target)
    return value !== undefined && holds(credentials, path, 0, value)
  }
}

/** True when the value at `path` is `wanted`; a list on the way passes when one of its members does. */
function holds(value: unknown, path: readonly string[], at: number, wanted: string): boolean {
  if (Array.isArray(value)) return value.some(member => holds(member, path, at, wanted))
  if (at === path.length) return plainText(value) === wanted
  return isObject(value) && Object.hasOwn(value, path[at]!) && holds(value[path[at]!], path, at + 1, wanted)
}

/** Fills the `%(name)s` places of `match`; undefined when the target lacks one of the names. */
function template(match: string): (target: Target) => string | undefined {
  const pieces = match.split(/(%\([^()]+\)s|%%)/)
  if (pieces.length === 1) return () => match
  const parts = pieces.filter(Boolean).map(piece => piece === '%%' ? '%' : piece.startsWith('%(') ? { name: piece.slice(2, -2) } : piece)
  return target => {
    let text = ''
    for (const part of parts) {
      if (typeof part === 'string') { text += part; continue }
      const value = lookUp(target, part.name)
      if (value === undefined) return undefined
      text += plainText(value)
    }
    return text
  }
}

/** A target's value by its flat name, else along the dots; undefined when there is none. */
export function lookUp(target: Target, name: string): unknown {
  if (Object.hasOwn(target, name)) return target[name]
  let value: unknown = target
  for (const step of name.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}

/** The text of a literal kind ('public', "x", None, True, 12); undefined for the name of a credential. */
function literalText(kind: string): string | undefined {
  const quoted = /^(['"])(.*)\1$/.exec(kind)
  if (quoted) return quoted[2]!
  return /^(None|True|False|-?\d+(\.\d+)?)$/.test(kind) ? kind : undefined
}

/** A value as checks compare it: Python's text of it. */
function plainText(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function found(kind: string, match: string, { credentials, target }: Question): string {
  const wanted = template(match)(target)
  if (wanted === undefined) return `the target has no ${[...match.matchAll(/%\(([^()]+)\)s/g)].map(m => m[1]).find(name => lookUp(target, name!) === undefined)}`
  if (kind === 'role') return `roles are ${(credentials['roles'] as readonly string[]).join(', ') || 'none'}`
  const value = literalText(kind) ?? lookUp(credentials, kind)
  return value === undefined ? `the token has no ${kind}` : `${kind} is ${plainText(value)}, wanted ${wanted}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

// The language of policy checks (oslo.policy's): text to a tree. `and` binds tighter than `or`, `not` tightest.
// An empty check always passes. A check is `kind:match`; `@` always passes and `!` never does.
import { Fault } from '../errors/index.ts'

/** A parsed check. A `match` keeps its `%(name)s` places; compile.ts fills them from the target. */
export type Check =
  | { readonly is: 'always' }
  | { readonly is: 'never' }
  | { readonly is: 'not', readonly part: Check }
  | { readonly is: 'and' | 'or', readonly parts: readonly Check[] }
  | { readonly is: 'match', readonly kind: string, readonly match: string }

/**
 * The tree of a check's text, or of the old list form (a list of alternatives, each a check or a list of checks that must all hold).
 * Throws Fault('badRequest', 'policy.badExpression') saying what is wrong, where.
 */
export function parseCheck(source: unknown): Check {
  if (typeof source === 'string') return parseText(source)
  if (Array.isArray(source)) return parseList(source)
  throw bad(`a check is text or a list, not ${source === null ? 'null' : typeof source}`)
}

/** The check as text; parsing it again gives the same tree. */
export function checkText(check: Check): string {
  switch (check.is) {
    case 'always': return '@'
    case 'never': return '!'
    case 'match': return `${check.kind}:${check.match}`
    case 'not': return `not ${inner(check.part)}`
    case 'and': return check.parts.map(inner).join(' and ')
    case 'or': return check.parts.map(part => part.is === 'or' ? `(${checkText(part)})` : checkText(part)).join(' or ')
  }
}

/** The names of the rules that a check refers to with `rule:`. */
export function referencedRules(check: Check): string[] {
  if (check.is === 'match') return check.kind === 'rule' ? [check.match] : []
  if (check.is === 'not') return referencedRules(check.part)
  return check.is === 'and' || check.is === 'or' ? check.parts.flatMap(referencedRules) : []
}

function inner(part: Check): string {
  return part.is === 'and' || part.is === 'or' ? `(${checkText(part)})` : checkText(part)
}

function parseList(source: readonly unknown[]): Check {
  if (source.length === 0) return { is: 'always' }
  const alternatives = source.filter(one => !Array.isArray(one) || one.length > 0).map(one => {
    const parts = (Array.isArray(one) ? one : [one]).map(part => {
      if (typeof part !== 'string') throw bad(`a list holds checks as text, not ${typeof part}`)
      return parseMatch(part)
    })
    return joined('and', parts)
  })
  return alternatives.length === 0 ? { is: 'never' } : joined('or', alternatives)
}

function parseText(text: string): Check {
  const tokens = tokensOf(text)
  if (tokens.length === 0) return { is: 'always' }
  let at = 0

  const either = (): Check => {
    const parts = [all()]
    while (isWord(tokens[at], 'or')) { at++; parts.push(all()) }
    return joined('or', parts)
  }
  const all = (): Check => {
    const parts = [one()]
    while (isWord(tokens[at], 'and')) { at++; parts.push(one()) }
    return joined('and', parts)
  }
  const one = (): Check => {
    const token = tokens[at++]
    if (token === undefined) throw bad(`"${text}" ends where a check should follow`)
    if (isWord(token, 'not')) return { is: 'not', part: one() }
    if (token === '(') {
      const check = either()
      if (tokens[at++] !== ')') throw bad(`"${text}" has a parenthesis that is not closed`)
      return check
    }
    if (token === ')' || isWord(token, 'and') || isWord(token, 'or')) throw bad(`"${text}" has "${token}" where a check should stand`)
    return parseMatch(token)
  }

  const check = either()
  if (at < tokens.length) throw bad(`"${text}" has "${tokens[at]}" where "and" or "or" should stand`)
  return check
}

function parseMatch(token: string): Check {
  if (token === '@') return { is: 'always' }
  if (token === '!') return { is: 'never' }
  if (token === '') return { is: 'always' }
  const colon = colonAfterLiteral(token)
  if (colon < 1) throw bad(`"${token}" is not a check: write kind:match, as in role:admin`)
  const kind = token.slice(0, colon)
  const match = token.slice(colon + 1)
  if (kind === 'http' || kind === 'https') throw bad(`"${token}" would ask another server at every request; such checks are not supported`)
  if (/%(?!%|\([^()]+\)s)/.test(match)) throw bad(`"${token}" has a "%" that is not %(name)s`)
  return { is: 'match', kind, match }
}

/** Where the kind ends: the first colon, or the first one after a quoted literal. */
function colonAfterLiteral(token: string): number {
  const quote = token[0]
  return token.indexOf(':', quote === '\'' || quote === '"' ? token.indexOf(quote, 1) + 1 : 0)
}

/** Words and parentheses. Those at a word's edges stand alone; the ones inside %(project_id)s end in an s and stay. */
function tokensOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean).flatMap(word => {
    const opening = /^\(*/.exec(word)![0]
    const rest = word.slice(opening.length)
    const closing = /\)*$/.exec(rest)![0]
    const core = rest.slice(0, rest.length - closing.length)
    return [...opening.split(''), ...(core ? [core] : []), ...closing.split('')]
  })
}

function isWord(token: string | undefined, word: 'and' | 'or' | 'not'): boolean {
  return token?.toLowerCase() === word
}

function joined(is: 'and' | 'or', parts: readonly Check[]): Check {
  return parts.length === 1 ? parts[0]! : { is, parts }
}

function bad(message: string): Fault {
  return new Fault('badRequest', 'policy.badExpression', message)
}

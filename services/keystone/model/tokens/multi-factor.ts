// Rules of users that ask for more than one proof: `multi_factor_auth_rules`, a list of lists of methods, any of which suffices when all of it was proven.
import type { User } from '../users/users.ts'

/** True when the user has rules, and has not switched them off. */
export function asksForMore(user: Pick<User, 'options'>): boolean {
  return rulesOf(user).length > 0 && user.options['multi_factor_auth_enabled'] !== false
}

/**
 * The rules that the proven methods were a step towards; undefined when they suffice. Only methods that the cloud has count, so that a rule
 * about one that was switched off locks nobody out; where that leaves nothing of any rule, any proof suffices, as upstream has it.
 */
export function stillRequired(user: Pick<User, 'options'>, proven: readonly string[], available: readonly string[]): string[][] | undefined {
  if (!asksForMore(user)) return undefined
  const rules = rulesOf(user).map(rule => rule.filter(method => available.includes(method))).filter(rule => rule.length > 0)
  if (rules.length === 0 || rules.some(rule => rule.every(method => proven.includes(method)))) return undefined
  return rules.filter(rule => rule.some(method => proven.includes(method)))
}

function rulesOf({ options }: Pick<User, 'options'>): string[][] {
  const rules = options['multi_factor_auth_rules']
  return Array.isArray(rules) ? rules.filter((rule): rule is string[] => Array.isArray(rule) && rule.length > 0 && rule.every(method => typeof method === 'string')) : []
}

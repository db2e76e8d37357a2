// Rules as data, and the set of them that one service has: its declared defaults with an operator's overrides on top.
import { parse } from 'yaml'
import { Fault, messageOf } from '../errors/index.ts'
import { parseCheck, referencedRules, type Check } from './grammar.ts'
import type { Scope } from './credentials.ts'

/** One declared rule. Services list theirs in policy/. */
export interface Rule {
  /** Upstream's name: `os_compute_api:servers:show`. */
  readonly name: string
  /** The default, in the language of grammar.ts. */
  readonly check: string
  /** Upstream's default before the secure defaults: passes too, but only when an operator turns the new defaults off. */
  readonly legacy?: string
  /** The name the rule had before; an override under that name counts for this one. */
  readonly formerly?: string
  /** Scopes of tokens that may ask at all; none named: every scope. */
  readonly scopes?: readonly Scope[]
  /** What it guards: `GET /servers/{id}`. */
  readonly operations?: readonly string[]
  readonly description: string
}

/** Rules ready to be asked, and what an operator should know about their file. */
export interface PolicySet {
  readonly rules: ReadonlyMap<string, Rule>
  /** What holds for each name: an override, else the default. Names that only the operator's file has are here too. */
  readonly checks: ReadonlyMap<string, Check>
  readonly overridden: ReadonlySet<string>
  readonly warnings: readonly string[]
  readonly enforceScope: boolean
}

/** A policy file of an operator. */
export interface PolicyFile {
  readonly file: string
  readonly text: string
}

/** How a policy set is made. */
export interface PolicyOptions {
  /** The operator's files: YAML or JSON, a check for each rule name. What a later one says of a name takes the place of what an earlier one does. */
  readonly overrides?: readonly PolicyFile[]
  /** False: each rule's legacy check passes too. */
  readonly enforceNewDefaults?: boolean
  /** False: a token of the wrong scope is not refused for that alone. */
  readonly enforceScope?: boolean
}

/** The rules of a service whose resources belong to projects: those that name no scopes are for tokens of a project. */
export function forProjects(rules: readonly Rule[]): readonly Rule[] {
  return rules.map(one => one.scopes ? one : { ...one, scopes: ['project'] })
}

/** Declares a rule. Its check is parsed here, so that a bad one fails when the service is loaded. */
export function rule(declared: Rule): Rule {
  for (const check of [declared.check, declared.legacy ?? '']) named(declared.name, () => parseCheck(check))
  return declared
}

/**
 * The declared rules with the overrides on top.
 * Throws Fault('badRequest', 'policy.badExpression' | 'policy.badFile' | 'policy.cycle') naming file and rule.
 * Unknown names and references to rules that do not exist are warnings; a reference to nothing refuses.
 */
export function policySet(declared: readonly Rule[], options: PolicyOptions = {}): PolicySet {
  const rules = new Map(declared.map(one => [one.name, one]))
  if (rules.size !== declared.length) throw new Error(`a policy rule is declared twice: ${declared.find((one, i) => declared.findIndex(other => other.name === one.name) !== i)!.name}`)
  const files = options.overrides ?? []
  const overrides = new Map<string, Check>()
  const fileOf = new Map<string, string>()
  for (const { file, text } of files) {
    for (const [name, check] of readOverrides(file, text)) {
      overrides.set(name, check)
      fileOf.set(name, file)
    }
  }
  const warnings = files.filter(({ file }) => file.endsWith('.json')).map(({ file }) => `${file}: policy files in JSON are deprecated; write it as YAML`)
  const checks = new Map<string, Check>()

  for (const one of declared) checks.set(one.name, defaultCheck(one, options.enforceNewDefaults ?? true))
  for (const one of declared) {
    const former = one.formerly !== undefined && one.formerly !== one.name && !overrides.has(one.name) ? overrides.get(one.formerly) : undefined
    if (!former || referencedRules(former).includes(one.name)) continue
    checks.set(one.name, former)
    if (!rules.has(one.formerly!)) warnings.push(`${fileOf.get(one.formerly!)}: ${one.formerly} is now called ${one.name}; the override is used under the new name`)
  }
  for (const [name, check] of overrides) checks.set(name, check)

  const referenced = new Set([...checks.values()].flatMap(referencedRules))
  const formerNames = new Set(declared.map(one => one.formerly))
  for (const name of overrides.keys()) {
    if (!rules.has(name) && !referenced.has(name) && !formerNames.has(name)) warnings.push(`${fileOf.get(name)}: ${name} is not a rule of this service, and no rule refers to it`)
  }
  for (const [name, check] of checks) {
    for (const missing of referencedRules(check).filter(other => !checks.has(other))) warnings.push(`${fileOf.get(name) ?? 'policy'}: ${name} refers to rule:${missing}, which does not exist; that part refuses`)
  }
  refuseCycles(checks, name => fileOf.get(name) ?? 'policy')
  return { rules, checks, overridden: new Set(overrides.keys()), warnings, enforceScope: options.enforceScope ?? true }
}

function defaultCheck(one: Rule, newDefaultsOnly: boolean): Check {
  const check = named(one.name, () => parseCheck(one.check))
  if (newDefaultsOnly || one.legacy === undefined) return check
  return { is: 'or', parts: [check, named(one.name, () => parseCheck(one.legacy))] }
}

function readOverrides(file: string, text: string): Map<string, Check> {
  let parsed: unknown
  try {
    parsed = parse(text)
  } catch (cause) {
    throw new Fault('badRequest', 'policy.badFile', `${file}: not YAML: ${messageOf(cause).split('\n')[0]}`, { cause })
  }
  if (parsed === null || parsed === undefined) return new Map()
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw new Fault('badRequest', 'policy.badFile', `${file}: a policy file is a check for each rule name, as in "os_compute_api:servers:show": "role:admin"`)
  return new Map(Object.entries(parsed).map(([name, check]) => [name, named(`${file}: ${name}`, () => parseCheck(check))]))
}

function refuseCycles(checks: ReadonlyMap<string, Check>, fileOf: (name: string) => string): void {
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new Fault('badRequest', 'policy.cycle', `${fileOf(name)}: these rules refer to each other in a circle: ${[...path.slice(path.indexOf(name)), name].join(', ')}`)
    if (done.has(name)) return
    for (const next of referencedRules(checks.get(name) ?? { is: 'never' })) visit(next, [...path, name])
    done.add(name)
  }
  for (const name of checks.keys()) visit(name, [])
}

function named<T>(where: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new Fault('badRequest', 'policy.badExpression', `${where}: ${messageOf(cause)}`, { cause })
  }
}

// Answers "may they?": the rules of one service compiled once, asked at every request.
import { compileCheck, explain, type CheckKind, type Question, type Surroundings, type Test } from './compile.ts'
import { credentialNames, scopeOf, type Credentials, type Target } from './credentials.ts'
import type { PolicySet, Rule } from './rules.ts'

/** An answer. `why` is worked out when it is read; empty when allowed. It is for operators and logs, not for the client. */
export interface Decision {
  readonly allowed: boolean
  readonly why: string
}

/** Who may do what, in one service. */
export interface Enforcer {
  /** Whether `credentials` pass the rule on `target`. A name that is no rule here is a bug of ours and throws. */
  allowed(rule: Rule | string, credentials: Credentials, target?: Target): Decision
  /** Whether the service's own `context_is_admin` rule holds: what `is_admin:True` sees. False where a service has no such rule. */
  isAdmin(credentials: Credentials): boolean
  readonly policies: PolicySet
}

const ADMIN_RULE = 'context_is_admin'
const ALLOWED: Decision = { allowed: true, why: '' }

/** The enforcer of a policy set. `kinds` are checks that the service adds to the language (Neutron's `field:`). */
export function enforcer(policies: PolicySet, kinds: Readonly<Record<string, CheckKind>> = {}): Enforcer {
  const tests = new Map<string, Test>()
  const around: Surroundings = { kinds, rule: testOf }
  const namesOf = new WeakMap<Credentials, Readonly<Record<string, unknown>>>()

  function testOf(name: string): Test | undefined {
    const check = policies.checks.get(name)
    if (!check) return undefined
    let test = tests.get(name)
    if (!test) tests.set(name, test = compileCheck(check, around))
    return test
  }

  function names(credentials: Credentials): Readonly<Record<string, unknown>> {
    let known = namesOf.get(credentials)
    if (!known) {
      const asPlain: Question = { credentials: credentialNames(credentials, false), target: {} }
      const admin = testOf(ADMIN_RULE)?.(asPlain) ?? false
      namesOf.set(credentials, known = admin ? credentialNames(credentials, true) : asPlain.credentials)
    }
    return known
  }

  return {
    policies,
    isAdmin: credentials => names(credentials)['is_admin'] === true,
    allowed(asked, credentials, target = {}) {
      const name = typeof asked === 'string' ? asked : asked.name
      const test = testOf(name)
      if (!test) throw new Error(`no policy rule is called ${name}`)
      const scopes = policies.rules.get(name)?.scopes
      const scope = scopeOf(credentials)
      if (policies.enforceScope && scopes && scopes.length > 0 && !scopes.includes(scope)) {
        return { allowed: false, why: `${name} is for tokens of scope ${scopes.join(' or ')}, this one's is ${scope}` }
      }
      const question: Question = { credentials: names(credentials), target }
      if (test(question)) return ALLOWED
      return {
        allowed: false,
        get why() { return `${name} refuses: ${explain(policies.checks.get(name)!, question, around, other => policies.checks.get(other))}` },
      }
    },
  }
}

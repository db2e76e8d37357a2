// Who asks, under which request ids, and what they may do: the first argument of every manager.
import type { Fault } from '../errors/index.ts'
import type { Log } from '../log/index.ts'
import type { Credentials, Enforcer, Rule } from '../policy/index.ts'

/** What a manager knows of the request it serves. It outlives the request where a task copies its ids. */
export interface Context {
  /** `req-` and a UUID: this service's own name for the request. */
  readonly requestId: string
  /** The request id that the first service in the chain was given. */
  readonly globalRequestId: string | undefined
  /** The caller; for public routes nobody, without roles. */
  readonly credentials: Credentials
  /** Roles of the service that asks on the caller's behalf (X-Service-Token); empty when none does. */
  readonly serviceRoles: readonly string[]
  /** The raw token, for asking other services as the same user within this request; tasks never store it. */
  readonly token: string | undefined
  /** USER/PROJECT/TASK/STEP of a creating call that may be repeated: the caller's own name for it. */
  readonly idempotencyKey: string | undefined
  /** Where the service is reached from outside, without a trailing slash: `http://127.0.0.1:5000/compute`. For links. */
  readonly baseUrl: string
  readonly log: Log
  /** True when `rule` lets the caller do it to `target`. Does not count as the route's own check. */
  allowed(rule: Rule, target: Target): boolean
  /**
   * Throws unless `rule` lets the caller do it to `target`: the dialect's forbidden Fault, or `hiddenAs`
   * when the target is another project's, so that the caller does not learn that it exists.
   */
  authorize(rule: Rule, target: Target, opts?: { hiddenAs?: Fault }): void
  /** The names of the rules that were asked with `authorize`. */
  readonly asked: ReadonlySet<string>
}

type Target = Readonly<Record<string, unknown>>

/** A context; `enforcer` answers its questions, `forbidden` words its refusals. */
export function requestContext(facts: Omit<Context, 'allowed' | 'authorize' | 'asked'>, enforcer: Enforcer, forbidden: (rule: string) => Fault): Context {
  const asked = new Set<string>()
  return {
    ...facts,
    asked,
    allowed: (rule, target) => enforcer.allowed(rule, facts.credentials, target).allowed,
    authorize(rule, target, opts = {}) {
      asked.add(rule.name)
      if (enforcer.allowed(rule, facts.credentials, target).allowed) return
      const foreign = target['project_id'] !== undefined && target['project_id'] !== facts.credentials.projectId
      throw opts.hiddenAs && foreign ? opts.hiddenAs : forbidden(rule.name)
    },
  }
}

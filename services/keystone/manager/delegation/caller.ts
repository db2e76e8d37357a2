// Callers that act by delegation: what their tokens say of it, and what they may not do: what outlives such a token must not be made, read or changed
// with it (OSSA-2013-032, OSSA-2020-004, OSSA-2026-005).
import type { Context } from '@alto/kit/context'
import type { TokenBody } from '@alto/kit/openstack'
import type { Credentials } from '@alto/kit/policy'
import type { AccessRuleText } from '../../model/delegation/access-rules.ts'
import { refused } from '../../model/faults.ts'

/** Methods by which a user itself is proven. Any other is a delegate's, those to come too, until somebody adds them here. */
const PRIMARY: ReadonlySet<string> = new Set(['external', 'kerberos', 'mapped', 'openid', 'password', 'saml2', 'token', 'totp', 'x509'])

/** On whose behalf a token acts. */
interface CallerDelegation {
  /** The trust that the token was had by. */
  trustId: string | undefined
  applicationCredential: { restricted: boolean, accessRules: readonly AccessRuleText[] } | undefined
  /** True when one of its methods proves a delegate and not the user; also when it names no method at all. A trust is no method: its trustee proved itself. */
  byDelegate: boolean
}

/** What the caller's token says of delegation. */
export function delegationOf({ token }: Credentials): CallerDelegation {
  const { methods = [], application_credential: credential, 'OS-TRUST:trust': trust } = (token ?? {}) as Partial<TokenBody>
  return {
    trustId: trust?.id,
    applicationCredential: credential && { restricted: credential.restricted, accessRules: credential.access_rules ?? [] },
    byDelegate: isDelegate(methods),
  }
}

/** True when a token of these methods was had by a delegate. */
export function isDelegate(methods: readonly string[]): boolean {
  return methods.length === 0 || !methods.every(method => PRIMARY.has(method))
}

/**
 * Throws Fault('forbidden') for delegates other than application credentials, for what outlives a token: made by a trustee in its trustor's name,
 * it would outlive the trust. What application credentials may do depends on whether they are restricted.
 */
export function refuseForeignDelegates(ctx: Context): void {
  const { trustId, applicationCredential, byDelegate } = delegationOf(ctx.credentials)
  if (trustId !== undefined || byDelegate && !applicationCredential) throw refused('applicationCredential.delegated', 'Cannot manage application credentials with a token issued via delegation.')
}

/** True for a token that was not had by its user's own proof. One that does not say how it was had counts as such. */
export function isDelegated(ctx: Context): boolean {
  const { trustId, byDelegate } = delegationOf(ctx.credentials)
  return trustId !== undefined || byDelegate
}

/** Throws Fault('forbidden', 'keystone.delegated') for such a token. */
export function refuseDelegated(ctx: Context): void {
  if (isDelegated(ctx)) throw refused('delegated', 'You are not authorized to perform the requested action: Delegated tokens cannot access credentials directly.')
}

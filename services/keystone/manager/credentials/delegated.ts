// Tokens that somebody acts with on another's behalf, or with less than its own powers: by a trust, an application credential, a signature.
// What outlives such a token must not be made, read or changed with it (OSSA-2013-032, OSSA-2020-004, OSSA-2026-005).
import type { Context } from '@alto/kit/context'
import type { Credentials } from '@alto/kit/policy'
import { refused } from '../../model/faults.ts'
import { delegationOf } from '../delegation/caller.ts'

/** True for a token that was not had by its user's own proof. One that does not say how it was had counts as such. */
export function isDelegated(ctx: Context): boolean {
  const { trustId, byDelegate } = delegationOf(ctx.credentials)
  return trustId !== undefined || byDelegate
}

/** Throws Fault('forbidden', 'keystone.delegated') for such a token. */
export function refuseDelegated(ctx: Context): void {
  if (isDelegated(ctx)) throw refused('delegated', 'You are not authorized to perform the requested action: Delegated tokens cannot access credentials directly.')
}

/** What gives the caller's credentials, for Keystone itself: a token that was had by a signature is for the service that was asked, and changes nobody's identity. Throws Fault('forbidden', 'keystone.signed') for one. */
export function exceptSigned(authenticate: (token: string) => Promise<Credentials | undefined>): (token: string) => Promise<Credentials | undefined> {
  return async token => {
    const credentials = await authenticate(token)
    const methods = credentials?.token?.['methods']
    if (Array.isArray(methods) && methods.includes('ec2credential')) throw refused('signed', 'You are not authorized to perform the requested action.')
    return credentials
  }
}

// Trusts: a user (the trustor) lets another (the trustee) act with some of its roles in a project, as itself or as the trustor.
//
// A trust may be passed on (redelegated): the trustee's token of it makes another trust that hangs on the first. Whatever is passed on is no more
// than what was received: no further role, no later end, no impersonation that was not there, another project never, and one less to pass on.
// So a chain only narrows, and each trust need only be held against the one above it. What hangs on a trust goes with it.
import { invalid, refused } from '../faults.ts'

/** A trust. */
export interface Trust {
  id: string
  trustorUserId: string
  trusteeUserId: string
  /** null: a trust that gives nothing. */
  projectId: string | null
  /** True: the trustee's token names the trustor as its user. */
  impersonation: boolean
  /** Milliseconds. */
  expiresAt: number | null
  /** How many tokens may be had by it; null: any number. */
  remainingUses: number | null
  /** The trust that this one passes on. */
  redelegatedTrustId: string | null
  /** How many more times it may be passed on. */
  redelegationCount: number
  roleIds: readonly string[]
  extra: Readonly<Record<string, unknown>>
}

/** What a client asks of a new trust that another may bound. */
export interface TrustTerms extends Pick<Trust, 'projectId' | 'impersonation' | 'expiresAt' | 'remainingUses' | 'roleIds'> {
  allowRedelegation: boolean
  redelegationCount: number | null
}

/**
 * The end and the redelegation count of a trust on these terms, made by itself or below `parent`; `most` is the cloud's largest count.
 * Throws Fault('forbidden') for terms beyond the parent's or the cloud's, Fault('badRequest') for those that contradict each other.
 */
export function settled(terms: TrustTerms, parent: Trust | undefined, most: number): Pick<Trust, 'expiresAt' | 'redelegationCount'> {
  const passes = terms.allowRedelegation && terms.redelegationCount !== 0
  if (passes && (terms.redelegationCount ?? 0) > most) throw refused('trust.depth', `Requested redelegation depth of ${terms.redelegationCount} is greater than allowed ${most}`)
  if (passes && terms.remainingUses !== null) throw invalid('trust.uses', 'remaining_uses must not be set if redelegation is allowed')
  if (!parent) return { expiresAt: terms.expiresAt, redelegationCount: passes ? terms.redelegationCount ?? most : 0 }

  const left = parent.redelegationCount - 1
  if (left < 0 || parent.redelegationCount > most) throw refused('trust.depth', `Remaining redelegation depth of ${parent.redelegationCount} out of allowed range of [0..${most}]`)
  if (passes && terms.redelegationCount !== null && terms.redelegationCount !== left) throw refused('trust.depth', `Modifying "redelegation_count" upon redelegation is forbidden: it would be ${left}. Omitting this parameter is advised.`)
  if (terms.remainingUses !== null) throw refused('trust.uses', 'remaining_uses must not be set in order to redelegate a trust')
  if (terms.projectId !== parent.projectId) throw refused('trust.project', 'A trust is redelegated in its own project.')
  if (parent.expiresAt !== null && terms.expiresAt !== null && terms.expiresAt > parent.expiresAt) throw refused('trust.expiry', 'Requested expiration time is more than redelegated trust can provide')
  if (!terms.roleIds.every(id => parent.roleIds.includes(id))) throw refused('trust.roles', 'Some of requested roles are not in redelegated trust')
  if (terms.impersonation && !parent.impersonation) throw refused('trust.impersonation', `Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust id: ${parent.id}`)
  return { expiresAt: terms.expiresAt ?? parent.expiresAt, redelegationCount: passes ? left : 0 }
}

/** True while tokens may be had by it: not past its end, and not used up. */
export function isUsable(trust: Trust, now: number): boolean {
  return (trust.expiresAt === null || now <= trust.expiresAt) && trust.remainingUses !== 0
}

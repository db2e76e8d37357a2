// What was revoked, for those that ask.
import { isoMicros } from '@alto/kit/clock'
import type { Context } from '@alto/kit/context'
import * as rules from '../../policy/tokens/revocations.ts'
import * as revocations from '../../store/tokens/revocations.ts'
import type { Deps } from '../deps.ts'

export type RevocationManager = ReturnType<typeof revocationManager>

/** The use case of revocation events. */
export function revocationManager({ db, clock }: Deps) {
  return {
    /** The tokens that were revoked at `since` (milliseconds) or later and would still be valid, the latest last. Whatever else ends tokens is no event here: it is looked up when they are shown. */
    async list(ctx: Context, since: number): Promise<{ auditId: string, wholeChain: boolean, revokedAt: string }[]> {
      ctx.authorize(rules.LIST_REVOKE_EVENTS, {})
      return (await db.read(tx => revocations.list(tx, { since, now: clock.now() }))).map(r => ({ auditId: r.auditId, wholeChain: r.wholeChain, revokedAt: isoMicros(r.revokedAt) }))
    },
  }
}

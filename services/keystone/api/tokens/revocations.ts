// /OS-REVOKE/events, and what is left of the days of PKI tokens: clients are told that it is gone.
import { Fault } from '@alto/kit/errors'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { RevocationManager } from '../../manager/tokens/revocations.ts'
import { invalid, refused } from '../../model/faults.ts'
import * as rules from '../../policy/tokens/revocations.ts'

/** The routes of revocations. */
export function revocationRoutes(revocations: RevocationManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/OS-REVOKE/events', rule: rules.LIST_REVOKE_EVENTS, status: 200, summary: 'List revocation events', query: t.open({ since: t.optional(t.string()) }),
      async handle({ ctx, query: { since } }) {
        const from = since === undefined ? 0 : Date.parse(since)
        if (Number.isNaN(from)) throw invalid('since', `invalidate date format ${since}`)
        const events = await revocations.list(ctx, from)
        return {
          events: events.map(e => ({ [e.wholeChain ? 'audit_chain_id' : 'audit_id']: e.auditId, issued_before: e.revokedAt, revoked_at: e.revokedAt })),
          links: { self: `${ctx.baseUrl}/v3/OS-REVOKE/events`, previous: null, next: null },
        }
      },
    }),
    route({
      method: 'GET', path: '/v3/auth/tokens/OS-PKI/revoked', rule: { public: 'nobody is given anything' }, status: 403, summary: 'List revoked tokens',
      handle: () => Promise.reject(refused('pki', 'You are not authorized to perform the requested action.')),
    }),
    ...['ca', 'certificates'].map(what => route({
      method: 'GET', path: `/v3/OS-SIMPLE-CERT/${what}`, rule: { public: 'nobody is given anything' }, status: 410, summary: what === 'ca' ? 'Show CA Certificate' : 'Show Signing Certificate',
      handle: () => Promise.reject(new Fault('gone', 'keystone.pki.gone', 'This API is no longer available due to the removal of support for PKI tokens.')),
    })),
  ]
}

// /OS-TRUST/trusts.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ShownTrust, TrustManager } from '../../manager/delegation/trusts.ts'
import type { Trust } from '../../model/delegation/trusts.ts'
import { writtenMoment } from '../../model/delegation/moments.ts'
import * as rules from '../../policy/delegation/trusts.ts'
import { byId, extraOf, listOf, self } from '../links.ts'
import { viewRole } from '../roles/roles.ts'
import { roleNamed } from './application-credentials.ts'

const created = t.open({
  trustor_user_id: t.string(), trustee_user_id: t.string(), impersonation: t.boolean(), project_id: t.optional(t.nullable(t.string())), roles: t.optional(t.array(roleNamed, { max: 100 })),
  expires_at: t.optional(t.nullable(t.string())), remaining_uses: t.optional(t.nullable(t.integer({ min: 1 }))), allow_redelegation: t.optional(t.nullable(t.boolean())),
  redelegation_count: t.optional(t.nullable(t.integer({ min: 0 }))), redelegated_trust_id: t.optional(t.nullable(t.string())),
})
const KNOWN = ['trustor_user_id', 'trustee_user_id', 'impersonation', 'project_id', 'roles', 'expires_at', 'remaining_uses', 'allow_redelegation', 'redelegation_count', 'redelegated_trust_id', 'deleted_at', 'roles_links']

/** The routes of trusts. */
export function trustRoutes(trusts: TrustManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/OS-TRUST/trusts', rule: rules.LIST_TRUSTS, actionRules: [rules.LIST_TRUSTS_FOR_TRUSTOR, rules.LIST_TRUSTS_FOR_TRUSTEE], status: 200, summary: 'List trusts',
      query: t.open({ trustor_user_id: t.optional(t.string()), trustee_user_id: t.optional(t.string()) }),
      handle: async ({ ctx, query, url }) =>
        listOf(ctx, 'trusts', `OS-TRUST/trusts${url.search}`, (await trusts.list(ctx, { trustorUserId: query.trustor_user_id || undefined, trusteeUserId: query.trustee_user_id || undefined })).map(trust => summary(ctx, trust))),
    }),
    route({
      method: 'POST', path: '/v3/OS-TRUST/trusts', rule: rules.CREATE_TRUST, status: 201, summary: 'Create trust', body: t.object({ trust: created }),
      async handle({ ctx, body: { trust: b } }) {
        return { trust: view(ctx, await trusts.create(ctx, {
          trustorUserId: b.trustor_user_id, trusteeUserId: b.trustee_user_id, projectId: b.project_id || null, impersonation: b.impersonation, roles: b.roles ?? [], expiresAt: b.expires_at ?? null,
          remainingUses: b.remaining_uses ?? null, allowRedelegation: b.allow_redelegation ?? false, redelegationCount: b.redelegation_count ?? null, redelegatedTrustId: b.redelegated_trust_id ?? null,
          extra: extraOf(b, KNOWN),
        })) }
      },
    }),
    route({
      method: 'GET', path: '/v3/OS-TRUST/trusts/{id}', rule: rules.GET_TRUST, status: 200, summary: 'Get trust', params: byId,
      handle: async ({ ctx, params }) => ({ trust: view(ctx, await trusts.show(ctx, params.id)) }),
    }),
    route({
      method: 'DELETE', path: '/v3/OS-TRUST/trusts/{id}', rule: rules.DELETE_TRUST, status: 204, summary: 'Delete trust', params: byId,
      handle: async ({ ctx, params }) => trusts.remove(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/OS-TRUST/trusts/{id}/roles', rule: rules.LIST_ROLES_FOR_TRUST, status: 200, summary: 'List roles delegated by a trust', params: byId,
      handle: async ({ ctx, params }) => ({ roles: (await trusts.listRoles(ctx, params.id)).map(role => viewRole(ctx, role)), links: rolesLinks(ctx, params.id) }),
    }),
    route({
      method: 'GET', path: '/v3/OS-TRUST/trusts/{id}/roles/{role_id}', rule: rules.GET_ROLE_FOR_TRUST, status: 200, summary: 'Get role delegated by a trust', params: t.object({ id: t.id(), role_id: t.id() }),
      handle: async ({ ctx, params }) => ({ role: viewRole(ctx, await trusts.showRole(ctx, params.id, params.role_id)) }),
    }),
  ]
}

function view(ctx: Context, { trust, roles }: ShownTrust) {
  return { ...summary(ctx, trust), roles: roles.map(role => viewRole(ctx, role)), roles_links: rolesLinks(ctx, trust.id) }
}

function summary(ctx: Context, trust: Trust) {
  return {
    ...trust.extra, id: trust.id, trustor_user_id: trust.trustorUserId, trustee_user_id: trust.trusteeUserId, project_id: trust.projectId, impersonation: trust.impersonation,
    expires_at: trust.expiresAt === null ? null : `${writtenMoment(trust.expiresAt * 1000)}Z`, remaining_uses: trust.remainingUses, deleted_at: null,
    redelegated_trust_id: trust.redelegatedTrustId, redelegation_count: trust.redelegationCount, links: self(ctx, `OS-TRUST/trusts/${trust.id}`),
  }
}

function rolesLinks(ctx: Context, id: string) {
  return { ...self(ctx, `OS-TRUST/trusts/${id}/roles`), next: null, previous: null }
}

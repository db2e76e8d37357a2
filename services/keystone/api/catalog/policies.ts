// /policies and OS-ENDPOINT-POLICY.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { PolicyManager } from '../../manager/catalog/policies.ts'
import type { Policy, PolicyTarget } from '../../model/catalog/catalog.ts'
import * as rules from '../../policy/catalog/policies.ts'
import { viewEndpoint } from './endpoints.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, extraOf, listOf, self } from '../links.ts'

const FIELDS = { type: 'text' } as const
const KNOWN = ['type', 'blob']
const type = t.string()
const blob = t.string({ max: 1_000_000 })

/** The three kinds of things that a policy is associated with. */
const TARGETS = [
  {
    path: 'endpoints/{endpoint_id}', params: t.object({ id: t.id(), endpoint_id: t.id() }), what: 'policy and endpoint',
    put: rules.CREATE_POLICY_ASSOCIATION_FOR_ENDPOINT, get: rules.CHECK_POLICY_ASSOCIATION_FOR_ENDPOINT, delete: rules.DELETE_POLICY_ASSOCIATION_FOR_ENDPOINT,
  },
  {
    path: 'services/{service_id}', params: t.object({ id: t.id(), service_id: t.id() }), what: 'policy and service-type endpoint',
    put: rules.CREATE_POLICY_ASSOCIATION_FOR_SERVICE, get: rules.CHECK_POLICY_ASSOCIATION_FOR_SERVICE, delete: rules.DELETE_POLICY_ASSOCIATION_FOR_SERVICE,
  },
  {
    path: 'services/{service_id}/regions/{region_id}', params: t.object({ id: t.id(), service_id: t.id(), region_id: t.id() }), what: 'policy and service-type endpoint in a region',
    put: rules.CREATE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE, get: rules.CHECK_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE, delete: rules.DELETE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
  },
] as const

/** The routes of policies and of what they are associated with. */
export function policyRoutes(policies: PolicyManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/policies', rule: rules.LIST_POLICIES, status: 200, summary: 'List policies', query: listQuery(FIELDS),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'policies', await policies.list(ctx, listingOf(url, FIELDS)), p => view(ctx, p)),
    }),
    route({
      method: 'POST', path: '/v3/policies', rule: rules.CREATE_POLICY, status: 201, summary: 'Create policy', body: t.open({ policy: t.open({ type, blob }) }),
      handle: async ({ ctx, body: { policy: p } }) => ({ policy: view(ctx, await policies.create(ctx, { type: p.type, blob: p.blob, extra: extraOf(p, KNOWN) })) }),
    }),
    route({
      method: 'GET', path: '/v3/policies/{id}', rule: rules.GET_POLICY, status: 200, summary: 'Show policy details', params: byId,
      handle: async ({ ctx, params }) => ({ policy: view(ctx, await policies.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/policies/{id}', rule: rules.UPDATE_POLICY, status: 200, summary: 'Update policy', params: byId, body: t.open({ policy: t.open({ type: t.optional(type), blob: t.optional(blob) }) }),
      async handle({ ctx, params, body }) {
        const p = changesOf('policy', body.policy, params.id)
        return { policy: view(ctx, await policies.update(ctx, params.id, { type: p.type, blob: p.blob, extra: extraOf(p, KNOWN) })) }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/policies/{id}', rule: rules.DELETE_POLICY, status: 204, summary: 'Delete policy', params: byId,
      handle: async ({ ctx, params }) => policies.remove(ctx, params.id),
    }),
    ...TARGETS.flatMap(target => [
      route({
        method: 'PUT', path: `/v3/policies/{id}/OS-ENDPOINT-POLICY/${target.path}`, rule: target.put, status: 204, summary: `Associate ${target.what}`, params: target.params,
        handle: async ({ ctx, params }) => policies.associate(ctx, params.id, targetOf(params)),
      }),
      route({
        method: 'GET', path: `/v3/policies/{id}/OS-ENDPOINT-POLICY/${target.path}`, rule: target.get, status: 204, summary: `Verify a ${target.what} association`, params: target.params,
        handle: async ({ ctx, params }) => policies.checkAssociation(ctx, params.id, targetOf(params)),
      }),
      route({
        method: 'DELETE', path: `/v3/policies/{id}/OS-ENDPOINT-POLICY/${target.path}`, rule: target.delete, status: 204, summary: `Delete a ${target.what} association`, params: target.params,
        handle: async ({ ctx, params }) => policies.dissociate(ctx, params.id, targetOf(params)),
      }),
    ]),
    route({
      method: 'GET', path: '/v3/policies/{id}/OS-ENDPOINT-POLICY/endpoints', rule: rules.LIST_ENDPOINTS_FOR_POLICY, status: 200, summary: 'List policy and service endpoint associations', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'endpoints', `policies/${params.id}/OS-ENDPOINT-POLICY/endpoints`, (await policies.endpointsOf(ctx, params.id)).map(e => viewEndpoint(ctx, e))),
    }),
    route({
      method: 'GET', path: '/v3/endpoints/{id}/OS-ENDPOINT-POLICY/policy', rule: rules.GET_POLICY_FOR_ENDPOINT, status: 200, summary: 'Show the effective policy associated with an endpoint', params: byId,
      handle: async ({ ctx, params }) => ({ policy: view(ctx, await policies.ofEndpoint(ctx, params.id)) }),
    }),
  ]
}

function targetOf(p: { endpoint_id?: string, service_id?: string, region_id?: string }): PolicyTarget {
  return p.endpoint_id !== undefined ? { endpointId: p.endpoint_id } : { serviceId: p.service_id!, regionId: p.region_id ?? null }
}

function view(ctx: Context, p: Policy) {
  return { ...p.extra, id: p.id, type: p.type, blob: p.blob, links: self(ctx, `policies/${p.id}`) }
}

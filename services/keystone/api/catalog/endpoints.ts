// /endpoints.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { EndpointInput, EndpointManager } from '../../manager/catalog/endpoints.ts'
import type { Endpoint } from '../../model/catalog/catalog.ts'
import * as rules from '../../policy/catalog/endpoints.ts'
import { root } from '../discovery.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, extraOf, self } from '../links.ts'

export const interfaces = t.oneOf('admin', 'internal', 'public')

const FIELDS = { service_id: 'text', interface: 'text', region_id: 'text' } as const
const KNOWN = ['service_id', 'interface', 'url', 'region_id', 'region', 'enabled']
const url = t.string({ min: 1, max: 2048, pattern: '^([a-zA-Z0-9+.-]+:.|\\$\\(base\\)s)' })
const members = { region_id: t.optional(t.nullable(t.string())), region: t.optional(t.nullable(t.string())), enabled: t.optional(t.boolean()), name: t.optional(t.string()), description: t.optional(t.nullable(t.string({ max: 65_535 }))) }
const created = t.open({ service_id: t.string(), interface: interfaces, url, ...members })
const changed = t.open({ service_id: t.optional(t.string()), interface: t.optional(interfaces), url: t.optional(url), ...members })

/** The routes of endpoints. */
export function endpointRoutes(endpoints: EndpointManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/endpoints', rule: rules.LIST_ENDPOINTS, status: 200, summary: 'List endpoints',
      query: t.open({ ...listQuery(FIELDS).properties, interface: t.optional(interfaces) }),
      handle: async ({ ctx, url: asked }) => pageOf(ctx, asked, 'endpoints', await endpoints.list(ctx, listingOf(asked, FIELDS)), e => viewEndpoint(ctx, e)),
    }),
    route({
      method: 'POST', path: '/v3/endpoints', rule: rules.CREATE_ENDPOINT, status: 201, summary: 'Create endpoint', body: t.open({ endpoint: created }),
      handle: async ({ ctx, body: { endpoint: e } }) => ({ endpoint: viewEndpoint(ctx, await endpoints.create(ctx, { ...input(e), serviceId: e.service_id, interface: e.interface, url: e.url })) }),
    }),
    route({
      method: 'GET', path: '/v3/endpoints/{id}', rule: rules.GET_ENDPOINT, status: 200, summary: 'Show endpoint details', params: byId,
      handle: async ({ ctx, params }) => ({ endpoint: viewEndpoint(ctx, await endpoints.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/endpoints/{id}', rule: rules.UPDATE_ENDPOINT, status: 200, summary: 'Update endpoint', params: byId,
      body: t.open({ endpoint: changed }),
      handle: async ({ ctx, params, body: { endpoint: e } }) => ({ endpoint: viewEndpoint(ctx, await endpoints.update(ctx, params.id, input(changesOf('endpoint', e, params.id)))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/endpoints/{id}', rule: rules.DELETE_ENDPOINT, status: 204, summary: 'Delete endpoint', params: byId,
      handle: async ({ ctx, params }) => endpoints.remove(ctx, params.id),
    }),
  ]
}

/** An endpoint as the API shows it; endpoints of our own are kept relative to the listener and shown where the caller reached it. */
export function viewEndpoint(ctx: Context, e: Endpoint) {
  return { ...e.extra, id: e.id, service_id: e.serviceId, interface: e.interface, region_id: e.regionId, region: e.regionId, url: e.url.replaceAll('$(base)s', root(ctx)), enabled: e.enabled, links: self(ctx, `endpoints/${e.id}`) }
}

interface EndpointBody {
  service_id?: string, interface?: Endpoint['interface'], url?: string, region_id?: string | null, region?: string | null, enabled?: boolean
}

function input(e: EndpointBody): EndpointInput {
  return { serviceId: e.service_id, interface: e.interface, url: e.url, regionId: e.region_id, region: e.region, enabled: e.enabled, extra: extraOf(e as Record<string, unknown>, KNOWN) }
}

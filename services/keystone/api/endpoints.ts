// /endpoints.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { EndpointManager } from '../manager/endpoints.ts'
import type { Endpoint } from '../model/catalog.ts'
import * as rules from '../policy/endpoints.ts'
import { root } from './discovery.ts'
import { byId, listOf, self } from './links.ts'

const interfaces = t.oneOf('public', 'internal', 'admin')
const url = t.string({ min: 1, max: 2048, pattern: '^([a-zA-Z][a-zA-Z0-9+.-]*://|\\$\\(base\\)s)' })
const region = { region_id: t.optional(t.nullable(t.string())), region: t.optional(t.nullable(t.string())), enabled: t.optional(t.boolean()) }

/** The routes of endpoints. */
export function endpointRoutes(endpoints: EndpointManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/endpoints', rule: rules.LIST_ENDPOINTS, status: 200, summary: 'List endpoints',
      query: t.open({ service_id: t.optional(t.string()), interface: t.optional(t.string()), region_id: t.optional(t.string()), region: t.optional(t.string()) }),
      handle: async ({ ctx, query: q }) => listOf(ctx, 'endpoints', 'endpoints', (await endpoints.list(ctx, { serviceId: q.service_id, interface: q.interface, regionId: q.region_id ?? q.region })).map(e => view(ctx, e))),
    }),
    route({
      method: 'POST', path: '/v3/endpoints', rule: rules.CREATE_ENDPOINT, status: 201, summary: 'Create endpoint', body: t.open({ endpoint: t.open({ service_id: t.id(), interface: interfaces, url, ...region }) }),
      handle: async ({ ctx, body: { endpoint: e } }) => ({ endpoint: view(ctx, await endpoints.create(ctx, { serviceId: e.service_id, interface: e.interface, url: e.url, regionId: e.region_id, region: e.region, enabled: e.enabled })) }),
    }),
    route({
      method: 'GET', path: '/v3/endpoints/{id}', rule: rules.GET_ENDPOINT, status: 200, summary: 'Show endpoint details', params: byId,
      handle: async ({ ctx, params }) => ({ endpoint: view(ctx, await endpoints.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/endpoints/{id}', rule: rules.UPDATE_ENDPOINT, status: 200, summary: 'Update endpoint', params: byId,
      body: t.open({ endpoint: t.open({ service_id: t.optional(t.id()), interface: t.optional(interfaces), url: t.optional(url), ...region }) }),
      handle: async ({ ctx, params, body: { endpoint: e } }) => ({ endpoint: view(ctx, await endpoints.update(ctx, params.id, { serviceId: e.service_id, interface: e.interface, url: e.url, regionId: e.region_id, region: e.region, enabled: e.enabled })) }),
    }),
    route({
      method: 'DELETE', path: '/v3/endpoints/{id}', rule: rules.DELETE_ENDPOINT, status: 204, summary: 'Delete endpoint', params: byId,
      handle: async ({ ctx, params }) => endpoints.remove(ctx, params.id),
    }),
  ]
}

/** Endpoints of our own are kept relative to the listener and shown where the caller reached it. */
function view(ctx: Context, e: Endpoint) {
  return { id: e.id, service_id: e.serviceId, interface: e.interface, region_id: e.regionId, region: e.regionId, url: e.url.replaceAll('$(base)s', root(ctx)), enabled: e.enabled, links: self(ctx, `endpoints/${e.id}`) }
}

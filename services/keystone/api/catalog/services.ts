// /services.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ServiceManager } from '../../manager/catalog/services.ts'
import type { Service } from '../../model/catalog/catalog.ts'
import * as rules from '../../policy/catalog/services.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, description, extraOf, self } from '../links.ts'

const FIELDS = { type: 'text', name: 'text' } as const
const KNOWN = ['type', 'name', 'description', 'enabled']
const fields = { name: t.optional(t.string({ min: 1 })), description: t.optional(t.nullable(description)), enabled: t.optional(t.boolean()) }
const type = t.string({ min: 1, max: 255 })

/** The routes of services. */
export function serviceRoutes(services: ServiceManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/services', rule: rules.LIST_SERVICES, status: 200, summary: 'List services', query: listQuery(FIELDS),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'services', await services.list(ctx, listingOf(url, FIELDS)), s => view(ctx, s)),
    }),
    route({
      method: 'POST', path: '/v3/services', rule: rules.CREATE_SERVICE, status: 201, summary: 'Create service', body: t.open({ service: t.open({ type, ...fields }) }),
      handle: async ({ ctx, body }) => ({ service: view(ctx, await services.create(ctx, { ...body.service, extra: extraOf(body.service, KNOWN) })) }),
    }),
    route({
      method: 'GET', path: '/v3/services/{id}', rule: rules.GET_SERVICE, status: 200, summary: 'Show service details', params: byId,
      handle: async ({ ctx, params }) => ({ service: view(ctx, await services.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/services/{id}', rule: rules.UPDATE_SERVICE, status: 200, summary: 'Update service', params: byId, body: t.open({ service: t.open({ type: t.optional(type), ...fields }) }),
      handle: async ({ ctx, params, body }) => ({ service: view(ctx, await services.update(ctx, params.id, { ...changesOf('service', body.service, params.id), extra: extraOf(body.service, KNOWN) })) }),
    }),
    route({
      method: 'DELETE', path: '/v3/services/{id}', rule: rules.DELETE_SERVICE, status: 204, summary: 'Delete service', params: byId,
      handle: async ({ ctx, params }) => services.remove(ctx, params.id),
    }),
  ]
}

function view(ctx: Context, s: Service) {
  return { ...s.extra, id: s.id, type: s.type, name: s.name, enabled: s.enabled, ...(s.description !== null && { description: s.description }), links: self(ctx, `services/${s.id}`) }
}

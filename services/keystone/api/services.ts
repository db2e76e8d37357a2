// /services.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ServiceManager } from '../manager/services.ts'
import type { Service } from '../model/catalog.ts'
import * as rules from '../policy/services.ts'
import { byId, description, listOf, self } from './links.ts'

const fields = { name: t.optional(t.string()), description: t.optional(t.nullable(description)), enabled: t.optional(t.boolean()) }
const type = t.string({ min: 1, max: 255 })

/** The routes of services. */
export function serviceRoutes(services: ServiceManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/services', rule: rules.LIST_SERVICES, status: 200, summary: 'List services', query: t.open({ type: t.optional(t.string()), name: t.optional(t.string()) }),
      handle: async ({ ctx, query }) => listOf(ctx, 'services', 'services', (await services.list(ctx, { type: query.type, name: query.name })).map(s => view(ctx, s))),
    }),
    route({
      method: 'POST', path: '/v3/services', rule: rules.CREATE_SERVICE, status: 201, summary: 'Create service', body: t.open({ service: t.open({ type, ...fields }) }),
      handle: async ({ ctx, body }) => ({ service: view(ctx, await services.create(ctx, body.service)) }),
    }),
    route({
      method: 'GET', path: '/v3/services/{id}', rule: rules.GET_SERVICE, status: 200, summary: 'Show service details', params: byId,
      handle: async ({ ctx, params }) => ({ service: view(ctx, await services.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/services/{id}', rule: rules.UPDATE_SERVICE, status: 200, summary: 'Update service', params: byId, body: t.open({ service: t.open({ type: t.optional(type), ...fields }) }),
      handle: async ({ ctx, params, body }) => ({ service: view(ctx, await services.update(ctx, params.id, body.service)) }),
    }),
    route({
      method: 'DELETE', path: '/v3/services/{id}', rule: rules.DELETE_SERVICE, status: 204, summary: 'Delete service', params: byId,
      handle: async ({ ctx, params }) => services.remove(ctx, params.id),
    }),
  ]
}

function view(ctx: Context, s: Service) {
  return { id: s.id, type: s.type, name: s.name, enabled: s.enabled, ...(s.description !== null && { description: s.description }), links: self(ctx, `services/${s.id}`) }
}

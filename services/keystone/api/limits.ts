// /registered_limits and /limits.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { LimitManager } from '../manager/limits.ts'
import { invalid } from '../model/faults.ts'
import { LARGEST, UNLIMITED, type NamedLimit, type RegisteredLimit } from '../model/limits.ts'
import * as rules from '../policy/limits.ts'
import { listingOf, listQuery, pageOf } from './filters.ts'
import { byId, name, self } from './links.ts'

const BATCH = 1000
const value = t.integer({ min: UNLIMITED, max: LARGEST })
/** A UUID; ids of ours have no dashes. */
const serviceId = t.string({ pattern: '^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$' })
const described = { description: t.optional(t.nullable(t.string())) }
const region = { region_id: t.optional(t.nullable(t.string({ min: 1 }))) }
const ownerId = t.optional(t.nullable(t.string({ min: 1, max: 64, pattern: '^[a-zA-Z0-9-]+$' })))
const newRegistered = t.object({ service_id: serviceId, resource_name: name, default_limit: value, ...region, ...described })
const changedRegistered = t.object({ service_id: t.optional(serviceId), resource_name: t.optional(name), default_limit: t.optional(value), ...region, ...described })
const newLimit = t.object({ service_id: serviceId, resource_name: name, resource_limit: value, project_id: ownerId, domain_id: ownerId, ...region, ...described })
const changedLimit = t.object({ resource_limit: t.optional(value), ...described })

const REGISTERED_FIELDS = { service_id: 'text', region_id: 'text', resource_name: 'text' } as const
const FIELDS = { ...REGISTERED_FIELDS, project_id: 'text', domain_id: 'text' } as const

/** The routes of registered limits and limits. */
export function limitRoutes(limits: LimitManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/registered_limits', rule: rules.LIST_REGISTERED_LIMITS, status: 200, summary: 'List Registered Limits', query: t.open({ ...listQuery(REGISTERED_FIELDS).properties, service_id: t.optional(serviceId) }),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'registered_limits', await limits.listRegistered(ctx, listingOf(url, REGISTERED_FIELDS)), l => viewRegistered(ctx, l)),
    }),
    route({
      method: 'POST', path: '/v3/registered_limits', rule: rules.CREATE_REGISTERED_LIMITS, status: 201, summary: 'Create Registered Limits',
      body: t.object({ registered_limits: t.array(newRegistered, { min: 1, max: BATCH }) }),
      handle: async ({ ctx, body }) => ({ registered_limits: (await limits.createRegistered(ctx, body.registered_limits.map(l => ({
        serviceId: l.service_id, regionId: l.region_id ?? null, resourceName: l.resource_name, defaultLimit: l.default_limit, description: l.description ?? null,
      })))).map(l => viewRegistered(ctx, l)) }),
    }),
    route({
      method: 'GET', path: '/v3/registered_limits/{id}', rule: rules.GET_REGISTERED_LIMIT, status: 200, summary: 'Show Registered Limit Details', params: byId,
      handle: async ({ ctx, params }) => ({ registered_limit: viewRegistered(ctx, await limits.showRegistered(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/registered_limits/{id}', rule: rules.UPDATE_REGISTERED_LIMIT, status: 200, summary: 'Update Registered Limit', params: byId,
      body: t.object({ registered_limit: changedRegistered }),
      handle: async ({ ctx, params, body: { registered_limit: l } }) => ({ registered_limit: viewRegistered(ctx, await limits.updateRegistered(ctx, params.id, {
        ...(l.service_id !== undefined && { serviceId: l.service_id }), ...(l.region_id !== undefined && { regionId: l.region_id }), ...(l.resource_name !== undefined && { resourceName: l.resource_name }),
        ...(l.default_limit !== undefined && { defaultLimit: l.default_limit }), ...(l.description !== undefined && { description: l.description }),
      })) }),
    }),
    route({
      method: 'DELETE', path: '/v3/registered_limits/{id}', rule: rules.DELETE_REGISTERED_LIMIT, status: 204, summary: 'Delete Registered Limit', params: byId,
      handle: async ({ ctx, params }) => limits.removeRegistered(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/limits', rule: rules.LIST_LIMITS, status: 200, summary: 'List Limits', query: t.open({ ...listQuery(FIELDS).properties, service_id: t.optional(serviceId) }),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'limits', await limits.list(ctx, listingOf(url, FIELDS)), l => viewLimit(ctx, l)),
    }),
    route({
      method: 'POST', path: '/v3/limits', rule: rules.CREATE_LIMITS, status: 201, summary: 'Create Limits', body: t.object({ limits: t.array(newLimit, { min: 1, max: BATCH }) }),
      handle: async ({ ctx, body }) => ({ limits: (await limits.create(ctx, body.limits.map((l, index) => {
        if ((l.project_id === undefined) === (l.domain_id === undefined) || typeof (l.project_id ?? l.domain_id) !== 'string') throw invalid('limit.owner', `Invalid input for field/attribute ${index}: a limit names either a project_id or a domain_id.`)
        return { serviceId: l.service_id, regionId: l.region_id ?? null, resourceName: l.resource_name, resourceLimit: l.resource_limit, description: l.description ?? null, projectId: l.project_id ?? null, domainId: l.domain_id ?? null }
      }))).map(l => viewLimit(ctx, l)) }),
    }),
    route({
      method: 'GET', path: '/v3/limits/model', rule: rules.GET_LIMIT_MODEL, status: 200, summary: 'Get Enforcement Model',
      handle: async ({ ctx }) => ({ model: limits.showModel(ctx) }),
    }),
    route({
      method: 'GET', path: '/v3/limits/{id}', rule: rules.GET_LIMIT, status: 200, summary: 'Show Limit Details', params: byId,
      handle: async ({ ctx, params }) => ({ limit: viewLimit(ctx, await limits.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/limits/{id}', rule: rules.UPDATE_LIMIT, status: 200, summary: 'Update Limit', params: byId, body: t.object({ limit: changedLimit }),
      handle: async ({ ctx, params, body: { limit } }) => ({ limit: viewLimit(ctx, await limits.update(ctx, params.id, { resourceLimit: limit.resource_limit, description: limit.description })) }),
    }),
    route({
      method: 'DELETE', path: '/v3/limits/{id}', rule: rules.DELETE_LIMIT, status: 204, summary: 'Delete Limit', params: byId,
      handle: async ({ ctx, params }) => limits.remove(ctx, params.id),
    }),
  ]
}

function viewRegistered(ctx: Context, l: RegisteredLimit) {
  return { id: l.id, service_id: l.serviceId, region_id: l.regionId, resource_name: l.resourceName, default_limit: l.defaultLimit, description: l.description, links: self(ctx, `registered_limits/${l.id}`) }
}

/** A limit as the API shows it. */
export function viewLimit(ctx: Context, l: NamedLimit) {
  return {
    id: l.id, project_id: l.projectId, domain_id: l.domainId, service_id: l.serviceId, region_id: l.regionId, resource_name: l.resourceName, resource_limit: l.resourceLimit,
    description: l.description, links: self(ctx, `limits/${l.id}`),
  }
}

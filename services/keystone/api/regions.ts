// /regions.
import type { Context } from '@alto/kit/context'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { RegionManager } from '../manager/regions.ts'
import type { Region } from '../model/catalog.ts'
import * as rules from '../policy/regions.ts'
import { byId, description, extraOf, listOf, self } from './links.ts'

const fields = { description: t.optional(t.nullable(description)), parent_region_id: t.optional(t.nullable(t.id())) }
const KNOWN = ['description', 'parent_region_id']

/** The routes of regions. */
export function regionRoutes(regions: RegionManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/regions', rule: rules.LIST_REGIONS, status: 200, summary: 'List regions', query: t.open({ parent_region_id: t.optional(t.string()) }),
      handle: async ({ ctx, query }) => listOf(ctx, 'regions', 'regions', (await regions.list(ctx, { parentId: query.parent_region_id })).map(r => view(ctx, r))),
    }),
    route({
      method: 'POST', path: '/v3/regions', rule: rules.CREATE_REGION, status: 201, summary: 'Create region', body: t.open({ region: t.open({ id: t.optional(t.nullable(t.string())), ...fields }) }),
      handle: async ({ ctx, body: { region } }) => answer({ region: view(ctx, await regions.create(ctx, { ...input(region), id: region.id || undefined })) }),
    }),
    route({
      method: 'PUT', path: '/v3/regions/{id}', rule: rules.CREATE_REGION, status: 201, summary: 'Create region with its id', params: byId, body: t.open({ region: t.open(fields) }),
      handle: async ({ ctx, params, body: { region } }) => ({ region: view(ctx, await regions.create(ctx, { ...input(region), id: params.id })) }),
    }),
    route({
      method: 'GET', path: '/v3/regions/{id}', rule: rules.GET_REGION, status: 200, summary: 'Show region details', params: byId,
      handle: async ({ ctx, params }) => ({ region: view(ctx, await regions.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/regions/{id}', rule: rules.UPDATE_REGION, status: 200, summary: 'Update region', params: byId, body: t.open({ region: t.open(fields) }),
      handle: async ({ ctx, params, body: { region } }) => ({ region: view(ctx, await regions.update(ctx, params.id, input(region))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/regions/{id}', rule: rules.DELETE_REGION, status: 204, summary: 'Delete region', params: byId,
      handle: async ({ ctx, params }) => regions.remove(ctx, params.id),
    }),
  ]
}

function view(ctx: Context, r: Region) {
  return { ...r.extra, id: r.id, description: r.description, parent_region_id: r.parentId, links: self(ctx, `regions/${r.id}`) }
}

function input(b: { description?: string | null, parent_region_id?: string | null }) {
  return { description: b.description ?? undefined, parentId: b.parent_region_id, extra: extraOf(b, KNOWN) }
}

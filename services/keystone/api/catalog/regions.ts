// /regions.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { RegionManager } from '../../manager/catalog/regions.ts'
import type { Region } from '../../model/catalog/catalog.ts'
import { invalid } from '../../model/faults.ts'
import * as rules from '../../policy/catalog/regions.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, changesOf, extraOf, self } from '../links.ts'

const FIELDS = { parent_region_id: 'text' } as const
const members = { description: t.optional(t.nullable(t.string())), parent_region_id: t.optional(t.nullable(t.id())) }
const region = t.open({ id: t.optional(t.nullable(t.string())), ...members })
const KNOWN = ['description', 'parent_region_id']

/** The routes of regions. */
export function regionRoutes(regions: RegionManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/regions', rule: rules.LIST_REGIONS, status: 200, summary: 'List regions', query: t.object(listQuery(FIELDS).properties),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'regions', await regions.list(ctx, listingOf(url, FIELDS)), r => view(ctx, r)),
    }),
    route({
      method: 'POST', path: '/v3/regions', rule: rules.CREATE_REGION, status: 201, summary: 'Create region', body: t.open({ region }),
      handle: async ({ ctx, body }) => ({ region: view(ctx, await regions.create(ctx, { ...input(body.region), id: body.region.id || undefined })) }),
    }),
    route({
      method: 'PUT', path: '/v3/regions/{id}', rule: rules.CREATE_REGION, status: 201, summary: 'Create region with its id', params: byId, body: t.open({ region }),
      async handle({ ctx, params, body }) {
        if (body.region.id && body.region.id !== params.id) throw invalid('region.id', `Conflicting region IDs specified: "${params.id}" != "${body.region.id}"`)
        return { region: view(ctx, await regions.create(ctx, { ...input(body.region), id: params.id })) }
      },
    }),
    route({
      method: 'GET', path: '/v3/regions/{id}', rule: rules.GET_REGION, status: 200, summary: 'Show region details', params: byId,
      handle: async ({ ctx, params }) => ({ region: view(ctx, await regions.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/regions/{id}', rule: rules.UPDATE_REGION, status: 200, summary: 'Update region', params: byId, body: t.open({ region: t.open(members) }),
      handle: async ({ ctx, params, body }) => ({ region: view(ctx, await regions.update(ctx, params.id, input(changesOf('region', body.region, params.id)))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/regions/{id}', rule: rules.DELETE_REGION, status: 204, summary: 'Delete region', params: byId,
      handle: async ({ ctx, params }) => regions.remove(ctx, params.id),
    }),
  ]
}

function view(ctx: Context, r: Region) {
  return { ...r.extra, id: r.id, description: r.description, parent_region_id: r.parentId, links: self(ctx, `regions/${encodeURIComponent(r.id)}`) }
}

function input(b: { description?: string | null, parent_region_id?: string | null }) {
  return { description: b.description === null ? '' : b.description, parentId: b.parent_region_id, extra: extraOf(b, KNOWN) }
}

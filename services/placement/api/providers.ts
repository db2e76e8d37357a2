// /resource_providers.
import type { Context } from '@alto/kit/context'
import { answer, atLeast, route, t, versioned, type AnyRoute, type Version } from '@alto/kit/http'
import { parseMemberOf, parseRequired, parseResources } from '../model/filters.ts'
import { badQuery } from '../model/faults.ts'
import type { ProviderManager, ProviderQuery } from '../manager/providers.ts'
import type { Provider } from '../model/providers.ts'
import * as rules from '../policy/providers.ts'
import { byUuid, fresh, pathTo } from './views.ts'

const name = t.string({ min: 1, max: 200 })
const parent = t.optional(t.nullable(t.uuid()))
/** From which minor version a list knows a parameter. */
const QUERY: Readonly<Record<string, number>> = { name: 0, uuid: 0, member_of: 3, resources: 4, in_tree: 14, required: 18 }

/** The routes of resource providers. */
export function providerRoutes(providers: ProviderManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/resource_providers', rule: rules.LIST, status: 200, summary: 'List resource providers',
      async handle({ ctx, url, version }) {
        const found = await providers.list(ctx, queryOf(url.searchParams, version[1]))
        return fresh(version, { resource_providers: found.map(p => viewProvider(ctx, p, version)) }, found.length ? Math.max(...found.map(p => p.updatedAt)) : undefined)
      },
    }),
    route({
      method: 'POST', path: '/resource_providers', rule: rules.CREATE, status: 201, summary: 'Create resource provider',
      body: versioned({ since: [1, 14], schema: t.object({ name, uuid: t.optional(t.uuid()), parent_provider_uuid: parent }) }, { since: [1, 0], schema: t.object({ name, uuid: t.optional(t.uuid()) }) }),
      async handle({ ctx, body, version }) {
        const made = await providers.create(ctx, { id: body.uuid, name: body.name, parentId: body.parent_provider_uuid ?? null })
        const headers = { location: pathTo(ctx, `resource_providers/${made.id}`) }
        return atLeast(version, 1, 20) ? fresh(version, viewProvider(ctx, made, version), made.updatedAt, { status: 200, headers }) : answer(undefined, { headers })
      },
    }),
    route({
      method: 'GET', path: '/resource_providers/{uuid}', rule: rules.SHOW, status: 200, summary: 'Show resource provider', params: byUuid,
      async handle({ ctx, params, version }) {
        const provider = await providers.show(ctx, params.uuid)
        return fresh(version, viewProvider(ctx, provider, version), provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}', rule: rules.UPDATE, status: 200, summary: 'Update resource provider', params: byUuid,
      body: versioned({ since: [1, 14], schema: t.object({ name, parent_provider_uuid: parent }) }, { since: [1, 0], schema: t.object({ name }) }),
      async handle({ ctx, params, body, version }) {
        const provider = await providers.update(ctx, params.uuid, { name: body.name, parentId: body.parent_provider_uuid, mayMove: atLeast(version, 1, 37) })
        return fresh(version, viewProvider(ctx, provider, version), provider.updatedAt)
      },
    }),
    route({
      method: 'DELETE', path: '/resource_providers/{uuid}', rule: rules.REMOVE, status: 204, summary: 'Delete resource provider', params: byUuid,
      handle: async ({ ctx, params }) => providers.remove(ctx, params.uuid),
    }),
  ]
}

function queryOf(query: URLSearchParams, minor: number): ProviderQuery {
  const unknown = [...query.keys()].find(key => QUERY[key] === undefined || minor < QUERY[key])
  if (unknown !== undefined) throw badQuery(`Invalid query string parameters: Additional properties are not allowed ('${unknown}' was unexpected)`)
  const resources = query.get('resources')
  return {
    id: query.get('uuid') ?? undefined, name: query.get('name') ?? undefined, inTree: query.get('in_tree') ?? undefined,
    group: { suffix: '', inTree: undefined, resources: resources === null ? new Map() : parseResources(resources), ...parseRequired(query.getAll('required'), minor), ...parseMemberOf(query.getAll('member_of'), minor) },
  }
}

function viewProvider(ctx: Context, p: Provider, version: Version) {
  const self = pathTo(ctx, `resource_providers/${p.id}`)
  const below = ['inventories', 'usages', ...atLeast(version, 1, 1) ? ['aggregates'] : [], ...atLeast(version, 1, 6) ? ['traits'] : [], ...atLeast(version, 1, 11) ? ['allocations'] : []]
  return {
    uuid: p.id, name: p.name, generation: p.generation, ...(atLeast(version, 1, 14) && { parent_provider_uuid: p.parentId, root_provider_uuid: p.rootId }),
    links: [{ rel: 'self', href: self }, ...below.map(rel => ({ rel, href: `${self}/${rel}` }))],
  }
}

// /v2/metadefs/namespaces and /v2/metadefs/resource_types.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import { linkWith } from '@alto/kit/openstack'
import type { NamespaceManager } from '../../manager/metadefs/namespaces.ts'
import { isoTime } from '../../model/images.ts'
import { namespaceInput, wantedDefinitions } from '../../model/metadef-bodies.ts'
import { readMetadefListing, refuseReadOnly } from '../../model/metadefs.ts'
import * as rules from '../../policy/metadefs.ts'
import { namespaceBody, pathOf, READ_ONLY, viewAssociation, viewNamespace, viewWhole } from './shapes.ts'

const byName = t.object({ namespace_name: t.string({ min: 1, max: 1024 }) })
const PATH = '/v2/metadefs/namespaces'

/** The routes of namespaces. `limits`: namespaces on a page. */
export function namespaceRoutes(namespaces: NamespaceManager, limits: { otherwise: number, most: number }): AnyRoute[] {
  return [
    route({
      method: 'POST', path: PATH, rule: rules.ADD_METADEF_NAMESPACE, status: 201, summary: 'Create namespace', body: namespaceBody,
      async handle({ ctx, body }) {
        refuseReadOnly(body, READ_ONLY)
        const { namespace, held } = await namespaces.create(ctx, namespaceInput(body), wantedDefinitions(body))
        return answer(viewWhole(namespace, held), { headers: { location: `${ctx.baseUrl}${pathOf(encodeURIComponent(namespace.name))}` } })
      },
    }),
    route({
      method: 'GET', path: PATH, rule: rules.GET_METADEF_NAMESPACES, status: 200, summary: 'List namespaces',
      async handle({ ctx, url }) {
        const { rows, more } = await namespaces.list(ctx, readMetadefListing(url.searchParams, 'namespace', limits))
        const last = rows.at(-1)
        return {
          namespaces: rows.map(({ namespace, associations }) => ({ ...viewNamespace(namespace), ...(associations.length > 0 && { resource_type_associations: associations.map(viewAssociation) }) })),
          first: linkWith(PATH, url, { marker: undefined }), schema: '/v2/schemas/metadefs/namespaces', ...(more && last && { next: linkWith(PATH, url, { marker: last.namespace.name }) }),
        }
      },
    }),
    route({
      method: 'GET', path: `${PATH}/{namespace_name}`, rule: rules.GET_METADEF_NAMESPACE, status: 200, summary: 'Get namespace details', params: byName,
      async handle({ ctx, params, url }) {
        const { namespace, held } = await namespaces.show(ctx, params.namespace_name)
        return viewWhole(namespace, held, url.searchParams.get('resource_type') ?? undefined)
      },
    }),
    route({
      method: 'PUT', path: `${PATH}/{namespace_name}`, rule: rules.MODIFY_METADEF_NAMESPACE, status: 200, summary: 'Update namespace', params: byName, body: namespaceBody,
      async handle({ ctx, params, body }) {
        refuseReadOnly(body, READ_ONLY)
        return viewNamespace(await namespaces.update(ctx, params.namespace_name, namespaceInput(body)))
      },
    }),
    route({
      method: 'DELETE', path: `${PATH}/{namespace_name}`, rule: rules.DELETE_METADEF_NAMESPACE, status: 204, summary: 'Delete namespace', params: byName,
      handle: async ({ ctx, params }) => namespaces.remove(ctx, params.namespace_name),
    }),
    route({
      method: 'GET', path: '/v2/metadefs/resource_types', rule: rules.LIST_METADEF_RESOURCE_TYPES, status: 200, summary: 'List resource types',
      handle: async ({ ctx }) => ({ resource_types: (await namespaces.resourceTypes(ctx)).map(one => ({ name: one.name, created_at: isoTime(one.createdAt), updated_at: isoTime(one.updatedAt) })) }),
    }),
  ]
}

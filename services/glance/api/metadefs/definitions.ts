// What a namespace holds: /v2/metadefs/namespaces/{namespace_name}/resource_types, /objects, /properties, /tags.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { DefinitionManagers } from '../../manager/metadefs/definitions.ts'
import { invalid } from '../../model/faults.ts'
import { objectContent } from '../../model/metadef-bodies.ts'
import { readMetadefListing, refuseReadOnly } from '../../model/metadefs.ts'
import * as rules from '../../policy/metadefs.ts'
import { associationBody, name as ownName, objectBody, propertyBody, READ_ONLY, READ_ONLY_TIMES, tagBody, tagsBody, viewAssociation, viewObject, viewProperty, viewTag } from './shapes.ts'

const segment = t.string({ min: 1, max: 1024 })
const within = t.object({ namespace_name: segment })
const BELOW = '/v2/metadefs/namespaces/{namespace_name}'

/** The routes of what namespaces hold. */
export function definitionRoutes(managers: DefinitionManagers, limits: { otherwise: number, most: number }): AnyRoute[] {
  return [...associationRoutes(managers.association), ...objectRoutes(managers.object), ...propertyRoutes(managers.property), ...tagRoutes(managers.tag, limits)]
}

function associationRoutes(associations: DefinitionManagers['association']): AnyRoute[] {
  const path = `${BELOW}/resource_types`
  return [
    route({
      method: 'POST', path, rule: rules.ADD_METADEF_RESOURCE_TYPE_ASSOCIATION, status: 201, summary: 'Create resource type association', params: within, body: associationBody,
      async handle({ ctx, params, body: { name, prefix, properties_target, ...rest } }) {
        refuseReadOnly(rest, READ_ONLY_TIMES)
        return viewAssociation(await associations.create(ctx, params.namespace_name, name, { ...(prefix !== undefined && { prefix }), ...(properties_target !== undefined && { properties_target }) }))
      },
    }),
    route({
      method: 'GET', path, rule: rules.LIST_METADEF_RESOURCE_TYPES, status: 200, summary: 'List resource type associations', params: within,
      handle: async ({ ctx, params }) => ({ resource_type_associations: (await associations.list(ctx, params.namespace_name)).map(viewAssociation) }),
    }),
    route({
      method: 'DELETE', path: `${path}/{name}`, rule: rules.REMOVE_METADEF_RESOURCE_TYPE_ASSOCIATION, status: 204, summary: 'Remove resource type association', params: t.object({ namespace_name: segment, name: segment }),
      handle: async ({ ctx, params }) => associations.remove(ctx, params.namespace_name, params.name),
    }),
  ]
}

function objectRoutes(objects: DefinitionManagers['object']): AnyRoute[] {
  const path = `${BELOW}/objects`
  const params = t.object({ namespace_name: segment, object_name: segment })
  return [
    route({
      method: 'POST', path, rule: rules.ADD_METADEF_OBJECT, status: 201, summary: 'Create object', params: within, body: objectBody,
      async handle({ ctx, params: { namespace_name: namespace }, body }) {
        refuseReadOnly(body, READ_ONLY)
        return viewObject(namespace, await objects.create(ctx, namespace, body.name, objectContent(body)))
      },
    }),
    route({
      method: 'GET', path, rule: rules.GET_METADEF_OBJECTS, status: 200, summary: 'List objects', params: within,
      async handle({ ctx, params: { namespace_name: namespace }, url }) {
        const asked = pageOf(url.searchParams)
        const found = await objects.list(ctx, namespace)
        const start = asked.marker === undefined ? 0 : found.findIndex(one => one.name === asked.marker) + 1
        return { objects: found.slice(start, asked.limit === undefined ? undefined : start + asked.limit).map(one => viewObject(namespace, one)), schema: 'v2/schemas/metadefs/objects' }
      },
    }),
    route({
      method: 'GET', path: `${path}/{object_name}`, rule: rules.GET_METADEF_OBJECT, status: 200, summary: 'Show object', params,
      handle: async ({ ctx, params: { namespace_name: namespace, object_name: name } }) => viewObject(namespace, await objects.show(ctx, namespace, name)),
    }),
    route({
      method: 'PUT', path: `${path}/{object_name}`, rule: rules.MODIFY_METADEF_OBJECT, status: 200, summary: 'Update object', params, body: objectBody,
      async handle({ ctx, params: { namespace_name: namespace, object_name: was }, body }) {
        refuseReadOnly(body, READ_ONLY)
        return viewObject(namespace, await objects.update(ctx, namespace, was, { name: body.name, content: objectContent(body) }))
      },
    }),
    route({
      method: 'DELETE', path: `${path}/{object_name}`, rule: rules.DELETE_METADEF_OBJECT, status: 204, summary: 'Delete object', params,
      handle: async ({ ctx, params: { namespace_name: namespace, object_name: name } }) => objects.remove(ctx, namespace, name),
    }),
    route({
      method: 'DELETE', path, rule: rules.DELETE_METADEF_NAMESPACE, status: 204, summary: 'Delete all objects', params: within,
      handle: async ({ ctx, params: { namespace_name: namespace } }) => objects.removeAll(ctx, namespace),
    }),
  ]
}

function pageOf(query: URLSearchParams): { limit: number | undefined, marker: string | undefined } {
  const limit = query.get('limit')
  if (limit !== null && !/^\d{1,9}$/.test(limit)) throw invalid('metadef.query', 'limit param must be an integer')
  if (limit !== null && Number(limit) === 0) throw invalid('metadef.query', 'limit param must be positive')
  return { limit: limit === null ? undefined : Number(limit), marker: query.get('marker') ?? undefined }
}

function propertyRoutes(properties: DefinitionManagers['property']): AnyRoute[] {
  const path = `${BELOW}/properties`
  const params = t.object({ namespace_name: segment, property_name: segment })
  return [
    route({
      method: 'POST', path, rule: rules.ADD_METADEF_PROPERTY, status: 201, summary: 'Create property', params: within, body: propertyBody,
      async handle({ ctx, params: { namespace_name: namespace }, body: { name, ...content } }) {
        refuseReadOnly(content, READ_ONLY_TIMES)
        return viewProperty(await properties.create(ctx, namespace, name, content))
      },
    }),
    route({
      method: 'GET', path, rule: rules.GET_METADEF_PROPERTIES, status: 200, summary: 'List properties', params: within,
      handle: async ({ ctx, params }) => ({ properties: Object.fromEntries((await properties.list(ctx, params.namespace_name)).map(one => [one.name, viewProperty(one)])) }),
    }),
    route({
      method: 'GET', path: `${path}/{property_name}`, rule: rules.GET_METADEF_PROPERTY, status: 200, summary: 'Show property definition', params,
      async handle({ ctx, params: { namespace_name: namespace, property_name: name }, url }) {
        const resourceType = url.searchParams.get('resource_type')
        return viewProperty(resourceType ? await properties.showOn(ctx, namespace, resourceType, name) : await properties.show(ctx, namespace, name))
      },
    }),
    route({
      method: 'PUT', path: `${path}/{property_name}`, rule: rules.MODIFY_METADEF_PROPERTY, status: 200, summary: 'Update property definition', params, body: propertyBody,
      async handle({ ctx, params: { namespace_name: namespace, property_name: was }, body: { name, ...content } }) {
        refuseReadOnly(content, READ_ONLY_TIMES)
        return viewProperty(await properties.update(ctx, namespace, was, { name, content }))
      },
    }),
    route({
      method: 'DELETE', path: `${path}/{property_name}`, rule: rules.REMOVE_METADEF_PROPERTY, status: 204, summary: 'Remove property definition', params,
      handle: async ({ ctx, params: { namespace_name: namespace, property_name: name } }) => properties.remove(ctx, namespace, name),
    }),
    route({
      method: 'DELETE', path, rule: rules.DELETE_METADEF_NAMESPACE, status: 204, summary: 'Remove all property definitions', params: within,
      handle: async ({ ctx, params: { namespace_name: namespace } }) => properties.removeAll(ctx, namespace),
    }),
  ]
}

function tagRoutes(tags: DefinitionManagers['tag'], limits: { otherwise: number, most: number }): AnyRoute[] {
  const path = `${BELOW}/tags`
  const params = t.object({ namespace_name: segment, tag_name: segment })
  return [
    route({
      method: 'POST', path: `${path}/{tag_name}`, rule: rules.ADD_METADEF_TAG, status: 201, summary: 'Create tag definition', params: t.object({ namespace_name: segment, tag_name: ownName }),
      handle: async ({ ctx, params: { namespace_name: namespace, tag_name: name } }) => viewTag(await tags.create(ctx, namespace, name, {})),
    }),
    route({
      method: 'GET', path: `${path}/{tag_name}`, rule: rules.GET_METADEF_TAG, status: 200, summary: 'Get tag definition', params,
      handle: async ({ ctx, params: { namespace_name: namespace, tag_name: name } }) => viewTag(await tags.show(ctx, namespace, name)),
    }),
    route({
      method: 'PUT', path: `${path}/{tag_name}`, rule: rules.MODIFY_METADEF_TAG, status: 200, summary: 'Update tag definition', params, body: tagBody,
      async handle({ ctx, params: { namespace_name: namespace, tag_name: was }, body: { name, ...rest } }) {
        refuseReadOnly(rest, READ_ONLY_TIMES)
        return viewTag(await tags.update(ctx, namespace, was, { name, content: {} }))
      },
    }),
    route({
      method: 'DELETE', path: `${path}/{tag_name}`, rule: rules.DELETE_METADEF_TAG, status: 204, summary: 'Delete tag definition', params,
      handle: async ({ ctx, params: { namespace_name: namespace, tag_name: name } }) => tags.remove(ctx, namespace, name),
    }),
    route({
      method: 'POST', path, rule: rules.ADD_METADEF_TAGS, status: 201, summary: 'Create tags', params: within, body: tagsBody,
      async handle({ ctx, params: { namespace_name: namespace }, body: { tags: wanted, ...rest }, headers }) {
        refuseReadOnly(rest, READ_ONLY_TIMES)
        await tags.createTags(ctx, namespace, wanted.map(tag => tag.name), /^(true|t|1|on|yes|y)$/i.test(headers['x-openstack-append'] ?? ''))
        return { tags: wanted.map(({ name }) => ({ name })) }
      },
    }),
    route({
      method: 'GET', path, rule: rules.GET_METADEF_TAGS, status: 200, summary: 'List tags', params: within,
      handle: async ({ ctx, params, url }) => ({ tags: (await tags.listTags(ctx, params.namespace_name, readMetadefListing(url.searchParams, 'tag', { ...limits, otherwise: limits.most }))).map(({ name }) => ({ name })) }),
    }),
    route({
      method: 'DELETE', path, rule: rules.DELETE_METADEF_NAMESPACE, status: 204, summary: 'Delete all tag definitions', params: within,
      handle: async ({ ctx, params: { namespace_name: namespace } }) => tags.removeAll(ctx, namespace),
    }),
  ]
}

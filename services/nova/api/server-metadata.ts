// /servers/{id}/metadata and /servers/{id}/tags.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { ServerManager } from '../manager/servers.ts'
import { invalid, notFound } from '../model/faults.ts'
import * as rules from '../policy/server-metadata.ts'
import * as tagRules from '../policy/server-tags.ts'
import { metadata, serverId, tag } from './parts.ts'

const item = t.object({ server_id: t.id(), key: t.id() })
const oneTag = t.object({ server_id: t.id(), tag: t.id() })
const whole = t.object({ metadata })
const tags = t.object({ tags: t.array(tag, { max: 50 }) })
const SINCE = [2, 26] as const

/** Routes of metadata and tags. */
export function serverMetadataRoutes(servers: ServerManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/metadata', rule: rules.INDEX, status: 200, summary: 'List All Metadata', params: serverId,
      handle: async ({ ctx, params }) => ({ metadata: await servers.metadata(ctx, rules.INDEX, params.server_id) }),
    }),
    route({
      method: 'POST', path: '/v2.1/servers/{server_id}/metadata', rule: rules.CREATE, status: 200, summary: 'Create or Update Metadata Items', params: serverId, body: whole,
      handle: async ({ ctx, params, body }) => ({ metadata: await servers.metadata(ctx, rules.CREATE, params.server_id, was => ({ ...was, ...body.metadata })) }),
    }),
    route({
      method: 'PUT', path: '/v2.1/servers/{server_id}/metadata', rule: rules.UPDATE_ALL, status: 200, summary: 'Replace Metadata Items', params: serverId, body: whole,
      handle: async ({ ctx, params, body }) => ({ metadata: await servers.metadata(ctx, rules.UPDATE_ALL, params.server_id, () => body.metadata) }),
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/metadata/{key}', rule: rules.SHOW, status: 200, summary: 'Show Metadata Item Details', params: item,
      async handle({ ctx, params }) {
        const value = (await servers.metadata(ctx, rules.SHOW, params.server_id))[params.key]
        if (value === undefined) throw notFound('metadataItem', 'Metadata item was not found')
        return { meta: { [params.key]: value } }
      },
    }),
    route({
      method: 'PUT', path: '/v2.1/servers/{server_id}/metadata/{key}', rule: rules.UPDATE, status: 200, summary: 'Create Or Update Metadata Item', params: item, body: t.object({ meta: metadata }),
      async handle({ ctx, params, body }) {
        if (Object.keys(body.meta).length !== 1 || !(params.key in body.meta)) throw invalid('metadata', 'Request body and URI mismatch')
        await servers.metadata(ctx, rules.UPDATE, params.server_id, was => ({ ...was, ...body.meta }))
        return { meta: body.meta }
      },
    }),
    route({
      method: 'DELETE', path: '/v2.1/servers/{server_id}/metadata/{key}', rule: rules.DELETE, status: 204, summary: 'Delete Metadata Item', params: item,
      async handle({ ctx, params }) {
        await servers.metadata(ctx, rules.DELETE, params.server_id, was => {
          const { [params.key]: gone, ...rest } = was
          if (gone === undefined) throw notFound('metadataItem', 'Metadata item was not found')
          return rest
        })
      },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/tags', rule: tagRules.INDEX, status: 200, summary: 'List Tags', since: SINCE, params: serverId,
      handle: async ({ ctx, params }) => ({ tags: (await servers.tags(ctx, tagRules.INDEX, params.server_id)).tags }),
    }),
    route({
      method: 'PUT', path: '/v2.1/servers/{server_id}/tags', rule: tagRules.UPDATE_ALL, status: 200, summary: 'Replace Tags', since: SINCE, params: serverId, body: tags,
      handle: async ({ ctx, params, body }) => ({ tags: (await servers.tags(ctx, tagRules.UPDATE_ALL, params.server_id, () => body.tags)).tags }),
    }),
    route({
      method: 'DELETE', path: '/v2.1/servers/{server_id}/tags', rule: tagRules.DELETE_ALL, status: 204, summary: 'Delete All Tags', since: SINCE, params: serverId,
      async handle({ ctx, params }) { await servers.tags(ctx, tagRules.DELETE_ALL, params.server_id, () => []) },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/tags/{tag}', rule: tagRules.SHOW, status: 204, summary: 'Check Tag Existence', since: SINCE, params: oneTag,
      async handle({ ctx, params }) {
        if (!(await servers.tags(ctx, tagRules.SHOW, params.server_id)).tags.includes(params.tag)) throw noTag(params)
      },
    }),
    route({
      method: 'PUT', path: '/v2.1/servers/{server_id}/tags/{tag}', rule: tagRules.UPDATE, status: 201, summary: 'Add a Single Tag', since: SINCE, params: t.object({ server_id: t.id(), tag }),
      async handle({ ctx, params }) {
        const { before } = await servers.tags(ctx, tagRules.UPDATE, params.server_id, was => [...was, params.tag])
        return answer(undefined, before.includes(params.tag) ? { status: 204 } : { headers: { location: `${ctx.baseUrl}/v2.1/servers/${params.server_id}/tags/${params.tag}` } })
      },
    }),
    route({
      method: 'DELETE', path: '/v2.1/servers/{server_id}/tags/{tag}', rule: tagRules.DELETE, status: 204, summary: 'Delete a Single Tag', since: SINCE, params: oneTag,
      async handle({ ctx, params }) {
        await servers.tags(ctx, tagRules.DELETE, params.server_id, was => {
          if (!was.includes(params.tag)) throw noTag(params)
          return was.filter(other => other !== params.tag)
        })
      },
    }),
  ]
}

function noTag({ server_id: id, tag: name }: { server_id: string, tag: string }) {
  return notFound('tag', `Server ${id} has no tag '${name}'`)
}

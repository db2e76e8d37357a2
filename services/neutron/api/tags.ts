// Tags: /v2.0/{resource}/{id}/tags.
import { route, t, type AnyRoute } from '@alto/kit/http'
import { tagRules, type TagManager } from '../manager/tags.ts'
import { tags as tagList, text } from '../model/attributes.ts'

const id = t.string({ min: 1, pattern: '^[^\\u0000]*$' })
const byId = t.object({ id })
const byTag = t.object({ id, tag: id })
const document = t.map(t.anything(), { max: 10 })

/** The routes of every taggable resource's tags. */
export function tagRoutes(tags: TagManager): AnyRoute[] {
  return (['networks', 'subnets', 'ports', 'routers', 'floatingips', 'security_groups'] as const).flatMap(table => {
    const path = `/v2.0/${table.replace('_', '-')}/{id}/tags`
    const rules = tagRules(table)
    return [
      route({ method: 'GET', path, rule: rules.get, status: 200, summary: 'Obtain tag list', params: byId, handle: async ({ ctx, params }) => ({ tags: await tags.list(ctx, table, params.id) }) }),
      route({
        method: 'PUT', path, rule: rules.update, status: 200, summary: 'Replace all tags', params: byId, body: document,
        handle: async ({ ctx, params, body }) => ({ tags: await tags.replace(ctx, table, params.id, tagList(body['tags'], 'tags')) }),
      }),
      route({
        method: 'POST', path, rule: rules.update, status: 200, summary: 'Add multiple tags', params: byId, body: document,
        handle: async ({ ctx, params, body }) => ({ tags: await tags.add(ctx, table, params.id, tagList(body['tags'], 'tags')) }),
      }),
      route({ method: 'DELETE', path, rule: rules.remove, status: 204, summary: 'Remove all tags', params: byId, handle: async ({ ctx, params }) => { await tags.clear(ctx, table, params.id) } }),
      route({ method: 'GET', path: `${path}/{tag}`, rule: rules.get, status: 204, summary: 'Confirm a tag', params: byTag, handle: ({ ctx, params }) => tags.confirm(ctx, table, params.id, params.tag) }),
      route({ method: 'PUT', path: `${path}/{tag}`, rule: rules.update, status: 201, summary: 'Add a tag', params: byTag, handle: async ({ ctx, params }) => { await tags.add(ctx, table, params.id, [text()(params.tag, 'tag')]) } }),
      route({ method: 'DELETE', path: `${path}/{tag}`, rule: rules.remove, status: 204, summary: 'Remove a tag', params: byTag, handle: async ({ ctx, params }) => { await tags.remove(ctx, table, params.id, params.tag) } }),
    ]
  })
}

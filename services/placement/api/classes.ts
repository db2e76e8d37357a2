// /resource_classes.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { Context } from '@alto/kit/context'
import type { ClassManager } from '../manager/classes.ts'
import * as rules from '../policy/classes.ts'
import { customName, fresh, pathTo } from './views.ts'

const byName = t.object({ name: t.string() })
const byCustomName = t.object({ name: customName })
const named = t.object({ name: customName })
const SINCE = [1, 2] as const

/** The routes of resource classes. */
export function classRoutes(classes: ClassManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/resource_classes', rule: rules.LIST, status: 200, summary: 'List resource classes', since: SINCE,
      handle: async ({ ctx, version }) => fresh(version, { resource_classes: (await classes.list(ctx)).map(name => view(ctx, name)) }, undefined),
    }),
    route({
      method: 'POST', path: '/resource_classes', rule: rules.CREATE, status: 201, summary: 'Create resource class', since: SINCE, body: named,
      async handle({ ctx, body }) {
        await classes.create(ctx, body.name)
        return answer(undefined, { headers: { location: pathTo(ctx, `resource_classes/${body.name}`) } })
      },
    }),
    route({
      method: 'GET', path: '/resource_classes/{name}', rule: rules.SHOW, status: 200, summary: 'Show resource class', since: SINCE, params: byName,
      async handle({ ctx, params, version }) {
        await classes.show(ctx, params.name)
        return fresh(version, view(ctx, params.name), undefined)
      },
    }),
    route({
      method: 'PUT', path: '/resource_classes/{name}', rule: rules.UPDATE, status: 201, summary: 'Update resource class', since: [1, 7], params: byCustomName,
      async handle({ ctx, params }) {
        const isNew = await classes.put(ctx, params.name)
        return answer(undefined, { status: isNew ? 201 : 204, headers: { location: pathTo(ctx, `resource_classes/${params.name}`) } })
      },
    }),
    route({
      method: 'PUT', path: '/resource_classes/{name}', rule: rules.UPDATE, status: 200, summary: 'Update resource class (microversions 1.2 - 1.6)', since: SINCE, until: [1, 6], params: byName, body: named,
      async handle({ ctx, params, body }) {
        await classes.rename(ctx, params.name, body.name)
        return view(ctx, body.name)
      },
    }),
    route({
      method: 'DELETE', path: '/resource_classes/{name}', rule: rules.REMOVE, status: 204, summary: 'Delete resource class', since: SINCE, params: byName,
      handle: async ({ ctx, params }) => classes.remove(ctx, params.name),
    }),
  ]
}

function view(ctx: Context, name: string) {
  return { name, links: [{ rel: 'self', href: pathTo(ctx, `resource_classes/${name}`) }] }
}

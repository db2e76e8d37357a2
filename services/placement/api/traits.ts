// /traits and /resource_providers/{uuid}/traits.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { ProviderTraits, TraitManager } from '../manager/traits.ts'
import { badQuery } from '../model/faults.ts'
import * as rules from '../policy/traits.ts'
import { byUuid, customName, fresh, pathTo } from './views.ts'

const byName = t.object({ name: t.string() })
const SINCE = [1, 6] as const

/** The routes of traits, and of a provider's. */
export function traitRoutes(traits: TraitManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/traits', rule: rules.LIST, status: 200, summary: 'List traits', since: SINCE, query: t.object({ name: t.optional(t.string({ max: 8192 })), associated: t.optional(t.string()) }),
      handle: async ({ ctx, query, version }) => fresh(version, { traits: await traits.list(ctx, { ...namesIn(query.name), associated: flag(query.associated) }) }, undefined),
    }),
    route({
      method: 'GET', path: '/traits/{name}', rule: rules.SHOW, status: 204, summary: 'Show traits', since: SINCE, params: byName,
      async handle({ ctx, params, version }) {
        await traits.show(ctx, params.name)
        return fresh(version, undefined, undefined)
      },
    }),
    route({
      method: 'PUT', path: '/traits/{name}', rule: rules.UPDATE, status: 201, summary: 'Update traits', since: SINCE, params: t.object({ name: customName }),
      async handle({ ctx, params }) {
        const isNew = await traits.put(ctx, params.name)
        return answer(undefined, { status: isNew ? 201 : 204, headers: { location: pathTo(ctx, `traits/${params.name}`) } })
      },
    }),
    route({ method: 'DELETE', path: '/traits/{name}', rule: rules.REMOVE, status: 204, summary: 'Delete traits', since: SINCE, params: byName, handle: async ({ ctx, params }) => traits.remove(ctx, params.name) }),
    route({
      method: 'GET', path: '/resource_providers/{uuid}/traits', rule: rules.LIST_OF_PROVIDER, status: 200, summary: 'List resource provider traits', since: SINCE, params: byUuid,
      async handle({ ctx, params, version }) {
        const state = await traits.listOfProvider(ctx, params.uuid)
        return fresh(version, view(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'PUT', path: '/resource_providers/{uuid}/traits', rule: rules.UPDATE_OF_PROVIDER, status: 200, summary: 'Update resource provider traits', since: SINCE, params: byUuid,
      body: t.object({ traits: t.array(t.string({ min: 1, pattern: '^[A-Z0-9_]+$' }), { max: 1000 }), resource_provider_generation: t.integer({ min: 0 }) }),
      async handle({ ctx, params, body, version }) {
        const state = await traits.setOfProvider(ctx, params.uuid, body.traits, body.resource_provider_generation)
        return fresh(version, view(state), state.provider.updatedAt)
      },
    }),
    route({
      method: 'DELETE', path: '/resource_providers/{uuid}/traits', rule: rules.REMOVE_OF_PROVIDER, status: 204, summary: 'Delete resource provider traits', since: SINCE, params: byUuid,
      handle: async ({ ctx, params }) => traits.clearProvider(ctx, params.uuid),
    }),
  ]
}

function view({ traits, provider }: ProviderTraits) {
  return { traits, resource_provider_generation: provider.generation }
}

function namesIn(text: string | undefined): { names?: readonly string[], prefix?: string } {
  if (text === undefined) return {}
  if (text.startsWith('in:')) return { names: text.slice(3).split(',') }
  if (text.startsWith('startswith:')) return { prefix: text.slice(11) }
  throw badQuery("Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix].")
}

function flag(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (!['true', 'false'].includes(text.toLowerCase())) throw badQuery('The query parameter "associated" only accepts "true" or "false"')
  return text.toLowerCase() === 'true'
}

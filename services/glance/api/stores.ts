// /v2/info/stores, /v2/stores: which stores there are, and taking an image's bytes out of one.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { StoreManager } from '../manager/stores.ts'
import { DEFAULT } from '../policy/base.ts'
import * as rules from '../policy/locations.ts'

type Facts = Awaited<ReturnType<StoreManager['list']>>[number]

/** The routes of stores. */
export function storeRoutes(stores: StoreManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2/info/stores', rule: DEFAULT, status: 200, summary: 'List stores',
      handle: async ({ ctx }) => ({ stores: (await stores.list(ctx)).map(view) }),
    }),
    route({
      method: 'GET', path: '/v2/info/stores/detail', rule: rules.STORES_INFO_DETAIL, status: 200, summary: 'List stores detail',
      handle: async ({ ctx }) => ({ stores: (await stores.detail(ctx)).map((store, i) => ({ ...view(store, i), type: store.kind, properties: store.properties ?? {}, weight: store.weight ?? 0 })) }),
    }),
    route({
      method: 'DELETE', path: '/v2/stores/{store_id}/{image_id}', rule: rules.DELETE_IMAGE_LOCATION, status: 204, summary: 'Delete image from store',
      params: t.object({ store_id: t.string({ max: 255 }), image_id: t.id() }),
      handle: async ({ ctx, params }) => stores.removeFrom(ctx, params.store_id, params.image_id),
    }),
  ]
}

function view({ id, description, isReadOnly }: Facts, i: number) {
  return { id, ...(description !== undefined && { description }), ...(i === 0 && { default: 'true' }), ...(isReadOnly && { 'read-only': 'true' }) }
}

// What Glance can do: versions, import methods, stores.
import type { Context } from '@alto/kit/context'
import { route, type AnyRoute } from '@alto/kit/http'
import { DEFAULT } from '../policy/base.ts'

/** Import methods that work. */
export const IMPORT_METHODS = ['glance-direct'] as const

/** Minor versions that are served whole; the first is the current one. */
const MINORS = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const

/** The routes by which clients find out. `stores`: ids, the default one first. */
export function discoveryRoutes(stores: readonly string[]): AnyRoute[] {
  return [
    route({ method: 'GET', path: '/', rule: { public: 'clients look here first' }, status: 300, summary: 'List API versions', handle: async ({ ctx }) => versions(ctx) }),
    route({ method: 'GET', path: '/versions', rule: { public: 'clients look here first' }, status: 200, summary: 'List API versions', handle: async ({ ctx }) => versions(ctx) }),
    route({
      method: 'GET', path: '/v2/info/import', rule: DEFAULT, status: 200, summary: 'Import methods and values discovery',
      async handle({ ctx }) {
        ctx.authorize(DEFAULT, {})
        return { 'import-methods': { description: 'Import methods available.', type: 'array', value: IMPORT_METHODS } }
      },
    }),
    route({
      method: 'GET', path: '/v2/info/stores', rule: DEFAULT, status: 200, summary: 'List stores',
      async handle({ ctx }) {
        ctx.authorize(DEFAULT, {})
        return { stores: stores.map((id, i) => ({ id, ...(i === 0 && { default: 'true' }) })) }
      },
    }),
  ]
}

function versions(ctx: Context) {
  return { versions: MINORS.map((minor, i) => ({ id: `v2.${minor}`, status: i === 0 ? 'CURRENT' : 'SUPPORTED', links: [{ rel: 'self', href: `${ctx.baseUrl}/v2/` }] })) }
}

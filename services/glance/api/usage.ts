// /v2/info/usage: what the caller's project has and may have.
import { route, type AnyRoute } from '@alto/kit/http'
import type { LimitManager } from '../manager/limits.ts'
import { DEFAULT } from '../policy/base.ts'

/** The route of usage. */
export function usageRoutes(limits: LimitManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2/info/usage', rule: DEFAULT, status: 200, summary: 'Quota usage',
      handle: async ({ ctx }) => ({ usage: await limits.usage(ctx) }),
    }),
  ]
}

// /quotas.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { QuotaManager } from '../manager/quotas.ts'
import type { Usage } from '../model/quotas.ts'
import * as rules from '../policy/quotas.ts'
import { memberOf } from './collection.ts'

const byProject = t.object({ project_id: t.string({ min: 1, pattern: '^[^\\u0000]*$' }) })

/** The routes of quotas. */
export function quotaRoutes(quotas: QuotaManager): AnyRoute[] {
  const path = '/v2.0/quotas/{project_id}'
  return [
    route({
      method: 'GET', path: '/v2.0/quotas', rule: rules.GET_QUOTA, status: 200, summary: 'List quotas for projects with non-default quota values',
      handle: async ({ ctx }) => ({ quotas: (await quotas.list(ctx)).map(one => ({ ...limits(one.usages), tenant_id: one.projectId, project_id: one.projectId })) }),
    }),
    route({
      method: 'GET', path, rule: rules.GET_QUOTA, status: 200, summary: 'List quotas for a project', params: byProject,
      handle: async ({ ctx, params }) => ({ quota: limits(await quotas.show(ctx, params.project_id)) }),
    }),
    route({
      method: 'PUT', path, rule: rules.UPDATE_QUOTA, status: 200, summary: 'Update quota for a project', params: byProject, body: t.map(t.anything(), { max: 10 }),
      handle: async ({ ctx, params, body }) => ({ quota: limits(await quotas.update(ctx, params.project_id, memberOf(body, 'quota'))) }),
    }),
    route({ method: 'DELETE', path, rule: rules.DELETE_QUOTA, status: 204, summary: 'Reset quota for a project', params: byProject, handle: ({ ctx, params }) => quotas.remove(ctx, params.project_id) }),
    route({
      method: 'GET', path: `${path}/default`, rule: rules.GET_QUOTA, status: 200, summary: 'List default quotas for a project', params: byProject,
      handle: async ({ ctx, params }) => ({ quota: await quotas.defaults(ctx, params.project_id) }),
    }),
    ...['details.json', 'details'].map(name => route({
      method: 'GET', path: `${path}/${name}`, rule: rules.GET_QUOTA, status: 200, summary: 'Show quota details for a project', params: byProject,
      handle: async ({ ctx, params }) => ({ quota: Object.fromEntries((await quotas.show(ctx, params.project_id)).map(({ resource, used, limit }) => [resource, { used, limit, reserved: 0 }])) }),
    })),
  ]
}

function limits(usages: readonly Usage[]): Record<string, number> {
  return Object.fromEntries(usages.map(usage => [usage.resource, usage.limit]))
}

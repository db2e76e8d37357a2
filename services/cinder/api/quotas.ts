// /os-quota-sets, /os-quota-class-sets and /limits.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { QuotaManager, Quotas } from '../manager/quotas.ts'
import * as classRules from '../policy/quota-classes.ts'
import * as rules from '../policy/quotas.ts'
import { byId } from './lists.ts'

const limits = t.map(t.union(t.integer({ min: -1, max: 2_147_483_647 }), t.string({ pattern: '^(-1|[0-9]{1,10})$' }), t.boolean()), { max: 200 })
const NO_LIMITS = new Set(['tenant_id', 'id', 'force', 'class_name'])

/** The routes of quotas and limits. */
export function quotaRoutes(quotas: QuotaManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/os-quota-sets/{id}', rule: rules.SHOW, status: 200, summary: 'Show quotas for a project', params: byId,
      async handle({ ctx, params, url }) {
        const found = await quotas.show(ctx, params.id)
        const withUse = t.asBoolean(url.searchParams.get('usage') ?? 'false')
        return { quota_set: { id: params.id, ...(withUse ? Object.fromEntries([...found].map(([name, { limit, used }]) => [name, { limit, in_use: used, reserved: 0, allocated: 0 }])) : plain(found)) } }
      },
    }),
    route({ method: 'GET', path: '/v3/os-quota-sets/{id}/defaults', rule: rules.SHOW, status: 200, summary: 'Get default quotas for a project', params: byId, handle: async ({ ctx, params }) => ({ quota_set: { id: params.id, ...plain(await quotas.defaults(ctx, params.id)) } }) }),
    route({ method: 'PUT', path: '/v3/os-quota-sets/{id}', rule: rules.UPDATE, status: 200, summary: 'Update quotas for a project', params: byId, body: t.object({ quota_set: limits }), handle: async ({ ctx, params, body }) => ({ quota_set: plain(await quotas.update(ctx, params.id, given(body.quota_set))) }) }),
    route({ method: 'DELETE', path: '/v3/os-quota-sets/{id}', rule: rules.DELETE, status: 200, summary: 'Delete quotas for a project', params: byId, handle: async ({ ctx, params }) => quotas.remove(ctx, params.id) }),
    route({ method: 'GET', path: '/v3/os-quota-class-sets/{id}', rule: classRules.GET, status: 200, summary: 'Show quota classes for a project', params: byId, handle: async ({ ctx, params }) => ({ quota_class_set: { id: params.id, ...plain(await quotas.showClass(ctx)) } }) }),
    route({ method: 'PUT', path: '/v3/os-quota-class-sets/{id}', rule: classRules.UPDATE, status: 200, summary: 'Update quota classes for a project', params: byId, body: t.object({ quota_class_set: limits }), handle: async ({ ctx, body }) => ({ quota_class_set: plain(await quotas.updateClass(ctx, given(body.quota_class_set))) }) }),
    route({
      method: 'GET', path: '/v3/limits', rule: rules.USED_LIMITS, status: 200, summary: 'Show absolute limits for project',
      async handle({ ctx }) {
        const found = await quotas.limits(ctx)
        const of = (name: string) => found.get(name)!
        return { limits: { rate: [], absolute: {
          maxTotalVolumes: of('volumes').limit, maxTotalSnapshots: of('snapshots').limit, maxTotalVolumeGigabytes: of('gigabytes').limit, maxTotalBackups: of('backups').limit, maxTotalBackupGigabytes: of('backup_gigabytes').limit,
          totalVolumesUsed: of('volumes').used, totalSnapshotsUsed: of('snapshots').used, totalGigabytesUsed: of('gigabytes').used, totalBackupsUsed: of('backups').used, totalBackupGigabytesUsed: of('backup_gigabytes').used,
        } } }
      },
    }),
  ]
}

function plain(quotas: Quotas): Record<string, number> {
  return Object.fromEntries([...quotas].map(([name, { limit }]) => [name, limit]))
}

function given(body: Readonly<Record<string, number | string | boolean>>): Record<string, number> {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !NO_LIMITS.has(name)).map(([name, limit]) => [name, Number(limit)]))
}

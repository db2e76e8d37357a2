// /os-services, /scheduler-stats, /os-availability-zone, /extensions.
import { atLeast, route, t, type AnyRoute } from '@alto/kit/http'
import type { ServiceManager } from '../manager/services.ts'
import * as rules from '../policy/services.ts'
import * as volumeRules from '../policy/volumes.ts'
import { time } from './lists.ts'

const GIB = 2 ** 30
/** Every extension is part of the API by now; clients that ask see those whose routes are here. */
const EXTENSIONS = ['os-availability-zone', 'os-quota-sets', 'os-quota-class-sets', 'os-services', 'os-types-extra-specs', 'os-types-manage', 'os-used-limits', 'os-vol-host-attr', 'os-vol-image-meta', 'os-vol-tenant-attr', 'os-volume-actions', 'os-volume-type-access', 'os-admin-actions', 'os-extended-snapshot-attributes', 'scheduler-stats']

/** The routes of hosts, pools and zones; `zone` is the one that all hosts are in. */
export function serviceRoutes(services: ServiceManager, zone: string): AnyRoute[] {
  const switching = (path: string, enabled: boolean, summary: string) => route({
    method: 'PUT', path, rule: rules.UPDATE, status: 200, summary, body: t.open({ host: t.string({ min: 1 }), binary: t.optional(t.string()), service: t.optional(t.string()), disabled_reason: t.optional(t.string({ min: 1 })) }),
    async handle({ ctx, body }) {
      await services.setEnabled(ctx, body.host.split('@')[0]!, enabled, enabled ? null : body.disabled_reason ?? null)
      return { host: body.host, service: body.binary ?? body.service ?? 'cinder-volume', binary: body.binary ?? body.service ?? 'cinder-volume', disabled: !enabled, status: enabled ? 'enabled' : 'disabled', ...(body.disabled_reason !== undefined && !enabled && { disabled_reason: body.disabled_reason }) }
    },
  })
  return [
    route({
      method: 'GET', path: '/v3/os-services', rule: rules.INDEX, status: 200, summary: 'List All Cinder Services', query: t.open({ host: t.optional(t.string()), binary: t.optional(t.string()) }),
      async handle({ ctx, query, version }) {
        const found = (await services.list(ctx)).map(h => ({
          binary: 'cinder-volume', host: `${h.name}@file`, zone, status: h.enabled ? 'enabled' : 'disabled', state: h.up ? 'up' : 'down', updated_at: time(h.seenAt), disabled_reason: h.disabledReason,
          ...(atLeast(version, 3, 7) && { cluster: null }), ...(atLeast(version, 3, 49) && { backend_state: h.up ? 'up' : 'down' }),
        }))
        return { services: found.filter(s => (query.host === undefined || s.host === query.host || s.host.split('@')[0] === query.host) && (query.binary === undefined || s.binary === query.binary)) }
      },
    }),
    switching('/v3/os-services/enable', true, 'Enable a Cinder Service'),
    switching('/v3/os-services/disable', false, 'Disable a Cinder Service'),
    switching('/v3/os-services/disable-log-reason', false, 'Log Disabled Cinder Service Information'),
    route({
      method: 'GET', path: '/v3/scheduler-stats/get_pools', rule: rules.GET_POOLS, status: 200, summary: 'List all back-end storage pools',
      async handle({ ctx, url }) {
        const isDetailed = t.asBoolean(url.searchParams.get('detail') ?? 'false')
        return { pools: (await services.pools(ctx)).map(h => ({ name: `${h.name}@file#file`, ...(isDetailed && { capabilities: {
          volume_backend_name: 'file', storage_protocol: 'file', driver_version: '1.0', vendor_name: 'Altostratus', total_capacity_gb: Math.floor(h.capacity.totalBytes / GIB), free_capacity_gb: Math.floor(h.capacity.freeBytes / GIB),
          reserved_percentage: 0, thin_provisioning_support: true, multiattach: false, QoS_support: false, timestamp: time(h.seenAt),
        } }) })) }
      },
    }),
    route({
      method: 'GET', path: '/v3/os-availability-zone', rule: volumeRules.GET_ALL, status: 200, summary: 'Get availability zone information',
      handle: async ({ ctx }) => ({ availabilityZoneInfo: (await services.zones(ctx)).map(({ name, available }) => ({ zoneName: name, zoneState: { available } })) }),
    }),
    route({
      method: 'GET', path: '/v3/extensions', rule: { public: 'a list that is the same for everybody' }, status: 200, summary: 'List Known API extensions',
      handle: async () => ({ extensions: EXTENSIONS.map(alias => ({ alias, name: alias, description: alias, updated: '2026-01-01T00:00:00+00:00', links: [] })) }),
    }),
  ]
}

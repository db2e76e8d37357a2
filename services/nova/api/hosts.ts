// /os-hypervisors, /os-services, /os-availability-zone.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { Context } from '@alto/kit/context'
import { pageLimit } from '@alto/kit/openstack'
import type { HostManager, HostView } from '../manager/hosts.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/hosts.ts'
import * as serviceRules from '../policy/services.ts'
import * as zoneRules from '../policy/zones.ts'
import { atLeast, naive, nextLink, single, type Version } from './parts.ts'

const ZONED = t.open({})

/** Routes of hypervisors. */
export function hypervisorRoutes(hosts: HostManager): AnyRoute[] {
  async function list(ctx: Context, url: URL, version: Version, detailed: boolean) {
    const all = await hosts.listHypervisors(ctx, detailed)
    const q = url.searchParams
    const named = atLeast(version, 2, 53) ? q.get('hypervisor_hostname_pattern') : null
    const withServers = atLeast(version, 2, 53) && ['true', '1', 'yes', 'on'].includes((q.get('with_servers') ?? '').toLowerCase())
    const limit = pageLimit(atLeast(version, 2, 33) ? q.get('limit') ?? undefined : undefined)
    const matching = named === null ? all : all.filter(({ host }) => host.name.includes(named))
    const marker = atLeast(version, 2, 33) ? q.get('marker') : null
    const start = marker === null ? 0 : matching.findIndex(({ host }) => host.id === marker || String(host.number) === marker) + 1
    if (marker !== null && start === 0) throw invalid('marker.notFound', `marker [${marker}] not found`)
    const page = matching.slice(start, start + limit)
    const last = page.at(-1)?.host
    return {
      hypervisors: page.map(one => detailed ? viewDetail(one, version, withServers) : { ...viewBrief(one, version), ...(withServers && serversOf(one)) }),
      ...(atLeast(version, 2, 33) && nextLink(ctx, 'hypervisors_links', url, { more: start + limit < matching.length, marker: last && (atLeast(version, 2, 53) ? last.id : String(last.number)) })),
    }
  }
  return [
    route({ method: 'GET', path: '/v2.1/os-hypervisors', rule: rules.LIST, status: 200, summary: 'List Hypervisors', query: ZONED, handle: ({ ctx, url, version }) => list(ctx, url, version, false) }),
    route({ method: 'GET', path: '/v2.1/os-hypervisors/detail', rule: rules.LIST_DETAIL, status: 200, summary: 'List Hypervisors Details', query: ZONED, handle: ({ ctx, url, version }) => list(ctx, url, version, true) }),
    route({
      method: 'GET', path: '/v2.1/os-hypervisors/{hypervisor_id}', rule: rules.SHOW, status: 200, summary: 'Show Hypervisor Details', params: t.object({ hypervisor_id: t.id() }), query: ZONED,
      async handle({ ctx, params, url, version }) {
        const withServers = atLeast(version, 2, 53) && ['true', '1', 'yes', 'on'].includes((url.searchParams.get('with_servers') ?? '').toLowerCase())
        return { hypervisor: viewDetail(await hosts.showHypervisor(ctx, params.hypervisor_id), version, withServers) }
      },
    }),
  ]
}

/** Routes of compute services. */
export function serviceRoutes(hosts: HostManager): AnyRoute[] {
  const byHost = t.object({ host: t.string({ min: 1 }), binary: t.string({ min: 1 }), disabled_reason: t.optional(t.string({ min: 1 })), forced_down: t.optional(t.booleanLike()) })
  const legacy = (path: string, change: (body: { disabled_reason?: string, forced_down?: boolean | string }) => Parameters<HostManager['updateService']>[2], since: readonly [number, number] = [2, 1]) => route({
    method: 'PUT', path: `/v2.1/os-services/${path}`, rule: serviceRules.UPDATE, status: 200, summary: `Change a compute service (${path})`, since, until: [2, 52], body: byHost,
    async handle({ ctx, body }) {
      const changed = await hosts.updateService(ctx, { host: body.host }, change(body))
      return { service: { host: body.host, binary: 'nova-compute', ...(path === 'force-down' ? { forced_down: changed.host.forcedDown } : { status: changed.host.disabled ? 'disabled' : 'enabled' }), ...(path === 'disable-log-reason' && { disabled_reason: changed.host.disabledReason }) } }
    },
  })
  return [
    route({
      method: 'GET', path: '/v2.1/os-services', rule: serviceRules.LIST, status: 200, summary: 'List Compute Services', query: ZONED,
      handle: async ({ ctx, url, version }) => ({ services: (await hosts.listServices(ctx, { host: single(url.searchParams.getAll('host')), binary: single(url.searchParams.getAll('binary')) })).map(one => viewService(one, version)) }),
    }),
    legacy('enable', () => ({ disabled: false })),
    legacy('disable', () => ({ disabled: true })),
    legacy('disable-log-reason', body => ({ disabled: true, disabledReason: body.disabled_reason ?? null })),
    legacy('force-down', body => ({ forcedDown: t.asBoolean(body.forced_down ?? false) }), [2, 11]),
    route({
      method: 'PUT', path: '/v2.1/os-services/{service_id}', rule: serviceRules.UPDATE, status: 200, summary: 'Update Compute Service', since: [2, 53], params: t.object({ service_id: t.id() }),
      body: t.object({ status: t.optional(t.oneOf('enabled', 'disabled')), disabled_reason: t.optional(t.string({ min: 1 })), forced_down: t.optional(t.booleanLike()) }),
      async handle({ ctx, params, body, version }) {
        if (body.disabled_reason !== undefined && body.status !== 'disabled') throw invalid('service.reason', 'Specifying disabled_reason when status is not disabled is not allowed.')
        if (body.status === undefined && body.forced_down === undefined) throw invalid('service.nothing', 'No updates were requested. Fields \'status\' or \'forced_down\' should be specified.')
        return { service: viewService(await hosts.updateService(ctx, { id: params.service_id }, {
          ...(body.status !== undefined && { disabled: body.status === 'disabled', disabledReason: body.disabled_reason ?? null }), ...(body.forced_down !== undefined && { forcedDown: t.asBoolean(body.forced_down) }),
        }), version) }
      },
    }),
    route({ method: 'DELETE', path: '/v2.1/os-services/{service_id}', rule: serviceRules.DELETE, status: 204, summary: 'Delete Compute Service', params: t.object({ service_id: t.id() }), handle: async ({ ctx, params }) => hosts.removeService(ctx, params.service_id) }),
  ]
}

/** Routes of availability zones. */
export function zoneRoutes(hosts: HostManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/os-availability-zone', rule: zoneRules.LIST, status: 200, summary: 'Get Availability Zone Information',
      handle: async ({ ctx }) => ({ availabilityZoneInfo: (await hosts.zones(ctx, false)).map(zone => ({ zoneName: zone.name, zoneState: { available: true }, hosts: null })) }),
    }),
    route({
      method: 'GET', path: '/v2.1/os-availability-zone/detail', rule: zoneRules.DETAIL, status: 200, summary: 'Get Detailed Availability Zone Information',
      handle: async ({ ctx }) => ({
        availabilityZoneInfo: (await hosts.zones(ctx, true)).map(zone => ({
          zoneName: zone.name, zoneState: { available: true },
          hosts: Object.fromEntries(zone.hosts.map(({ host, up }) => [host.name, { 'nova-compute': { available: up, active: !host.disabled, updated_at: naive(host.seenAt) } }])),
        })),
      }),
    }),
  ]
}

function viewBrief({ host, up }: HostView, version: Version) {
  return { id: atLeast(version, 2, 53) ? host.id : host.number, hypervisor_hostname: host.name, state: up ? 'up' : 'down', status: host.disabled ? 'disabled' : 'enabled' }
}

function serversOf({ servers }: HostView) {
  return servers.length ? { servers: servers.map(({ id, name }) => ({ uuid: id, name })) } : {}
}

function viewDetail(one: HostView, version: Version, withServers: boolean) {
  const { host, servers } = one
  const r = host.resources
  const sum = (pick: (server: HostView['servers'][number]) => number) => servers.reduce((total, server) => total + pick(server), 0)
  const [vcpusUsed, ramUsed, diskUsed] = [sum(s => s.vcpus), sum(s => s.ramMib), sum(s => s.diskGib)]
  const cpu = { arch: 'x86_64', model: r.cpuModel, vendor: 'unknown', features: [], topology: { cells: 1, sockets: 1, cores: r.vcpus, threads: 1 } }
  return {
    ...viewBrief(one, version), host_ip: '127.0.0.1', hypervisor_type: r.hypervisorType, hypervisor_version: r.hypervisorVersion,
    service: { id: atLeast(version, 2, 53) ? host.serviceId : host.number, host: host.name, disabled_reason: host.disabledReason },
    ...(withServers && serversOf(one)),
    ...(atLeast(version, 2, 88) ? { uptime: null } : {
      vcpus: r.vcpus, vcpus_used: vcpusUsed, memory_mb: r.memoryMib, memory_mb_used: ramUsed, free_ram_mb: r.memoryMib - ramUsed, local_gb: r.diskGib, local_gb_used: diskUsed, free_disk_gb: r.diskGib - diskUsed,
      disk_available_least: r.diskGib - r.usedDiskGib, running_vms: servers.length, current_workload: 0, cpu_info: atLeast(version, 2, 28) ? cpu : JSON.stringify(cpu),
    }),
  }
}

function viewService({ host, up, zone }: HostView, version: Version) {
  return {
    id: atLeast(version, 2, 53) ? host.serviceId : host.number, binary: 'nova-compute', host: host.name, zone, status: host.disabled ? 'disabled' : 'enabled', state: up ? 'up' : 'down', updated_at: naive(host.seenAt),
    disabled_reason: host.disabledReason, ...(atLeast(version, 2, 11) && { forced_down: host.forcedDown }),
  }
}

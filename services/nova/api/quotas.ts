// /limits and /os-quota-sets.
import { route, t, versioned, type AnyRoute } from '@alto/kit/http'
import type { QuotaManager, QuotaView } from '../manager/quotas.ts'
import { COUNTED, NETWORK_RESOURCES, type Limits } from '../model/quotas.ts'
import * as limitRules from '../policy/limits.ts'
import * as rules from '../policy/quotas.ts'
import { atLeast, single, type Version } from './parts.ts'

const byProject = t.object({ tenant_id: t.id() })
const FILES = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'] as const

/** The resources that a version's answers have. */
function resourcesAt(version: Version): string[] {
  return [
    'instances', 'cores', 'ram', 'metadata_items', 'key_pairs', 'server_groups', 'server_group_members',
    ...(atLeast(version, 2, 57) ? [] : FILES), ...(atLeast(version, 2, 36) ? [] : NETWORK_RESOURCES),
  ]
}

function updateBody(minor: number) {
  const amount = t.optional(t.union(t.integer({ min: -1, max: 0x7FFFFFFF }), t.string({ pattern: '^-?[0-9]{1,10}$' })))
  const members = Object.fromEntries([...resourcesAt([2, minor]), ...(minor < 36 ? ['networks'] : [])].map(resource => [resource, amount]))
  return { since: [2, minor] as const, schema: t.object({ quota_set: t.object({ ...members, force: t.optional(t.booleanLike()), tenant_id: t.optional(t.string()) }) }) }
}

/** Routes of quotas and limits. */
export function quotaRoutes(quotas: QuotaManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/limits', rule: limitRules.LIMITS, status: 200, summary: 'Show Rate And Absolute Limits', query: t.open({}),
      handle: async ({ ctx, url, version }) => ({ limits: { rate: [], absolute: absolute(await quotas.limits(ctx, single(url.searchParams.getAll('tenant_id'))), version) } }),
    }),
    route({
      method: 'GET', path: '/v2.1/os-quota-sets/{tenant_id}', rule: rules.SHOW, status: 200, summary: 'Show A Quota', params: byProject, query: t.open({}),
      handle: async ({ ctx, params, version }) => ({ quota_set: { id: params.tenant_id, ...amounts((await quotas.show(ctx, params.tenant_id, false)).limits, version) } }),
    }),
    route({
      method: 'GET', path: '/v2.1/os-quota-sets/{tenant_id}/detail', rule: rules.DETAIL, status: 200, summary: 'Show The Detail of Quota', params: byProject, query: t.open({}),
      async handle({ ctx, params, version }) {
        const { limits, used } = await quotas.show(ctx, params.tenant_id, true)
        return { quota_set: { id: params.tenant_id, ...Object.fromEntries(Object.entries(amounts(limits, version)).map(([resource, limit]) => [resource, { limit, in_use: resource in used ? used[resource as keyof typeof used] : 0, reserved: 0 }])) } }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/os-quota-sets/{tenant_id}/defaults', rule: rules.DEFAULTS, status: 200, summary: 'List Default Quotas For Tenant', params: byProject,
      handle: async ({ ctx, params, version }) => ({ quota_set: { id: params.tenant_id, ...amounts(quotas.defaults(ctx), version) } }),
    }),
    route({
      method: 'PUT', path: '/v2.1/os-quota-sets/{tenant_id}', rule: rules.UPDATE, status: 200, summary: 'Update Quotas', params: byProject, query: t.open({}), body: versioned(updateBody(57), updateBody(36), updateBody(1)),
      async handle({ ctx, params, body, version }) {
        const { force, tenant_id: _project, ...changes } = (body as { quota_set: Record<string, number | string | boolean> }).quota_set
        const numbers = Object.fromEntries(Object.entries(changes).map(([resource, amount]) => [resource, Number(amount)]))
        const { limits } = await quotas.update(ctx, params.tenant_id, numbers, force === undefined ? false : t.asBoolean(force as boolean | string))
        return { quota_set: amounts(limits, version) }
      },
    }),
    route({ method: 'DELETE', path: '/v2.1/os-quota-sets/{tenant_id}', rule: rules.DELETE, status: 202, summary: 'Revert Quotas To Defaults', params: byProject, query: t.open({}), handle: async ({ ctx, params }) => quotas.remove(ctx, params.tenant_id) }),
  ]
}

function amounts(limits: Limits, version: Version): Record<string, number> {
  return Object.fromEntries(resourcesAt(version).map(resource => [resource, resource in limits ? limits[resource as keyof Limits] : -1]))
}

function absolute({ limits, used, serverGroups }: QuotaView, version: Version) {
  const [instances, cores, ram] = COUNTED.map(resource => used[resource])
  return {
    maxTotalInstances: limits.instances, maxTotalCores: limits.cores, maxTotalRAMSize: limits.ram, maxTotalKeypairs: limits.key_pairs, maxServerMeta: limits.metadata_items, maxServerGroups: limits.server_groups, maxServerGroupMembers: limits.server_group_members,
    totalInstancesUsed: instances, totalCoresUsed: cores, totalRAMUsed: ram, totalServerGroupsUsed: serverGroups,
    ...(!atLeast(version, 2, 57) && { maxPersonality: limits.injected_files, maxPersonalitySize: limits.injected_file_content_bytes }),
    ...(!atLeast(version, 2, 39) && { maxImageMeta: limits.metadata_items }),
    ...(!atLeast(version, 2, 36) && { maxTotalFloatingIps: -1, maxSecurityGroups: -1, maxSecurityGroupRules: -1, totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 }),
  }
}

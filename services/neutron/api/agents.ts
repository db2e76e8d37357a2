// /agents, /availability_zones, /network-ip-availabilities.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { AgentManager, AgentWithState, Availability } from '../manager/agents.ts'
import { flag, text } from '../model/attributes.ts'
import * as rules from '../policy/agents.ts'
import { memberOf } from './collection.ts'
import { listQuery, pick } from './queries.ts'

const byId = t.object({ id: t.string({ min: 1, pattern: '^[^\\u0000]*$' }) })

/** The routes of agents, zones and address use. */
export function agentRoutes(agents: AgentManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.0/agents', rule: rules.GET_AGENT, status: 200, summary: 'List all agents',
      async handle({ ctx, url }) {
        const { listing, fields } = listQuery(url)
        const views: Readonly<Record<string, unknown>>[] = (await agents.list(ctx)).map(view)
        const wanted = views.filter(one => [...listing.filters].every(([name, values]) => values.some(value => String(one[name]).toLowerCase() === value.toLowerCase())))
        return { agents: wanted.map(one => pick(one, fields)) }
      },
    }),
    route({ method: 'GET', path: '/v2.0/agents/{id}', rule: rules.GET_AGENT, status: 200, summary: 'Show agent details', params: byId, handle: async ({ ctx, params }) => ({ agent: view(await agents.show(ctx, params.id)) }) }),
    route({
      method: 'PUT', path: '/v2.0/agents/{id}', rule: rules.UPDATE_AGENT, status: 200, summary: 'Update agent', params: byId, body: t.map(t.anything(), { max: 10 }),
      async handle({ ctx, params, body }) {
        const { admin_state_up: up, description } = memberOf(body, 'agent')
        return { agent: view(await agents.update(ctx, params.id, { adminUp: up === undefined ? undefined : flag(up, 'admin_state_up'), description: description === undefined ? undefined : text()(description, 'description') })) }
      },
    }),
    route({ method: 'DELETE', path: '/v2.0/agents/{id}', rule: rules.DELETE_AGENT, status: 204, summary: 'Delete agent', params: byId, handle: ({ ctx, params }) => agents.remove(ctx, params.id) }),
    route({ method: 'GET', path: '/v2.0/availability_zones', rule: rules.GET_AVAILABILITY_ZONE, status: 200, summary: 'List all availability zones', handle: async ({ ctx }) => ({ availability_zones: await agents.zones(ctx) }) }),
    route({
      method: 'GET', path: '/v2.0/network-ip-availabilities', rule: rules.GET_NETWORK_IP_AVAILABILITY, status: 200, summary: 'List network IP availability',
      handle: async ({ ctx, url }) => ({ network_ip_availabilities: (await agents.listAvailability(ctx, listQuery(url).listing)).map(availability) }),
    }),
    route({
      method: 'GET', path: '/v2.0/network-ip-availabilities/{id}', rule: rules.GET_NETWORK_IP_AVAILABILITY, status: 200, summary: 'Show network IP availability', params: byId,
      handle: async ({ ctx, params }) => ({ network_ip_availability: availability(await agents.showAvailability(ctx, params.id)) }),
    }),
  ]
}

function view(a: AgentWithState) {
  const at = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
  return {
    id: a.id, agent_type: a.type, binary: a.binary, host: a.host, topic: 'N/A', availability_zone: a.binary === 'neutron-dhcp-agent' || a.binary === 'neutron-l3-agent' ? 'nova' : null, admin_state_up: a.adminUp,
    alive: a.alive, description: a.description, created_at: at(a.createdAt), started_at: at(a.startedAt), heartbeat_timestamp: at(a.heartbeatAt), configurations: { driver: a.facts.driver, ...(a.facts.tunnelAddress !== undefined && { tunneling_ip: a.facts.tunnelAddress, tunnel_types: ['vxlan'] }) }, resources_synced: null,
  }
}

function availability({ network, subnets }: Availability) {
  const total = subnets.reduce((sum, one) => sum + one.total, 0n)
  return {
    network_id: network.id, network_name: network.name, tenant_id: network.projectId, project_id: network.projectId, total_ips: Number(total), used_ips: subnets.reduce((sum, one) => sum + one.used, 0),
    subnet_ip_availability: subnets.map(({ subnet, total: all, used }) => ({ subnet_id: subnet.id, subnet_name: subnet.name, cidr: subnet.cidr, ip_version: subnet.ipVersion, total_ips: Number(all), used_ips: used })),
  }
}

// Neutron, as a service that plugs servers into networks uses it.
import { isFault } from '../../errors/index.ts'
import type { Caller, RestClient } from '../rest.ts'

export interface Network {
  readonly id: string
  readonly name: string
  readonly project_id: string
  readonly shared: boolean
  readonly 'router:external': boolean
  readonly admin_state_up: boolean
  readonly subnets: readonly string[]
  readonly mtu?: number
  readonly port_security_enabled?: boolean
}

export interface Port {
  readonly id: string
  readonly name: string
  readonly network_id: string
  readonly project_id: string
  readonly mac_address: string
  readonly status: string
  readonly admin_state_up: boolean
  readonly device_id: string
  readonly device_owner: string
  readonly fixed_ips: readonly { readonly subnet_id: string, readonly ip_address: string }[]
  readonly security_groups: readonly string[]
  readonly 'binding:host_id'?: string
  readonly 'binding:vif_type'?: string
  readonly 'binding:vnic_type'?: string
  readonly port_security_enabled?: boolean
}

export interface Subnet {
  readonly id: string
  readonly network_id: string
  readonly cidr: string
  readonly ip_version: 4 | 6
  readonly gateway_ip: string | null
  readonly enable_dhcp: boolean
  readonly dns_nameservers: readonly string[]
  readonly host_routes: readonly { readonly destination: string, readonly nexthop: string }[]
}

export interface SecurityGroup { readonly id: string, readonly name: string, readonly description?: string | null, readonly project_id: string }

export interface FloatingIp { readonly id: string, readonly port_id: string | null, readonly floating_ip_address: string, readonly fixed_ip_address: string | null }

/** What a port may be made with or changed to. */
export type PortInput = Readonly<Record<string, unknown>>

export interface NetworkClient {
  networks(as: Caller, filter: { ids?: readonly string[], projectId?: string, shared?: boolean }): Promise<Network[]>
  subnets(as: Caller, ids: readonly string[]): Promise<Subnet[]>
  securityGroups(as: Caller, projectId: string | undefined, ids?: readonly string[]): Promise<SecurityGroup[]>
  ports(as: Caller, filter: { deviceId?: string, ids?: readonly string[] }): Promise<Port[]>
  /** The port, or undefined. */
  port(as: Caller, id: string): Promise<Port | undefined>
  /** Made once for each key. */
  createPort(as: Caller, port: PortInput, key: string): Promise<Port>
  updatePort(as: Caller, id: string, port: PortInput): Promise<Port>
  /** Repeatable: a port that is gone is gone. */
  deletePort(as: Caller, id: string): Promise<void>
  floatingIps(as: Caller, portIds: readonly string[]): Promise<FloatingIp[]>
}

/** A client of Neutron. */
export function networkClient(rest: RestClient): NetworkClient {
  const list = async <T>(as: Caller, noun: string, filter: Readonly<Record<string, string | readonly string[] | undefined>>): Promise<T[]> => {
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(filter)) for (const one of value === undefined ? [] : [value].flat()) query.append(key, one)
    const { body } = await rest.call({ as, method: 'GET', path: `/v2.0/${noun}${query.size ? `?${query}` : ''}` })
    return (body as Record<string, T[]>)[noun.replaceAll('-', '_')] ?? []
  }
  return {
    networks: (as, { ids, projectId, shared }) => list<Network>(as, 'networks', { id: ids, project_id: projectId, shared: shared === undefined ? undefined : String(shared) }),
    subnets: async (as, ids) => ids.length === 0 ? [] : list<Subnet>(as, 'subnets', { id: ids }),
    securityGroups: (as, projectId, ids) => list<SecurityGroup>(as, 'security-groups', { project_id: projectId, id: ids }),
    ports: (as, { deviceId, ids }) => list<Port>(as, 'ports', { device_id: deviceId, id: ids }),
    async port(as, id) {
      try {
        const { body } = await rest.call({ as, method: 'GET', path: `/v2.0/ports/${id}` })
        return (body as { port: Port }).port
      } catch (error) {
        if (isFault(error) && error.kind === 'notFound') return undefined
        throw error
      }
    },
    async createPort(as, port, key) {
      const { body } = await rest.call({ as, method: 'POST', path: '/v2.0/ports', body: { port }, key })
      return (body as { port: Port }).port
    },
    async updatePort(as, id, port) {
      const { body } = await rest.call({ as, method: 'PUT', path: `/v2.0/ports/${id}`, body: { port } })
      return (body as { port: Port }).port
    },
    async deletePort(as, id) {
      try {
        await rest.call({ as, method: 'DELETE', path: `/v2.0/ports/${id}` })
      } catch (error) {
        if (!isFault(error) || error.kind !== 'notFound') throw error
      }
    },
    floatingIps: async (as, portIds) => portIds.length === 0 ? [] : list<FloatingIp>(as, 'floatingips', { port_id: portIds }),
  }
}

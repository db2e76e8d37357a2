// What a driver is asked to make true on a host: rows joined into whole pictures, so that a driver looks nothing up.
import type { PortFilter } from './filters.ts'

/** A network's bridge. */
export interface BridgePlan {
  readonly networkId: string
  readonly mtu: number
  readonly segment:
    | { readonly kind: 'local' }
    | { readonly kind: 'vxlan', readonly vni: number } & TunnelPlan
    | { readonly kind: 'external', readonly internet: boolean, readonly routed: boolean, readonly gateways: readonly string[] }     // `172.24.4.1/24`: held by the machine
}

/** What a network's tunnels carry where; addresses are hosts' tunnel addresses, IPv4. */
export interface TunnelPlan {
  /** All other hosts that have the network: what is for everybody, or for nobody known, goes to each of them. */
  readonly peers: readonly string[]
  /** Where each MAC that is on one other host, and on no port of this one, is. */
  readonly forwarding: readonly { readonly mac: string, readonly to: string }[]
}

/** A guest's port: a tap for its hypervisor, filters first. No filter: port security is off. */
export interface PortPlan {
  readonly portId: string
  readonly networkId: string
  readonly mtu: number
  readonly adminUp: boolean
  readonly filter?: PortFilter
}

/** A network's DHCP, DNS and metadata on one of its own ports. */
export interface DhcpPlan {
  readonly networkId: string
  readonly mtu: number
  readonly link: LinkPlan
  readonly subnets: readonly DhcpSubnet[]
  readonly hosts: readonly DhcpHost[]
}

/** A subnet that is served. `routes` include all but the default route. */
export interface DhcpSubnet {
  readonly subnetId: string
  readonly cidr: string
  readonly gateway?: string
  readonly dns: readonly string[]
  readonly routes: readonly { readonly destination: string, readonly nexthop: string }[]
}

/** An address that is kept for a port. */
export interface DhcpHost {
  readonly portId: string
  readonly subnetId: string
  readonly mac: string
  readonly address: string
  readonly name: string
  readonly options: readonly { readonly name: string, readonly value: string }[]
}

/** An end of a port inside a namespace of ours; addresses as `10.0.0.1/24`. */
export interface LinkPlan {
  readonly portId: string
  readonly networkId: string
  readonly mac: string
  readonly mtu: number
  readonly addresses: readonly string[]
}

/** A router with all that hangs on it. */
export interface RouterPlan {
  readonly routerId: string
  readonly interfaces: readonly LinkPlan[]
  readonly gateway?: { readonly link: LinkPlan, readonly nexthops: readonly string[], readonly snat: boolean }
  readonly routes: readonly { readonly destination: string, readonly nexthop: string }[]
  readonly floatingIps: readonly { readonly address: string, readonly fixedAddress: string }[]
}

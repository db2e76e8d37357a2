// What Neutron's controller and the agent on each network and compute host promise each other.
// The controller never orders: it keeps rows that say what should be true on a host, and rings. The agent reads the rows that changed,
// makes them true however often it is asked and wherever it was interrupted, and reports what it sees. Absence orders nothing: only a
// tombstone destroys. Names on a host follow from ids as upstream's do: port P is tap `tap` + the first 11 characters of P.
import { contract } from '@alto/kit/rpc'

/** What the agent on each host answers to. */
export interface NetworkAgent {
  /** Something about this changed: look at the desired rows. Lost or repeated: harmless. */
  look(req: { kind: WantedKind, id: string, generation: number }): Promise<void>
  /** Everything on this host that carries the cloud's mark, with the id of the row it belongs to. */
  audit(req: Record<string, never>): Promise<{ things: readonly MarkedNetworkThing[] }>
  /** Removes what `audit` named for an id that no row wants. Fault conflict `neutron.agent.wanted` when a row does. */
  removeOrphan(req: { kind: WantedKind, id: string }): Promise<void>
}

/** What Neutron answers to its agents. */
export interface NetworkControl {
  /**
   * The rows that concern `host` and changed since `cursor` (0: all of them), and tombstones. A row concerns a host when a port of its network is
   * bound there, or it serves the network's DHCP or the router. All ports of a network that the host serves travel, wherever they are bound: they
   * are its DHCP reservations, and tell which host a frame goes to. A tombstone is repeated until it was reported `gone` at its generation.
   */
  desired(req: { host: string, incarnation: string, cursor: number }): Promise<DesiredNetworking>
  /** What the agent found. Repeated: harmless; a lower generation than was already reported is ignored. */
  report(req: { host: string, kind: WantedKind, id: string, generation: number, epoch: number, observed: ObservedNetworking }): Promise<void>
  /** The host lives. `databaseEpoch` never falls: an agent refuses a controller whose database is older than one that it has seen. */
  heartbeat(req: { host: string, incarnation: string, facts: NetworkHostFacts }): Promise<{ databaseEpoch: number }>
}

export type WantedKind = 'network' | 'port' | 'router'

export interface DesiredNetworking {
  readonly networks: readonly WantedNetwork[]
  readonly ports: readonly WantedNetworkPort[]
  readonly routers: readonly WantedRouter[]
  readonly tombstones: readonly NetworkTombstone[]
  readonly cursor: number
  readonly databaseEpoch: number
}

/** Common to all rows. A row with a lower epoch than the agent has seen for its id is refused. */
interface Versioned {
  readonly id: string
  /** Grows with every change of this row. */
  readonly generation: number
  /** Of the lease that wrote the row. */
  readonly epoch: number
}

/** A network with its subnets; a change to a subnet is a change to its network. */
export interface WantedNetwork extends Versioned {
  readonly projectId: string
  /** Bytes; what guests are told and every interface gets. */
  readonly mtu: number
  readonly segment: WantedSegment
  readonly subnets: readonly WantedSubnet[]
  /** The port (owner `network:dhcp`, on this host) that DHCP and metadata are served from; none: this host does not serve them. */
  readonly dhcpPortId?: string
}

/** `local`: this host only. `vxlan`: tunnels between hosts. `external`: leads out to the machine, which holds the subnets' gateway addresses. */
export type WantedSegment =
  | { readonly kind: 'local' }
  /** `vni`: 1 … 16777215. `peers` (since 1.1): the other hosts that have the network; broadcasts go to each of them, and nobody else is listened to. */
  | { readonly kind: 'vxlan', readonly vni: number, readonly peers?: readonly TunnelPeer[] }
  /**
   * `internet`: the machine masquerades what leaves for the world; else only replies and ICMP echo come past it. `routed` (since 1.2): it passes on what
   * others, but other external networks, send to the network's addresses; false when not given.
   */
  | { readonly kind: 'external', readonly internet: boolean, readonly routed?: boolean }

/** Another host that has a port of the network: a port's `host` names it, frames for that port's MAC go to the address. */
export interface TunnelPeer {
  readonly host: string
  /** IPv4. A change of it, or of which hosts have the network, is a change to the network's row on all the others. */
  readonly address: string
}

export interface WantedSubnet {
  readonly id: string
  readonly cidr: string
  readonly gateway?: string
  readonly dhcp: boolean
  readonly dns: readonly string[]
  readonly hostRoutes: readonly { readonly destination: string, readonly nexthop: string }[]
}

export interface WantedNetworkPort extends Versioned {
  readonly networkId: string
  readonly projectId: string
  /** Where it is bound; none: nowhere yet. */
  readonly host?: string
  readonly mac: string
  readonly fixedIps: readonly { readonly subnetId: string, readonly address: string }[]
  /** `compute:nova`, `network:dhcp`, `network:router_interface`, `network:router_gateway`, `network:floatingip`, … or ''. */
  readonly deviceOwner: string
  readonly deviceId: string
  readonly adminUp: boolean
  /** False: nothing is filtered. */
  readonly portSecurity: boolean
  /** The rules of its security groups, remote groups already turned into prefixes. What no rule allows is dropped. */
  readonly rules: readonly WantedPacketRule[]
  readonly allowedAddressPairs: readonly { readonly mac: string, readonly prefix: string }[]
  /** The host name that DNS on the network gives it. */
  readonly dnsName?: string
  readonly dhcpOptions: readonly { readonly name: string, readonly value: string, readonly version: 4 | 6 }[]
}

/** A packet that may pass, and the connection it opens. */
export interface WantedPacketRule {
  readonly direction: 'ingress' | 'egress'
  readonly version: 4 | 6
  /** IP protocol number; none: any. */
  readonly protocol?: number
  /** First and last destination port (TCP, UDP, SCTP, UDP-Lite, DCCP). */
  readonly ports?: readonly [number, number]
  /** ICMP type, and code when one is meant. */
  readonly icmp?: { readonly type: number, readonly code?: number }
  /** The far side; none: anybody; empty: nobody (a remote group without members). */
  readonly prefixes?: readonly string[]
}

export interface WantedRouter extends Versioned {
  readonly projectId: string
  readonly adminUp: boolean
  /** Ports of owner `network:router_interface`. */
  readonly interfacePortIds: readonly string[]
  readonly gateway?: { readonly portId: string, readonly snat: boolean }
  readonly routes: readonly { readonly destination: string, readonly nexthop: string }[]
  readonly floatingIps: readonly { readonly id: string, readonly address: string, readonly fixedAddress: string }[]
}

/** Something to take away from a host. */
export interface NetworkTombstone extends Versioned {
  readonly kind: WantedKind
}

/** What the agent sees. `active`: all that this generation of the row wants is so. `down`: it is not wanted here, or administratively down. */
export interface ObservedNetworking {
  readonly status: 'active' | 'down' | 'error' | 'gone'
  /** Why it is in error; fit for users. It is tried again. */
  readonly reason?: string
}

export interface NetworkHostFacts {
  /** `linux` or `fake`. */
  readonly driver: string
  /** Segment kinds that work on this host; `vxlan` only when it has a tunnel address. */
  readonly segments: readonly WantedSegment['kind'][]
  /** Prefixes that the machine uses already, from its routes: an external subnet that overlaps one cannot lead out. */
  readonly takenPrefixes: readonly string[]
  /** Since 1.1: the IPv4 address that other hosts' tunnels reach this host at; none: its networks stay on this host. */
  readonly tunnelAddress?: string
  /** Since 1.1: whether DHCP and routers may be placed here; true when not said. */
  readonly gateway?: boolean
}

/** Something on a host that carries the cloud's mark; `id` is what its name tells of the row: whole for namespaces, the first characters for links, '' for none. */
export interface MarkedNetworkThing {
  readonly kind: 'namespace' | 'link' | 'table' | 'process' | 'file'
  /** Where it is: a namespace, or '' for the machine itself. */
  readonly place: string
  readonly name: string
  readonly belongsTo: { readonly kind: WantedKind, readonly id: string } | { readonly kind: 'cloud' }
}

export const networkAgent = contract<NetworkAgent>('network-agent', '1.0', {
  look: { kind: 'cast', since: '1.0' },
  audit: { kind: 'call', since: '1.0' },
  removeOrphan: { kind: 'call', since: '1.0' },
})

export const networkControl = contract<NetworkControl>('network-control', '1.2', {
  desired: { kind: 'call', since: '1.0' },
  report: { kind: 'call', since: '1.0' },
  heartbeat: { kind: 'call', since: '1.0' },
})

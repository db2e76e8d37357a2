// What makes networks on a host: the seam between the agent and the fake, the Linux kernel or another engine.
// Every call states the whole picture of one thing and may be repeated; a remove of what is not there is harmless.
// Every failure is a thrown Fault or Error, and leaves what was there before or a part of the new: the next call mends it.
import type { Socket } from 'node:net'
import type { BridgePlan, DhcpPlan, PortPlan, RouterPlan } from '../model/plans.ts'

/** Where a metadata request came in: the listener's network or router, and the guest's address there. */
export interface MetadataOrigin {
  readonly networkId?: string
  readonly routerId?: string
  readonly address: string
}

/** Takes a connection that a guest opened to 169.254.169.254:80. */
export type MetadataListener = (origin: MetadataOrigin, socket: Socket) => void

/** Something on the host that carries the cloud's mark; the contract's MarkedNetworkThing. */
export interface MarkedThing {
  readonly kind: 'namespace' | 'link' | 'table' | 'process' | 'file'
  readonly place: string
  readonly name: string
  readonly belongsTo: { readonly kind: 'network' | 'port' | 'router', readonly id: string } | { readonly kind: 'cloud' }
}

/** Networks on one host. */
export interface NetworkDriver {
  /** `linux` or `fake`. */
  readonly kind: string
  /** `vxlan` only with a tunnel address and a kernel that can. */
  readonly segments: readonly BridgePlan['segment']['kind'][]
  /** IPv4: where other hosts' tunnels reach this one. None: no VXLAN here. */
  readonly tunnelAddress?: string
  /** Prefixes that the machine itself routes: an external network must not overlap one. */
  takenPrefixes(): Promise<string[]>
  /**
   * The network's bridge; for an external one the way out, for a VXLAN one its tunnels with all that they carry where.
   * Fault('conflict', 'neutron.external.prefixTaken') when the machine uses the prefix otherwise; Fault('conflict', 'neutron.tunnel.mtu' | 'neutron.tunnel.address')
   * when the network's packets do not fit the tunnels, or the machine does not have the tunnel address.
   */
  applyBridge(plan: BridgePlan): Promise<void>
  /**
   * Guests' taps with their filters, all in one transaction; each one's bridge must be there. The first call after the driver was made begins the
   * filters anew: it names every port of the host, for what it does not name is shut.
   */
  applyPorts(plans: readonly PortPlan[]): Promise<void>
  /** DHCP, names and metadata of a network. */
  applyDhcp(plan: DhcpPlan): Promise<void>
  applyRouter(plan: RouterPlan): Promise<void>
  removePort(portId: string): Promise<void>
  removeDhcp(networkId: string): Promise<void>
  removeRouter(routerId: string): Promise<void>
  /** The bridge, its way out and its DHCP. Ports still on it lose their network, not their taps. */
  removeBridge(networkId: string): Promise<void>
  /** Networks whose DHCP was applied and has died since: to be applied again. Cheap: it is asked every few seconds. */
  ailing(): Promise<string[]>
  /** Everything on the host with the cloud's mark, wanted or not. */
  inventory(): Promise<MarkedThing[]>
  /** Lets go of listeners and helpers; what was made stays and works, metadata apart. */
  close(): Promise<void>
}

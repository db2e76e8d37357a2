// From the controller's rows to the driver's plans. Pure: the agent's whole understanding of the contract is here.
import type { WantedNetwork, WantedNetworkPort, WantedRouter } from '@alto/contracts/network-agent'
import { parsePrefix } from '../model/addresses.ts'
import type { BridgePlan, DhcpPlan, LinkPlan, PortPlan, RouterPlan } from '../model/plans.ts'
import { forwardingOf } from '../model/tunnels.ts'

/** True for ports that are ends inside namespaces of ours, or no ends at all: they get no tap for a hypervisor. */
export function isOurs(port: WantedNetworkPort): boolean {
  return port.deviceOwner.startsWith('network:')
}

/** True when a hypervisor on `host` is to find a tap for this port. */
export function hasTap(port: WantedNetworkPort, host: string): boolean {
  return port.host === host && !isOurs(port)
}

/** The network's bridge; an external network's gateway addresses are the machine's, and the tunnels of one between hosts know where its `ports` are. */
export function bridgePlan(network: WantedNetwork, ports: readonly WantedNetworkPort[]): BridgePlan {
  return { networkId: network.id, mtu: network.mtu, segment: segmentPlan(network, ports) }
}

function segmentPlan({ segment, subnets }: WantedNetwork, ports: readonly WantedNetworkPort[]): BridgePlan['segment'] {
  if (segment.kind === 'local') return segment
  if (segment.kind === 'external') return { ...segment, routed: segment.routed ?? false, gateways: subnets.flatMap(subnet => subnet.gateway === undefined ? [] : [`${subnet.gateway}/${parsePrefix(subnet.cidr).length}`]) }
  const peers = new Map((segment.peers ?? []).map(peer => [peer.host, peer.address]))
  return { kind: 'vxlan', vni: segment.vni, peers: [...new Set(peers.values())].toSorted(), forwarding: forwardingOf(ports.map(placeOf), peers) }
}

function placeOf(port: WantedNetworkPort): { host?: string, macs: readonly string[] } {
  return { ...(port.host !== undefined && { host: port.host }), macs: [...new Set([port.mac, ...port.allowedAddressPairs.map(pair => pair.mac)])] }
}

/** A guest's port. */
export function portPlan(port: WantedNetworkPort, network: WantedNetwork): PortPlan {
  const sources = [...port.fixedIps.map(ip => ({ mac: port.mac, prefix: ip.address })), ...port.allowedAddressPairs]
  return {
    portId: port.id, networkId: network.id, mtu: network.mtu, adminUp: port.adminUp,
    ...(port.portSecurity && { filter: { mac: port.mac, sources, rules: port.rules } }),
  }
}

/** The network's DHCP from `dhcpPort`, with a reservation for every other port. */
export function dhcpPlan(network: WantedNetwork, dhcpPort: WantedNetworkPort, ports: readonly WantedNetworkPort[]): DhcpPlan {
  const served = network.subnets.filter(subnet => subnet.dhcp)
  const hosts = ports.filter(port => port.id !== dhcpPort.id && port.deviceOwner !== 'network:floatingip').flatMap(port => port.fixedIps.map(ip => ({
    portId: port.id, subnetId: ip.subnetId, mac: port.mac, address: ip.address, name: port.dnsName || `host-${ip.address.replaceAll(/[.:]+/g, '-')}`,
    options: ip.address.includes(':') ? [] : port.dhcpOptions.filter(option => option.version === 4).map(({ name, value }) => ({ name, value })),
  })))
  return {
    networkId: network.id, mtu: network.mtu, link: linkPlan(dhcpPort, network),
    subnets: served.map(subnet => ({
      subnetId: subnet.id, cidr: subnet.cidr, dns: subnet.dns, routes: subnet.hostRoutes, ...(subnet.gateway !== undefined && { gateway: subnet.gateway }),
    })),
    hosts: hosts.toSorted((a, b) => a.address < b.address ? -1 : 1),
  }
}

/** The router, or what it still waits for: a row that has not come yet. */
export function routerPlan(router: WantedRouter, ports: ReadonlyMap<string, WantedNetworkPort>, networks: ReadonlyMap<string, WantedNetwork>): RouterPlan | { waitsFor: string } {
  const links = new Map<string, LinkPlan>()
  for (const portId of [...router.interfacePortIds, ...(router.gateway ? [router.gateway.portId] : [])]) {
    const port = ports.get(portId)
    const network = port && networks.get(port.networkId)
    if (!network) return { waitsFor: port ? `network ${port.networkId}` : `port ${portId}` }
    links.set(portId, linkPlan(port, network))
  }
  return {
    routerId: router.id, interfaces: router.interfacePortIds.map(id => links.get(id)!), routes: router.routes,
    floatingIps: router.floatingIps.map(({ address, fixedAddress }) => ({ address, fixedAddress })),
    ...(router.gateway && { gateway: { link: links.get(router.gateway.portId)!, snat: router.gateway.snat, nexthops: nexthops(ports.get(router.gateway.portId)!, networks) } }),
  }
}

function linkPlan(port: WantedNetworkPort, network: WantedNetwork): LinkPlan {
  const lengths = new Map(network.subnets.map(subnet => [subnet.id, parsePrefix(subnet.cidr).length]))
  const addresses = port.fixedIps.flatMap(ip => lengths.has(ip.subnetId) ? [`${ip.address}/${lengths.get(ip.subnetId)!}`] : [])
  return { portId: port.id, networkId: network.id, mac: port.mac, mtu: network.mtu, addresses }
}

function nexthops(port: WantedNetworkPort, networks: ReadonlyMap<string, WantedNetwork>): string[] {
  const own = new Set(port.fixedIps.map(ip => ip.subnetId))
  return networks.get(port.networkId)!.subnets.flatMap(subnet => own.has(subnet.id) && subnet.gateway !== undefined ? [subnet.gateway] : [])
}

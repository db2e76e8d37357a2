// From the rows to what an agent is to make true: remote groups become prefixes, subnets join their networks, floating IPs their routers.
// A handful of statements, however many rows are asked for.
import type { TunnelPeer, WantedNetwork, WantedNetworkPort, WantedRouter, WantedSegment } from '@alto/contracts/network-agent'
import type { Network } from '../model/networks.ts'
import { expandRules, type SecurityGroupRule as PacketSource } from '../model/packet-rules.ts'
import { ROUTER_INTERFACE, type Port } from '../model/ports.ts'
import { versionOf, type SecurityGroupRule } from '../model/security-groups.ts'
import type { Subnet } from '../model/subnets.ts'
import * as agents from '../store/agents.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as routers from '../store/routers.ts'
import * as securityGroups from '../store/security-groups.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'

/** Ids of rows with the generation that each is told under. */
export type Generations = ReadonlyMap<string, number>

/** What the answers have in common: epochs, and what the host can do. */
export interface Answering {
  readonly host: string
  readonly epoch: number
  /** Segment kinds that work on the host. */
  readonly segments: readonly string[]
  /** What external networks are open to. */
  readonly external: External
}

type External = Pick<WantedSegment & { kind: 'external' }, 'internet' | 'routed'>

/** The networks of the ids, for one host. */
export async function wantedNetworks(tx: Tx, asked: Generations, { host, epoch, segments, external }: Answering): Promise<WantedNetwork[]> {
  const ids = [...asked.keys()]
  const found = await networks.findAll(tx, ids)
  const bySubnet = Map.groupBy(await subnets.listOn(tx, ids), subnet => subnet.networkId)
  const dhcp = await ports.dhcpPortIds(tx, ids, host)
  const peers = segments.includes('vxlan') ? await peersOf(tx, ids, host) : new Map<string, readonly TunnelPeer[]>()
  return [...found.values()].map(network => {
    const dhcpPortId = dhcp.get(network.id)
    return {
      id: network.id, generation: asked.get(network.id)!, epoch, projectId: network.projectId, mtu: network.mtu, segment: segmentOf(network, { segments, external }, peers.get(network.id) ?? []),
      subnets: (bySubnet.get(network.id) ?? []).map(wantedSubnet), ...(dhcpPortId !== undefined && { dhcpPortId }),
    }
  })
}

/** The ports of the ids. Rules are worked out only for ports that are bound on the host: elsewhere they are reservations. */
export async function wantedPorts(tx: Tx, asked: Generations, { host, epoch }: Answering): Promise<WantedNetworkPort[]> {
  const found = await ports.findAll(tx, [...asked.keys()])
  const filtered = found.filter(port => port.bindingHost === host && port.portSecurity)
  const rules = await securityGroups.listRules(tx, [...new Set(filtered.flatMap(port => port.securityGroups))])
  const members = await securityGroups.membersOf(tx, [...new Set(rules.flatMap(rule => rule.remoteGroupId ?? []))])
  const byGroup = Map.groupBy(rules, rule => rule.securityGroupId)
  return found.map(port => ({
    id: port.id, generation: asked.get(port.id)!, epoch, networkId: port.networkId, projectId: port.projectId, ...(port.bindingHost !== '' && { host: port.bindingHost }), mac: port.mac,
    fixedIps: port.fixedIps, deviceOwner: port.deviceOwner, deviceId: port.deviceId, adminUp: port.adminUp, portSecurity: port.portSecurity, rules: filtered.includes(port) ? packetRules(port, byGroup, members) : [],
    allowedAddressPairs: port.allowedAddressPairs.map(pair => ({ mac: pair.mac_address, prefix: pair.ip_address })), ...(port.dnsName !== '' && { dnsName: port.dnsName }),
    dhcpOptions: port.extraDhcpOptions.map(option => ({ name: option.opt_name, value: option.opt_value, version: option.ip_version })),
  }))
}

/** The routers of the ids. */
export async function wantedRouters(tx: Tx, asked: Generations, { epoch }: Answering): Promise<WantedRouter[]> {
  const ids = [...asked.keys()]
  const found = await routers.findAll(tx, ids)
  const interfaces = Map.groupBy(await ports.listOfDevices(tx, ids, ROUTER_INTERFACE), port => port.deviceId)
  const addresses = Map.groupBy(await floatingIps.listOfRouters(tx, ids), one => one.routerId!)
  return found.map(router => ({
    id: router.id, generation: asked.get(router.id)!, epoch, projectId: router.projectId, adminUp: router.adminUp, interfacePortIds: (interfaces.get(router.id) ?? []).map(port => port.id),
    ...(router.gatewayPortId !== null && { gateway: { portId: router.gatewayPortId, snat: router.enableSnat } }), routes: router.routes,
    floatingIps: (addresses.get(router.id) ?? []).flatMap(one => one.fixedIpAddress === null ? [] : [{ id: one.id, address: one.floatingIpAddress, fixedAddress: one.fixedIpAddress }]),
  }))
}

async function peersOf(tx: Tx, ids: readonly string[], host: string): Promise<ReadonlyMap<string, readonly TunnelPeer[]>> {
  const hosts = await hostRows.hostsOfNetworks(tx, ids)
  const addresses = await agents.tunnelAddresses(tx, [...new Set([...hosts.values()].flat())].filter(other => other !== host))
  return new Map([...hosts].map(([id, on]) => [id, on.flatMap(other => addresses.has(other) ? [{ host: other, address: addresses.get(other)! }] : [])]))
}

function segmentOf(network: Network, { segments, external }: Pick<Answering, 'segments' | 'external'>, peers: readonly TunnelPeer[]): WantedSegment {
  if (network.external) return { kind: 'external', ...external }
  if (network.networkType === 'vxlan' && network.segmentationId !== null && segments.includes('vxlan')) return { kind: 'vxlan', vni: network.segmentationId, peers }
  return { kind: 'local' }
}

function wantedSubnet(subnet: Subnet): WantedNetwork['subnets'][number] {
  return { id: subnet.id, cidr: subnet.cidr, ...(subnet.gatewayIp !== null && { gateway: subnet.gatewayIp }), dhcp: subnet.enableDhcp, dns: subnet.dns, hostRoutes: subnet.hostRoutes }
}

function packetRules(port: Port, byGroup: ReadonlyMap<string, readonly SecurityGroupRule[]>, members: ReadonlyMap<string, readonly string[]>): WantedNetworkPort['rules'] {
  const sources: PacketSource[] = port.securityGroups.flatMap(id => byGroup.get(id) ?? []).map(rule => ({
    direction: rule.direction, version: versionOf(rule.ethertype), protocol: rule.protocol, portRangeMin: rule.portRangeMin, portRangeMax: rule.portRangeMax,
    remoteIpPrefix: rule.remoteIpPrefix, remoteGroupId: rule.remoteGroupId, remoteAddressGroupId: null,
  }))
  return expandRules(sources, id => members.get(id) ?? [])
}

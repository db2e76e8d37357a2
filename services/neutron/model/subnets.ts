// Subnets: prefixes on a network, the pools that ports' addresses come from, and which of them contradict themselves.
import { defaultPools, formatAddress, holds, lastOf, overlaps, parseAddress, parsePrefix, plus, prefixOf, type IpVersion } from './addresses.ts'
import { attribute, cidr, flag, integer, invalid, ipAddress, listOf, oneOf, orNull, record, tags, text, uuid, type Input } from './attributes.ts'
import { badRequest, invalidInput, neutronFault } from './faults.ts'
import type { Standard } from './standard.ts'

/** From the first to the last address. */
export interface AddressRange {
  readonly start: string
  readonly end: string
}

export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless'

/** A subnet. */
export interface Subnet extends Standard {
  readonly networkId: string
  readonly name: string
  readonly ipVersion: IpVersion
  readonly cidr: string
  readonly gatewayIp: string | null
  readonly enableDhcp: boolean
  readonly ipv6AddressMode: Ipv6Mode | null
  readonly ipv6RaMode: Ipv6Mode | null
  readonly pools: readonly AddressRange[]
  readonly dns: readonly string[]
  readonly hostRoutes: readonly { readonly destination: string, readonly nexthop: string }[]
  readonly serviceTypes: readonly string[]
}

/** A destination and the router on the way to it. */
export function route(value: unknown, name: string): { destination: string, nexthop: string } {
  const { destination, nexthop } = record({ destination: cidr, nexthop: ipAddress })(value, name)
  if (destination === undefined || nexthop === undefined) throw invalid(name, 'a route has a destination and a nexthop')
  return { destination, nexthop }
}

function pool(value: unknown, name: string): AddressRange {
  const { start, end } = record({ start: ipAddress, end: ipAddress })(value, name)
  if (start === undefined || end === undefined) throw invalid(name, 'an allocation pool has a start and an end')
  return { start, end }
}

/** Where no guest can have its address. */
const SPECIAL = [['Loopback', '127.0.0.0/8'], ['Loopback', '::1/128'], ['Multicast', '224.0.0.0/4'], ['Multicast', 'ff00::/8']].map(([name, cidr]) => ({ name, prefix: parsePrefix(cidr!) }))

const MODES = oneOf('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless')

/** A subnet's attributes on the wire. */
export const SUBNET_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  network_id: attribute(uuid, { required: true, fixed: true }), name: attribute(text(), { default: '' }), description: attribute(text()),
  ip_version: attribute(integer(4, 6), { fixed: true }), cidr: attribute(cidr, { fixed: true }), gateway_ip: attribute(orNull(ipAddress)),
  enable_dhcp: attribute(flag, { default: true }), ipv6_address_mode: attribute(orNull(MODES), { fixed: true }), ipv6_ra_mode: attribute(orNull(MODES), { fixed: true }),
  allocation_pools: attribute(orNull(listOf(pool, 100))), dns_nameservers: attribute(orNull(listOf(ipAddress, 5))), host_routes: attribute(orNull(listOf(route, 20))),
  service_types: attribute(listOf(text(255), 20)), tags: attribute(tags, { fixed: true }), dns_publish_fixed_ip: attribute(flag), subnetpool_id: attribute(orNull(text()), { fixed: true }),
  segment_id: attribute(orNull(text())), prefixlen: attribute(integer(0, 128), { fixed: true }), use_default_subnetpool: attribute(flag, { fixed: true }),
}

/** What a request says of a subnet. */
export type SubnetInput = Input<typeof SUBNET_ATTRIBUTES>

/** Fields that a new subnet is placed by. */
export type Placement = Pick<Subnet, 'ipVersion' | 'cidr' | 'gatewayIp' | 'pools' | 'ipv6AddressMode' | 'ipv6RaMode' | 'enableDhcp'>

/**
 * The prefix, gateway and pools of a new subnet.
 * Throws Fault('badRequest', 'neutron.InvalidInput' | 'neutron.BadRequest' | 'neutron.InvalidAllocationPool' | 'neutron.OutOfBoundsAllocationPool' | 'neutron.OverlappingAllocationPools')
 * and Fault('conflict', 'neutron.GatewayConflictWithAllocationPools').
 */
export function place(input: SubnetInput): Placement {
  for (const name of ['subnetpool_id', 'segment_id'] as const) if (typeof input[name] === 'string') throw badRequest('subnets', `${name} is not supported by this cloud`)
  if (input.use_default_subnetpool === true) throw badRequest('subnets', 'there is no default subnet pool')
  if (input.ip_version === 5) throw invalid('ip_version', '\'5\' is not in [4, 6]')
  if (input.cidr === undefined) throw badRequest('subnets', 'a subnetpool must be specified in the absence of a cidr')
  const prefix = parsePrefix(input.cidr)
  const ipVersion = (input.ip_version ?? prefix.version) as IpVersion
  if (prefix.version !== ipVersion) throw invalidInput(`cidr '${input.cidr}' does not match the ip_version '${ipVersion}'`)
  if (prefix.length === 0) throw invalidInput(`0 is not allowed as CIDR prefix length: '${input.cidr}'`)
  const enableDhcp = input.enable_dhcp ?? true
  const [address, ra] = [input.ipv6_address_mode ?? null, input.ipv6_ra_mode ?? null]
  if ((address !== null || ra !== null) && ipVersion === 4) throw invalidInput('ipv6_address_mode or ipv6_ra_mode cannot be set when ip_version is not 6')
  if ((address !== null || ra !== null) && !enableDhcp) throw badRequest('subnets', 'ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False')
  if (address !== null && ra !== null && address !== ra) throw invalidInput(`ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value`)
  const special = SPECIAL.find(one => overlaps(one.prefix, prefix))
  if (enableDhcp && special) throw invalidInput(`${special.name} IP subnet is not supported if enable_dhcp is True`)
  if (enableDhcp && ipVersion === 4 && prefix.length > 30) throw invalidInput(`CIDR '${input.cidr}' is too small for DHCP: it needs a /30 or larger`)
  if ([address, ra].some(mode => mode === 'slaac' || mode === 'dhcpv6-stateless') && prefix.length !== 64) throw invalidInput(`Invalid CIDR ${input.cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`)
  const gatewayIp = input.gateway_ip === undefined ? formatAddress(bits(prefix) <= 1 ? prefix : plus(prefix, 1)) : input.gateway_ip
  if (gatewayIp !== null) checkGateway({ cidr: input.cidr, ipVersion }, gatewayIp)
  const pools = input.allocation_pools ? checkPools({ cidr: input.cidr, ipVersion }, input.allocation_pools) : poolsWithout(input.cidr, gatewayIp)
  if (gatewayIp !== null) checkGatewayOutside(gatewayIp, pools)
  return { ipVersion, cidr: input.cidr, gatewayIp, pools, ipv6AddressMode: address, ipv6RaMode: ra, enableDhcp }
}

/** The pools that a subnet gets when none are named. */
export function poolsWithout(cidrText: string, gatewayIp: string | null): AddressRange[] {
  return defaultPools(parsePrefix(cidrText), gatewayIp === null ? undefined : parseAddress(gatewayIp)).map(({ first, last }) => ({ start: formatAddress(first), end: formatAddress(last) }))
}

/** A gateway has to be a host's address of the subnet (link-local gateways of IPv6 aside). Throws Fault('badRequest', 'neutron.InvalidInput'). */
export function checkGateway(subnet: Pick<Subnet, 'cidr' | 'ipVersion'>, gatewayIp: string): void {
  const prefix = parsePrefix(subnet.cidr)
  const gateway = parseAddress(gatewayIp)
  if (gateway.version !== subnet.ipVersion) throw invalidInput(`gateway_ip '${gatewayIp}' does not match the ip_version '${subnet.ipVersion}'`)
  if (gateway.version === 6 && holds(parsePrefix('fe80::/10'), gateway)) return
  const edge = gateway.version === 4 && bits(prefix) > 1 && (gateway.value === prefix.value || gateway.value === lastOf(prefix).value)
  if (!holds(prefix, gateway) || edge) throw invalidInput('Gateway is not valid on subnet')
}

/** A gateway must not be handed out. Throws Fault('conflict', 'neutron.GatewayConflictWithAllocationPools'). */
export function checkGatewayOutside(gatewayIp: string, pools: readonly AddressRange[]): void {
  const gateway = parseAddress(gatewayIp)
  const hit = pools.find(({ start, end }) => parseAddress(start).version === gateway.version && parseAddress(start).value <= gateway.value && gateway.value <= parseAddress(end).value)
  if (hit) throw neutronFault('conflict', 'GatewayConflictWithAllocationPools', `Gateway ip ${gatewayIp} conflicts with allocation pool ${hit.start}-${hit.end}.`)
}

/** The pools in order, neighbours as they were given. Throws Fault('badRequest' | 'conflict') when they leave the subnet or overlap. */
export function checkPools(subnet: Pick<Subnet, 'cidr' | 'ipVersion'>, pools: readonly AddressRange[]): AddressRange[] {
  const prefix = parsePrefix(subnet.cidr)
  const ranges = pools.map(range => ({ range, first: parseAddress(range.start), last: parseAddress(range.end) }))
  for (const { range, first, last } of ranges) {
    const words = `${range.start}-${range.end}`
    if (first.version !== subnet.ipVersion || last.version !== subnet.ipVersion || last.value < first.value) throw neutronFault('badRequest', 'InvalidAllocationPool', `The allocation pool ${words} is not valid.`)
    const inner = subnet.ipVersion === 6 || bits(prefix) <= 1 ? { low: prefix.value, high: lastOf(prefix).value } : { low: prefix.value + 1n, high: lastOf(prefix).value - 1n }
    if (first.value < inner.low || last.value > inner.high) throw neutronFault('badRequest', 'OutOfBoundsAllocationPool', `The allocation pool ${words} spans beyond the subnet cidr ${subnet.cidr}.`)
  }
  const sorted = ranges.toSorted((a, b) => a.first.value < b.first.value ? -1 : 1)
  for (const [i, { range, first }] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before && first.value <= before.last.value) {
      throw neutronFault('conflict', 'OverlappingAllocationPools', `Found overlapping allocation pools: ${before.range.start}-${before.range.end} ${range.start}-${range.end} for subnet ${subnet.cidr}.`)
    }
  }
  return sorted.map(({ range }) => range)
}

/** The first of `others` that overlaps the prefix. */
export function overlapping<T extends Pick<Subnet, 'cidr'>>(cidrText: string, others: readonly T[]): T | undefined {
  const prefix = parsePrefix(cidrText)
  return others.find(other => overlaps(parsePrefix(other.cidr), prefix))
}

/** True when ports get their address of this subnet from their MAC. */
export function isAutoAddressed(subnet: Pick<Subnet, 'ipv6AddressMode'>): boolean {
  return subnet.ipv6AddressMode === 'slaac' || subnet.ipv6AddressMode === 'dhcpv6-stateless'
}

/** How many addresses the pools hold. */
export function sizeOf(pools: readonly AddressRange[]): bigint {
  return pools.reduce((sum, { start, end }) => sum + parseAddress(end).value - parseAddress(start).value + 1n, 0n)
}

/** The address that a MAC gives in the subnet (RFC 4291, appendix A). */
export function autoAddress(subnet: Pick<Subnet, 'cidr'>, mac: string): string {
  const bytes = mac.split(':').map(part => Number.parseInt(part, 16))
  const eui = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!]
  return formatAddress({ version: 6, value: prefixOf(parsePrefix(subnet.cidr), 64).value + eui.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) })
}

function bits(prefix: { version: IpVersion, length: number }): number {
  return (prefix.version === 4 ? 32 : 128) - prefix.length
}

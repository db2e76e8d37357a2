// From security group rules, as users write them, to packet rules, as a host keeps them: protocols become numbers,
// remote groups and address groups become the prefixes of their members.
import { aggregate, formatPrefix, parsePrefix, type IpVersion } from './addresses.ts'

/** A packet that may pass, and the connection it opens; the contract's WantedPacketRule. */
export interface PacketRule {
  readonly direction: 'ingress' | 'egress'
  readonly version: IpVersion
  /** IP protocol number; none: any. */
  readonly protocol?: number
  /** First and last destination port. */
  readonly ports?: readonly [number, number]
  readonly icmp?: { readonly type: number, readonly code?: number }
  /** The far side; none: anybody; empty: nobody. */
  readonly prefixes?: readonly string[]
}

/** A rule of a security group as the API has it, its ethertype as a version. */
export interface SecurityGroupRule {
  readonly direction: 'ingress' | 'egress'
  readonly version: IpVersion
  /** A name of PROTOCOLS or a number in text; null: any. */
  readonly protocol: string | null
  /** Ports, or ICMP type and code. */
  readonly portRangeMin: number | null
  readonly portRangeMax: number | null
  readonly remoteIpPrefix: string | null
  readonly remoteGroupId: string | null
  readonly remoteAddressGroupId: string | null
}

/** Upstream's protocol names and their numbers (API reference, security group rules; IANA). */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  'ah': 51, 'dccp': 33, 'egp': 8, 'esp': 50, 'gre': 47, 'icmp': 1, 'icmpv6': 58, 'ipv6-icmp': 58, 'igmp': 2, 'ipip': 4, 'ipv6-encap': 41,
  'ipv6-frag': 44, 'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, 'ospf': 89, 'pgm': 113, 'rsvp': 46, 'sctp': 132, 'tcp': 6, 'udp': 17,
  'udplite': 136, 'vrrp': 112,
}
const WITH_PORTS = new Set([6, 17, 33, 132, 136])

/** The number of a protocol given by name or number; undefined for any. ICMP of IPv6 is 58 whichever name it was given. */
export function protocolNumber(protocol: string | null, version: IpVersion): number | undefined {
  if (protocol === null || protocol === 'any' || protocol === '0') return undefined
  const number = PROTOCOLS[protocol] ?? Number(protocol)
  return version === 6 && number === 1 ? 58 : number
}

/**
 * The packet rules of a port in groups with these rules, without duplicates, in a stable order.
 * `membersOf` gives the addresses or prefixes behind a remote group or address group's id, of both versions.
 */
export function expandRules(rules: readonly SecurityGroupRule[], membersOf: (groupId: string) => readonly string[]): PacketRule[] {
  const seen = new Map<string, PacketRule>()
  for (const rule of rules) {
    const expanded = expand(rule, membersOf)
    seen.set(JSON.stringify(expanded), expanded)
  }
  return [...seen].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, rule]) => rule)
}

function expand(rule: SecurityGroupRule, membersOf: (groupId: string) => readonly string[]): PacketRule {
  const { direction, version, portRangeMin: min, portRangeMax: max } = rule
  const protocol = protocolNumber(rule.protocol, version)
  const group = rule.remoteGroupId ?? rule.remoteAddressGroupId
  const far = group !== null ? membersOf(group) : rule.remoteIpPrefix !== null ? [rule.remoteIpPrefix] : undefined
  const prefixes = far?.map(parsePrefix).filter(prefix => prefix.version === version)
  return {
    direction, version, ...(protocol !== undefined && { protocol }),
    ...(protocol !== undefined && WITH_PORTS.has(protocol) && min !== null && { ports: [min, max ?? min] as const }),
    ...((protocol === 1 || protocol === 58) && min !== null && { icmp: { type: min, ...(max !== null && { code: max }) } }),
    ...(prefixes && { prefixes: aggregate(prefixes).map(formatPrefix) }),
  }
}

// The nftables rules of a host's bridges: against forged frames, and security groups. Pure: plans in, nft commands out.
//
// Properties, each with a test of its name:
// - Default deny by name: a `tap*` that has no entry in the maps neither sends nor receives. So filters are always first.
// - A guest cannot speak with another's MAC or address (frame, ARP, IPv4, IPv6, neighbour advertisement), nor as a DHCP server or IPv6 router.
// - Stateful: replies pass; what no rule allows is dropped; a packet between two guests of a host needs both sides' leave.
// - Replacing a port's rules is one transaction, and the same commands on an empty table or over older rules of the port.
//
// How: the bridge family cannot see connection state on many kernels (no CONFIG_NF_CONNTRACK_BRIDGE), and the inet family cannot see bridge ports.
// So a bridge table checks the frame and writes the port's number into the packet mark (low half: from, high half: to), br_netfilter carries the
// packet through the inet table, and that decides by mark, with one conntrack zone per network because tenants' addresses overlap.
// Sharp edges: bridge forward must run before br_netfilter's own hook (priority -1); a set in a rule must hold no overlapping prefixes, or the kernel
// refuses the whole transaction, hence `aggregate`.
import { aggregate, bitsOf, formatAddress, formatPrefix, linkLocalOf, parsePrefix, subtract, type IpVersion } from './addresses.ts'
import type { PacketRule } from './packet-rules.ts'

/** What a guest's port may send and receive. */
export interface PortFilter {
  /** Its own MAC: it may speak IPv6 link-local and ask for DHCP from it, even without an address. */
  readonly mac: string
  /** What it may send from: fixed addresses, allowed address pairs. Prefixes of both versions. */
  readonly sources: readonly { readonly mac: string, readonly prefix: string }[]
  readonly rules: readonly PacketRule[]
}

/** A port's place in the tables: its tap and its number, 1 … 65535, unique on the host. Without a filter everything passes. */
export interface FilteredPort {
  readonly tap: string
  readonly number: number
  readonly filter?: PortFilter
}

/** Commands that begin the tables anew, empty: every tap is shut until its port's commands follow in the same transaction. */
export function filterTables(table: string): string[] {
  const [frames, packets] = [`bridge ${table}`, `inet ${table}`]
  return [
    ...[frames, packets].flatMap(t => [`add table ${t}`, `delete table ${t}`, `add table ${t}`]),
    `add map ${frames} sources { type ifname : verdict; }`,
    `add map ${frames} targets { type ifname : verdict; }`,
    `add chain ${frames} prerouting { type filter hook prerouting priority -300; policy accept; }`,
    `add rule ${frames} prerouting meta mark set 0`,
    `add rule ${frames} prerouting iifname vmap @sources`,
    `add rule ${frames} prerouting iifname "tap*" drop`,
    `add chain ${frames} forward { type filter hook forward priority -200; policy accept; }`,
    `add rule ${frames} forward oifname vmap @targets`,
    `add rule ${frames} forward oifname "tap*" drop`,
    `add map ${packets} zones { type ifname : verdict; }`,
    `add map ${packets} sources { type mark : verdict; }`,
    `add map ${packets} targets { type mark : verdict; }`,
    `add chain ${packets} prerouting { type filter hook prerouting priority -300; policy accept; }`,
    `add rule ${packets} prerouting iifname vmap @zones`,
    `add chain ${packets} forward { type filter hook forward priority 0; policy accept; }`,
    `add rule ${packets} forward ct state established,related accept`,
    `add rule ${packets} forward meta mark and 0x0000ffff vmap @sources`,
    `add rule ${packets} forward meta mark and 0xffff0000 vmap @targets`,
  ]
}

/** Commands that give a network's bridge its conntrack zone (1 … 65535). */
export function zoneCommands(table: string, bridge: string, zone: number): string[] {
  return [
    `add chain inet ${table} zone-${zone}`, `flush chain inet ${table} zone-${zone}`,
    `add rule inet ${table} zone-${zone} ct zone set ${zone}`,
    `add element inet ${table} zones { "${bridge}" : jump zone-${zone} }`,
  ]
}

/** Commands that take the bridge's zone away again; it must have one. */
export function zoneRemoval(table: string, bridge: string, zone: number): string[] {
  return [`delete element inet ${table} zones { "${bridge}" : jump zone-${zone} }`, `flush chain inet ${table} zone-${zone}`, `delete chain inet ${table} zone-${zone}`]
}

/** Commands that make the port's rules these, whether or not it had others under the same number. */
export function portCommands(table: string, port: FilteredPort): string[] {
  const { number: n, tap, filter } = port
  const chain = (family: string, name: string, rules: readonly string[]) => [
    `add chain ${family} ${table} ${name}`, `flush chain ${family} ${table} ${name}`,
    ...rules.map(rule => `add rule ${family} ${table} ${name} ${rule}`),
  ]
  const entry = (place: string, key: string, chainName: string) => `add element ${place} { ${key} : jump ${chainName} }`
  return [
    ...chain('bridge', `from-${n}`, filter ? frameRules(filter, `meta mark set ${hex(n)} accept`) : ['accept']),
    ...chain('bridge', `to-${n}`, filter ? [`meta mark set meta mark or ${hex(n * 65536)} accept`] : ['accept']),
    ...chain('inet', `egress-${n}`, filter ? packetRules(filter.rules, 'egress') : []),
    ...chain('inet', `ingress-${n}`, filter ? packetRules(filter.rules, 'ingress') : []),
    entry(`bridge ${table} sources`, `"${tap}"`, `from-${n}`), entry(`bridge ${table} targets`, `"${tap}"`, `to-${n}`),
    entry(`inet ${table} sources`, hex(n), `egress-${n}`), entry(`inet ${table} targets`, hex(n * 65536), `ingress-${n}`),
  ]
}

/** Commands that shut the port and forget its rules; it must have some. */
export function portRemoval(table: string, port: Omit<FilteredPort, 'filter'>): string[] {
  const { number: n, tap } = port
  const places = [
    ['bridge', 'sources', `"${tap}"`, `from-${n}`], ['bridge', 'targets', `"${tap}"`, `to-${n}`],
    ['inet', 'sources', hex(n), `egress-${n}`], ['inet', 'targets', hex(n * 65536), `ingress-${n}`],
  ] as const
  return [
    ...places.map(([family, map, key, chain]) => `delete element ${family} ${table} ${map} { ${key} : jump ${chain} }`),
    ...places.flatMap(([family, , , chain]) => [`flush chain ${family} ${table} ${chain}`, `delete chain ${family} ${table} ${chain}`]),
  ]
}

/** A selection of connections of one zone, as `conntrack -D` takes it. */
export interface ConnectionFilter {
  readonly version: IpVersion
  /** The port's own address. */
  readonly address: string
  readonly direction: 'ingress' | 'egress'
  readonly protocol?: number
  /** The far side's prefix; none: any. */
  readonly far?: string
}

/**
 * The connections that may have been opened by what rules no longer allow: they are to be ended, or a revoked rule would live on in them.
 * A far side that a rule of the same kind still allows is left alone, so that a group may change its members without cutting off the others.
 */
export function revokedConnections(before: PortFilter, now: PortFilter): ConnectionFilter[] {
  const kindOf = ({ direction, version, protocol, ports, icmp }: PacketRule) => JSON.stringify([direction, version, protocol, ports, icmp])
  const farOf = (rule: PacketRule) => (rule.prefixes ?? [rule.version === 4 ? '0.0.0.0/0' : '::/0']).map(parsePrefix)
  const kept = Map.groupBy(now.rules, kindOf)
  const addresses = before.sources.map(source => parsePrefix(source.prefix)).filter(prefix => prefix.length === bitsOf(prefix.version))
  const selections = before.rules.flatMap(rule => {
    const gone = subtract(farOf(rule), (kept.get(kindOf(rule)) ?? []).flatMap(farOf))
    return addresses.filter(address => address.version === rule.version).flatMap(address => gone.map(far => ({
      version: rule.version, address: formatAddress(address), direction: rule.direction,
      ...(rule.protocol !== undefined && { protocol: rule.protocol }), ...(far.length > 0 && { far: formatPrefix(far) }),
    })))
  })
  return [...new Map(selections.map(s => [JSON.stringify(s), s])).values()]
}

const NEIGHBOURS = 'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }'

// Every rule drops the frame or marks and passes it (`pass`). The order matters: forgeries first.
function frameRules({ mac: own, sources }: PortFilter, pass: string): string[] {
  const macs = [...new Set([own, ...sources.map(source => source.mac)])]
  const may = macs.flatMap(mac => [
    ...aggregate(sources.filter(s => s.mac === mac).map(s => parsePrefix(s.prefix))),
    parsePrefix(linkLocalOf(mac)),
  ].map(prefix => ({ mac, prefix })))
  const from = (version: IpVersion, field: string) => may.filter(source => source.prefix.version === version)
    .map(({ mac, prefix }) => `ether saddr ${mac}${prefix.length > 0 ? ` ${field} ${formatPrefix(prefix)}` : ''}`)
  const advertised = may.map(source => source.prefix).filter(prefix => prefix.version === 6 && prefix.length === 128).map(prefix => `0x${prefix.value.toString(16)}`)
  const anySix = may.some(source => source.prefix.version === 6 && source.prefix.length < 128)
  return [
    'ether type { 8021q, 8021ad } drop',
    `ether saddr != { ${macs.join(', ')} } drop`,
    ...macs.map(mac => `ether type arp ether saddr ${mac} arp saddr ether != ${mac} drop`),
    ...from(4, 'arp saddr ip').map(match => `ether type arp ${match} ${pass}`),
    ...macs.map(mac => `ether type arp ether saddr ${mac} arp operation request arp saddr ip 0.0.0.0 ${pass}`),
    'ether type arp drop',
    'ether type ip udp sport 67 drop',
    `ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 ${pass}`,
    ...from(4, 'ip saddr').map(match => `ether type ip ${match} ${pass}`),
    'ether type ip6 udp sport 547 drop',
    'ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } drop',
    ...(anySix ? [] : [`ether type ip6 icmpv6 type nd-neighbor-advert @th,64,128 != { ${advertised.join(', ')} } drop`]),
    `ether type ip6 ip6 saddr :: ${NEIGHBOURS} ${pass}`,
    ...from(6, 'ip6 saddr').map(match => `ether type ip6 ${match} ${pass}`),
    'drop',
  ]
}

function packetRules(rules: readonly PacketRule[], direction: 'ingress' | 'egress'): string[] {
  const dhcp = direction === 'egress' ? ['udp sport 68 udp dport 67 return', 'udp sport 546 udp dport 547 return'] : ['udp sport 67 udp dport 68 return', 'udp sport 547 udp dport 546 return', 'icmpv6 type nd-router-advert return']
  return [
    ...dhcp, `${NEIGHBOURS} return`, 'ct state invalid drop',
    ...rules.filter(rule => rule.direction === direction).flatMap(rule => packetRule(rule)), 'drop',
  ]
}

const PORTED: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' }

function packetRule({ direction, version, protocol, ports, icmp, prefixes }: PacketRule): string[] {
  if (prefixes?.length === 0) return []
  const far = prefixes && aggregate(prefixes.map(parsePrefix))
  const match = [`meta nfproto ipv${version}`]
  if (far && far.every(prefix => prefix.length > 0)) {
    match.push(`${version === 4 ? 'ip' : 'ip6'} ${direction === 'ingress' ? 'saddr' : 'daddr'} { ${far.map(formatPrefix).join(', ')} }`)
  }
  if (protocol !== undefined) match.push(`meta l4proto ${protocol}`)
  if (protocol !== undefined && ports) match.push(`${PORTED[protocol]!} dport ${ports[0]}-${ports[1]}`)
  if (icmp) {
    const family = version === 4 ? 'icmp' : 'icmpv6'
    match.push(`${family} type ${icmp.type}`, ...(icmp.code === undefined ? [] : [`${family} code ${icmp.code}`]))
  }
  return [`${match.join(' ')} return`]
}

function hex(n: number): string {
  return `0x${n.toString(16).padStart(8, '0')}`
}

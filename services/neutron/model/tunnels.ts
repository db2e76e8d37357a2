// VXLAN (RFC 7348): which MAC is reached through which host, as entries of the kernel's two forwarding tables, and the changes from one picture to the next.
//
// Properties, each with a test of its name:
// - A frame for a MAC of another host goes to that host alone; what is for everybody goes once to each host that has the network, and to no other.
// - Nothing is learned from tunnels: a MAC is where the controller says. So one that moves here is not sent away again by a table that still remembers it
//   elsewhere, and what another host sends cannot draw a MAC to it.
// - A MAC that several hosts have (shared by allowed address pairs) or that is here has no entry: it is found by flooding, as on any bridge.
//
// How: each known MAC has two entries on the tunnel's link: in the bridge (`master`: out by this link) and in the link itself (`self`: to this host);
// the MAC of zeros in the link stands for all others. Entries are their own arguments in text, so that sets of them can be compared.
import { parseAddress, formatAddress } from './addresses.ts'
import type { TunnelPlan } from './plans.ts'

/** IANA's UDP port of VXLAN. */
export const VXLAN_PORT = 4789

/** An entry: `MAC dst ADDRESS self` or `MAC master`. */
export type ForwardingEntry = string

const EVERYBODY = '00:00:00:00:00:00'

/** Where MACs are, from the ports of a network: those with exactly one host, when that is a peer. A port that is bound nowhere has its MACs nowhere. */
export function forwardingOf(ports: Iterable<{ host?: string, macs: readonly string[] }>, peers: ReadonlyMap<string, string>): TunnelPlan['forwarding'] {
  const hosts = new Map<string, Set<string>>()
  for (const { host, macs } of ports) {
    for (const mac of host === undefined ? [] : macs) hosts.set(mac, (hosts.get(mac) ?? new Set()).add(host!))
  }
  return [...hosts].flatMap(([mac, on]) => {
    const to = on.size === 1 ? peers.get([...on][0]!) : undefined
    return to === undefined ? [] : [{ mac, to }]
  }).toSorted((a, b) => a.mac < b.mac ? -1 : 1)
}

/** The entries of a plan. Throws Fault('badRequest', 'neutron.address.invalid') for what is no address: these words become commands. */
export function forwardingEntries({ peers, forwarding }: TunnelPlan): Set<ForwardingEntry> {
  const to = (address: string) => `dst ${formatAddress(parseAddress(address))} self`
  return new Set([...peers.map(peer => `${EVERYBODY} ${to(peer)}`), ...forwarding.flatMap(one => [`${one.mac} master`, `${one.mac} ${to(one.to)}`])])
}

/** Lines for `bridge -batch` from one set of entries to the other. What comes is first: a MAC that moves is replaced, and never without a place. */
export function forwardingChanges(link: string, before: ReadonlySet<ForwardingEntry>, after: ReadonlySet<ForwardingEntry>): string[] {
  const line = (verb: string, entry: ForwardingEntry, state = '') => `fdb ${verb} ${entry.replace(' ', ` dev ${link} `)}${state}`
  const placed = new Set([...after].filter(entry => entry.endsWith('self') && !entry.startsWith(EVERYBODY)).map(macIn))
  return [
    ...[...after].filter(entry => !before.has(entry)).map(entry => entry.endsWith('master') ? line('replace', entry, ' static')
      : line(entry.startsWith(EVERYBODY) ? 'append' : 'replace', entry, ' permanent')),
    ...[...before].filter(entry => !after.has(entry) && !(entry.endsWith('self') && placed.has(macIn(entry)))).map(entry => line('delete', entry)),
  ]
}

/** The entries that the kernel has, from rows of `bridge -json fdb show`, by link. */
export function entriesSeen(rows: readonly { mac: string, ifname: string, dst?: string, state?: string }[]): Map<string, Set<ForwardingEntry>> {
  const seen = new Map<string, Set<ForwardingEntry>>()
  for (const { mac, ifname, dst, state } of rows) {
    const entry = dst !== undefined ? `${mac} dst ${dst} self` : state === 'static' ? `${mac} master` : undefined
    if (entry !== undefined) seen.set(ifname, (seen.get(ifname) ?? new Set()).add(entry))
  }
  return seen
}

/** The hosts that the entries send what is for everybody to. */
export function peersIn(entries: Iterable<ForwardingEntry>): string[] {
  return [...entries].filter(entry => entry.startsWith(EVERYBODY)).map(entry => entry.split(' ')[2]!)
}

function macIn(entry: ForwardingEntry): string {
  return entry.split(' ')[0]!
}

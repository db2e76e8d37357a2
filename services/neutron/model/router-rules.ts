// The nftables rules of a router's namespace, and of the machine: its ends of external networks and of tunnels. Pure: plans in, nft commands out.
// Properties: link-local addresses (169.254.0.0/16, metadata among them) never cross a router or leave for the machine; metadata is answered only
// to inner networks; a floating IP reaches its guest from outside and, hairpin, from any inner network of the router; the machine is
// reached from outside networks by replies and ICMP echo only; others are passed on into an outside network only where that was asked for, and never from one
// to another; behind SNAT, only floating IPs are reached from outside; tunnels take packets only from
// hosts that share a network with this one, and only at the tunnel address.
import { gatewayLinkOf, routerLinkOf } from './names.ts'
import type { RouterPlan } from './plans.ts'
import { VXLAN_PORT } from './tunnels.ts'

/** Commands that make a router's table anew; one transaction. */
export function routerCommands(table: string, plan: RouterPlan): string[] {
  const t = `inet ${table}`
  const outer = plan.gateway && gatewayLinkOf(plan.gateway.link.portId)
  const inner = plan.interfaces.map(link => `"${routerLinkOf(link.portId)}"`)
  const address = plan.gateway?.link.addresses.find(a => !a.includes(':'))?.split('/')[0]
  const pairs = (from: 'address' | 'fixedAddress', to: 'address' | 'fixedAddress') => plan.floatingIps.map(ip => `${ip[from]} : ${ip[to]}`).join(', ')
  const floating = plan.floatingIps.length > 0
  return [
    `add table ${t}`, `delete table ${t}`, `add table ${t}`,
    `add chain ${t} input { type filter hook input priority 0; policy drop; }`,
    `add rule ${t} input iifname lo accept`,
    `add rule ${t} input ct state established,related accept`,
    ...(inner.length ? [`add rule ${t} input iifname { ${inner.join(', ')} } ip daddr 169.254.169.254 tcp dport 80 accept`] : []),
    `add rule ${t} input ip daddr 169.254.0.0/16 drop`,
    `add rule ${t} input meta l4proto { icmp, ipv6-icmp } accept`,
    `add chain ${t} forward { type filter hook forward priority 0; policy accept; }`,
    `add rule ${t} forward ip daddr 169.254.0.0/16 drop`,
    `add rule ${t} forward ip saddr 169.254.0.0/16 drop`,
    ...(outer ? [
      ...(plan.gateway?.snat ? [`add rule ${t} forward iifname "${outer}" oifname != "${outer}" ct state new ct status and dnat == 0 drop`] : []),
      `add chain ${t} prerouting { type nat hook prerouting priority -100; policy accept; }`,
      ...(floating ? [`add rule ${t} prerouting dnat ip to ip daddr map { ${pairs('address', 'fixedAddress')} }`] : []),
      `add chain ${t} postrouting { type nat hook postrouting priority 100; policy accept; }`,
      `add rule ${t} postrouting iifname != "${outer}" oifname != "${outer}" ct status and dnat == 0 accept`,
      ...(floating ? [`add rule ${t} postrouting iifname != "${outer}" snat ip to ip saddr map { ${pairs('fixedAddress', 'address')} }`] : []),
      ...(plan.gateway?.snat && address ? [`add rule ${t} postrouting meta nfproto ipv4 iifname != "${outer}" snat ip to ${address}`] : []),
    ] : []),
  ]
}

/** The machine's end of an external network's way out. */
export interface Uplink {
  readonly link: string
  readonly prefixes: readonly string[]
  /** What leaves for the world is masqueraded and let through. */
  readonly internet: boolean
  /** What others send to its addresses through the machine is let through. */
  readonly routed: boolean
}

/** Commands that make the machine's own table anew, for all external networks that lead out of this host and (when it has any) its tunnels; one transaction. */
export function machineCommands(table: string, uplinks: readonly Uplink[], tunnels?: { address: string, peers: readonly string[] }): string[] {
  const t = `inet ${table}`
  const forget = [`add table ${t}`, `delete table ${t}`]
  if (uplinks.length === 0 && !tunnels) return forget
  return [...forget, `add table ${t}`, ...(tunnels ? tunnelRules(t, tunnels) : []), ...(uplinks.length ? uplinkRules(t, uplinks) : [])]
}

/** In `input`, where fragments are whole again. The kernel's own listener hears every address and anybody. */
function tunnelRules(t: string, { address, peers }: { address: string, peers: readonly string[] }): string[] {
  return [
    `add chain ${t} tunnels { type filter hook input priority -300; policy accept; }`,
    `add rule ${t} tunnels udp dport != ${VXLAN_PORT} accept`,
    `add rule ${t} tunnels meta l4proto != udp accept`,
    ...(peers.length ? [`add rule ${t} tunnels ip daddr ${address} ip saddr { ${peers.join(', ')} } accept`] : []),
    `add rule ${t} tunnels drop`,
  ]
}

function uplinkRules(t: string, uplinks: readonly Uplink[]): string[] {
  const all = `{ ${uplinks.map(u => `"${u.link}"`).join(', ')} }`
  const world = uplinks.filter(u => u.internet)
  return [
    `add chain ${t} input { type filter hook input priority -10; policy accept; }`,
    `add rule ${t} input iifname != ${all} accept`,
    `add rule ${t} input ct state established,related accept`,
    `add rule ${t} input ip daddr 169.254.0.0/16 drop`,
    `add rule ${t} input icmp type echo-request accept`,
    `add rule ${t} input icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept`,
    `add rule ${t} input drop`,
    `add chain ${t} forward { type filter hook forward priority -10; policy accept; }`,
    `add rule ${t} forward iifname != ${all} oifname != ${all} accept`,
    `add rule ${t} forward ip daddr 169.254.0.0/16 drop`,
    `add rule ${t} forward ip saddr 169.254.0.0/16 drop`,
    `add rule ${t} forward ct state established,related accept`,
    ...world.map(u => `add rule ${t} forward iifname "${u.link}" oifname != ${all} accept`),
    ...uplinks.filter(u => u.routed).map(u => `add rule ${t} forward iifname != ${all} oifname "${u.link}" accept`),
    `add rule ${t} forward drop`,
    ...(world.length === 0 ? [] : [
      `add chain ${t} postrouting { type nat hook postrouting priority 100; policy accept; }`,
      ...world.flatMap(u => u.prefixes.filter(p => !p.includes(':')).map(p => `add rule ${t} postrouting ip saddr ${p} oifname != ${all} masquerade`)),
    ]),
  ]
}

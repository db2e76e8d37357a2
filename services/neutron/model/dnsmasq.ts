// What dnsmasq is told: its arguments and its files. Pure, and strict about what may stand in them: a newline or comma from a user's value
// would be a line or an option of its own (OSSA-2021-005). Requests with such values are refused by what is exported here; should one get
// through all the same, it is left out, and the other ports of the network are served.
import { formatAddress, parsePrefix } from './addresses.ts'
import { dhcpLinkOf } from './names.ts'
import type { DhcpHost, DhcpPlan, DhcpSubnet } from './plans.ts'

/** Where guests find metadata. */
export const METADATA_ADDRESS = '169.254.169.254'
const DOMAIN = 'openstacklocal'
const LEASE = '86400s'

/** The files of one dnsmasq by their purpose; paths. */
export interface DnsmasqPaths {
  readonly pid: string
  readonly hosts: string
  readonly options: string
  readonly names: string
  readonly leases: string
}

/** True for an option by name or number, and a value, that can be given to a guest. */
export function isDhcpOption(option: { readonly name: string, readonly value: string }): boolean {
  return /^[a-z0-9-]{1,64}$/.test(option.name) && /^[\x20-\x7e]{0,255}$/.test(option.value)
}

/** True for a host name (RFC 1123), in one or more labels. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && text.split('.').every(label => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))
}

/** The command line. It changes only with the subnets, so hosts and options come and go by SIGHUP. */
export function dnsmasqArguments(plan: DhcpPlan, paths: DnsmasqPaths): [string, ...string[]] {
  return [
    'dnsmasq', '--conf-file=/dev/null', '--user=root', '--no-hosts', '--no-resolv', `--domain=${DOMAIN}`, '--expand-hosts', `--local=/${DOMAIN}/`,
    '--bind-dynamic', `--interface=${dhcpLinkOf(plan.link.portId)}`, '--except-interface=lo', '--dhcp-authoritative', '--no-ping',
    `--pid-file=${paths.pid}`, `--dhcp-hostsfile=${paths.hosts}`, `--dhcp-optsfile=${paths.options}`, `--addn-hosts=${paths.names}`, `--dhcp-leasefile=${paths.leases}`,
    '--dhcp-lease-max=65536', `--dhcp-option-force=option:mtu,${plan.mtu}`,
    ...fourOf(plan.subnets).map(subnet => `--dhcp-range=set:${tagOf(subnet)},${formatAddress(parsePrefix(subnet.cidr))},static,${maskOf(subnet.cidr)},${LEASE}`),
  ]
}

/** The reservations: a line for each port and IPv4 address. */
export function dnsmasqHosts(plan: DhcpPlan): string {
  return lines(servedHosts(plan).map(host => [host.mac, ...(host.options.length ? [`set:${portTag(host)}`] : []), ...nameOf(host).map(name => `${name}.${DOMAIN}`), host.address].join(',')))
}

/** What each subnet's guests are told: router, routes (metadata by way of this server, so that it needs no router), name servers; then each port's own options. */
export function dnsmasqOptions(plan: DhcpPlan): string {
  const subnets = fourOf(plan.subnets).flatMap(subnet => {
    const tag = `tag:${tagOf(subnet)}`
    const own = ownAddress(plan, subnet)
    const routes = [
      ...(own ? [`${METADATA_ADDRESS}/32,${own}`] : []),
      ...subnet.routes.map(route => `${route.destination},${route.nexthop}`),
      ...(subnet.gateway ? [`0.0.0.0/0,${subnet.gateway}`] : []),
    ].join(',')
    const names = subnet.dns.length ? subnet.dns.join(',') : own
    return [
      ...(names ? [`${tag},option:dns-server,${names}`] : []),
      ...(routes ? [`${tag},option:classless-static-route,${routes}`, `${tag},249,${routes}`] : []),
      `${tag},option:router${subnet.gateway ? `,${subnet.gateway}` : ''}`,
    ]
  })
  return lines([...subnets, ...servedHosts(plan).flatMap(host => host.options.filter(isDhcpOption).map(({ name, value }) =>
    `tag:${portTag(host)},${/^\d+$/.test(name) ? name : `option:${name}`},${value}`))])
}

/** The names that DNS answers with. */
export function dnsmasqNames(plan: DhcpPlan): string {
  return lines(plan.hosts.flatMap(host => nameOf(host).map(name => `${host.address}\t${name}.${DOMAIN} ${name}`)))
}

/** The lease file without leases that no reservation confirms, or undefined when it holds none such: a kept one would bar the address to its new owner. */
export function withoutStaleLeases(leases: string, plan: DhcpPlan): string | undefined {
  const wanted = new Set(servedHosts(plan).map(host => `${host.mac} ${host.address}`))
  const all = leases.split('\n').filter(line => line !== '')
  const kept = all.filter(line => {
    const [, mac, address] = line.split(' ')
    return line.startsWith('duid ') || wanted.has(`${mac} ${address}`)
  })
  return kept.length === all.length ? undefined : lines(kept)
}

function servedHosts(plan: DhcpPlan): DhcpHost[] {
  const served = new Set(fourOf(plan.subnets).map(subnet => subnet.subnetId))
  return plan.hosts.filter(host => served.has(host.subnetId) && !host.address.includes(':'))
}

function fourOf(subnets: readonly DhcpSubnet[]): DhcpSubnet[] {
  return subnets.filter(subnet => !subnet.cidr.includes(':'))
}

function ownAddress(plan: DhcpPlan, subnet: DhcpSubnet): string | undefined {
  const length = `/${parsePrefix(subnet.cidr).length}`
  const first = formatAddress(parsePrefix(subnet.cidr))
  return plan.link.addresses.find(a => a.endsWith(length) && formatAddress(parsePrefix(a)) === first)?.split('/')[0]
}

function tagOf(subnet: DhcpSubnet): string {
  return `subnet-${subnet.subnetId}`
}

function portTag(host: DhcpHost): string {
  return `port-${host.portId}`
}

function maskOf(cidr: string): string {
  const { length } = parsePrefix(cidr)
  return formatAddress({ version: 4, value: ((1n << 32n) - 1n) ^ ((1n << BigInt(32 - length)) - 1n) })
}

function nameOf(host: DhcpHost): string[] {
  return isHostName(host.name) ? [host.name] : []
}

function lines(all: readonly string[]): string {
  return all.map(line => `${line}\n`).join('')
}

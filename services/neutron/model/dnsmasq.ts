// What dnsmasq is told: its arguments and its files. Pure, and strict about what may stand in them: a newline or comma from a user's value
// would be a line or an option of its own (OSSA-2021-005), so such values are refused here, whoever let them through.
import { Fault } from '@alto/kit/errors'
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
  return lines(servedHosts(plan).map(host => [host.mac, ...(host.options.length ? [`set:${portTag(host)}`] : []), `${host.name}.${DOMAIN}`, host.address].map(word => safe(word)).join(',')))
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
  return lines([...subnets, ...servedHosts(plan).flatMap(host => host.options.map(option => `tag:${portTag(host)},${optionName(option.name)},${safe(option.value, /[\n\r]/)}`))])
}

/** The names that DNS answers with. */
export function dnsmasqNames(plan: DhcpPlan): string {
  return lines(plan.hosts.map(host => `${host.address}\t${safe(host.name)}.${DOMAIN} ${safe(host.name)}`))
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

function optionName(name: string): string {
  if (!/^[a-z0-9-]{1,64}$/.test(name)) throw new Fault('badRequest', 'neutron.dhcpOption.invalid', `'${name}' is not a DHCP option name.`)
  return /^\d+$/.test(name) ? name : `option:${name}`
}

function safe(text: string, forbidden = /[\s,]/): string {
  if (forbidden.test(text) || text.includes('\n')) throw new Fault('badRequest', 'neutron.dhcpOption.invalid', `${JSON.stringify(text)} cannot be given by DHCP.`)
  return text
}

function lines(all: readonly string[]): string {
  return all.map(line => `${line}\n`).join('')
}

// SQL for subnets.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { IpVersion } from '../model/addresses.ts'
import { DHCP } from '../model/ports.ts'
import type { Ipv6Mode, Subnet } from '../model/subnets.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { SubnetRow, Tx } from './tables.ts'

/** What lists of subnets may be filtered and sorted by. */
export const FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, name: { column: 'name', kind: 'text' }, network_id: { column: 'network_id', kind: 'text' }, ip_version: { column: 'ip_version', kind: 'integer' },
  cidr: { column: 'cidr', kind: 'text' }, gateway_ip: { column: 'gateway_ip', kind: 'text' }, enable_dhcp: { column: 'enable_dhcp', kind: 'boolean' },
  ipv6_address_mode: { column: 'ipv6_address_mode', kind: 'text' }, ipv6_ra_mode: { column: 'ipv6_ra_mode', kind: 'text' },
}

/** The condition on rows that a project is shown: its own, and those of networks that it sees. */
export function seenBy(project: string): Condition {
  return sql<boolean>`(project_id = ${project} or network_id in (select id from networks where project_id = ${project} or shared = 1 or external = 1))`
}

/** Filters by names that are no columns but their network's. */
export function special(name: string, values: readonly string[]): Condition | undefined {
  const wanted = Number(/^(true|1)$/i.test(values[0] ?? ''))
  if (name === 'router:external') return sql<boolean>`network_id in (select id from networks where external = ${wanted})`
  return name === 'shared' ? sql<boolean>`network_id in (select id from networks where shared = ${wanted})` : undefined
}

/** The subnet, or undefined. */
export async function find(tx: Tx, id: string): Promise<Subnet | undefined> {
  const row = await tx.selectFrom('subnets').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The subnets of the ids. */
export async function findAll(tx: Tx, ids: readonly string[]): Promise<Subnet[]> {
  if (ids.length === 0) return []
  return (await tx.selectFrom('subnets').selectAll().where('id', 'in', ids).execute()).map(fromRow)
}

/** The subnets on any of the networks, the oldest first. */
export async function listOn(tx: Tx, networkIds: readonly string[]): Promise<Subnet[]> {
  if (networkIds.length === 0) return []
  return (await tx.selectFrom('subnets').selectAll().where('network_id', 'in', networkIds).orderBy('created_at').orderBy('id').execute()).map(fromRow)
}

/** Networks with a subnet that wants DHCP and no port that serves it. */
export async function unservedNetworks(tx: Tx): Promise<string[]> {
  const rows = await tx.selectFrom('subnets').select('network_id').distinct().where('enable_dhcp', '=', 1)
    .where(e => e.or([e('ipv6_address_mode', 'is', null), e('ipv6_address_mode', '=', 'dhcpv6-stateful')]))
    .where(e => e.not(e.exists(e.selectFrom('ports').select('ports.id').whereRef('ports.network_id', '=', 'subnets.network_id').where('device_owner', '=', DHCP)))).execute()
  return rows.map(row => row.network_id)
}

/** Adds a subnet. */
export async function insert(tx: Tx, subnet: Subnet): Promise<void> {
  await tx.insertInto('subnets').values(toRow(subnet)).execute()
}

/** Writes all of the subnet's columns. */
export async function update(tx: Tx, subnet: Subnet): Promise<void> {
  await tx.updateTable('subnets').set(toRow(subnet)).where('id', '=', subnet.id).execute()
}

/** Removes it. Breaks a foreign key while a port has an address of it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('subnets').where('id', '=', id).execute()
}

/** The subnet of a row. */
export function fromRow(row: SubnetRow): Subnet {
  return {
    ...standardOf(row), networkId: row.network_id, name: row.name, ipVersion: row.ip_version as IpVersion, cidr: row.cidr, gatewayIp: row.gateway_ip, enableDhcp: row.enable_dhcp === 1,
    ipv6AddressMode: row.ipv6_address_mode as Ipv6Mode | null, ipv6RaMode: row.ipv6_ra_mode as Ipv6Mode | null, pools: fromJson(row.pools, []), dns: fromJson(row.dns, []),
    hostRoutes: fromJson(row.host_routes, []), serviceTypes: fromJson(row.service_types, []),
  }
}

function toRow(s: Subnet): SubnetRow {
  return {
    ...standardRow(s), network_id: s.networkId, name: s.name, ip_version: s.ipVersion, cidr: s.cidr, gateway_ip: s.gatewayIp, enable_dhcp: Number(s.enableDhcp),
    ipv6_address_mode: s.ipv6AddressMode, ipv6_ra_mode: s.ipv6RaMode, pools: toJson(s.pools), dns: toJson(s.dns), host_routes: toJson(s.hostRoutes), service_types: toJson(s.serviceTypes),
  }
}

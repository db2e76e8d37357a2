// SQL for ports, with their addresses and security groups.
import { fromJson, sql, toJson } from '@alto/kit/db'
import { DHCP, ROUTER_INTERFACE, type FixedIp, type Port, type PortStatus, type VifType } from '../model/ports.ts'
import * as addresses from './addresses.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { PortRow, Tx } from './tables.ts'

/** What lists of ports may be filtered and sorted by, `fixed_ips` and `security_groups` aside. */
export const FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, name: { column: 'name', kind: 'text' }, network_id: { column: 'network_id', kind: 'text' }, mac_address: { column: 'mac', kind: 'text' },
  admin_state_up: { column: 'admin_up', kind: 'boolean' }, status: { column: 'status', kind: 'text' }, device_id: { column: 'device_id', kind: 'text' },
  device_owner: { column: 'device_owner', kind: 'text' }, 'binding:host_id': { column: 'binding_host', kind: 'text' }, 'binding:vnic_type': { column: 'vnic_type', kind: 'text' },
  'binding:vif_type': { column: 'vif_type', kind: 'text' }, port_security_enabled: { column: 'port_security', kind: 'boolean' }, dns_name: { column: 'dns_name', kind: 'text' },
}

/** The condition of a `fixed_ips` filter: `ip_address=…`, `ip_address_substr=…`, `subnet_id=…`; those of one name are alternatives. */
function withFixedIps(values: readonly string[]): Condition {
  const wanted = new Map<string, string[]>()
  for (const value of values) {
    const [name = '', ...rest] = value.split('=')
    wanted.set(name, [...wanted.get(name) ?? [], rest.join('=')])
  }
  const parts = [...wanted].map(([name, texts]) => name === 'subnet_id' ? sql<boolean>`a.subnet_id in (${sql.join(texts)})`
    : name === 'ip_address_substr' ? sql<boolean>`(${sql.join(texts.map(text => sql`a.address like ${`%${text.replaceAll(/[%_\\]/g, '')}%`}`), sql` or `)})`
    : sql<boolean>`a.address in (${sql.join(texts)})`)
  return sql<boolean>`ports.id in (select a.port_id from ip_allocations a where ${sql.join(parts, sql` and `)})`
}

/** The condition of a `security_groups` filter. */
function inSecurityGroups(ids: readonly string[]): Condition {
  return sql<boolean>`ports.id in (select g.port_id from port_security_groups g where g.security_group_id in (${sql.join(ids)}))`
}

/** The condition on rows that a project is shown: its own, and all on its networks. */
export function seenBy(project: string): Condition {
  return sql<boolean>`(project_id = ${project} or network_id in (select id from networks where project_id = ${project}))`
}

/** Filters by names that are no columns. */
export function special(name: string, values: readonly string[]): Condition | undefined {
  if (name === 'fixed_ips') return withFixedIps(values)
  if (name === 'ip_address') return withFixedIps(values.map(value => `ip_address=${value}`))
  return name === 'security_groups' ? inSecurityGroups(values) : undefined
}

/** The port, or undefined. */
export async function find(tx: Tx, id: string): Promise<Port | undefined> {
  return (await findAll(tx, [id]))[0]
}

/** The ports of the ids; those that are gone are not among them. */
export async function findAll(tx: Tx, ids: readonly string[]): Promise<Port[]> {
  if (ids.length === 0) return []
  return complete(tx, await tx.selectFrom('ports').selectAll().where('id', 'in', ids).execute())
}

/** The ports of a device with one of the owners (all when none is named). */
export async function listOfDevice(tx: Tx, deviceId: string, ...owners: readonly string[]): Promise<Port[]> {
  let query = tx.selectFrom('ports').selectAll().where('device_id', '=', deviceId)
  if (owners.length) query = query.where('device_owner', 'in', owners)
  return complete(tx, await query.orderBy('created_at').orderBy('id').execute())
}

/** The ports of several devices with the owner, the oldest first. */
export async function listOfDevices(tx: Tx, deviceIds: readonly string[], owner: string): Promise<Port[]> {
  if (deviceIds.length === 0) return []
  return complete(tx, await tx.selectFrom('ports').selectAll().where('device_id', 'in', deviceIds).where('device_owner', '=', owner).orderBy('created_at').orderBy('id').execute())
}

/** The ports of a network, those with one of the owners when some are named. */
export async function listOn(tx: Tx, networkId: string, ...owners: readonly string[]): Promise<Port[]> {
  let query = tx.selectFrom('ports').selectAll().where('network_id', '=', networkId)
  if (owners.length) query = query.where('device_owner', 'in', owners)
  return complete(tx, await query.orderBy('id').execute())
}

/** The routers' ports that have an address in the subnet. */
export async function routerPortsIn(tx: Tx, subnetId: string): Promise<Port[]> {
  const rows = await tx.selectFrom('ip_allocations').innerJoin('ports', 'ports.id', 'ip_allocations.port_id').selectAll('ports').where('subnet_id', '=', subnetId)
    .where('device_owner', '=', ROUTER_INTERFACE).orderBy('ports.created_at').orderBy('ports.id').execute()
  return complete(tx, rows)
}

/** The DHCP ports of the networks, by network. */
export async function dhcpPortIds(tx: Tx, networkIds: readonly string[], host: string): Promise<ReadonlyMap<string, string>> {
  if (networkIds.length === 0) return new Map()
  const rows = await tx.selectFrom('ports').select(['id', 'network_id']).where('network_id', 'in', networkIds).where('device_owner', '=', DHCP).where('binding_host', '=', host).execute()
  return new Map(rows.map(row => [row.network_id, row.id]))
}

/** The networks whose DHCP is served by none of the hosts. */
export async function networksServedNotOn(tx: Tx, hosts: readonly string[]): Promise<string[]> {
  let query = tx.selectFrom('ports').select('network_id').where('device_owner', '=', DHCP)
  if (hosts.length) query = query.where('binding_host', 'not in', hosts)
  return (await query.orderBy('network_id').execute()).map(row => row.network_id)
}

/** The hosts that ports of the network with one of the owners are bound to, those of the oldest first; `but`: a port that does not count. */
export async function hostsOn(tx: Tx, networkId: string, { owners, but = null }: { owners: readonly string[], but?: string | null }): Promise<string[]> {
  const rows = await tx.selectFrom('ports').select('binding_host').where('network_id', '=', networkId).where('device_owner', 'in', owners).where('binding_host', '!=', '').where('id', '!=', but ?? '')
    .groupBy('binding_host').orderBy(e => e.fn.min('created_at')).orderBy('binding_host').execute()
  return rows.map(row => row.binding_host)
}

/** Ports that are not the cloud's own on a network, some of them: who is in the way. */
export async function blockersOn(tx: Tx, networkId: string): Promise<{ id: string, deviceOwner: string }[]> {
  const rows = await tx.selectFrom('ports').select(['id', 'device_owner']).where('network_id', '=', networkId).where('device_owner', '!=', DHCP).orderBy('id').limit(5).execute()
  return rows.map(row => ({ id: row.id, deviceOwner: row.device_owner }))
}

/** True when a port of the network has the MAC. */
export async function hasMac(tx: Tx, networkId: string, mac: string): Promise<boolean> {
  return await tx.selectFrom('ports').select('id').where('network_id', '=', networkId).where('mac', '=', mac).executeTakeFirst() !== undefined
}

/** Adds a port with its addresses and groups. Breaks `ports_mac` and the allocations' primary key. */
export async function insert(tx: Tx, port: Port): Promise<void> {
  await tx.insertInto('ports').values(toRow(port)).execute()
  await addresses.insert(tx, port, port.fixedIps)
  await insertGroups(tx, port)
}

/** Writes all of the port's columns. */
export async function update(tx: Tx, port: Port): Promise<void> {
  await tx.updateTable('ports').set(toRow(port)).where('id', '=', port.id).execute()
}

/** Writes the port's addresses. */
export async function setFixedIps(tx: Tx, port: Port): Promise<void> {
  await addresses.removeOfPort(tx, port.id)
  await addresses.insert(tx, port, port.fixedIps)
}

/** Writes the port's security groups. */
export async function setSecurityGroups(tx: Tx, port: Port): Promise<void> {
  await tx.deleteFrom('port_security_groups').where('port_id', '=', port.id).execute()
  await insertGroups(tx, port)
}

/** Removes a port; its addresses are free again. Breaks a foreign key while a router or floating IP stands on it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('ports').where('id', '=', id).execute()
}

/** Sets the status of a port that is bound to the host; true when it had another one. */
export async function setStatus(tx: Tx, id: string, host: string, status: PortStatus, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('ports').set(e => ({ status, revision: e('revision', '+', 1), updated_at: now }))
    .where('id', '=', id).where('binding_host', '=', host).where('status', '!=', status).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** The ports of the rows, with what other tables know of them; two statements however many they are. */
export async function complete(tx: Tx, rows: readonly PortRow[]): Promise<Port[]> {
  if (rows.length === 0) return []
  const ids = rows.map(row => row.id)
  const allocations = await tx.selectFrom('ip_allocations').select(['port_id', 'subnet_id', 'address']).where('port_id', 'in', ids).orderBy('position').execute()
  const groups = await tx.selectFrom('port_security_groups').selectAll().where('port_id', 'in', ids).orderBy('security_group_id').execute()
  const ipsOf = Map.groupBy(allocations, row => row.port_id)
  const groupsOf = Map.groupBy(groups, row => row.port_id)
  return rows.map(row => fromRow(row, (ipsOf.get(row.id) ?? []).map(ip => ({ subnetId: ip.subnet_id, address: ip.address })), (groupsOf.get(row.id) ?? []).map(group => group.security_group_id)))
}

async function insertGroups(tx: Tx, port: Port): Promise<void> {
  if (port.securityGroups.length) await tx.insertInto('port_security_groups').values(port.securityGroups.map(id => ({ port_id: port.id, security_group_id: id }))).execute()
}

function fromRow(row: PortRow, fixedIps: readonly FixedIp[], securityGroups: readonly string[]): Port {
  return {
    ...standardOf(row), networkId: row.network_id, name: row.name, adminUp: row.admin_up === 1, status: row.status as PortStatus, mac: row.mac, deviceId: row.device_id, deviceOwner: row.device_owner,
    portSecurity: row.port_security === 1, fixedIps, securityGroups, allowedAddressPairs: fromJson(row.allowed_address_pairs, []), extraDhcpOptions: fromJson(row.extra_dhcp_opts, []),
    dnsName: row.dns_name, bindingHost: row.binding_host, bindingProfile: fromJson(row.binding_profile, {}), vnicType: row.vnic_type, vifType: row.vif_type as VifType,
  }
}

function toRow(p: Port): PortRow {
  return {
    ...standardRow(p), network_id: p.networkId, name: p.name, admin_up: Number(p.adminUp), status: p.status, mac: p.mac, device_id: p.deviceId, device_owner: p.deviceOwner,
    port_security: Number(p.portSecurity), allowed_address_pairs: toJson(p.allowedAddressPairs), extra_dhcp_opts: toJson(p.extraDhcpOptions), dns_name: p.dnsName,
    binding_host: p.bindingHost, binding_profile: toJson(p.bindingProfile), vnic_type: p.vnicType, vif_type: p.vifType,
  }
}

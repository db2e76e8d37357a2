// SQL for floating IPs.
import { sql } from '@alto/kit/db'
import type { FloatingIp } from '../model/floating-ips.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { FloatingIpRow, Tx } from './tables.ts'

/** What lists of floating IPs may be filtered and sorted by. */
export const FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, floating_network_id: { column: 'floating_network_id', kind: 'text' }, floating_ip_address: { column: 'floating_ip_address', kind: 'text' },
  port_id: { column: 'fixed_port_id', kind: 'text' }, fixed_ip_address: { column: 'fixed_ip_address', kind: 'text' }, router_id: { column: 'router_id', kind: 'text' },
  status: { column: 'status', kind: 'text' },
}

/** The condition on rows that a project is shown: its own. */
export function seenBy(project: string): Condition {
  return sql<boolean>`project_id = ${project}`
}

/** The floating IP, or undefined. */
export async function find(tx: Tx, id: string): Promise<FloatingIp | undefined> {
  const row = await tx.selectFrom('floatingips').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Those that stand for one of the ports. */
export async function listOfPorts(tx: Tx, portIds: readonly string[]): Promise<FloatingIp[]> {
  if (portIds.length === 0) return []
  return (await tx.selectFrom('floatingips').selectAll().where('fixed_port_id', 'in', portIds).orderBy('id').execute()).map(fromRow)
}

/** Those that go through one of the routers. */
export async function listOfRouters(tx: Tx, routerIds: readonly string[]): Promise<FloatingIp[]> {
  if (routerIds.length === 0) return []
  return (await tx.selectFrom('floatingips').selectAll().where('router_id', 'in', routerIds).orderBy('id').execute()).map(fromRow)
}

/** Those of an external network. */
export async function listOn(tx: Tx, networkId: string): Promise<FloatingIp[]> {
  return (await tx.selectFrom('floatingips').selectAll().where('floating_network_id', '=', networkId).orderBy('id').execute()).map(fromRow)
}

/** Adds one. Breaks `floatingips_fixed` when the fixed address has one already. */
export async function insert(tx: Tx, floatingIp: FloatingIp): Promise<void> {
  await tx.insertInto('floatingips').values(toRow(floatingIp)).execute()
}

/** Writes all of its columns. Breaks `floatingips_fixed`. */
export async function update(tx: Tx, floatingIp: FloatingIp): Promise<void> {
  await tx.updateTable('floatingips').set(toRow(floatingIp)).where('id', '=', floatingIp.id).execute()
}

/** Sets what the router's host said of those that it translates. */
export async function setStatusOfRouter(tx: Tx, routerId: string, status: FloatingIp['status']): Promise<void> {
  await tx.updateTable('floatingips').set({ status }).where('router_id', '=', routerId).where('status', '!=', status).execute()
}

/** Removes it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('floatingips').where('id', '=', id).execute()
}

/** The floating IP of a row. */
export function fromRow(row: FloatingIpRow): FloatingIp {
  return {
    ...standardOf(row), floatingNetworkId: row.floating_network_id, floatingIpAddress: row.floating_ip_address, floatingPortId: row.floating_port_id, fixedPortId: row.fixed_port_id,
    fixedIpAddress: row.fixed_ip_address, routerId: row.router_id, status: row.status as FloatingIp['status'],
  }
}

function toRow(f: FloatingIp): FloatingIpRow {
  return {
    ...standardRow(f), floating_network_id: f.floatingNetworkId, floating_ip_address: f.floatingIpAddress, floating_port_id: f.floatingPortId, fixed_port_id: f.fixedPortId,
    fixed_ip_address: f.fixedIpAddress, router_id: f.routerId, status: f.status,
  }
}

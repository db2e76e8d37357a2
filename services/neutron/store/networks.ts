// SQL for networks.
import { sql } from '@alto/kit/db'
import type { Network, NetworkType } from '../model/networks.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { NetworkRow, Tx } from './tables.ts'

/** What lists of networks may be filtered and sorted by. */
export const FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, name: { column: 'name', kind: 'text' }, admin_state_up: { column: 'admin_up', kind: 'boolean' },
  shared: { column: 'shared', kind: 'boolean' }, 'router:external': { column: 'external', kind: 'boolean' }, is_default: { column: 'is_default', kind: 'boolean' }, mtu: { column: 'mtu', kind: 'integer' },
  port_security_enabled: { column: 'port_security', kind: 'boolean' }, 'provider:network_type': { column: 'network_type', kind: 'text' },
  'provider:physical_network': { column: 'physical_network', kind: 'text' }, 'provider:segmentation_id': { column: 'segmentation_id', kind: 'integer' },
}

/** The condition on rows that a project is shown: its own, shared and external ones. */
export function seenBy(project: string): Condition {
  return sql<boolean>`(project_id = ${project} or shared = 1 or external = 1)`
}

/** Filters by names that are no columns: every network is ACTIVE. */
export function special(name: string, values: readonly string[]): Condition | undefined {
  return name === 'status' ? sql<boolean>`${Number(values.includes('ACTIVE'))} = 1` : undefined
}

/** The network, or undefined. */
export async function find(tx: Tx, id: string): Promise<Network | undefined> {
  const row = await tx.selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The networks of the ids, by id. */
export async function findAll(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, Network>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.selectFrom('networks').selectAll().where('id', 'in', ids).execute()
  return new Map(rows.map(row => [row.id, fromRow(row)]))
}

/** The network, held until the transaction ends: nobody else changes its subnets and addresses meanwhile. Undefined when there is none. */
export async function lock(tx: Tx, id: string): Promise<Network | undefined> {
  const row = await tx.updateTable('networks').set({ generation: sql<number>`generation + 1` }).where('id', '=', id).returningAll().executeTakeFirst()
  return row && fromRow(row)
}

/** True when a network of the type has the segment. */
export async function hasSegment(tx: Tx, type: NetworkType, segmentationId: number): Promise<boolean> {
  return await tx.selectFrom('networks').select('id').where('network_type', '=', type).where('segmentation_id', '=', segmentationId).executeTakeFirst() !== undefined
}

/** Adds a network. Breaks `networks_segment` and `networks_default`. */
export async function insert(tx: Tx, network: Network): Promise<void> {
  await tx.insertInto('networks').values({ ...toRow(network), generation: 0 }).execute()
}

/** Writes all of the network's columns. */
export async function update(tx: Tx, network: Network): Promise<void> {
  await tx.updateTable('networks').set(toRow(network)).where('id', '=', network.id).execute()
}

/** Removes it. Breaks a foreign key while something is on it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('networks').where('id', '=', id).execute()
}

/** The network of a row. */
export function fromRow(row: NetworkRow): Network {
  return {
    ...standardOf(row), name: row.name, adminUp: row.admin_up === 1, shared: row.shared === 1, external: row.external === 1, isDefault: row.is_default === 1, mtu: row.mtu,
    portSecurity: row.port_security === 1, networkType: row.network_type as NetworkType, physicalNetwork: row.physical_network, segmentationId: row.segmentation_id,
  }
}

function toRow(n: Network): Omit<NetworkRow, 'generation'> {
  return {
    ...standardRow(n), name: n.name, admin_up: Number(n.adminUp), shared: Number(n.shared), external: Number(n.external), is_default: Number(n.isDefault), mtu: n.mtu,
    port_security: Number(n.portSecurity), network_type: n.networkType, physical_network: n.physicalNetwork, segmentation_id: n.segmentationId,
  }
}

// SQL for servers' interfaces: Nova's own copy of what Neutron says.
import { fromJson, toJson, type Selectable } from '@alto/kit/db'
import type { Interface } from '../model/interfaces.ts'
import type { Tables, Tx } from './tables.ts'

/** The interfaces of the servers, in the order in which they came. */
export async function ofServers(tx: Tx, serverIds: readonly string[]): Promise<Interface[]> {
  if (serverIds.length === 0) return []
  return (await tx.selectFrom('server_ports').selectAll().where('server_id', 'in', serverIds).orderBy('created_at').orderBy('port_id').execute()).map(fromRow)
}

/** The interface on that port, whose ever it is. */
export async function findByPort(tx: Tx, portId: string): Promise<Interface | undefined> {
  const row = await tx.selectFrom('server_ports').selectAll().where('port_id', '=', portId).executeTakeFirst()
  return row && fromRow(row)
}

/** Adds the interface, or takes over what is new about it. */
export async function put(tx: Tx, it: Interface): Promise<void> {
  const row = { network_id: it.networkId, network_name: it.networkName, mac: it.mac, fixed_ips: toJson(it.fixedIps), floating_ips: toJson(it.floatingIps), active: Number(it.active), mtu: it.mtu }
  await tx.insertInto('server_ports')
    .values({ ...row, server_id: it.serverId, port_id: it.portId, made_here: Number(it.madeHere), tag: it.tag, created_at: it.createdAt })
    .onConflict(conflict => conflict.columns(['server_id', 'port_id']).doUpdateSet(row)).execute()
}

/** Takes away one interface of a server. */
export async function remove(tx: Tx, serverId: string, portId: string): Promise<void> {
  await tx.deleteFrom('server_ports').where('server_id', '=', serverId).where('port_id', '=', portId).execute()
}

/** Takes away all interfaces of a server. */
export async function removeAll(tx: Tx, serverId: string): Promise<void> {
  await tx.deleteFrom('server_ports').where('server_id', '=', serverId).execute()
}

function fromRow(row: Selectable<Tables['server_ports']>): Interface {
  return {
    serverId: row.server_id, portId: row.port_id, networkId: row.network_id, networkName: row.network_name, mac: row.mac, fixedIps: fromJson<Interface['fixedIps']>(row.fixed_ips, []),
    floatingIps: fromJson<Interface['floatingIps']>(row.floating_ips, []), active: row.active === 1, madeHere: row.made_here === 1, tag: row.tag, mtu: row.mtu, createdAt: row.created_at,
  }
}

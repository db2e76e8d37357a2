// What each host is to make true: a row for each network, port and router that concerns it, and tombstones of what it is to take away.
//
// - A change takes the next number of one counter and writes it into every host row that it concerns. The counter's row stays locked until the transaction
//   ends, so numbers are committed in their order and "everything after my cursor" misses nothing. The number is also the row's generation.
// - A host row outlives its resource: it turns into a tombstone (`gone`), which is repeated until the host reported it gone at its number.
// - A network concerns a host while a port of it is bound there (not where binding failed: nobody is there to make anything); then all of its ports do, wherever they are bound, as DHCP reservations.
// - Hosts that share a network know of each other: when one joins or leaves, the network's rows on the others change.
// What would break it: binding, adding or removing a port without `portChanged` or `portRemoved` in the same transaction.
import { sql } from '@alto/kit/db'
import type { Port } from '../model/ports.ts'
import type { HostRow, Tx } from './tables.ts'

export type HostRowKind = 'network' | 'port' | 'router'

/** The next number of change. */
export async function nextChange(tx: Tx): Promise<number> {
  return Number((await tx.updateTable('counters').set(e => ({ value: e('value', '+', 1) })).where('name', '=', 'change').returning('value').executeTakeFirstOrThrow()).value)
}

/** A counter's value. */
export async function counter(tx: Tx, name: 'change' | 'database_epoch'): Promise<number> {
  return Number((await tx.selectFrom('counters').select('value').where('name', '=', name).executeTakeFirstOrThrow()).value)
}

/** A new epoch of the database: each start of the controller has a higher one than all before it, unless an old copy was put in its place. */
export async function nextEpoch(tx: Tx): Promise<void> {
  await tx.updateTable('counters').set(e => ({ value: e('value', '+', 1) })).where('name', '=', 'database_epoch').execute()
}

/** A port was added, changed or bound elsewhere (`formerHost`). The hosts that are to look. */
export async function portChanged(tx: Tx, port: Pick<Port, 'id' | 'networkId' | 'bindingHost' | 'vifType'>, formerHost = ''): Promise<string[]> {
  const seq = await nextChange(tx)
  const left = formerHost !== '' && formerHost !== port.bindingHost ? await leave(tx, formerHost, port.networkId, seq) : []
  if (port.bindingHost !== '' && port.vifType !== 'binding_failed') await join(tx, port.bindingHost, port.networkId, seq)
  const rows = await sql<{ host: string }>`
    insert into host_rows (host, kind, resource_id, network_id, seq, gone, reported_seq)
    select host, 'port', ${port.id}, ${port.networkId}, cast(${seq} as bigint), 0, 0 from host_rows where kind = 'network' and resource_id = ${port.networkId} and gone = 0
    on conflict (host, kind, resource_id) do update set seq = excluded.seq, gone = 0 returning host`.execute(tx)
  return [...new Set([...left, ...rows.rows.map(row => row.host)])]
}

/** A port was removed. The hosts that are to look. */
export async function portRemoved(tx: Tx, port: Pick<Port, 'id' | 'networkId' | 'bindingHost'>): Promise<string[]> {
  const seq = await nextChange(tx)
  const hosts = await bury(tx, 'port', port.id, seq)
  if (port.bindingHost !== '') await leave(tx, port.bindingHost, port.networkId, seq)
  return hosts
}

/** Something about rows of one kind changed, such as their rules or subnets. The hosts that are to look. */
export async function touched(tx: Tx, kind: HostRowKind, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const seq = await nextChange(tx)
  const rows = await tx.updateTable('host_rows').set({ seq }).where('kind', '=', kind).where('resource_id', 'in', ids).where('gone', '=', 0).returning('host').execute()
  return [...new Set(rows.map(row => row.host))]
}

/** The router is to run on the host. */
export async function wantRouter(tx: Tx, routerId: string, host: string): Promise<void> {
  const seq = await nextChange(tx)
  await tx.insertInto('host_rows').values(fresh(host, 'router', routerId, null, seq)).onConflict(c => c.columns(['host', 'kind', 'resource_id']).doUpdateSet({ seq, gone: 0 })).execute()
}

/** The resource is gone: tombstones on every host that had it. The hosts that are to look. */
export async function removed(tx: Tx, kind: HostRowKind, id: string): Promise<string[]> {
  return bury(tx, kind, id, await nextChange(tx))
}

/** The rows of a host that changed since the cursor, and all of its tombstones. */
export async function listChanged(tx: Tx, host: string, cursor: number): Promise<HostRow[]> {
  const rows = await tx.selectFrom('host_rows').selectAll().where('host', '=', host).where(e => e.or([e('seq', '>', cursor), e('gone', '=', 1)])).orderBy('seq').execute()
  return rows.map(row => ({ ...row, seq: Number(row.seq), reported_seq: Number(row.reported_seq) }))
}

/** Writes down what a host said. True when it is about the row as it stands; a lower generation than was already reported is ignored. */
export async function report(tx: Tx, said: { host: string, kind: HostRowKind, id: string, generation: number, status: string, reason: string | undefined }): Promise<boolean> {
  const { host, kind, id, generation } = said
  if (said.status === 'gone') {
    await tx.deleteFrom('host_rows').where('host', '=', host).where('kind', '=', kind).where('resource_id', '=', id).where('gone', '=', 1).where('seq', '=', generation).execute()
    return false
  }
  const row = await tx.updateTable('host_rows').set({ reported_seq: generation, status: said.status, reason: said.reason ?? null })
    .where('host', '=', host).where('kind', '=', kind).where('resource_id', '=', id).where('gone', '=', 0).where('reported_seq', '<=', generation).returning('seq').executeTakeFirst()
  return row !== undefined && Number(row.seq) === generation
}

/** Which hosts have the networks, by network. */
export async function hostsOfNetworks(tx: Tx, networkIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  if (networkIds.length === 0) return new Map()
  const rows = await tx.selectFrom('host_rows').select(['host', 'resource_id']).where('kind', '=', 'network').where('resource_id', 'in', networkIds).where('gone', '=', 0).orderBy('host').execute()
  return new Map([...Map.groupBy(rows, row => row.resource_id)].map(([id, on]) => [id, on.map(row => row.host)]))
}

/** The networks that concern the host. */
export async function networksOf(tx: Tx, host: string): Promise<string[]> {
  return (await tx.selectFrom('host_rows').select('resource_id').where('host', '=', host).where('kind', '=', 'network').where('gone', '=', 0).execute()).map(row => row.resource_id)
}

async function bury(tx: Tx, kind: HostRowKind, id: string, seq: number): Promise<string[]> {
  const rows = await tx.updateTable('host_rows').set({ seq, gone: 1 }).where('kind', '=', kind).where('resource_id', '=', id).where('gone', '=', 0).returning('host').execute()
  return rows.map(row => row.host)
}

/** From now on the network concerns the host, with all of its ports. */
async function join(tx: Tx, host: string, networkId: string, seq: number): Promise<void> {
  const known = await tx.selectFrom('host_rows').select('seq').where('host', '=', host).where('kind', '=', 'network').where('resource_id', '=', networkId).where('gone', '=', 0).executeTakeFirst()
  if (known) return
  await tx.insertInto('host_rows').values(fresh(host, 'network', networkId, networkId, seq)).onConflict(c => c.columns(['host', 'kind', 'resource_id']).doUpdateSet({ seq, gone: 0 })).execute()
  await sql`insert into host_rows (host, kind, resource_id, network_id, seq, gone, reported_seq)
    select ${host}, 'port', id, network_id, cast(${seq} as bigint), 0, 0 from ports where network_id = ${networkId}
    on conflict (host, kind, resource_id) do update set seq = excluded.seq, gone = 0`.execute(tx)
  await peersChanged(tx, host, networkId, seq)
}

/** The network no longer concerns the host when none of its ports is bound there. */
async function leave(tx: Tx, host: string, networkId: string, seq: number): Promise<string[]> {
  const bound = await tx.selectFrom('ports').select('id').where('binding_host', '=', host).where('network_id', '=', networkId).limit(1).executeTakeFirst()
  if (!bound) {
    await tx.updateTable('host_rows').set({ seq, gone: 1 }).where('host', '=', host).where('network_id', '=', networkId).where('gone', '=', 0).execute()
    await peersChanged(tx, host, networkId, seq)
  }
  return [host]
}

/** The other hosts of the network look at it again. Whoever calls rings them: a port of the network changed, which concerns them all. */
async function peersChanged(tx: Tx, host: string, networkId: string, seq: number): Promise<void> {
  await tx.updateTable('host_rows').set({ seq }).where('kind', '=', 'network').where('resource_id', '=', networkId).where('host', '!=', host).where('gone', '=', 0).execute()
}

function fresh(host: string, kind: HostRowKind, id: string, networkId: string | null, seq: number) {
  return { host, kind, resource_id: id, network_id: networkId, seq, gone: 0, reported_seq: 0, status: null, reason: null }
}

// SQL for wanted rows: what each agent is to make true. Every change takes the next version, so that an agent asks for what is newer than it knows.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Observed, Want, Wanted } from '../model/wants.ts'
import * as consoles from './consoles.ts'
import type { ServerWantsTable, Tx } from './tables.ts'

/** What counts: versions of wanted rows, starts, and the makings of what has a number, each of which holds its counter while it looks for the next one. */
type CounterName = 'wants' | 'database_epoch' | 'aggregates' | 'hosts'

/** The next number of a counter. Its row stays locked until the commit, so that numbers become visible in order. */
export async function next(tx: Tx, name: CounterName): Promise<number> {
  const { value } = await tx.insertInto('counters').values({ name, value: 1 })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value: sql<number>`counters.value + 1` })).returning('value').executeTakeFirstOrThrow()
  return value
}

/** The counter's number, 0 when it never counted. */
export async function counter(tx: Tx, name: CounterName): Promise<number> {
  return (await tx.selectFrom('counters').select('value').where('name', '=', name).executeTakeFirst())?.value ?? 0
}

/** The wanted row of a server, a tombstone too; undefined when no agent has anything of it. */
export async function find(tx: Tx, serverId: string): Promise<Want | undefined> {
  const row = await tx.selectFrom('server_wants').selectAll().where('server_id', '=', serverId).executeTakeFirst()
  return row && fromRow(row)
}

/** Rows of a host that changed after `version`, and every tombstone of it. */
export async function ofHost(tx: Tx, host: string, version: number): Promise<Want[]> {
  const rows = await tx.selectFrom('server_wants').selectAll().where('host', '=', host).where(eb => eb.or([eb('version', '>', version), eb('tombstone', '=', 1)])).orderBy('version').execute()
  return rows.map(fromRow)
}

/** Makes the first row of a server, or takes over the one that an earlier try of the same task left. Gives its generation. */
export async function begin(tx: Tx, serverId: string, host: string, epoch: number, wanted: Wanted): Promise<number> {
  await consoles.removeOf(tx, serverId)
  const version = await next(tx, 'wants')
  const { generation } = await tx.insertInto('server_wants')
    .values({ server_id: serverId, host, generation: 1, epoch, version, tombstone: 0, wanted: toJson(wanted), reported_generation: 0, observed: null, progress: null, reported_by: '', reported_sequence: 0 })
    .onConflict(conflict => conflict.column('server_id').doUpdateSet({ host, epoch, version, tombstone: 0, wanted: toJson(wanted), generation: sql<number>`server_wants.generation + 1` }))
    .returning('generation').executeTakeFirstOrThrow()
  return generation
}

/** Changes what is wanted, and forgets the server's console tokens when that is to be stopped; gives the new generation, undefined when the agent has nothing to do with the server (any more). */
export async function change(tx: Tx, serverId: string, epoch: number, changes: Partial<Wanted>): Promise<number | undefined> {
  const version = await next(tx, 'wants')
  const row = await tx.selectFrom('server_wants').selectAll().where('server_id', '=', serverId).where('tombstone', '=', 0).executeTakeFirst()
  if (!row) return undefined
  if (changes.power === 'stopped') await consoles.removeOf(tx, serverId)
  const wanted = { ...fromRow(row).wanted, ...changes }
  await tx.updateTable('server_wants').set({ wanted: toJson(wanted), generation: row.generation + 1, epoch: Math.max(epoch, row.epoch), version }).where('server_id', '=', serverId).execute()
  return row.generation + 1
}

/** Orders the guest's end. Gives the tombstone's generation; the one it has when it is one already; undefined when no agent has anything of the server. */
export async function bury(tx: Tx, serverId: string, epoch: number): Promise<number | undefined> {
  const version = await next(tx, 'wants')
  await consoles.removeOf(tx, serverId)
  const row = await tx.selectFrom('server_wants').selectAll().where('server_id', '=', serverId).executeTakeFirst()
  if (!row) return undefined
  const generation = row.tombstone ? row.generation : row.generation + 1
  await tx.updateTable('server_wants').set({ tombstone: 1, generation, epoch: Math.max(epoch, row.epoch), version }).where('server_id', '=', serverId).execute()
  return generation
}

/** Forgets the row: nothing of the server is on its host any more. */
export async function remove(tx: Tx, serverId: string): Promise<void> {
  await tx.deleteFrom('server_wants').where('server_id', '=', serverId).execute()
}

/** Writes down what an agent saw, unless it has said something newer: of a later generation, or of the same one with a higher number. False: ignored. */
export async function observe(tx: Tx, serverId: string, seen: { generation: number, observed: Observed, progress: string | undefined, sequence: { incarnation: string, number: number } | undefined }): Promise<boolean> {
  const { incarnation, number } = seen.sequence ?? { incarnation: '', number: 0 }
  const { numUpdatedRows } = await tx.updateTable('server_wants')
    .set({ reported_generation: seen.generation, observed: toJson(seen.observed), progress: seen.progress ?? null, reported_by: incarnation, reported_sequence: number })
    .where('server_id', '=', serverId).where('reported_generation', '<=', seen.generation).where('generation', '>=', seen.generation)
    .where(e => e.or([e('reported_generation', '<', seen.generation), e('reported_by', '<>', incarnation), e('reported_sequence', '<=', number)])).executeTakeFirst()
  return numUpdatedRows === 1n
}

function fromRow(row: ServerWantsTable): Want {
  return {
    serverId: row.server_id, host: row.host, generation: row.generation, epoch: row.epoch, tombstone: row.tombstone === 1, wanted: fromJson<Wanted>(row.wanted, {} as Wanted),
    reportedGeneration: row.reported_generation, observed: fromJson<Observed | null>(row.observed, null), progress: row.progress,
  }
}

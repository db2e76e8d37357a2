// SQL for wanted disks: what each agent is to make true. Every change takes the next version, so that an agent asks for what is newer than it knows.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Disk, Observed, Wanted } from '../model/disks.ts'
import type { Tables, Tx } from './tables.ts'

/** The next number of a counter. Its row stays locked until the commit, so that numbers become visible in order. */
async function next(tx: Tx, name: 'disks' | 'database_epoch'): Promise<number> {
  const { value } = await tx.insertInto('counters').values({ name, value: 1 })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value: sql<number>`counters.value + 1` })).returning('value').executeTakeFirstOrThrow()
  return value
}

/** The counter's number, 0 when it never counted. */
export async function counter(tx: Tx, name: 'disks' | 'database_epoch'): Promise<number> {
  return (await tx.selectFrom('counters').select('value').where('name', '=', name).executeTakeFirst())?.value ?? 0
}

/** The disk's row, or undefined. */
export async function find(tx: Tx, id: string): Promise<Disk | undefined> {
  const row = await tx.selectFrom('disks').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Rows of a host that changed after `version`, and every tombstone of it. */
export async function ofHost(tx: Tx, host: string, version: number): Promise<Disk[]> {
  const rows = await tx.selectFrom('disks').selectAll().where('host', '=', host).where(e => e.or([e('version', '>', version), e('tombstone', '=', 1)])).orderBy('version').execute()
  return rows.map(fromRow)
}

/** How many disks each host has or is to have. */
export async function countByHost(tx: Tx): Promise<Map<string, number>> {
  const rows = await tx.selectFrom('disks').select(e => ['host', e.fn.countAll<number | string>().as('count')]).groupBy('host').execute()
  return new Map(rows.map(row => [row.host, Number(row.count)]))
}

/** Makes the first row of a disk; leaves the one that an earlier try of the same task left, with the new epoch. */
export async function begin(tx: Tx, id: string, host: string, epoch: number, wanted: Wanted): Promise<void> {
  const version = await next(tx, 'disks')
  await tx.insertInto('disks').values({ id, host, generation: 1, epoch, version, tombstone: 0, wanted: toJson(wanted), observed: null, observed_generation: 0, progress: null, reported_by: '', reported_sequence: 0 })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ epoch, version, generation: sql<number>`disks.generation + 1`, tombstone: 0, wanted: toJson(wanted) })).execute()
}

/** Changes what is wanted; gives the new generation, undefined when there is no such disk (any more). `epoch` undefined: the row's own. */
export async function change(tx: Tx, id: string, epoch: number | undefined, changes: Partial<Wanted>): Promise<number | undefined> {
  const version = await next(tx, 'disks')
  const row = await tx.selectFrom('disks').selectAll().where('id', '=', id).where('tombstone', '=', 0).executeTakeFirst()
  if (!row) return undefined
  await tx.updateTable('disks').set({ wanted: toJson({ ...fromRow(row).wanted, ...changes }), generation: row.generation + 1, epoch: Math.max(epoch ?? 0, row.epoch), version }).where('id', '=', id).execute()
  return row.generation + 1
}

/** Orders the disk's end; false when no agent has anything of it. */
export async function bury(tx: Tx, id: string, epoch: number): Promise<boolean> {
  const version = await next(tx, 'disks')
  const row = await tx.selectFrom('disks').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) return false
  await tx.updateTable('disks').set({ tombstone: 1, generation: row.tombstone ? row.generation : row.generation + 1, epoch: Math.max(epoch, row.epoch), version }).where('id', '=', id).execute()
  return true
}

/** Writes what the agent saw, unless something newer is known: of a later generation, or of the same one with a higher number. `wanted` is the row's: a disk that is ready has been made for good. */
export async function observe(tx: Tx, id: string, seen: { wanted: Wanted, generation: number, epoch: number, observed: Observed, progress: string | undefined, sequence: { incarnation: string, number: number } | undefined }): Promise<boolean> {
  const wanted = toJson(seen.observed.state === 'ready' ? { ...seen.wanted, made: true } : seen.wanted)
  const { incarnation, number } = seen.sequence ?? { incarnation: '', number: 0 }
  const { numUpdatedRows } = await tx.updateTable('disks').set({ wanted, observed: toJson(seen.observed), observed_generation: seen.generation, progress: seen.progress ?? null, reported_by: incarnation, reported_sequence: number })
    .where('id', '=', id).where('observed_generation', '<=', seen.generation).where('generation', '>=', seen.generation).where('epoch', '>=', seen.epoch)
    .where(e => e.or([e('observed_generation', '<', seen.generation), e('reported_by', '<>', incarnation), e('reported_sequence', '<=', number)])).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Forgets the row: nothing of the disk is on its host any more. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('disks').where('id', '=', id).execute()
}

/** A new life of the service on this database: agents refuse one that has lived less than they have seen. */
export async function startEpoch(tx: Tx): Promise<void> {
  await next(tx, 'database_epoch')
}

function fromRow(row: Tables['disks']): Disk {
  return {
    id: row.id, host: row.host, generation: row.generation, epoch: row.epoch, version: row.version, tombstone: row.tombstone === 1, wanted: JSON.parse(row.wanted) as Wanted,
    observed: fromJson<Observed | null>(row.observed, null), observedGeneration: row.observed_generation, progress: row.progress,
  }
}

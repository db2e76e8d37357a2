// The SQL of tasks. Every change of an owned task names the epoch under which it was taken up, and changes nothing when another owner has come.
import { sql, type Tx, type Updateable } from '../db/index.ts'
import type { TaskRow, TasksTable, TaskTables } from './schema.ts'

/** Who takes tasks up: a place in the cloud, and one life of the process there. */
export interface Owner {
  readonly host: string
  readonly incarnation: string
}

/** Being taken up this much late is no fault of the task; less is the clock's grain, and must count, or a last look would never be the last. */
const LATE_MS = 5_000

/** A task that may be taken up, as it was seen. */
export type Head = Pick<TaskRow, 'id' | 'resource_id' | 'epoch' | 'due_at'>

/** The first open task of each resource, the soonest due first; blocked ones are not among them. */
export async function listHeads(tx: Tx<TaskTables>, kinds: readonly string[], limit: number): Promise<Head[]> {
  return tx.selectFrom('tasks').select(['id', 'resource_id', 'epoch', 'due_at']).where('finished_at', 'is', null).where('kind', 'in', kinds)
    .where(({ not, exists, selectFrom }) => not(exists(selectFrom('tasks as earlier').select('earlier.id')
      .whereRef('earlier.resource_id', '=', 'tasks.resource_id').where('earlier.finished_at', 'is', null).whereRef('earlier.sequence', '<', 'tasks.sequence'))))
    .orderBy('due_at').orderBy('created_at').limit(limit).execute()
}

/**
 * Takes a due task up until `leaseUntil`, under a new epoch of its resource; undefined when somebody was faster or it is not due any more.
 * Time that it was due and nobody came does not count against its deadline.
 */
export async function take(tx: Tx<TaskTables>, head: Head, by: { owner: Owner, now: number, leaseUntil: number }): Promise<TaskRow | undefined> {
  const { owner, now, leaseUntil } = by
  const { epoch } = await tx.updateTable('task_resources').set({ epoch: sql`epoch + 1` }).where('resource_id', '=', head.resource_id).returning('epoch').executeTakeFirstOrThrow()
  return tx.updateTable('tasks')
    .set({
      owner: owner.host, incarnation: owner.incarnation, epoch, due_at: leaseUntil,
      progress_at: sql`progress_at + case when due_at < ${now - LATE_MS} then ${now} - due_at else 0 end`,
    })
    .where('id', '=', head.id).where('epoch', '=', head.epoch).where('due_at', '<=', now).where('finished_at', 'is', null).returningAll().executeTakeFirst()
}

/** Changes a task that is still owned under its epoch, and gives the row as it is now; undefined when the lease is lost. */
export async function setOwned(tx: Tx<TaskTables>, task: Pick<TaskRow, 'id' | 'epoch'>, change: Updateable<TasksTable>): Promise<TaskRow | undefined> {
  return owned(tx, task).set(change).returningAll().executeTakeFirst()
}

/** Gives a task back until `dueAt`; at once due when it was rung since `task` was read. */
export async function setReleased(tx: Tx<TaskTables>, task: Pick<TaskRow, 'id' | 'epoch' | 'rings'>, to: { now: number, dueAt: number }, change: Updateable<TasksTable>): Promise<TaskRow | undefined> {
  const dueAt = sql<number>`case when rings > ${task.rings} then cast(${to.now} as bigint) else cast(${to.dueAt} as bigint) end`
  return owned(tx, task).set({ ...change, owner: null, incarnation: null, due_at: dueAt }).returningAll().executeTakeFirst()
}

/** Prolongs the leases of `ids` and gives those that are still this owner's, with who pre-empts them. */
export async function renew(tx: Tx<TaskTables>, owner: Owner, ids: readonly string[], leaseUntil: number): Promise<Pick<TaskRow, 'id' | 'epoch' | 'preempted_by'>[]> {
  return tx.updateTable('tasks').set({ due_at: leaseUntil }).where('id', 'in', ids).where('incarnation', '=', owner.incarnation).where('finished_at', 'is', null)
    .returning(['id', 'epoch', 'preempted_by']).execute()
}

/** Makes due what earlier lives of this host's process held. */
export async function takeOver(tx: Tx<TaskTables>, owner: Owner, now: number): Promise<void> {
  await tx.updateTable('tasks')
    .set({ owner: null, incarnation: null, due_at: now, progress_at: sql`progress_at + case when due_at < ${now} then ${now} - due_at else 0 end` })
    .where('owner', '=', owner.host).where('incarnation', '<>', owner.incarnation).where('finished_at', 'is', null).execute()
}

/** Gives back what this life still holds: all of it, or the tasks `ids`. */
export async function handBack(tx: Tx<TaskTables>, owner: Owner, now: number, ids?: readonly string[]): Promise<void> {
  let held = tx.updateTable('tasks').set({ owner: null, incarnation: null, due_at: now }).where('incarnation', '=', owner.incarnation).where('finished_at', 'is', null)
  if (ids) held = held.where('id', 'in', ids)
  await held.execute()
}

/** Who pre-empts the task, as it stands now. */
export async function findPreemption(tx: Tx<TaskTables>, id: string): Promise<string | null> {
  const row = await tx.selectFrom('tasks').select('preempted_by').where('id', '=', id).executeTakeFirst()
  return row?.preempted_by ?? null
}

/** Removes at most `limit` tasks that ended before `finishedBefore`; gives how many. */
export async function purge(tx: Tx<TaskTables>, finishedBefore: number, limit: number): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('tasks')
    .where('id', 'in', eb => eb.selectFrom('tasks').select('id').where('finished_at', '<', finishedBefore).orderBy('finished_at').limit(limit)).executeTakeFirst()
  return Number(numDeletedRows)
}

function owned(tx: Tx<TaskTables>, task: Pick<TaskRow, 'id' | 'epoch'>) {
  return tx.updateTable('tasks').where('id', '=', task.id).where('epoch', '=', task.epoch).where('owner', 'is not', null).where('finished_at', 'is', null)
}

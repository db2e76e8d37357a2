// The records of tasks on their way, and what is told of them and of their images once that is committed.
import type { Context } from '@alto/kit/context'
import { afterCommit } from '@alto/kit/db'
import type { Origin } from '@alto/kit/task'
import type { TaskRecord } from '../model/tasks.ts'
import * as images from '../store/images.ts'
import type { Tx } from '../store/tables.ts'
import * as tasks from '../store/tasks.ts'
import type { Deps } from './deps.ts'
import { askerOf, tellOfImage, tellOfTask } from './events.ts'

type Surroundings = Pick<Deps, 'clock' | 'options' | 'notifier'>

/** A record as it begins to be, on the caller's behalf. */
export function newRecord({ ids, clock }: Pick<Deps, 'ids' | 'clock'>, ctx: Context, { type, imageId, input }: Pick<TaskRecord, 'type' | 'imageId' | 'input'>): TaskRecord {
  const now = clock.now()
  const { projectId = null, userId } = ctx.credentials
  return { id: ids.uuid(), type, status: 'pending', owner: projectId, imageId, userId, requestId: ctx.requestId, input, result: null, message: '', createdAt: now, updatedAt: now, expiresAt: null }
}

/** When the record of a task that ends now may go; milliseconds. */
export function expiryOf({ clock, options }: Pick<Deps, 'clock' | 'options'>): number {
  return clock.now() + options.taskTimeToLive * 3_600_000
}

/** Adds the record of a new task. */
export async function insertRecord(deps: Surroundings, tx: Tx, record: TaskRecord): Promise<void> {
  await tasks.insert(tx, record)
  afterCommit(tx, () => { for (const event of ['task.create', 'task.run'] as const) tellOfTask(deps, event, { ...record, status: 'pending' }) })
}

/** The task is being worked on; nothing when it was before, or has ended. */
export async function beginRecord(deps: Surroundings, tx: Tx, id: string): Promise<void> {
  if (await tasks.begin(tx, id, deps.clock.now())) await toldOf(deps, tx, id, 'task.processing')
}

/** Ends the record of a task that has not ended. */
export async function endRecord(deps: Surroundings, tx: Tx, id: string, how: tasks.TaskEnd): Promise<void> {
  if (await tasks.end(tx, id, how, { now: deps.clock.now(), expiresAt: expiryOf(deps) })) await toldOf(deps, tx, id, 'result' in how ? 'task.success' : 'task.failure')
}

async function toldOf(deps: Surroundings, tx: Tx, id: string, event: Parameters<typeof tellOfTask>[1]): Promise<void> {
  const record = deps.notifier && await tasks.find(tx, id, deps.clock.now())
  if (record) afterCommit(tx, () => { tellOfTask(deps, event, record) })
}

/** Tells, once the transaction is committed, what an image is at this point of it. */
export async function tellOfChanged(deps: Surroundings, tx: Tx, { resourceId, origin }: { readonly resourceId: string, readonly origin: Origin }, events: readonly `image.${string}`[]): Promise<void> {
  const image = deps.notifier && await images.find(tx, resourceId)
  if (image) afterCommit(tx, () => { for (const event of events) tellOfImage(deps, askerOf(origin), event, image) })
}

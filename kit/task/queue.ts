// Where tasks come from: the transaction that writes the desired state also writes the task, and rings when it has committed.
import type { Clock } from '../clock/index.ts'
import { afterCommit, fromJson, sql, toJson, type Tx } from '../db/index.ts'
import type { Ids } from '../ids/index.ts'
import type { Failure, Origin, TaskKind } from './definition.ts'
import type { TaskTables } from './schema.ts'

/** What is to be done to what, for whom. */
export interface TaskOrder<Input> {
  /** One task of a resource runs at a time, in the order they were enqueued. */
  readonly resourceId: string
  /** JSON; where there are rows to look at, nothing: a task is "look again". */
  readonly input: Input
  readonly origin?: Origin
}

/** A task that has not ended, for the audit and for explanations. */
export interface OpenTask {
  readonly id: string
  readonly kind: string
  readonly phase: 'forward' | 'back'
  readonly waitingFor: string | null
  readonly lastError: string | null
  readonly attempts: number
  /** Milliseconds of the clock. */
  readonly progressAt: number
}

/** A task that ended, as long as it is kept. */
export interface EndedTask {
  readonly id: string
  readonly kind: string
  readonly outcome: 'done' | 'failed' | 'preempted'
  readonly failure: Failure | null
  /** Steps that could not be undone, with the reason: for the audit and for whoever mends it. */
  readonly leftBehind: readonly { readonly step: string, readonly reason: string }[]
  readonly finishedAt: number
}

/** The tasks of one service, as its managers see them. */
export class TaskQueue {
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #listeners = new Set<(resourceId: string) => void>()
  readonly #carriers = new Set<(resourceId: string) => void>()

  constructor(options: { readonly clock: Clock, readonly ids: Ids }) {
    this.#clock = options.clock
    this.#ids = options.ids
  }

  /** Adds a task in the caller's transaction and gives its id; rings after the commit. One that pre-empts tells every open task of the resource to stop. */
  async enqueue<Tables extends TaskTables, Input>(tx: Tx<Tables>, kind: TaskKind<Input>, order: TaskOrder<NoInfer<Input>>): Promise<string> {
    const own = ours(tx)
    const [id, now] = [this.#ids.uuid(), this.#clock.now()]
    // The row of the resource is locked until the commit, so that sequences become visible in order.
    const { sequence } = await own.insertInto('task_resources').values({ resource_id: order.resourceId, sequence: 1, epoch: 0 })
      .onConflict(conflict => conflict.column('resource_id').doUpdateSet({ sequence: sql`task_resources.sequence + 1` })).returning('sequence').executeTakeFirstOrThrow()
    if (kind.preempts) {
      await own.updateTable('tasks').set({ preempted_by: id }).where('resource_id', '=', order.resourceId).where('finished_at', 'is', null).where('preempted_by', 'is', null).execute()
    }
    await own.insertInto('tasks').values({
      id, kind: kind.name, resource_id: order.resourceId, sequence, input: toJson(order.input), origin: toJson(order.origin ?? {}),
      phase: 'forward', committed: 0, results: '{}', undone: '[]', left_behind: '[]', failure: null, announced: 0, outcome: null, preempted_by: null,
      attempts: 0, last_error: null, waiting_for: null, rings: 0, progress_at: now, due_at: now, owner: null, incarnation: null, epoch: 0,
      created_at: now, finished_at: null,
    }).execute()
    await this.ring(tx, order.resourceId)
    return id
  }

  /** Something that a task of the resource may wait for has changed, in this transaction: its step is run again after the commit. */
  async ring<Tables extends TaskTables>(tx: Tx<Tables>, resourceId: string): Promise<void> {
    const now = this.#clock.now()
    await ours(tx).updateTable('tasks')
      .set({ rings: sql`rings + 1`, due_at: sql`case when owner is null and due_at > ${now} then ${now} else due_at end` })
      .where('resource_id', '=', resourceId).where('finished_at', 'is', null).execute()
    afterCommit(tx, () => {
      this.heard(resourceId)
      for (const carry of this.#carriers) carry(resourceId)
    })
  }

  /** The doorbell itself: tells the runners of this process to look. Rows decide; a bell of another process, brought by a bus (bell.ts), ends here. */
  heard(resourceId: string): void {
    for (const listener of this.#listeners) listener(resourceId)
  }

  /** Calls `fn` for each bell that was rung here, to carry it to other processes; the function returned ends that. */
  onOwnRing(fn: (resourceId: string) => void): () => void {
    this.#carriers.add(fn)
    return () => { this.#carriers.delete(fn) }
  }

  /** Calls `fn` for each bell, rung here or elsewhere; the function returned ends that. */
  onRing(fn: (resourceId: string) => void): () => void {
    this.#listeners.add(fn)
    return () => { this.#listeners.delete(fn) }
  }

  /** The tasks of a resource that have not ended, the one at work first. */
  async open<Tables extends TaskTables>(tx: Tx<Tables>, resourceId: string): Promise<OpenTask[]> {
    const rows = await ours(tx).selectFrom('tasks').selectAll().where('resource_id', '=', resourceId).where('finished_at', 'is', null).orderBy('sequence').execute()
    return rows.map(row => ({
      id: row.id, kind: row.kind, phase: row.phase, waitingFor: row.waiting_for, lastError: row.last_error, attempts: row.attempts, progressAt: row.progress_at,
    }))
  }

  /** The tasks of a resource that have ended, in order. */
  async history<Tables extends TaskTables>(tx: Tx<Tables>, resourceId: string): Promise<EndedTask[]> {
    const rows = await ours(tx).selectFrom('tasks').selectAll().where('resource_id', '=', resourceId).where('finished_at', 'is not', null).orderBy('sequence').execute()
    return rows.map(row => ({
      id: row.id, kind: row.kind, outcome: row.outcome!, failure: fromJson<Failure | null>(row.failure, null), leftBehind: fromJson<EndedTask['leftBehind']>(row.left_behind, []),
      finishedAt: row.finished_at!,
    }))
  }
}

/** The same connection, seen with the tables of tasks only. */
export function ours<Tables extends TaskTables>(tx: Tx<Tables>): Tx<TaskTables> {
  return tx as unknown as Tx<TaskTables>
}

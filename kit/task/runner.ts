// Runs the tasks of one service, so that nothing is ever stuck.
//
// The properties it keeps (tests carry their names):
//
// - DURABLE. What a task has done is in its row; what it does next follows from row and definition alone (moves.ts). Start, retry, crash and restart
//   are one path: take the row up, make the next move. Nothing in memory is needed to go on.
// - ONE OWNER. A task is taken up by compare-and-swap on its epoch, for the length of a lease. Every record and every `t.write` names the epoch, and
//   finds nothing to change when somebody else came. Epochs belong to the resource and only grow, so agents can refuse the lower one.
// - IN ORDER. Only the first open task of a resource is taken up. Sequences come from the resource's row, which enqueuing locks until it commits.
// - ROLL BACK OR FORWARD. A failed task undoes its steps backwards, the unrecorded one first if it may have been tried; one that is declared forward-only,
//   or is past its recorded point of no return, never turns. The turn is recorded before the first undo.
// - DEADLINE. Without progress for `deadlineMs` the task fails with its last error or reason to wait. Time in which it was due and nobody came (the
//   program was down, the slots were full, another task was first) does not count, and the last look is always taken before the verdict.
// - PRE-EMPTION. A delete does not wait for a create's deadline: the create's signal aborts, it rolls back, and only then is the delete taken up.
//   What may not turn back finishes first, or hands over between steps where its definition allows it.
// - NO LOST BELL. A ring is a counter in the row. A step that says "not yet" is run again at once when the counter moved since the row was read.
// - BOUNDED. At most `concurrency` tasks are at work; one that waits holds no slot, no lease, no timer: only a row with the time of its next look.
//
// How: one loop (`#pump`) reads the first tasks of all resources, takes up those that are due, and sleeps until the next is, until a bell rings, or
// until the poll interval is over, which is what a lost bell costs. Each task then runs by itself (run.ts) until it ends or has to wait.
//
// What would break them: a step whose effect is not repeatable under `t.key`; an undo that needs a result which may not be recorded; a step that ignores
// `t.signal` and goes on after its deadline; two living processes of one service with the same `host`; an `onFailed` that throws (the task then
// rests for a lease and tries to end again, for ever, loudly).
import type { Clock } from '../clock/index.ts'
import type { Database } from '../db/index.ts'
import { messageOf } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import { type Log, silentLog } from '../log/index.ts'
import type { Definition } from './definition.ts'
import type { Crash, TaskPoint } from './points.ts'
import { ours, type TaskQueue } from './queue.ts'
import { type RunSite, TaskRun } from './run.ts'
import type { TaskRow, TaskTables } from './schema.ts'
import { handBack, listHeads, type Owner, purge, renew, take, takeOver } from './store.ts'

/** What a runner is made from. Times are milliseconds of the clock. */
export interface TaskRunnerOptions<Tables extends TaskTables> {
  readonly db: Database<Tables>
  readonly clock: Clock
  readonly ids: Ids
  readonly queue: TaskQueue
  readonly definitions: readonly Definition<Tables>[]
  /** Where this process stands: its next life takes the leases of this one. No two living processes of a service share it. */
  readonly host: string
  readonly log?: Log
  /** Tasks at work at the same time; 32 when not given. */
  readonly concurrency?: number
  /** How long a task stays with an owner that gives no sign, and so how long a dead controller's tasks wait for another one; 10 s. */
  readonly leaseMs?: number
  /** How often to look without a bell; 5 s. */
  readonly pollMs?: number
  /** The pause before the second try, doubled for each further one up to the most; 200 ms and 30 s. */
  readonly retry?: { readonly firstMs: number, readonly maxMs: number }
  /** How long a step may take to end when the runner stops; 5 s. */
  readonly stopMs?: number
  /** How long tasks that ended are kept; 7 days. */
  readonly keepMs?: number
  /** Called at each point of each task: may throw what the step should fail with, or a Crash. */
  readonly at?: (point: TaskPoint) => void | Promise<void>
}

/** The pause after the database did not answer. */
const AGAIN_MS = 500
const PURGE_EVERY_MS = 3_600_000
const PURGE_AT_ONCE = 1_000

/** Takes up and runs tasks from `start` to `stop`. */
export class TaskRunner<Tables extends TaskTables> {
  readonly #options: TaskRunnerOptions<Tables>
  readonly #definitions: ReadonlyMap<string, Definition<Tables>>
  readonly #owner: Owner
  readonly #log: Log
  readonly #site: RunSite<Tables>
  /** Tasks that nobody works on, though their rows say that we do: the database did not answer. */
  readonly #unrecorded = new Set<string>()
  readonly #runs = new Map<string, { readonly run: TaskRun<Tables>, readonly ended: Promise<void> }>()
  readonly #pollMs: number
  readonly #leaseMs: number
  #state: 'running' | 'stopping' | 'dead' = 'running'
  #pumping: Promise<void> | undefined
  #crashed = false
  #rung = false
  #asleep: (() => void) | undefined
  #idlers: (() => void)[] = []
  #cancels: (() => void)[] = []
  #cancelRenewal = () => {}
  #purgeAt = 0

  /** Throws a TypeError when two definitions have one name. */
  constructor(options: TaskRunnerOptions<Tables>) {
    this.#options = options
    this.#definitions = new Map(options.definitions.map(definition => [definition.kind.name, definition]))
    if (this.#definitions.size !== options.definitions.length) throw new TypeError('two tasks have one name')
    this.#owner = { host: options.host, incarnation: options.ids.uuid() }
    this.#log = options.log ?? silentLog
    this.#pollMs = options.pollMs ?? 5_000
    this.#leaseMs = options.leaseMs ?? 10_000
    this.#site = {
      db: options.db, clock: options.clock, ids: options.ids, log: this.#log, leaseMs: this.#leaseMs, pollMs: this.#pollMs,
      retry: options.retry ?? { firstMs: 200, maxMs: 30_000 },
      at: options.at ?? (() => {}), state: () => this.#state, die: crash => this.#die(crash),
    }
  }

  /** Takes over what earlier lives of this host held, and begins to work. */
  async start(): Promise<void> {
    const { db, clock, queue } = this.#options
    await db.write(tx => takeOver(ours(tx), this.#owner, clock.now()))
    this.#cancels.push(queue.onRing(resourceId => this.#heard(resourceId)))
    this.#renewLater()
    this.#pumping = this.#pump()
  }

  /** Takes up nothing more, asks the steps at work to end, and gives every lease back. */
  async stop(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'stopping'
    this.#wake()
    await this.#pumping
    for (const { run } of this.#runs.values()) run.stop()
    const grace = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(this.#options.stopMs ?? 5_000, grace.resolve)
    await Promise.race([Promise.all([...this.#runs.values()].map(({ ended }) => ended)), grace.promise])
    cancel()
    this.#close()
    await this.#options.db.write(tx => handBack(ours(tx), this.#owner, this.#options.clock.now()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Resolves when nothing is at work and nothing is due now, or the runner has stopped. What waits for a bell or a time is not due. */
  idle(): Promise<void> {
    if (!this.#pumping || this.#state === 'dead' || this.#isQuiet()) return Promise.resolve()
    return new Promise(resolve => { this.#idlers.push(resolve) })
  }

  /** True after a hook threw a Crash. */
  get crashed(): boolean {
    return this.#crashed
  }

  async #pump(): Promise<void> {
    while (this.#state === 'running') {
      this.#rung = false
      let next = Infinity
      try {
        next = await this.#takeDue()
      } catch (error) {
        this.#log.error({ err: error }, `the tasks could not be read: ${messageOf(error)}`)
        next = this.#options.clock.now() + AGAIN_MS
      }
      await this.#sleepUntil(next)
    }
  }

  // Gives the time of the next task that is not due yet.
  async #takeDue(): Promise<number> {
    const { db, clock, concurrency = 32 } = this.#options
    const free = concurrency - this.#runs.size
    if (free <= 0) return Infinity
    if (this.#unrecorded.size > 0) {
      const left = [...this.#unrecorded]
      await db.write(tx => handBack(ours(tx), this.#owner, clock.now(), left))
      for (const id of left) this.#unrecorded.delete(id)
    }
    const heads = await db.read(tx => listHeads(ours(tx), [...this.#definitions.keys()], free + 1))
    const now = clock.now()
    const due = heads.filter(head => head.due_at <= now && !this.#runs.has(head.id)).slice(0, free)
      .toSorted((a, b) => a.resource_id < b.resource_id ? -1 : 1)          // runners lock in one order
    if (due.length > 0) {
      const taken = await db.write(async tx => {
        const rows: { row: TaskRow, before: number }[] = []
        for (const head of due) {
          const row = await take(ours(tx), head, { owner: this.#owner, now, leaseUntil: now + this.#leaseMs })
          if (row) rows.push({ row, before: head.epoch })
        }
        return rows
      })
      for (const { row, before } of taken) this.#begin(row, before > 0)
    } else if (now >= this.#purgeAt) {
      this.#purgeAt = now + PURGE_EVERY_MS
      await db.write(tx => purge(ours(tx), now - (this.#options.keepMs ?? 7 * 86_400_000), PURGE_AT_ONCE))
    }
    return heads.find(head => head.due_at > now)?.due_at ?? Infinity
  }

  #begin(row: TaskRow, takenBefore: boolean): void {
    const run = new TaskRun(this.#site, this.#definitions.get(row.kind)!, row, takenBefore)
    const ended = run.run().then(isRecorded => {
      this.#runs.delete(row.id)
      if (!isRecorded) this.#unrecorded.add(row.id)
      this.#wake()
    })
    this.#runs.set(row.id, { run, ended })
  }

  #heard(resourceId: string): void {
    for (const { run } of this.#runs.values()) {
      if (run.resourceId === resourceId) run.look().catch((error: unknown) => this.#log.warn({ err: error, resourceId }, 'a bell could not be followed; the next renewal will'))
    }
    this.#wake()
  }

  #renewLater(): void {
    this.#cancelRenewal = this.#options.clock.after(Math.floor(this.#leaseMs / 3), () => {
      this.#renew().catch((error: unknown) => this.#log.error({ err: error }, `the leases could not be renewed: ${messageOf(error)}`))
        .finally(() => { if (this.#state !== 'dead') this.#renewLater() })
    })
  }

  async #renew(): Promise<void> {
    const runs = new Map(this.#runs)
    if (runs.size === 0) return
    const { db, clock } = this.#options
    const kept = new Map((await db.write(tx => renew(ours(tx), this.#owner, [...runs.keys()], clock.now() + this.#leaseMs))).map(row => [row.id, row]))
    for (const [id, { run }] of runs) {
      const row = kept.get(id)
      if (row?.epoch !== run.epoch) { if (this.#runs.has(id)) run.lose() }
      else if (row.preempted_by !== null) run.preempt(row.preempted_by)
    }
  }

  #wake(): void {
    this.#rung = true
    this.#asleep?.()
  }

  // Until then, the next bell, or the poll interval's end.
  #sleepUntil(next: number): Promise<void> {
    const { clock } = this.#options
    return new Promise(resolve => {
      if (this.#rung || this.#state !== 'running') { resolve(); return }
      const cancel = clock.after(Math.max(0, Math.min(next - clock.now(), this.#pollMs)), () => this.#wake())
      this.#asleep = () => { this.#asleep = undefined; cancel(); resolve() }
      if (this.#isQuiet()) this.#tellIdlers()
    })
  }

  #isQuiet(): boolean {
    return this.#asleep !== undefined && this.#runs.size === 0
  }

  #tellIdlers(): void {
    const idlers = this.#idlers
    this.#idlers = []
    for (const tell of idlers) tell()
  }

  #die(crash: Crash): void {
    this.#log.debug({}, crash.message)
    this.#crashed = true
    this.#close()
    for (const { run } of this.#runs.values()) run.lose()
  }

  #close(): void {
    this.#state = 'dead'
    for (const cancel of this.#cancels) cancel()
    this.#cancelRenewal()
    this.#wake()
    this.#tellIdlers()
  }
}

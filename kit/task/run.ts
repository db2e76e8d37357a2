// One task in the hands of its owner: from being taken up to its end, or to being given back until it is due again.
import type { Clock } from '../clock/index.ts'
import { type Database, fromJson, toJson, type Tx, type Updateable } from '../db/index.ts'
import { Fault, isFault, messageOf } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import type { Log } from '../log/index.ts'
import { type Definition, type ErasedStep, type Failure, failureOf, isFinal, type Origin, type TaskContext, type TaskShape, Waiting } from './definition.ts'
import { frontier, nextMove, resultsOf, rollsBack, undoneOf, yields } from './moves.ts'
import { Crash, type TaskMoment, type TaskPoint } from './points.ts'
import { ours } from './queue.ts'
import type { TaskRow, TasksTable, TaskTables } from './schema.ts'
import { findPreemption, setOwned, setReleased } from './store.ts'

/** What a run needs of its runner. */
export interface RunSite<Tables extends TaskTables> {
  readonly db: Database<Tables>
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly leaseMs: number
  readonly pollMs: number
  readonly retry: { readonly firstMs: number, readonly maxMs: number }
  readonly at: (point: TaskPoint) => void | Promise<void>
  /** `stopping`: give back what is not at work. `dead`: touch nothing any more. */
  state(): 'running' | 'stopping' | 'dead'
  die(crash: Crash): void
}

/** A try that begins at or after its deadline (the program was down, the poll fell on it) still gets this long. */
const LAST_LOOK_MS = 5_000
/** For undoing a task that has no deadline of its own. */
const UNDO_DEADLINE_MS = 600_000

class LeaseLost extends Error {
  constructor() {
    super('the task is not (or no longer) in these hands')
  }
}

/** A task that is owned under `row.epoch`. */
export class TaskRun<Tables extends TaskTables> {
  readonly #site: RunSite<Tables>
  readonly #definition: Definition<Tables>
  readonly #log: Log
  #row: TaskRow
  // Whether the first unrecorded step may have been tried, by us or by an earlier owner.
  #tried: boolean
  #attempt: { readonly abort: (reason: Error) => void, readonly cut: (reason: Error) => void } | undefined

  /** `takenBefore`: somebody owned it before us. */
  constructor(site: RunSite<Tables>, definition: Definition<Tables>, row: TaskRow, takenBefore: boolean) {
    this.#site = site
    this.#definition = definition
    this.#row = row
    this.#tried = takenBefore
    this.#log = site.log.child({ task: row.kind, taskId: row.id, resourceId: row.resource_id, requestId: originOf(row).requestId })
  }

  get resourceId(): string {
    return this.#row.resource_id
  }

  get epoch(): number {
    return this.#row.epoch
  }

  /** Works until the task ends or has to wait; false when that could not be recorded, and the row still says that we are at work. Never throws. */
  async run(): Promise<boolean> {
    try {
      while (await this.#move()) {
        if (this.#site.state() === 'stopping') { await this.#release(this.#site.clock.now(), {}); break }
      }
    } catch (error) {
      if (error instanceof Crash) this.#site.die(error)
      else if (error instanceof LeaseLost) this.#log.warn({}, 'the task has another owner: left to it')
      else {
        this.#log.error({ err: error }, `the task could not be recorded: ${messageOf(error)}`)
        return false
      }
    }
    return true
  }

  /** The resource was rung during the work: when a task pre-empts this one, the step at work is told. */
  async look(): Promise<void> {
    const by = await this.#site.db.read(tx => findPreemption(ours(tx), this.#row.id))
    if (by !== null) this.preempt(by)
  }

  /** Task `by` pre-empts this one. */
  preempt(by: string): void {
    this.#row = { ...this.#row, preempted_by: by }
    if (this.#yields()) this.#attempt?.abort(new Error('pre-empted'))
  }

  /** The lease is gone: nothing more is recorded. */
  lose(): void {
    this.#attempt?.cut(new LeaseLost())
  }

  /** Asks the step at work to end. */
  stop(): void {
    this.#attempt?.abort(new Error('the runner stops'))
  }

  // False when the task is out of our hands.
  async #move(): Promise<boolean> {
    const next = nextMove(this.#definition, this.#row)
    switch (next.move) {
      case 'do': return this.#do(next.step)
      case 'undo': return this.#undo(next.step)
      case 'turn': return this.#turn(null)
      case 'end': return this.#end(next.outcome, {})
    }
  }

  async #do(step: ErasedStep): Promise<boolean> {
    if (step.pointOfNoReturn && this.#row.committed === 0) await this.#set({ committed: 1 })
    let result: unknown
    try {
      result = await this.#try(step, ['beforeDo', 'afterDo'], t => step.do(t))
    } catch (error) {
      return this.#afterError(step, error)
    }
    if (result instanceof Waiting) return this.#afterWait(step, result)
    const results = toJson({ ...resultsOf(this.#row), [step.name]: result ?? null })
    const recorded = { results, ...this.#moved() }
    const last = frontier(this.#definition, { ...this.#row, results }) === undefined
    if (last) await this.#end('done', recorded)
    else await this.#set(recorded)
    this.#tried = false
    await this.#at('afterDoRecord', step)
    return !last
  }

  async #afterError(step: ErasedStep, error: unknown): Promise<boolean> {
    if (error instanceof Crash || error instanceof LeaseLost) throw error
    if (this.#yields()) return true
    const now = this.#site.clock.now()
    if (isFinal(error)) return this.#fail(failureOf(step.name, error))
    if (this.#site.state() === 'stopping') return this.#release(now, {})
    const failure = failureOf(step.name, error)
    if (this.#isLate(step)) return this.#fail(isFault(error, 'task.deadline') ? failure : { ...failure, message: `${failure.message} (${this.#patience(step)})` })
    return this.#release(this.#nextTry(step), { attempts: this.#row.attempts + 1, last_error: failure.message, waiting_for: null })
  }

  async #afterWait(step: ErasedStep, { reason, pollMs }: Waiting): Promise<boolean> {
    if (this.#yields()) return true
    if (this.#isLate(step)) {
      return this.#fail({ step: step.name, kind: 'unavailable', code: 'task.deadline', message: `${reason} (${this.#patience(step)})` })
    }
    return this.#release(this.#nextLook(step, pollMs), { attempts: 0, last_error: null, waiting_for: reason })
  }

  #yields(): boolean {
    return this.#row.preempted_by !== null && yields(this.#definition, this.#row)
  }

  async #fail(failure: Failure): Promise<boolean> {
    this.#log.warn({ step: failure.step, code: failure.code }, `the task failed: ${failure.message}`)
    if (rollsBack(this.#definition, this.#row)) return this.#turn(failure)
    return this.#end('failed', { failure: toJson(failure) })
  }

  // Recorded before the first undo, so that a crash half-way never goes forward again over what is already undone.
  async #turn(failure: Failure | null): Promise<boolean> {
    const untried = this.#tried ? undefined : frontier(this.#definition, this.#row)
    await this.#set({ phase: 'back', failure: failure && toJson(failure), undone: toJson(untried ? [untried.name] : []), ...this.#moved() })
    return true
  }

  async #undo(step: ErasedStep): Promise<boolean> {
    const leftBehind = fromJson<{ step: string, reason: string }[]>(this.#row.left_behind, [])
    let obstacle: string | undefined
    try {
      const result = await this.#try(step, ['beforeUndo', 'afterUndo'], t => (step.undo as (t: unknown) => Promise<unknown>)(t))
      if (result instanceof Waiting) {
        if (!this.#isLate(step)) return this.#pauseUndo(this.#nextLook(step, result.pollMs), { waiting_for: result.reason })
        obstacle = result.reason
      }
    } catch (error) {
      if (error instanceof Crash || error instanceof LeaseLost) throw error
      if (!isFault(error) || (error.kind !== 'notFound' && error.kind !== 'gone')) {
        if (this.#site.state() === 'stopping') return this.#release(this.#site.clock.now(), {})
        obstacle = messageOf(error)
        if (!this.#isLate(step)) return this.#pauseUndo(this.#nextTry(step), { attempts: this.#row.attempts + 1, last_error: obstacle, waiting_for: null })
      }
    }
    if (obstacle !== undefined) {
      leftBehind.push({ step: step.name, reason: obstacle })
      this.#log.error({ step: step.name }, `could not be undone and is left behind: ${obstacle}`)
    }
    await this.#set({ undone: toJson([...undoneOf(this.#row), step.name]), left_behind: toJson(leftBehind), ...this.#moved() })
    await this.#at('afterUndoRecord', step)
    return true
  }

  // The roll back met an obstacle: the user need not wait for its end to read the reason.
  #pauseUndo(dueAt: number, change: Updateable<TasksTable>): Promise<boolean> {
    return this.#release(dueAt, change, this.#row.failure !== null)
  }

  // Runs one do or undo, cut off at its deadline. What comes after `over` finds its lease gone.
  async #try(step: ErasedStep, [before, after]: readonly [TaskMoment, TaskMoment], call: (t: unknown) => Promise<unknown>): Promise<unknown> {
    this.#tried = true
    const [controller, cut] = [new AbortController(), Promise.withResolvers<never>()]
    cut.promise.catch(() => {})
    const abort = (reason: Error) => { controller.abort(reason) }
    this.#attempt = { abort, cut: reason => { abort(reason); cut.reject(reason) } }
    const hands = { over: false }
    const disarm = this.#arm(step, () => this.#attempt?.cut(new Fault('unavailable', 'task.deadline', `${step.name} did not finish: ${this.#patience(step)}`)))
    try {
      await this.#at(before, step)
      const result = await Promise.race([call(this.#context(controller.signal, hands)), cut.promise])
      await this.#at(after, step)
      return result
    } finally {
      hands.over = true
      disarm()
      this.#attempt = undefined
    }
  }

  #context(signal: AbortSignal, hands: { over: boolean }): TaskContext<TaskShape> & { got: object } {
    const [row, site] = [this.#row, this.#site]
    const owned = () => { if (hands.over || site.state() === 'dead') throw new LeaseLost() }
    return {
      taskId: row.id, resourceId: row.resource_id, input: fromJson<object>(row.input, {}), origin: originOf(row), epoch: row.epoch, attempts: row.attempts,
      signal, log: this.#log, got: this.#got(),
      key: name => `${row.id}/${name}`,
      progress: async () => {
        owned()
        const { rings } = this.#row
        await this.#set({ progress_at: site.clock.now(), due_at: site.clock.now() + site.leaseMs })
        this.#row = { ...this.#row, rings }               // a bell since the step began is still to be followed: the step may have looked before it
      },
      wait: ({ reason, pollMs }) => new Waiting(reason, pollMs),
      write: async fn => {
        owned()
        return site.db.write(async tx => {
          const result = await fn(tx as unknown as Tx<object>)
          // Last, so that the service's rows are locked before the task's, as where a manager enqueues.
          const row = await setOwned(ours(tx), this.#row, { due_at: site.clock.now() + site.leaseMs })
          owned()
          if (!row) throw new LeaseLost()
          return result
        })
      },
    }
  }

  #got(): object {
    const got = { ...resultsOf(this.#row) }
    if (this.#row.phase === 'back') return got
    for (const { name } of this.#definition.steps) {
      if (!Object.hasOwn(got, name)) Object.defineProperty(got, name, { enumerable: false, get: () => { throw new TypeError(`step '${name}' of ${this.#row.kind} is not done yet`) } })
    }
    return got
  }

  async #set(change: Updateable<TasksTable>): Promise<void> {
    await this.#write(tx => setOwned(ours(tx), this.#row, change))
  }

  async #release(dueAt: number, change: Updateable<TasksTable>, announce = false): Promise<boolean> {
    await this.#write(async tx => {
      const released = await setReleased(ours(tx), this.#row, { now: this.#site.clock.now(), dueAt }, announce ? { ...change, announced: 1 } : change)
      if (released && announce) await this.#announce(tx, released)
      return released
    })
    return false
  }

  async #end(outcome: 'done' | 'failed' | 'preempted', change: Updateable<TasksTable>): Promise<boolean> {
    await this.#write(async tx => {
      const ended = await setOwned(ours(tx), this.#row, { ...change, outcome, finished_at: this.#site.clock.now(), owner: null, incarnation: null, waiting_for: null, announced: 1 })
      if (ended && outcome === 'done') await this.#definition.onDone(tx, endedOf(ended))
      if (ended && outcome === 'failed') await this.#announce(tx, ended)
      return ended
    })
    this.#log.info({ outcome }, `${this.#row.kind}: ${outcome}`)
    return false
  }

  // Once; and not at all when another task has the resource's say.
  async #announce(tx: Tx<Tables>, row: TaskRow): Promise<void> {
    if (this.#row.announced === 1 || row.preempted_by !== null || row.failure === null) return
    await this.#definition.onFailed(tx, { ...endedOf(row), failure: fromJson<Failure | null>(row.failure, null) })
  }

  async #write(change: (tx: Tx<Tables>) => Promise<TaskRow | undefined>): Promise<void> {
    if (this.#site.state() === 'dead') throw new LeaseLost()
    const row = await this.#site.db.write(change)
    if (!row) throw new LeaseLost()
    this.#row = row
  }

  async #at(moment: TaskMoment, step: ErasedStep): Promise<void> {
    await this.#site.at({ moment, kind: this.#row.kind, step: step.name, resourceId: this.#row.resource_id })
  }

  #moved(): Updateable<TasksTable> {
    const now = this.#site.clock.now()
    return { attempts: 0, last_error: null, waiting_for: null, progress_at: now, due_at: now + this.#site.leaseMs }
  }

  // Milliseconds that `step` may go without progress; null for as long as it takes.
  #allowance(step: ErasedStep): number | null {
    const own = step.deadlineMs === undefined ? this.#definition.deadlineMs : step.deadlineMs
    return this.#row.phase === 'back' ? own ?? UNDO_DEADLINE_MS : own
  }

  #left(step: ErasedStep): number {
    const allowance = this.#allowance(step)
    return allowance === null ? Infinity : this.#row.progress_at + allowance - this.#site.clock.now()
  }

  #isLate(step: ErasedStep): boolean {
    return this.#left(step) <= 0
  }

  #patience(step: ErasedStep): string {
    return `no progress for ${Math.round((this.#allowance(step) ?? 0) / 1000)} s`
  }

  #nextTry(step: ErasedStep): number {
    const { firstMs, maxMs } = this.#site.retry
    const backoff = Math.min(firstMs * 2 ** Math.min(this.#row.attempts, 30), maxMs)
    return this.#nextLook(step, backoff + this.#site.ids.below(Math.ceil(backoff / 4)))
  }

  #nextLook(step: ErasedStep, ms = this.#site.pollMs): number {
    return this.#site.clock.now() + Math.max(0, Math.min(ms, this.#left(step)))
  }

  #arm(step: ErasedStep, late: () => void): () => void {
    let cancel = () => {}
    const wait = (ms: number) => {
      if (ms === Infinity) return
      cancel = this.#site.clock.after(ms, () => { if (this.#isLate(step)) late(); else wait(this.#left(step)) })
    }
    wait(Math.max(this.#left(step), LAST_LOOK_MS))
    return () => cancel()
  }
}

function originOf(row: TaskRow): Origin {
  return fromJson<Origin>(row.origin, {})
}

function endedOf(row: TaskRow): object {
  return { taskId: row.id, resourceId: row.resource_id, input: fromJson<object>(row.input, {}), origin: originOf(row), epoch: row.epoch, got: resultsOf(row) }
}

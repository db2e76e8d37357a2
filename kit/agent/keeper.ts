// The keeper of one thing on a host (a guest, a disk): makes it what its newest order says, and rests until it is woken.
//
// Properties, each with a test of its name:
// - One converge at a time, so steps never overlap. What is given meanwhile is looked at afterwards: no wake is lost, also not one that comes while a failure is told.
// - The newest order counts; an older one (generation or epoch) is refused. One that makes the present step pointless interrupts it.
// - What fails is tried again after a growing pause; hints do not shorten the pause, a newer order ends it.
// - What no repetition can mend is not repeated until there is another order.
import type { Clock } from '../clock/index.ts'
import { Fault, isFinalFault, messageOf } from '../errors/index.ts'
import type { Log } from '../log/index.ts'
import { type Order, type Terms, termsOf } from './orders.ts'

/** One try to converge. */
export interface Attempt<Kept extends Order> {
  /** Names the step that begins; a failure is told with it. 'look' until it is named. */
  begin(step: string): void
  /** The newest order, with a signal that aborts when a newer one makes what is done for this one pointless. Ask again between steps. */
  next(): { readonly order: Kept, readonly signal: AbortSignal }
}

/** What stopped an attempt. */
export interface Failure {
  readonly step: string
  readonly error: unknown
  /** True when trying again cannot mend it. */
  readonly final: boolean
}

/** What a keeper does for its kind of thing. */
export interface Keeping<Kept extends Order> {
  /** Steps until the thing is as the newest order says, and reports that. Repeating it after an interruption anywhere is harmless. Throws what stands in the way. */
  converge(attempt: Attempt<Kept>): Promise<void>
  /** Reports a failure of something that is wanted. Never called for tombstones; what it throws is logged. */
  fail(order: Kept, failure: Failure): Promise<void>
  /** True when `next` makes the step that is done for `present` pointless. */
  interrupts(next: Kept, present: Kept): boolean
}

/** What is reported of a failure. */
export interface ReportedFault {
  readonly step: string
  readonly final: boolean
  readonly code: string
  readonly message: string
}

type Said = { readonly code: string, readonly message: string }

const FIRST_PAUSE = 250                 // milliseconds; doubled with every failure
const LONGEST_PAUSE = 15_000

/** See the essay above. */
export class Keeper<Wanted extends Terms, Tombstone extends Terms> {
  readonly #clock: Clock
  readonly #log: Log
  readonly #keeping: Keeping<Order<Wanted, Tombstone>>
  #order: Order<Wanted, Tombstone>
  #working: Promise<void> | undefined
  #step = new AbortController()
  #pause = new AbortController()
  #again = false
  #stopped = false
  #buried = false
  /** The order that cannot be carried out: it is not tried again. */
  #hopeless: Order<Wanted, Tombstone> | undefined

  /** Keeps one thing by `keeping`, beginning with `order` when it is woken first. `log` names the thing. */
  constructor({ clock, log }: { clock: Clock, log: Log }, keeping: Keeping<Order<Wanted, Tombstone>>, order: Order<Wanted, Tombstone>) {
    this.#clock = clock
    this.#log = log
    this.#keeping = keeping
    this.#order = order
  }

  /** The order that counts at present. */
  get order(): Order<Wanted, Tombstone> {
    return this.#order
  }

  /** True when the thing is gone as ordered, and this was reported. */
  get finished(): boolean {
    return this.#buried && this.#working === undefined
  }

  /** Takes an order: a newer one counts from now on, the same one is a reason to look, an older one is refused and logged. */
  give(order: Order<Wanted, Tombstone>): void {
    const [now, then] = [termsOf(order), termsOf(this.#order)]
    if (now.epoch < then.epoch || now.generation < then.generation) {
      this.#log.warn({ ...now, known: then }, 'an order that is older than the one obeyed is refused')
      return
    }
    if (now.generation > then.generation || ('tombstone' in order && !('tombstone' in this.#order))) {
      const reason = interrupted('something else is wanted by now')
      if (this.#keeping.interrupts(order, this.#order)) this.#step.abort(reason)
      this.#order = order
      this.#pause.abort(reason)
    }
    this.wake()
  }

  /** Looks again, now or after the present look; a pause after a failure is not shortened, because hints come from our own steps too. */
  wake(): void {
    if (this.#stopped) return
    this.#again = true
    this.#working ??= this.#work().finally(() => { this.#working = undefined; if (this.#again) this.wake() })
  }

  /** Interrupts what is being done and resolves when it has ended; the thing is left as it is. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#again = false
    const reason = interrupted('the agent stops')
    this.#step.abort(reason)
    this.#pause.abort(reason)
    await this.#working
  }

  /** Resolves when there is nothing that it could do at present. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working
  }

  async #work(): Promise<void> {
    for (let pause = FIRST_PAUSE; this.#again && !this.#stopped;) {
      this.#again = false
      const order = this.#order
      if (this.#hopeless === order) return
      const failure = await this.#try()
      if (!failure) { pause = FIRST_PAUSE; continue }
      if (this.#order !== order || this.#stopped) { this.#again = true; continue }
      await this.#tell(order, failure)
      if (failure.final) { this.#hopeless = order; continue }
      this.#again = true
      this.#pause = new AbortController()
      if (this.#order === order && !this.#stopped) await this.#clock.sleep(pause, this.#pause.signal).catch(() => {})
      pause = Math.min(pause * 2, LONGEST_PAUSE)
    }
  }

  /** Converges once; the failure, when there was one. */
  async #try(): Promise<Failure | undefined> {
    let step = 'look'
    let order = this.#order
    try {
      await this.#keeping.converge({
        begin: name => { step = name },
        next: () => {
          order = this.#order
          this.#step = new AbortController()
          return { order, signal: this.#step.signal }
        },
      })
      this.#buried = 'tombstone' in order
      return undefined
    } catch (error) {
      return { step, error, final: isFinalFault(error) }
    }
  }

  async #tell(order: Order<Wanted, Tombstone>, failure: Failure): Promise<void> {
    const { step, error, final } = failure
    const unforeseen = !(error instanceof Fault) && error instanceof Error
    this.#log[error instanceof Fault ? 'warn' : 'error']({ step, final, reason: messageOf(error), ...(unforeseen && { stack: error.stack }) }, 'a step failed')
    if ('tombstone' in order) return
    await this.#keeping.fail(order, failure).catch((untold: unknown) => this.#log.warn({ reason: messageOf(untold) }, 'a failure could not be reported'))
  }
}

/** What to report of a failure: a Fault's own code and message; `full` when the host has no space left (ENOSPC); else `unforeseen`, whose details stay in the log. */
export function reportedFault({ step, error, final }: Failure, words: { full: Said, unforeseen: Said }): ReportedFault {
  if (error instanceof Fault) return { step, final, code: error.code, message: error.message }
  return { step, final, ...(error instanceof Error && 'code' in error && error.code === 'ENOSPC' ? words.full : words.unforeseen) }
}

function interrupted(why: string): Fault {
  return new Fault('unavailable', 'agent.interrupted', why)
}

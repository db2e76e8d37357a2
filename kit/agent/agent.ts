// What every agent with a keeper for each thing does: asks the controller for the rows that changed, hands them to the keepers, and says that the host lives.
//
// Properties, each with a test of its name:
// - It holds no truth: started anew, it asks for everything (cursor 0).
// - Absence is no order: what the controller does not name is left alone; a keeper goes when its thing was destroyed and the controller's tombstone is gone.
// - One question at a time; a bell that rings meanwhile makes it ask once more. A lost bell costs a poll interval.
// - A controller whose database is older than one that this host has obeyed (a restored backup) is asked for nothing; one whose rows have changed less often
//   than this agent has heard is another database under the same name, and is not obeyed until the agent is started again.
import type { Clock } from '../clock/index.ts'
import { Fault, messageOf } from '../errors/index.ts'
import type { Log } from '../log/index.ts'
import { Keeper, type Keeping } from './keeper.ts'
import type { Order, Terms } from './orders.ts'
import { rounds } from './rounds.ts'

/** What the controller answers: the orders that changed since the cursor and every tombstone that is not reported yet, and the cursor to ask with next. */
export interface Desired<Wanted extends Terms, Tombstone extends Terms> {
  readonly orders: readonly { readonly id: string, readonly order: Order<Wanted, Tombstone> }[]
  readonly cursor: number
}

/** What an agent is made from. */
export interface HostAgentOptions<Wanted extends Terms, Tombstone extends Terms> {
  readonly clock: Clock
  /** Names the host. */
  readonly log: Log
  /** Asks the controller; the cursor in its answer counts all changes of its rows, and falls only where an older database took the place of this one. */
  desired(cursor: number): Promise<Desired<Wanted, Tombstone>>
  /** Tells the controller that the host lives; the epoch of the controller's database. */
  heartbeat(): Promise<{ readonly databaseEpoch: number }>
  /** The highest epoch that this host has seen (0 at first), kept where a restart finds it. */
  readonly databaseEpoch: { read(): Promise<number>, write(epoch: number): Promise<void> }
  /** The log that names a thing, and what its keeper does. */
  keeping(id: string): { readonly log: Log, readonly keeping: Keeping<Order<Wanted, Tombstone>> }
  /** True when each poll wakes every keeper: for things that change by themselves. Otherwise only rows and bells do. */
  readonly looksAgain: boolean
  /** How often rows are asked for without a bell, and the host reported alive; milliseconds: 5000 and 10,000 when not given. */
  readonly pollMs?: number | undefined
  readonly heartbeatMs?: number | undefined
}

/** See the essay above. */
export class HostAgent<Wanted extends Terms, Tombstone extends Terms> {
  readonly #options: HostAgentOptions<Wanted, Tombstone>
  readonly #keepers = new Map<string, Keeper<Wanted, Tombstone>>()
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []
  #cursor = 0
  readonly #questions = rounds(() => this.#ask())
  #refused = false
  #overtaken = false

  constructor(options: HostAgentOptions<Wanted, Tombstone>) {
    this.#options = options
  }

  /** Begins; resolves when the controller was asked once (or could not be reached: it goes on trying). */
  async start(): Promise<void> {
    const { pollMs = 5000, heartbeatMs = 10_000, looksAgain } = this.#options
    await this.#beat()
    await this.#questions.ring()
    this.every(heartbeatMs, () => this.#beat())
    this.every(pollMs, async () => {
      await this.#questions.ring()
      if (looksAgain) for (const keeper of this.#keepers.values()) keeper.wake()
    })
  }

  /** Interrupts all work and resolves when it has ended; the things stay as they are. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Fault('unavailable', 'agent.interrupted', 'the agent stops'))
    await Promise.all([...this.#loops, ...[...this.#keepers.values()].map(keeper => keeper.stop())])
    await this.#questions.ended()
  }

  /** Resolves when no keeper works and every row that the controller has named was taken. For tests. */
  async idle(): Promise<void> {
    await this.#questions.ended()
    await Promise.all([...this.#keepers.values()].map(keeper => keeper.settled()))
  }

  /** The bell: asks for the rows, then looks at the thing whatever they say. */
  async look(id: string): Promise<void> {
    await this.#questions.ring()
    this.wake(id)
  }

  /** Looks at the thing, when it has a keeper; for hints that come from the host. */
  wake(id: string): void {
    this.#keepers.get(id)?.wake()
  }

  /** The order that the host knows of the thing. */
  orderOf(id: string): Order<Wanted, Tombstone> | undefined {
    return this.#keepers.get(id)?.order
  }

  /** Does `what` every `ms` milliseconds until the agent stops. `what` throws nothing. */
  every(ms: number, what: () => Promise<void>): void {
    this.#loops.push(this.#loop(ms, what))
  }

  async #loop(ms: number, what: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#options.clock.sleep(ms, signal).catch(() => {})
      if (!signal.aborted) await what()
    }
  }

  /** Asks for the rows, once for all who ring before the question. Never throws. */
  async #ask(): Promise<void> {
    if (this.#refused || this.#overtaken || this.#stopping.signal.aborted) return
    await this.#askOnce().catch((error: unknown) => this.#options.log.warn({ reason: messageOf(error) }, 'the controller did not say what it wants'))
  }

  async #askOnce(): Promise<void> {
    const { orders, cursor } = await this.#options.desired(this.#cursor)
    if (this.#stopping.signal.aborted) return                    // nobody would stop what began now
    if (cursor < this.#cursor) {
      this.#overtaken = true
      this.#options.log.error({ cursor, seen: this.#cursor }, 'the controller\'s database has lost changes that this host has obeyed: it is not obeyed until the agent is started again')
      return
    }
    for (const { id, order } of orders) this.#take(id, order)
    this.#cursor = cursor
    const buried = new Set(orders.filter(({ order }) => 'tombstone' in order).map(({ id }) => id))
    for (const [id, keeper] of this.#keepers) if (keeper.finished && !buried.has(id)) this.#keepers.delete(id)
  }

  #take(id: string, order: Order<Wanted, Tombstone>): void {
    const known = this.#keepers.get(id)
    if (known) { known.give(order); return }
    const { log, keeping } = this.#options.keeping(id)
    const keeper = new Keeper({ clock: this.#options.clock, log }, keeping, order)
    this.#keepers.set(id, keeper)
    keeper.wake()
  }

  /** Says that the host lives, and learns whether this controller's database is to be obeyed. Never throws. */
  async #beat(): Promise<void> {
    const { heartbeat, databaseEpoch: noted, log } = this.#options
    try {
      const { databaseEpoch } = await heartbeat()
      const seen = await noted.read()
      if (databaseEpoch > seen) await noted.write(databaseEpoch)
      if (databaseEpoch < seen && !this.#refused) log.error({ databaseEpoch, seen }, 'the controller\'s database is older than the one this host has obeyed: refused')
      this.#refused = databaseEpoch < seen
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the controller was not told that this host lives')
    }
  }
}

// Two controllers on one PostgreSQL, and every order in which the statements of two requests can meet.
//
// Two `Database`s (two pools) stand on one schema. Each operation is held before every statement that it sends, `commit` included, and
// only one is let go at a time, until it stands before its next statement, has ended, or waits in the database for a lock of the other.
// So an order is a list of turns, and a walk tries the orders by how often they leave an operation that could have gone on: not at all, once at
// each place, twice at each pair of places. A rule that reads and then writes without holding what it read breaks with one such turn.
//
// Each order is run on rows of its own (`prepare`), so that one schema serves a walk. What is not sent by the two operations (runners, senders,
// agents of the same process) is not held. PostgreSQL says itself who waits for whom (pg_blocking_pids); nothing is guessed from time.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../clock/index.ts'
import { migrate, openPostgres, sql, type Database, type Migration } from '../db/index.ts'
import { messageOf } from '../errors/index.ts'
import { systemIds } from '../ids/index.ts'

/** How an operation ended. */
export type Ended<R> = { readonly value: R } | { readonly error: unknown }

/** What a walk tries: two operations, on what `prepare` made for this order alone, and what must hold afterwards. */
export interface Interleaved<World, R> {
  /** Makes the rows of one order; `order` counts from 0, for names. Not held. */
  prepare(order: number): Promise<World>
  /** The operations: the first through the first controller, the second through the other. */
  first(world: World): Promise<R>
  second(world: World): Promise<R>
  /** Throws when the two may not have ended like that, or left such rows. Not held. */
  holds(world: World, ended: readonly [Ended<R>, Ended<R>]): Promise<void> | void
  /** How often an operation may be left that could go on; 2. */
  turns?: number
  /** Orders at most, those with fewer turns first; 150. */
  orders?: number
}

/** What a walk saw. */
export interface Walked {
  readonly orders: number
  /** Orders in which each of the two waited for the other, until PostgreSQL ended one and it was run again. */
  readonly deadlocks: number
}

/** Two controllers' databases on one schema of their own; leaving the scope drops it. */
export interface TwoControllers<Tables> extends AsyncDisposable {
  readonly databases: readonly [Database<Tables>, Database<Tables>]
  /** Tries the orders; throws what `holds` threw, with the order that did it, a line a statement. */
  walk<World, R>(what: Interleaved<World, R>): Promise<Walked>
}

/** Which controllers wait for a lock in the database, and whether two connections wait for each other. */
interface Waiting { readonly locked: readonly [boolean, boolean], readonly eachOther: boolean }

const ORDER_MS = 20_000

/** Opens two pools on a fresh schema with `history`. Throws an Error when ALTO_TEST_POSTGRES names no PostgreSQL: this cannot be shown without one. */
export async function twoControllers<Tables>(history: readonly Migration[]): Promise<TwoControllers<Tables>> {
  const url = process.env['ALTO_TEST_POSTGRES']
  if (url === undefined) throw new Error('interleavings need PostgreSQL: run this by tools/test.ts, or name one in ALTO_TEST_POSTGRES')
  const schema = `two_${systemIds.hex().slice(0, 12)}`
  const names = [`${schema}_1`, `${schema}_2`] as const
  const open = (name: string) => openPostgres<Tables>({ url: named(url, name), schema, connections: 6, before: statement => inOperation.getStore()?.reach(statement) ?? Promise.resolve() })
  const watcher = await openPostgres<Tables>({ url, schema, connections: 1 })
  const databases = [await open(names[0]), await open(names[1])] as const
  if (history.length) await migrate(databases[0], history, systemClock)

  /** Who waits for a lock now. */
  const waiting = async (): Promise<Waiting> => {
    const { rows } = await watcher.read(tx => sql<{ name: string, pid: number, behind: number[] }>`select application_name as name, pid, pg_blocking_pids(pid) as behind from pg_stat_activity
      where application_name in (${names[0]}, ${names[1]})`.execute(tx))
    const locked = rows.filter(row => row.behind.length > 0)
    return {
      locked: [locked.some(row => row.name === names[0]), locked.some(row => row.name === names[1])],
      eachOther: locked.some(row => locked.some(other => row.behind.includes(other.pid) && other.behind.includes(row.pid))),
    }
  }
  return {
    databases,
    walk: what => walk(what, waiting),
    async [Symbol.asyncDispose]() {
      for (const db of databases) await db.close()
      await watcher.write(async tx => { await sql.raw(`drop schema "${schema}" cascade`).execute(tx) })
      await watcher.close()
    },
  }
}

const inOperation = new AsyncLocalStorage<Operation>()
const UNHELD = /^(begin|start transaction|rollback|set local)/i

/** One of the two, and where it stands. */
class Operation {
  readonly name: string
  readonly #trace: string[]
  #held: (() => void)[] = []
  #ended = false

  constructor(name: string, trace: string[]) {
    this.name = name
    this.#trace = trace
  }

  get ended(): boolean { return this.#ended }
  get held(): boolean { return this.#held.length > 0 }

  /** Resolves when it may send the statement. */
  async reach(statement: string): Promise<void> {
    if (this.#ended || UNHELD.test(statement)) return
    await new Promise<void>(resolve => { this.#held.push(resolve) })
    this.#trace.push(`${this.name}: ${statement.replaceAll(/\s+/g, ' ').slice(0, 200)}`)
  }

  go(): void {
    for (const resolve of this.#held.splice(0)) resolve()
  }

  async run<R>(work: () => Promise<R>): Promise<Ended<R>> {
    try {
      return { value: await inOperation.run(this, work) }
    } catch (error) {
      return { error }
    } finally {
      this.letGo()
    }
  }

  /** It is not held any more. */
  letGo(): void {
    this.#ended = true
    this.go()
  }
}

/** An order: who begins, and the steps after which the other's turn comes. */
interface Order { readonly begins: 0 | 1, readonly turnsAt: readonly number[] }

async function walk<World, R>(what: Interleaved<World, R>, waiting: () => Promise<Waiting>): Promise<Walked> {
  let level: Order[] = [{ begins: 0, turnsAt: [] }, { begins: 1, turnsAt: [] }]
  let [orders, deadlocks] = [0, 0]
  for (let turns = 0; turns <= (what.turns ?? 2); turns++) {
    const next: Order[] = []
    for (const order of level) {
      if (orders >= (what.orders ?? 150)) return { orders, deadlocks }
      const { free, deadlocked } = await runOrder(what, order, orders++, waiting)
      deadlocks += Number(deadlocked)
      next.push(...free.filter(step => step > (order.turnsAt.at(-1) ?? 0)).map(step => ({ begins: order.begins, turnsAt: [...order.turnsAt, step] })))
    }
    level = spread(next)
  }
  return { orders, deadlocks }
}

/** The list in an order in which any beginning of it is spread over the whole. */
function spread<T>(list: readonly T[]): T[] {
  const stride = Math.max(1, Math.floor(list.length * 0.618))
  const coprime = [stride, ...Array.from({ length: list.length }, (_, i) => i + 1)].find(n => gcd(n, list.length) === 1) ?? 1
  return list.map((_, i) => list[(i * coprime) % list.length]!)
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}

/** Runs one order; gives the steps at which it could have been the other's turn as well. */
async function runOrder<World, R>(what: Interleaved<World, R>, order: Order, count: number, waiting: () => Promise<Waiting>) {
  const world = await what.prepare(count)
  const trace: string[] = []
  const [a, b] = [new Operation('first', trace), new Operation('second', trace)]
  const running = Promise.all([a.run(() => what.first(world)), b.run(() => what.second(world))])
  const operations = [a, b] as const
  const deadline = systemClock.now() + ORDER_MS
  const free: number[] = []
  let deadlocked = false
  let at: 0 | 1 = order.begins
  for (let step = 1; await settled(); step++) {
    if (operations[at].held && operations[1 - at]!.held && step > 1) {
      free.push(step)
      if (order.turnsAt.includes(step)) at = at === 0 ? 1 : 0
    }
    if (!operations[at].held) at = at === 0 ? 1 : 0
    operations[at].go()
  }
  const ended = await running
  try {
    await what.holds(world, ended)
  } catch (error) {
    throw new Error(`${messageOf(error)}\nwhen ${ended.map((one, i) => `${operations[i]!.name} ${'value' in one ? 'was done' : `failed (${messageOf(one.error)})`}`).join(' and ')}, in this order:\n  ${trace.join('\n  ')}`, { cause: error })
  }
  return { free, deadlocked }

  /** Resolves when nothing moves by itself any more: true when there is one to let go, false when both have ended. */
  async function settled(): Promise<boolean> {
    for (;;) {
      await setImmediate()
      if (a.ended && b.ended) return false
      if (operations.every(one => one.held || one.ended)) return true
      const { locked, eachOther } = await waiting()
      deadlocked ||= eachOther
      if (operations.some(one => one.held) && operations.every((one, i) => one.held || one.ended || locked[i])) return true
      if (systemClock.now() > deadline) {
        for (const one of operations) one.letGo()
        throw new Error(`an order came to no end:\n  ${trace.join('\n  ')}`)
      }
    }
  }
}

function named(url: string, name: string): string {
  const own = new URL(url)
  own.searchParams.set('application_name', name)
  return own.href
}

// What both databases have in common: reads, writes, and the rules that keep the two alike.
//
// - `read` sees committed rows only and never waits for a writer.
// - `write` is one transaction. Its callback may be run again after a serialization failure, so it touches nothing but the database.
// - Using the outer database inside a transaction is a bug (on SQLite it would wait for itself), and throws.
// - What must follow a commit (a doorbell, a notification) is given to `afterCommit` and dropped when the transaction is rolled back.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Kysely } from 'kysely'

/** The way to the rows: Kysely over a service's tables. Store functions take one as their first argument. */
export type Tx<Tables> = Kysely<Tables>

/** A service's own database. */
export interface Database<Tables> {
  readonly dialect: 'sqlite' | 'postgres'
  /** Runs `fn` with a connection that sees committed rows; each statement stands for itself. */
  read<R>(fn: (tx: Tx<Tables>) => Promise<R>): Promise<R>
  /**
   * Runs `fn` in one transaction: committed when it returns, rolled back when it throws. A statement that waits or works for long is cut off (Fault
   * unavailable `db.unavailable`), but not where it may take long: a change of the schema.
   */
  write<R>(fn: (tx: Tx<Tables>) => Promise<R>, how?: { readonly mayTakeLong: boolean }): Promise<R>
  /** How many statements have been sent since it was opened; the derived tests count round trips with it. */
  readonly statements: number
  close(): Promise<void>
}

const hooks = new WeakMap<object, (() => void)[]>()
const inside = new AsyncLocalStorage<object>()

/** Calls `fn` once `tx` has committed; never when it rolls back. Outside a `write` it throws. */
export function afterCommit<Tables>(tx: Tx<Tables>, fn: () => void): void {
  const list = hooks.get(tx)
  if (!list) throw new Error('afterCommit: this is no transaction of Database.write')
  list.push(fn)
}

/** Runs one transaction attempt with its after-commit list; for the two database implementations. */
export async function inTransaction<Tables, R>(db: object, begin: (fn: (tx: Tx<Tables>) => Promise<R>) => Promise<R>, fn: (tx: Tx<Tables>) => Promise<R>): Promise<R> {
  let after: (() => void)[] = []
  const result = await begin(tx => {
    after = []
    hooks.set(tx, after)
    return inside.run(db, () => fn(tx))
  })
  inside.exit(() => { for (const call of after) call() })
  return result
}

/** Throws when the caller stands inside a transaction of the same database. */
export function refuseInside(db: object): void {
  if (inside.getStore() === db) throw new Error('the outer database was used inside a transaction: pass tx on')
}

// SQLite through node:sqlite: one writer connection behind a queue, one read-only connection for all else, WAL.
// Calls block the loop for microseconds; that is the one blocking call the house allows.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CompiledQuery, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, type DatabaseConnection, type Dialect, type Driver, type QueryResult } from 'kysely'
import { inTransaction, refuseInside, type Database, type Tx } from './database.ts'

/** How a SQLite database is opened. */
export interface SqliteOptions {
  /** NORMAL survives kill -9; FULL survives a power cut too, at the price of a sync a commit. */
  synchronous?: 'NORMAL' | 'FULL'
}

/** Opens (and makes) the database file at `path`, or one in memory for ':memory:'. */
export function openSqlite<Tables>(path: string, opts: SqliteOptions = {}): Database<Tables> {
  const memory = path === ':memory:'
  if (!memory) mkdirSync(dirname(path), { recursive: true })
  const counter = { statements: 0 }
  const writer = new Connection(new DatabaseSync(path, { timeout: 10_000 }), counter)
  for (const pragma of ['journal_mode = WAL', `synchronous = ${opts.synchronous ?? 'NORMAL'}`, 'foreign_keys = ON', 'temp_store = MEMORY', 'cache_size = -4000']) writer.raw.exec(`PRAGMA ${pragma}`)
  const queue = new Queue()
  const writing = new Kysely<Tables>({ dialect: dialectOf(new QueuedDriver(writer, queue)) })
  const readConnection = memory ? writer : new Connection(new DatabaseSync(path, { readOnly: true, timeout: 10_000 }), counter)
  // In memory there is only one connection: its readers queue with the writers, so that they too see committed rows only.
  const reading = memory ? writing : new Kysely<Tables>({ dialect: dialectOf(new SharedDriver(readConnection)) })
  const self: Database<Tables> = {
    dialect: 'sqlite',
    get statements() { return counter.statements },
    async read(fn) {
      refuseInside(self)
      return fn(reading)
    },
    async write<R>(fn: (tx: Tx<Tables>) => Promise<R>) {
      refuseInside(self)
      return inTransaction(self, begin => writing.transaction().execute(begin), fn)
    },
    async close() {
      await writing.destroy()
      if (!memory) await reading.destroy()
    },
  }
  return self
}

class Connection implements DatabaseConnection {
  readonly raw: DatabaseSync
  readonly #counter: { statements: number }
  readonly #statements = new Map<string, StatementSync>()

  constructor(raw: DatabaseSync, counter: { statements: number }) {
    this.raw = raw
    this.#counter = counter
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      this.#counter.statements++
      const statement = this.#prepare(query.sql)
      const parameters = query.parameters.map(asInput)
      if (statement.columns().length > 0) return Promise.resolve({ rows: statement.all(...parameters) as R[] })
      const { changes, lastInsertRowid } = statement.run(...parameters)
      return Promise.resolve({ rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) })
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  // eslint-disable-next-line require-yield -- Kysely's interface; rows are paged by key instead
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not used: page by key')
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.raw.prepare(sql)
    if (this.#statements.size >= 500) this.#statements.delete(this.#statements.keys().next().value!)
    this.#statements.set(sql, statement)
    return statement
  }
}

function asInput(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  return value as SQLInputValue
}

/** First come, first served. */
class Queue {
  #tail: Promise<void> = Promise.resolve()

  /** Resolves with the function that lets the next one in. */
  async enter(): Promise<() => void> {
    const before = this.#tail
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tail = promise
    await before
    return resolve
  }
}

const BEGIN = CompiledQuery.raw('BEGIN IMMEDIATE')
const COMMIT = CompiledQuery.raw('COMMIT')
const ROLLBACK = CompiledQuery.raw('ROLLBACK')

class SharedDriver implements Driver {
  readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> { return this.connection }
  async releaseConnection(): Promise<void> {}
  async beginTransaction(): Promise<void> { throw new Error('a read connection has no transactions: use write') }
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async destroy(): Promise<void> { this.connection.raw.close() }
}

class QueuedDriver extends SharedDriver {
  readonly #queue: Queue
  #leave: (() => void) | undefined

  constructor(connection: Connection, queue: Queue) {
    super(connection)
    this.#queue = queue
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#leave = await this.#queue.enter()
    return this.connection
  }

  override async releaseConnection(): Promise<void> { this.#leave?.() }
  override async beginTransaction(): Promise<void> { await this.connection.executeQuery(BEGIN) }
  override async commitTransaction(): Promise<void> { await this.connection.executeQuery(COMMIT) }
  override async rollbackTransaction(): Promise<void> { await this.connection.executeQuery(ROLLBACK) }
}

function dialectOf(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

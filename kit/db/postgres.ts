// PostgreSQL through pg: READ COMMITTED, a schema a service, transactions re-run on serialization failures and deadlocks.
// While the server cannot be reached (it restarts, or has no connection left, say), reads and transactions that have not begun wait for it for some seconds; a transaction that was
// cut off is not re-run, since it may have been committed. What waited in vain or was cut off is Fault unavailable `db.unavailable`.
import { CompiledQuery, Kysely, PostgresDialect, sql, type DatabaseConnection, type Driver } from 'kysely'
import pg from 'pg'
import { systemClock, type Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { inTransaction, refuseInside, type Database, type Tx } from './database.ts'
import { orSecondLook } from './violations.ts'

/** How a PostgreSQL database is reached. */
export interface PostgresOptions {
  /** `postgres://user@host:port/database` or a socket directory's URL. */
  url: string
  /** The service's schema; made when it is not there. */
  schema: string
  /** Connections at most; 8 when not given. */
  connections?: number
  /** Of the waiting for a server that cannot be reached. */
  clock?: Clock
  /** Awaited before each statement is sent, `commit` included: where a test of what two do at once holds them. */
  before?: (statement: string) => Promise<void>
}

const BIGINT = 20
const ATTEMPTS = 8
/** Milliseconds: how long a server that cannot be reached is waited for, and between two tries. */
const PATIENCE = 5_000
const PAUSE = 50

/** Connects, makes the schema, and gives the database. Throws what pg throws when it cannot be reached. */
export async function openPostgres<Tables>(opts: PostgresOptions): Promise<Database<Tables>> {
  const types: pg.CustomTypesConfig = { getTypeParser: (oid, format) => oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text') as never }
  const pool = new pg.Pool({ connectionString: opts.url, max: opts.connections ?? 8, types, options: `-c search_path=${opts.schema}` })
  pool.on('error', () => {})                      // an idle connection died: the next query opens another
  pool.on('connect', client => { client.on('error', () => {}) })       // and one at work: its query, or the next, fails with the reason
  const clock = opts.clock ?? systemClock
  let statements = 0
  const dialect = opts.before ? new HeldDialect(pool, opts.before) : new PostgresDialect({ pool })
  const kysely = new Kysely<Tables>({ dialect, log: () => { statements++ } })
  try {
    const make = CompiledQuery.raw(`create schema if not exists "${opts.schema.replaceAll('"', '""')}"`)
    await orSecondLook(() => kysely.executeQuery(make), 'pg_namespace')      // "if not exists" fails in one of two that make it at once
  } catch (error) {
    await kysely.destroy()
    throw error
  }
  const self: Database<Tables> = {
    dialect: 'postgres',
    get statements() { return statements },
    async read(fn) {
      refuseInside(self)
      return patiently(clock, isLost, () => fn(kysely))
    },
    async write<R>(fn: (tx: Tx<Tables>) => Promise<R>) {
      refuseInside(self)
      for (let attempt = 1; ; attempt++) {
        try {
          return await patiently(clock, isRefused, () => inTransaction(self, begin => kysely.transaction().execute(async tx => {
            await sql`set local idle_in_transaction_session_timeout = '60s'`.execute(tx)
            return begin(tx)
          }), fn))
        } catch (error) {
          if (attempt === ATTEMPTS || !isRetryable(error)) throw error
        }
      }
    },
    close: () => kysely.destroy(),
  }
  return self
}

/** Does it again while it fails for a reason that `isAgain` knows, for some seconds. Throws Fault unavailable `db.unavailable` for a server that cannot be reached. */
async function patiently<R>(clock: Clock, isAgain: (error: unknown) => boolean, what: () => Promise<R>): Promise<R> {
  for (const end = clock.now() + PATIENCE; ;) {
    try {
      return await what()
    } catch (error) {
      if (!isLost(error)) throw error
      if (!isAgain(error) || clock.now() >= end) throw new Fault('unavailable', 'db.unavailable', 'The database does not answer. Please try again.', { cause: error })
      await clock.sleep(PAUSE)
    }
  }
}

/** True when no connection was had: nothing was sent. */
function isRefused(error: unknown): boolean {
  const code = codeOf(error)
  const isNoSocket = code === 'ENOENT' && error instanceof Error && 'syscall' in error && error.syscall === 'connect'
  return code === 'ECONNREFUSED' || isNoSocket || code === '57P03' || code === '53300'
}

/** True when there is no connection, or no more: class 08, a server that ends, a socket that broke. */
function isLost(error: unknown): boolean {
  const code = codeOf(error)
  if (isRefused(error) || code === 'ECONNRESET' || code === 'EPIPE' || code === '57P01' || code === '57P02') return true
  return code?.startsWith('08') === true || (error instanceof Error && /^Connection terminated|^Client has encountered a connection error/.test(error.message))
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function isRetryable(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/** The same with a wait before each statement. */
class HeldDialect extends PostgresDialect {
  readonly #before: (statement: string) => Promise<void>

  constructor(pool: pg.Pool, before: (statement: string) => Promise<void>) {
    super({ pool })
    this.#before = before
  }

  override createDriver(): Driver {
    const driver = super.createDriver()
    const acquire = driver.acquireConnection.bind(driver)
    const held = new WeakSet<DatabaseConnection>()
    driver.acquireConnection = async () => {
      const connection = await acquire()
      if (held.has(connection)) return connection
      held.add(connection)
      const execute = connection.executeQuery.bind(connection) as DatabaseConnection['executeQuery']
      connection.executeQuery = async <R>(query: CompiledQuery) => {
        await this.#before(query.sql)
        return execute<R>(query)
      }
      return connection
    }
    return driver
  }
}

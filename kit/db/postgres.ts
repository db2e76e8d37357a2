// PostgreSQL through pg: READ COMMITTED, a schema a service, transactions re-run on serialization failures and deadlocks.
// While the server cannot be reached (it restarts, or has no connection left, say), reads and transactions that have not begun wait for it for some seconds; a transaction that was
// cut off is not re-run, since it may have been committed. What waited in vain or was cut off is Fault unavailable `db.unavailable`.
// A server that says nothing (its machine vanished, or froze) ends nobody's patience later: each statement has `answerMs`, by the server's own limit while it
// lives, else by the end of the connection, which may be in the middle of anything and is used no more. A free connection is waited for no longer.
import { Socket } from 'node:net'
import { CompiledQuery, Kysely, PostgresDialect, sql, type DatabaseConnection, type Driver, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { systemClock, type Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { inTransaction, refuseInside, type Database, type Tx } from './database.ts'
import { orSecondLook } from './violations.ts'

/** Connections of one database, when nothing else is said. */
export const CONNECTIONS = 5

/** How a PostgreSQL database is reached. */
export interface PostgresOptions {
  /** `postgres://user@host:port/database` or a socket directory's URL. */
  url: string
  /** The service's schema; made when it is not there. */
  schema: string
  /** Connections at most; 5 when not given. */
  connections?: number
  /** Milliseconds that the server has for a statement, and to give a connection; 15 seconds when not given. */
  answerMs?: number
  /** Of the waiting for a server that cannot be reached, or does not answer. */
  clock?: Clock
  /** Awaited before each statement is sent, `commit` included: where a test of what two do at once holds them. */
  before?: (statement: string) => Promise<void>
}

const BIGINT = 20
const ATTEMPTS = 8
/** Milliseconds: how long a server that cannot be reached is waited for, and between two tries. */
const PATIENCE = 5_000
const PAUSE = 50
const ANSWER_MS = 15_000
/** Milliseconds: a living server says itself that a statement took too long, and its connection stays good. */
const SLACK = 1_000
/** Milliseconds: how long closing waits for the server's goodbye. */
const GOODBYE = 1_000
/** After ten seconds of silence each side asks the other whether it is there; the server gives up after twenty, and with the connection its locks. */
const SILENCE = 10
const SERVER_SILENCE = `-c tcp_keepalives_idle=${SILENCE} -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 -c tcp_user_timeout=${2 * SILENCE * 1000}`

/** Connects, makes the schema, and gives the database. Throws what pg throws when it cannot be reached. */
export async function openPostgres<Tables>(opts: PostgresOptions): Promise<Database<Tables>> {
  const types: pg.CustomTypesConfig = { getTypeParser: (oid, format) => oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text') as never }
  const { answerMs = ANSWER_MS, clock = systemClock, before } = opts
  const sockets = new Set<Socket>()
  const socket = () => {
    const made = new Socket()
    sockets.add(made)
    return made.once('close', () => sockets.delete(made))
  }
  const pool = new pg.Pool({
    connectionString: opts.url, max: opts.connections ?? CONNECTIONS, types, stream: socket, connectionTimeoutMillis: answerMs, keepAlive: true, keepAliveInitialDelayMillis: SILENCE * 1000,
    options: `-c search_path=${opts.schema} -c statement_timeout=${answerMs} ${SERVER_SILENCE}`,
  })
  pool.on('error', () => {})                      // an idle connection died: the next query opens another
  pool.on('connect', client => { client.on('error', () => {}) })       // and one at work: its query, or the next, fails with the reason
  let statements = 0
  const over = (through: PostgresPool) => new Kysely<Tables>({ dialect: before ? new HeldDialect(through, before) : new PostgresDialect({ pool: through }), log: () => { statements++ } })
  const [kysely, unhurried] = [over(answeringWithin(pool, answerMs + SLACK, clock)), over(pool)]
  const end = async () => {
    await pool.end()                              // which waits for who is at work, and for no goodbye
    const cancel = clock.after(GOODBYE, () => { for (const one of sockets) one.destroy() })
    await Promise.all([...sockets].map(one => new Promise(resolve => { one.once('close', resolve) })))
    cancel()
  }
  let ended: Promise<void> | undefined
  const close = () => ended ??= end()
  try {
    const make = CompiledQuery.raw(`create schema if not exists "${opts.schema.replaceAll('"', '""')}"`)
    await orSecondLook(() => kysely.executeQuery(make), 'pg_namespace')      // "if not exists" fails in one of two that make it at once
  } catch (error) {
    await close()
    throw error
  }
  const self: Database<Tables> = {
    dialect: 'postgres',
    get statements() { return statements },
    async read(fn) {
      refuseInside(self)
      return patiently(clock, isLost, () => fn(kysely))
    },
    async write<R>(fn: (tx: Tx<Tables>) => Promise<R>, { mayTakeLong = false } = {}) {
      refuseInside(self)
      for (let attempt = 1; ; attempt++) {
        try {
          return await patiently(clock, isRefused, () => inTransaction(self, begin => (mayTakeLong ? unhurried : kysely).transaction().execute(async tx => {
            await sql`set local idle_in_transaction_session_timeout = '60s'`.execute(tx)
            if (mayTakeLong) await sql`set local statement_timeout = 0`.execute(tx)
            return begin(tx)
          }), fn))
        } catch (error) {
          if (attempt === ATTEMPTS || !isRetryable(error)) throw error
        }
      }
    },
    close,
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

/** The pool, whose connections end when one does not answer within `ms`: what it would answer later is nobody's. */
function answeringWithin(pool: pg.Pool, ms: number, clock: Clock): PostgresPool {
  return {
    options: {}, end: () => pool.end(),
    async connect() {
      const client = await pool.connect()
      let isOurs = true
      const release = (destroy?: boolean) => {
        if (isOurs) client.release(destroy)
        isOurs = false
      }
      const query = async (text: string, parameters: readonly unknown[]) => {
        const cancel = clock.after(ms, () => release(true))         // the statement at work ends with it
        try {
          return await client.query(text, [...parameters])
        } finally {
          cancel()
        }
      }
      return { release, query: query as unknown as PostgresPoolClient['query'] }           // which may also be given a cursor; here nobody has one
    },
  }
}

/** True when no connection was had: nothing was sent. */
function isRefused(error: unknown): boolean {
  const [code, first] = [codeOf(error), error instanceof AggregateError ? error.errors[0] as unknown : error]       // several: one for each address of a name
  const isUnconnected = first instanceof Error && 'syscall' in first && (first.syscall === 'connect' || first.syscall === 'getaddrinfo')
  return isUnconnected || code === '57P03' || code === '53300' || isSaid(error, /^timeout exceeded when trying to connect|^Connection terminated due to connection timeout/)
}

const BROKEN: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', '57P01', '57P02'])
const TOO_LONG = '57014'

/** True when there is no connection, or no more, or no answer in time: class 08, a server that ends, a socket that broke. */
function isLost(error: unknown): boolean {
  const code = codeOf(error)
  return isRefused(error) || BROKEN.has(code) || code === TOO_LONG || code?.startsWith('08') === true
    || isSaid(error, /^Connection terminated|^Client has encountered a connection error|^Client was closed/)
}

function isSaid(error: unknown, words: RegExp): boolean {
  return error instanceof Error && words.test(error.message)
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

  constructor(pool: PostgresPool, before: (statement: string) => Promise<void>) {
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

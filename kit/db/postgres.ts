// PostgreSQL through pg: READ COMMITTED, a schema a service, transactions re-run on serialization failures and deadlocks.
import { CompiledQuery, Kysely, PostgresDialect, sql, type DatabaseConnection, type Driver } from 'kysely'
import pg from 'pg'
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
  /** Awaited before each statement is sent, `commit` included: where a test of what two do at once holds them. */
  before?: (statement: string) => Promise<void>
}

const BIGINT = 20
const ATTEMPTS = 8

/** Connects, makes the schema, and gives the database. Throws what pg throws when it cannot be reached. */
export async function openPostgres<Tables>(opts: PostgresOptions): Promise<Database<Tables>> {
  const types: pg.CustomTypesConfig = { getTypeParser: (oid, format) => oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text') as never }
  const pool = new pg.Pool({ connectionString: opts.url, max: opts.connections ?? 8, types, options: `-c search_path=${opts.schema}` })
  pool.on('error', () => {})                      // an idle connection died: the next query opens another
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
      return fn(kysely)
    },
    async write<R>(fn: (tx: Tx<Tables>) => Promise<R>) {
      refuseInside(self)
      for (let attempt = 1; ; attempt++) {
        try {
          return await inTransaction(self, begin => kysely.transaction().execute(async tx => {
            await sql`set local idle_in_transaction_session_timeout = '60s'`.execute(tx)
            return begin(tx)
          }), fn)
        } catch (error) {
          if (attempt === ATTEMPTS || !isRetryable(error)) throw error
        }
      }
    },
    close: () => kysely.destroy(),
  }
  return self
}

function isRetryable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
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

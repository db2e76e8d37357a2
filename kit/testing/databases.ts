// The databases that a store test runs on: SQLite always; PostgreSQL when ALTO_TEST_POSTGRES names one, a fresh schema a test.
import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock/index.ts'
import { migrate, openPostgres, openSqlite, type Database, type Migration } from '../db/index.ts'
import { sql } from 'kysely'

/** A database for one test; leaving the scope closes and removes it. */
export interface TestDatabase<Tables> extends AsyncDisposable {
  db: Database<Tables>
}

/** Each database to test on; `open(migrations)` gives a fresh one with that schema. */
export function databasesUnderTest<Tables>(): { name: string, open(history?: readonly Migration[]): Promise<TestDatabase<Tables>> }[] {
  const url = process.env['ALTO_TEST_POSTGRES']
  return [{ name: 'sqlite', open: openMemory }, ...(url ? [{ name: 'postgres', open: (history?: readonly Migration[]) => openSchema<Tables>(url, history) }] : [])]
}

/** A PostgreSQL database of its own beside the one at `url`, for a whole cloud with all its schemas; leaving the scope drops it. */
export async function freshPostgres(url: string): Promise<AsyncDisposable & { url: string }> {
  const name = `cloud_${randomBytes(6).toString('hex')}`
  const server = await openPostgres({ url, schema: 'public', connections: 1 })
  const run = (statement: string) => server.read(async tx => { await sql.raw(statement).execute(tx) })
  await run(`create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    async [Symbol.asyncDispose]() {
      await run(`drop database ${name} with (force)`)
      await server.close()
    },
  }
}

async function openMemory<Tables>(history: readonly Migration[] = []): Promise<TestDatabase<Tables>> {
  const db = openSqlite<Tables>(':memory:')
  if (history.length) await migrate(db, history, systemClock)
  return { db, [Symbol.asyncDispose]: () => db.close() }
}

async function openSchema<Tables>(url: string, history: readonly Migration[] = []): Promise<TestDatabase<Tables>> {
  const schema = `test_${randomBytes(6).toString('hex')}`
  const db = await openPostgres<Tables>({ url, schema, connections: 4 })
  if (history.length) await migrate(db, history, systemClock)
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.write(async tx => { await sql.raw(`drop schema "${schema}" cascade`).execute(tx) })
      await db.close()
    },
  }
}

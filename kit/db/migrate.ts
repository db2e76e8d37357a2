// Schema changes, applied once each, in order, each in a transaction of its own.
import { sql } from 'kysely'
import { Fault } from '../errors/index.ts'
import type { Clock } from '../clock/index.ts'
import type { Database, Tx } from './database.ts'

/** One step of a schema's history. Ids sort: `0001-servers`. Never changed once released; what a later one needs, it adds. */
export interface Migration {
  id: string
  /** SQL statements, in the dialect that SQLite and PostgreSQL share: text, integer, bigint; times in ms; booleans 0 and 1; JSON as text. */
  up: readonly string[]
}

/** The advisory locks of ours: the first of two keys; the second is the schema's. */
const MIGRATING = 0x616c746f

interface MigrationTables {
  schema_migrations: { id: string, applied_at: number }
}

/**
 * Brings the schema up to `migrations` and returns the ids it applied.
 * Throws Fault('conflict', 'db.newer') when the database has steps that this program does not know.
 */
export async function migrate<Tables>(db: Database<Tables>, migrations: readonly Migration[], clock: Clock): Promise<string[]> {
  const own = db as unknown as Database<MigrationTables>      // its one table is this file's alone
  await own.write(async tx => {
    if (own.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATING}, hashtext(current_schema()))`.execute(tx)      // "if not exists" alone fails when two make it at once
    await sql`create table if not exists schema_migrations (id text primary key, applied_at bigint not null)`.execute(tx)
  }, { mayTakeLong: true })
  const applied = new Set((await own.read(tx => tx.selectFrom('schema_migrations').select('id').execute())).map(r => r.id))
  const known = new Set(migrations.map(m => m.id))
  const newer = [...applied].filter(id => !known.has(id))
  if (newer.length) throw new Fault('conflict', 'db.newer', `The database was made by a newer version (it has ${newer.join(', ')}). Use that version, or another data directory.`)
  const done: string[] = []
  for (const migration of migrations) {
    if (applied.has(migration.id)) continue
    await own.write(tx => apply(tx, migration, clock.now()), { mayTakeLong: true })
    done.push(migration.id)
  }
  return done
}

async function apply(tx: Tx<MigrationTables>, migration: Migration, now: number): Promise<void> {
  const { rows } = await sql`insert into schema_migrations (id, applied_at) values (${migration.id}, ${now}) on conflict do nothing returning id`.execute(tx)
  if (rows.length === 0) return                               // another process was first
  for (const statement of migration.up) await sql.raw(statement).execute(tx)
}

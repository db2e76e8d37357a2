// The database: one interface over SQLite (one process) and PostgreSQL (many), with Kysely as the language.
export { afterCommit, type Database, type Tx } from './database.ts'
export { isForeignKeyViolation, isUniqueViolation } from './violations.ts'
export { migrate, type Migration } from './migrate.ts'
export { openPostgres, type PostgresOptions } from './postgres.ts'
export { openSqlite, type SqliteOptions } from './sqlite.ts'
export { keysetPage, type Page, type PageRequest, type SortKey } from './keyset.ts'
export { fromJson, toJson } from './json.ts'
export { sql, type Generated, type Insertable, type Selectable, type Updateable } from 'kysely'

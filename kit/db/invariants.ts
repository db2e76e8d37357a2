// What must always hold among a service's rows, as queries that name the rows that break it: for the audit.
import { sql } from 'kysely'
import type { Tx } from './database.ts'

/** A rule over the rows. */
export interface Invariant {
  /** A sentence that is true of a sound database: 'an available volume has no attachment'. */
  readonly invariant: string
  /** SQL of one column `at`, a row for each place where it is not so; none in a sound database. Both databases must understand it. */
  readonly query: string
}

/** A broken rule, and where: ids, or what else finds the rows. */
export interface BrokenInvariant {
  readonly invariant: string
  readonly where: string
}

/** Every place where one of `invariants` does not hold, in their order; empty in a sound database. Reads whole tables. */
export async function brokenInvariants<Tables>(tx: Tx<Tables>, invariants: readonly Invariant[]): Promise<BrokenInvariant[]> {
  const broken: BrokenInvariant[] = []
  for (const { invariant, query } of invariants) {
    const { rows } = await sql.raw<{ at: string }>(query).execute(tx)
    broken.push(...rows.map(row => ({ invariant, where: row.at })))
  }
  return broken
}

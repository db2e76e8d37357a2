// Which rule of the schema a statement broke, told alike for SQLite and PostgreSQL.

const UNIQUE = 2067, PRIMARY_KEY = 1555, FOREIGN_KEY = 787, FOREIGN_KEY_TRIGGER = 1811

/** True when `error` is a unique or primary key violation; `column` narrows it to messages or constraints that name it. */
export function isUniqueViolation(error: unknown, column?: string): boolean {
  const { sqlite, postgres, text } = told(error)
  return (sqlite === UNIQUE || sqlite === PRIMARY_KEY || postgres === '23505') && (column === undefined || text.includes(column))
}

/** True when `error` says that a row is referred to, or refers to nothing. */
export function isForeignKeyViolation(error: unknown): boolean {
  const { sqlite, postgres } = told(error)
  return sqlite === FOREIGN_KEY || sqlite === FOREIGN_KEY_TRIGGER || postgres === '23503' || postgres === '23001'
}

/** What is thrown in the stead of a broken rule of the schema: `unique` for a name or id that is taken, `reference` for what is named and gone, or goes and is named. */
export interface ViolationFaults {
  unique?: (cause: unknown) => Error
  reference?: (cause: unknown) => Error
}

/** Runs `work`, and throws what `faults` make of a rule of the schema that it broke. */
export async function orFault<T>({ unique, reference }: ViolationFaults, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (unique && isUniqueViolation(error)) throw unique(error)
    if (reference && isForeignKeyViolation(error)) throw reference(error)
    throw error
  }
}

/** Runs `work`, and throws what `fault` makes of a unique or primary key violation in its stead. */
export function orConflict<T>(fault: (cause: unknown) => Error, work: () => Promise<T>): Promise<T> {
  return orFault({ unique: fault }, work)
}

/**
 * Runs `work`, which makes what is not there yet, and runs it again when another made it at the same moment: the second look finds what that one
 * made. `column` is in the name of the rule that tells them apart; the idempotency key's when not given.
 */
export async function orSecondLook<T>(work: () => Promise<T>, column = 'idempotency_key'): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error, column)) throw error
    return work()
  }
}

function told(error: unknown): { sqlite?: unknown, postgres?: unknown, text: string } {
  if (!(error instanceof Error)) return { text: '' }
  const { errcode, code, constraint, detail } = error as Error & { errcode?: unknown, code?: unknown, constraint?: string, detail?: string }
  return { sqlite: errcode, postgres: code, text: `${error.message} ${constraint ?? ''} ${detail ?? ''}` }
}

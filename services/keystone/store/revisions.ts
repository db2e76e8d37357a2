// The revision of all that a token's worth rests on: it moves with every change, in the change's transaction.
import { sql } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** The revision as it is now. */
export async function get(tx: Tx): Promise<number> {
  return (await tx.selectFrom('revisions').select('value').where('name', '=', 'verdicts').executeTakeFirstOrThrow()).value
}

/** Moves it on. Whoever does waits for others that do: the first statement of its transaction, so that it sees what they left. */
export async function bump(tx: Tx): Promise<void> {
  await tx.updateTable('revisions').set({ value: sql<number>`value + 1` }).where('name', '=', 'verdicts').execute()
}

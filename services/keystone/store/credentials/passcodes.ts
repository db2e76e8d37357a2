// SQL for passcodes, which may be used only once, and tried only so often.
import { sql } from '@alto/kit/db'
import type { Tx } from '../tables.ts'

/** Counts a try at a user's passcodes under `counter`, and gives how many there were in this window (ms) with it. Whoever else tries under it waits for the end of the transaction. Forgets windows of others that are over. */
export async function countTry(tx: Tx, counter: string, { now, window }: { now: number, window: number }): Promise<number> {
  await tx.deleteFrom('passcode_tries').where('window_start', '<=', now - window).where('user_id', '<>', counter).execute()
  const over = sql<boolean>`passcode_tries.window_start <= ${now - window}`
  const { tries } = await tx.insertInto('passcode_tries').values({ user_id: counter, window_start: now, tries: 1 })
    .onConflict(c => c.column('user_id').doUpdateSet({
      tries: sql<number>`case when ${over} then 1 else passcode_tries.tries + 1 end`,
      window_start: sql<number>`case when ${over} then ${now} else passcode_tries.window_start end`,
    })).returning('tries').executeTakeFirstOrThrow()
  return Number(tries)
}

/** Forgets the tries under `counter`. */
export async function forgetTries(tx: Tx, counter: string): Promise<void> {
  await tx.deleteFrom('passcode_tries').where('user_id', '=', counter).execute()
}

/** Takes the passcode of that step; false when it was taken before. Forgets steps before `oldest`, whose passcodes are worth nothing any more. */
export async function takePasscode(tx: Tx, credentialId: string, { step, oldest }: { step: number, oldest: number }): Promise<boolean> {
  await tx.deleteFrom('used_passcodes').where('credential_id', '=', credentialId).where('step', '<', oldest).execute()
  const { numInsertedOrUpdatedRows } = await tx.insertInto('used_passcodes').values({ credential_id: credentialId, step }).onConflict(c => c.doNothing()).executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

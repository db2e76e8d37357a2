// SQL for receipts that have given a token: each gives one.
import type { Tx } from '../tables.ts'

/** True when the receipt of that hash has given a token. */
export async function isUsed(tx: Tx, receiptHash: string): Promise<boolean> {
  return await tx.selectFrom('used_receipts').select('receipt_hash').where('receipt_hash', '=', receiptHash).executeTakeFirst() !== undefined
}

/** Takes the receipt of that hash; false when it was taken before. Forgets those that have ended. */
export async function take(tx: Tx, receiptHash: string, { expiresAt, now }: { expiresAt: number, now: number }): Promise<boolean> {
  await tx.deleteFrom('used_receipts').where('expires_at', '<', now).execute()
  const { numInsertedOrUpdatedRows } = await tx.insertInto('used_receipts').values({ receipt_hash: receiptHash, expires_at: expiresAt }).onConflict(c => c.doNothing()).executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

// SQL for revoked tokens: one row each, found by key, gone when the token would have ended anyway.
import type { Tx } from './tables.ts'

/** Voids the token with this audit id, and those rescoped from it when it is a chain's first. */
export async function insert(tx: Tx, revoked: { auditId: string, wholeChain: boolean, expiresAt: number }): Promise<void> {
  await tx.insertInto('revoked_tokens').values({ audit_id: revoked.auditId, whole_chain: Number(revoked.wholeChain), expires_at: revoked.expiresAt }).onConflict(c => c.doNothing()).execute()
}

/** True when the token of this audit chain (its own id first) is void. */
export async function isRevoked(tx: Tx, auditIds: readonly string[]): Promise<boolean> {
  const rows = await tx.selectFrom('revoked_tokens').selectAll().where('audit_id', 'in', [...auditIds]).execute()
  return rows.some(row => row.audit_id === auditIds[0] || row.whole_chain === 1)
}

/** Forgets revocations of tokens that have ended. */
export async function purge(tx: Tx, now: number): Promise<void> {
  await tx.deleteFrom('revoked_tokens').where('expires_at', '<', now).execute()
}

// SQL for revoked tokens: one row each, found by key, gone when the token would have ended anyway.
import type { Tx } from '../tables.ts'

/** A token that is void, and with `wholeChain` those that were rescoped from it. Times in milliseconds. */
export interface Revocation { auditId: string, wholeChain: boolean, expiresAt: number, revokedAt: number }

/** Voids the token with this audit id, and those rescoped from it when it is a chain's first. */
export async function insert(tx: Tx, revoked: Revocation): Promise<void> {
  await tx.insertInto('revoked_tokens').values({ audit_id: revoked.auditId, whole_chain: Number(revoked.wholeChain), expires_at: revoked.expiresAt, revoked_at: revoked.revokedAt }).onConflict(c => c.doNothing()).execute()
}

/** What was revoked at `since` or later and would still be valid at `now`, in that order. */
export async function list(tx: Tx, { since, now }: { since: number, now: number }): Promise<Revocation[]> {
  const rows = await tx.selectFrom('revoked_tokens').selectAll().where('revoked_at', '>=', since).where('expires_at', '>=', now).orderBy('revoked_at').orderBy('audit_id').execute()
  return rows.map(row => ({ auditId: row.audit_id, wholeChain: row.whole_chain === 1, expiresAt: row.expires_at, revokedAt: row.revoked_at }))
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

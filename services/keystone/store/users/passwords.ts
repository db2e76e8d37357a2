// SQL for passwords, and for what logins leave behind.
import { sql } from '@alto/kit/db'
import type { Failures, StoredPassword } from '../../model/users/passwords.ts'
import type { Tables, Tx } from '../tables.ts'

/** The user's present password, or undefined when it never had one. */
export async function find(tx: Tx, userId: string): Promise<StoredPassword | undefined> {
  return (await list(tx, userId, 1))[0]
}

/** The user's last `count` passwords, the present one first. */
export async function list(tx: Tx, userId: string, count: number): Promise<StoredPassword[]> {
  const rows = await tx.selectFrom('passwords').selectAll().where('user_id', '=', userId).orderBy('number', 'desc').limit(count).execute()
  return rows.map(fromRow)
}

/** Gives the user another password and voids its tokens from before `tokensFrom`; the `keep` passwords before it stay, ended. */
export async function insert(tx: Tx, userId: string, password: Omit<StoredPassword, 'number'>, opts: { tokensFrom: number, keep: number }): Promise<void> {
  const { password_number: number } = await tx.updateTable('users').set({ password_number: sql<number>`password_number + 1`, tokens_from: opts.tokensFrom }).where('id', '=', userId)
    .returning('password_number').executeTakeFirstOrThrow()
  await tx.deleteFrom('passwords').where('user_id', '=', userId).where('number', '<', number - opts.keep).execute()
  await tx.updateTable('passwords').set({ expires_at: password.createdAt }).where('user_id', '=', userId).where(e => e.or([e('expires_at', 'is', null), e('expires_at', '>', password.createdAt)])).execute()
  await tx.insertInto('passwords').values({
    user_id: userId, number, hash: password.hash, created_at: password.createdAt, expires_at: password.expiresAt, self_service: Number(password.selfService),
  }).execute()
}

/** The user's failed logins since the last good one; none for a user that does not exist. */
export async function failures(tx: Tx, userId: string): Promise<Failures> {
  const row = await tx.selectFrom('users').select(['failures', 'failed_at']).where('id', '=', userId).executeTakeFirst()
  return { count: row?.failures ?? 0, at: row?.failed_at ?? null }
}

/** Counts a failed login, unless there are `most` already. Those from `forgottenBefore` (ms) and earlier are over. */
export async function countFailure(tx: Tx, userId: string, at: number, limits: { most: number, forgottenBefore: number }): Promise<void> {
  await tx.updateTable('users').set({ failures: sql<number>`case when failures >= ${limits.most} then 1 else failures + 1 end`, failed_at: at })
    .where('id', '=', userId).where(e => e.or([e('failures', '<', limits.most), e('failed_at', '<=', limits.forgottenBefore)])).execute()
}

/** Forgets the failed logins. */
export async function clearFailures(tx: Tx, userId: string): Promise<void> {
  await tx.updateTable('users').set({ failures: 0, failed_at: null }).where('id', '=', userId).execute()
}

/** Notes that the user was there. */
export async function setActive(tx: Tx, userId: string, at: number): Promise<void> {
  await tx.updateTable('users').set({ active_at: at }).where('id', '=', userId).execute()
}

function fromRow(row: Tables['passwords']): StoredPassword {
  return { number: row.number, hash: row.hash, createdAt: row.created_at, expiresAt: row.expires_at, selfService: row.self_service === 1 }
}

// SQL for trusts.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Trust } from '../../model/delegation/trusts.ts'
import type { Tables, Tx } from '../tables.ts'

/** The trust, or undefined: in one statement, so that one which goes meanwhile is not seen without its roles. */
export async function find(tx: Tx, id: string): Promise<Trust | undefined> {
  const rows = await tx.selectFrom('trusts').leftJoin('trust_roles', 'trust_roles.trust_id', 'trusts.id').selectAll('trusts').select('trust_roles.role_id').where('trusts.id', '=', id).execute()
  return rows[0] && fromRow(rows[0], rows.map(row => row.role_id).filter(roleId => roleId !== null))
}

/** The trust, then the one that it passes on, and so up to the first; empty when there is none of that id. */
export async function chain(tx: Tx, id: string): Promise<Trust[]> {
  const found: Trust[] = []
  for (let next: string | null = id; next !== null;) {
    const trust: Trust | undefined = await find(tx, next)
    if (!trust) break
    found.push(trust)
    next = trust.redelegatedTrustId
  }
  return found
}

/** Trusts by who gives and who has them, without their roles. */
export async function list(tx: Tx, filter: { trustorUserId?: string | undefined, trusteeUserId?: string | undefined }): Promise<Trust[]> {
  let query = tx.selectFrom('trusts').selectAll()
  if (filter.trustorUserId !== undefined) query = query.where('trustor_user_id', '=', filter.trustorUserId)
  if (filter.trusteeUserId !== undefined) query = query.where('trustee_user_id', '=', filter.trusteeUserId)
  return (await query.orderBy('id').execute()).map(row => fromRow(row, []))
}

/** Adds a trust and its roles. Breaks a foreign key when a user, its project or the trust above went meanwhile. */
export async function insert(tx: Tx, trust: Trust): Promise<void> {
  await tx.insertInto('trusts').values({
    id: trust.id, trustor_user_id: trust.trustorUserId, trustee_user_id: trust.trusteeUserId, project_id: trust.projectId, impersonation: Number(trust.impersonation), expires_at: trust.expiresAt,
    remaining_uses: trust.remainingUses, redelegated_trust_id: trust.redelegatedTrustId, redelegation_count: trust.redelegationCount, extra: toJson(trust.extra),
  }).execute()
  if (trust.roleIds.length) await tx.insertInto('trust_roles').values(trust.roleIds.map(roleId => ({ trust_id: trust.id, role_id: roleId }))).execute()
}

/** Takes one use of a trust whose uses are counted; false when none is left. */
export async function consume(tx: Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('trusts').set({ remaining_uses: sql<number>`remaining_uses - 1` }).where('id', '=', id).where('remaining_uses', '>', 0).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Forgets the trusts that ended before that time (ms), and all that passed them on, which ended no later. */
export async function forgetEnded(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom('trusts').where('expires_at', '<', before).execute()
}

/** Removes the trust and all that pass it on. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('trusts').where('id', '=', id).execute()
}

function fromRow(row: Tables['trusts'], roleIds: readonly string[]): Trust {
  return {
    id: row.id, trustorUserId: row.trustor_user_id, trusteeUserId: row.trustee_user_id, projectId: row.project_id, impersonation: row.impersonation === 1, expiresAt: row.expires_at,
    remainingUses: row.remaining_uses, redelegatedTrustId: row.redelegated_trust_id, redelegationCount: row.redelegation_count, roleIds, extra: fromJson(row.extra, {}),
  }
}

// SQL for access rules.
import type { AccessRule } from '../../model/delegation/access-rules.ts'
import type { Tables, Tx } from '../tables.ts'

/** Which rules of a user a list holds. */
export interface AccessRuleFilter {
  service?: string | undefined
  path?: string | undefined
  method?: string | undefined
}

/** The user's rule, or undefined. */
export async function find(tx: Tx, userId: string, id: string): Promise<AccessRule | undefined> {
  const row = await tx.selectFrom('access_rules').selectAll().where('id', '=', id).where('user_id', '=', userId).executeTakeFirst()
  return row && fromRow(row)
}

/** The user's rules. */
export async function list(tx: Tx, userId: string, filter: AccessRuleFilter = {}): Promise<AccessRule[]> {
  let query = tx.selectFrom('access_rules').selectAll().where('user_id', '=', userId)
  for (const column of ['service', 'path', 'method'] as const) {
    const wanted = filter[column]
    if (wanted !== undefined) query = query.where(column, '=', wanted)
  }
  return (await query.orderBy('service').orderBy('path').orderBy('method').execute()).map(fromRow)
}

/** The user's rule of these words: the one that is there, or else this one, which then is. */
export async function settle(tx: Tx, rule: AccessRule): Promise<AccessRule> {
  await tx.insertInto('access_rules').values({ id: rule.id, user_id: rule.userId, service: rule.service, path: rule.path, method: rule.method }).onConflict(c => c.doNothing()).execute()
  return fromRow(await tx.selectFrom('access_rules').selectAll().where('user_id', '=', rule.userId).where('service', '=', rule.service).where('path', '=', rule.path).where('method', '=', rule.method).executeTakeFirstOrThrow())
}

/** Removes the rule. Breaks a foreign key while a credential uses it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('access_rules').where('id', '=', id).execute()
}

function fromRow(row: Tables['access_rules']): AccessRule {
  return { id: row.id, userId: row.user_id, service: row.service, path: row.path, method: row.method }
}

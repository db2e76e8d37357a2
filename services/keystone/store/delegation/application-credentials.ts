// SQL for application credentials.
import { sql } from '@alto/kit/db'
import type { AccessRule } from '../../model/delegation/access-rules.ts'
import type { ApplicationCredential } from '../../model/delegation/application-credentials.ts'
import type { Tx } from '../tables.ts'

/** The credential, or undefined. */
export async function find(tx: Tx, id: string): Promise<ApplicationCredential | undefined> {
  return (await withRoles(tx, await rowsOf(tx).where('c.id', '=', id).execute()))[0]
}

/** The user's credential of that name, or undefined. */
export async function findByName(tx: Tx, userId: string, name: string): Promise<ApplicationCredential | undefined> {
  return (await list(tx, userId, name))[0]
}

/** The user's credentials, by name: two statements, however many there are. */
export async function list(tx: Tx, userId: string, name?: string): Promise<ApplicationCredential[]> {
  const rows = rowsOf(tx).where('c.user_id', '=', userId)
  return withRoles(tx, await (name === undefined ? rows : rows.where('c.name', '=', name)).execute())
}

/** The hash of the credential's secret; null when it does not exist. */
export async function secretHash(tx: Tx, id: string): Promise<string | null> {
  return (await tx.selectFrom('application_credentials').select('secret_hash').where('id', '=', id).executeTakeFirst())?.secret_hash ?? null
}

/** How many the user has. Whoever counts waits for others that do until they have ended, so that a limit holds. */
export async function count(tx: Tx, userId: string): Promise<number> {
  await tx.updateTable('users').set({ created_at: sql<number>`created_at` }).where('id', '=', userId).execute()
  return Number((await tx.selectFrom('application_credentials').select(sql<number>`count(*)`.as('n')).where('user_id', '=', userId).executeTakeFirstOrThrow()).n)
}

/** Adds a credential. Breaks the unique index when the user has one of that name, a foreign key when one of its parts went meanwhile. */
export async function insert(tx: Tx, credential: ApplicationCredential, hash: string): Promise<void> {
  const { id } = credential
  await tx.insertInto('application_credentials').values({
    id, user_id: credential.userId, project_id: credential.projectId, name: credential.name, secret_hash: hash, description: credential.description, expires_at: credential.expiresAt,
    unrestricted: credential.unrestricted === null ? null : Number(credential.unrestricted),
  }).execute()
  if (credential.roleIds.length) await tx.insertInto('application_credential_roles').values(credential.roleIds.map(roleId => ({ application_credential_id: id, role_id: roleId }))).execute()
  if (credential.accessRules.length) await tx.insertInto('application_credential_rules').values(credential.accessRules.map(rule => ({ application_credential_id: id, access_rule_id: rule.id }))).execute()
}

/** Removes the credential; its access rules stay the user's. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('application_credentials').where('id', '=', id).execute()
}

/**
 * Credentials, a row for each access rule. In one statement: rules that are read after the credential could be gone with it by then, and one without
 * rules may ask for anything.
 */
function rowsOf(tx: Tx) {
  return tx.selectFrom('application_credentials as c').leftJoin('application_credential_rules as used', 'used.application_credential_id', 'c.id').leftJoin('access_rules as rule', 'rule.id', 'used.access_rule_id')
    .select(['c.id', 'c.user_id', 'c.project_id', 'c.name', 'c.description', 'c.expires_at', 'c.unrestricted', 'rule.id as rule_id', 'rule.service', 'rule.path', 'rule.method'])
    .orderBy('c.name').orderBy('rule.service').orderBy('rule.path').orderBy('rule.method')
}

type Row = Awaited<ReturnType<ReturnType<typeof rowsOf>['execute']>>[number]

async function withRoles(tx: Tx, rows: readonly Row[]): Promise<ApplicationCredential[]> {
  const grouped = Map.groupBy(rows, row => row.id)
  if (grouped.size === 0) return []
  const roles = Map.groupBy(await tx.selectFrom('application_credential_roles').selectAll().where('application_credential_id', 'in', [...grouped.keys()]).execute(), r => r.application_credential_id)
  return [...grouped].map(([id, [row, ...more]]) => ({
    id, userId: row!.user_id, projectId: row!.project_id, name: row!.name, description: row!.description, expiresAt: row!.expires_at, unrestricted: row!.unrestricted === null ? null : row!.unrestricted === 1,
    roleIds: (roles.get(id) ?? []).map(r => r.role_id), accessRules: [row!, ...more].flatMap(r => ruleOf(r)),
  }))
}

function ruleOf(row: Row): AccessRule[] {
  return row.rule_id === null ? [] : [{ id: row.rule_id, userId: row.user_id, service: row.service!, path: row.path!, method: row.method! }]
}

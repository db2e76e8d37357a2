// SQL for key pairs.
import type { Selectable } from '@alto/kit/db'
import type { Keypair } from '../model/keypairs.ts'
import type { Tables, Tx } from './tables.ts'

/** The user's key pair of that name, or undefined. */
export async function find(tx: Tx, userId: string, name: string): Promise<Keypair | undefined> {
  const row = await tx.selectFrom('keypairs').selectAll().where('user_id', '=', userId).where('name', '=', name).executeTakeFirst()
  return row && fromRow(row)
}

/** A user's key pairs by name, those after the marker's name. */
export async function list(tx: Tx, userId: string, page: { limit: number, after?: string | undefined }): Promise<{ rows: Keypair[], more: boolean }> {
  let query = tx.selectFrom('keypairs').selectAll().where('user_id', '=', userId).orderBy('name').limit(page.limit + 1)
  if (page.after !== undefined) query = query.where('name', '>', page.after)
  const rows = await query.execute()
  return { rows: rows.slice(0, page.limit).map(fromRow), more: rows.length > page.limit }
}

/** How many key pairs a user has. */
export async function count(tx: Tx, userId: string): Promise<number> {
  const { n } = await tx.selectFrom('keypairs').select(eb => eb.fn.countAll<number>().as('n')).where('user_id', '=', userId).executeTakeFirstOrThrow()
  return Number(n)
}

/** Adds a key pair; names are unique for each user. */
export async function insert(tx: Tx, k: Keypair): Promise<void> {
  await tx.insertInto('keypairs').values({ id: k.id, user_id: k.userId, name: k.name, type: k.type, public_key: k.publicKey, fingerprint: k.fingerprint, created_at: k.createdAt }).execute()
}

/** False when there was none. */
export async function remove(tx: Tx, userId: string, name: string): Promise<boolean> {
  return (await tx.deleteFrom('keypairs').where('user_id', '=', userId).where('name', '=', name).executeTakeFirst()).numDeletedRows === 1n
}

function fromRow(row: Selectable<Tables['keypairs']>): Keypair {
  return { id: row.id, userId: row.user_id, name: row.name, type: row.type as Keypair['type'], publicKey: row.public_key, fingerprint: row.fingerprint, createdAt: row.created_at }
}

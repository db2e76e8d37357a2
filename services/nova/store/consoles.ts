// SQL for the tokens of consoles.
import type { ConsoleKind, ConsoleToken } from '../model/consoles.ts'
import type { Tx } from './tables.ts'

/** How many tokens of a server are kept; the oldest go. */
const KEPT = 100

/** The token whose hash this is, or undefined. Whether it still counts is the manager's question. */
export async function find(tx: Tx, hash: string): Promise<ConsoleToken | undefined> {
  const row = await tx.selectFrom('console_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
  return row && { hash: row.hash, serverId: row.server_id, host: row.host, kind: row.kind as ConsoleKind, createdAt: row.created_at, expiresAt: row.expires_at }
}

/** Adds a token, and forgets those that have expired or are too many. */
export async function insert(tx: Tx, token: ConsoleToken): Promise<void> {
  await tx.deleteFrom('console_tokens').where('expires_at', '<=', token.createdAt).execute()
  await tx.deleteFrom('console_tokens').where('server_id', '=', token.serverId)
    .where('hash', 'not in', tx.selectFrom('console_tokens').select('hash').where('server_id', '=', token.serverId).orderBy('created_at', 'desc').orderBy('hash').limit(KEPT - 1)).execute()
  await tx.insertInto('console_tokens').values({ hash: token.hash, server_id: token.serverId, host: token.host, kind: token.kind, created_at: token.createdAt, expires_at: token.expiresAt }).execute()
}

/** Forgets every token of a server. */
export async function removeOf(tx: Tx, serverId: string): Promise<void> {
  await tx.deleteFrom('console_tokens').where('server_id', '=', serverId).execute()
}

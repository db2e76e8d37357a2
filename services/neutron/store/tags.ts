// SQL for tags of any resource.
import { fromJson, toJson } from '@alto/kit/db'
import type { Tx } from './tables.ts'

/** What can be tagged. */
export type Tagged = 'networks' | 'subnets' | 'ports' | 'routers' | 'floatingips' | 'security_groups'

/** Writes the tags that `change` makes of those that are there. */
export async function change(tx: Tx, table: Tagged, id: string, make: (tags: readonly string[]) => readonly string[], now: number): Promise<void> {
  const row = await tx.updateTable(table as 'networks').set(e => ({ revision: e('revision', '+', 1), updated_at: now })).where('id', '=', id).returning('tags').executeTakeFirst()
  if (row) await tx.updateTable(table as 'networks').set({ tags: toJson(make(fromJson(row.tags, []))) }).where('id', '=', id).execute()
}

// SQL for the settings that domains have of their own.
import { fromJson, toJson } from '@alto/kit/db'
import type { Part, Setting } from '../../model/projects/domain-configuration.ts'
import type { Tx } from '../tables.ts'

/** The domain's settings, of one group or one option when that is asked, in their order. */
export async function list(tx: Tx, domainId: string, { group, option }: Part = {}): Promise<Setting[]> {
  let query = tx.selectFrom('domain_settings').selectAll().where('domain_id', '=', domainId)
  if (group !== undefined) query = query.where('group_name', '=', group)
  if (option !== undefined) query = query.where('option_name', '=', option)
  const rows = await query.orderBy('group_name').orderBy('option_name').execute()
  return rows.map(row => ({ group: row.group_name, option: row.option_name, value: fromJson<unknown>(row.value, null) }))
}

/** Sets settings, those that are there anew. */
export async function set(tx: Tx, domainId: string, settings: readonly Setting[]): Promise<void> {
  for (const { group, option, value } of settings) {
    await tx.insertInto('domain_settings').values({ domain_id: domainId, group_name: group, option_name: option, value: toJson(value) })
      .onConflict(c => c.columns(['domain_id', 'group_name', 'option_name']).doUpdateSet({ value: toJson(value) })).execute()
  }
}

/** Removes settings, of one group or one option when that is asked. */
export async function remove(tx: Tx, domainId: string, { group, option }: Part = {}): Promise<void> {
  let query = tx.deleteFrom('domain_settings').where('domain_id', '=', domainId)
  if (group !== undefined) query = query.where('group_name', '=', group)
  if (option !== undefined) query = query.where('option_name', '=', option)
  await query.execute()
}

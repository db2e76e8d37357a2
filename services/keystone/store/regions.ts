// SQL for regions.
import { fromJson, toJson } from '@alto/kit/db'
import type { Region } from '../model/catalog.ts'
import type { Tables, Tx } from './tables.ts'

/** The region, or undefined. */
export async function find(tx: Tx, id: string): Promise<Region | undefined> {
  const row = await tx.selectFrom('regions').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Regions, of one parent when that is named, by id. */
export async function list(tx: Tx, filter: { parentId?: string | undefined }): Promise<Region[]> {
  let query = tx.selectFrom('regions').selectAll()
  if (filter.parentId !== undefined) query = query.where('parent_id', '=', filter.parentId)
  return (await query.orderBy('id').execute()).map(fromRow)
}

/** Adds a region. Breaks the primary key when the id is taken. */
export async function insert(tx: Tx, region: Region): Promise<void> {
  await tx.insertInto('regions').values(toRow(region)).execute()
}

/** Writes all of the region's columns. */
export async function update(tx: Tx, region: Region): Promise<void> {
  await tx.updateTable('regions').set(toRow(region)).where('id', '=', region.id).execute()
}

/** Removes it. Breaks a foreign key while endpoints or regions are in it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('regions').where('id', '=', id).execute()
}

function fromRow(row: Tables['regions']): Region {
  return { id: row.id, description: row.description, parentId: row.parent_id, extra: fromJson(row.extra, {}) }
}

function toRow(region: Region): Tables['regions'] {
  return { id: region.id, description: region.description, parent_id: region.parentId, extra: toJson(region.extra) }
}

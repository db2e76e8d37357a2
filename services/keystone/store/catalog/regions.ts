// SQL for regions.
import { fromJson, toJson } from '@alto/kit/db'
import type { Region } from '../../model/catalog/catalog.ts'
import type { Listed, Listing } from '../../model/filters.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The fields that lists of regions are filtered by. */
export type RegionField = 'parent_region_id'

/** The region, or undefined. */
export async function find(tx: Tx, id: string): Promise<Region | undefined> {
  const row = await tx.selectFrom('regions').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** A page of regions, by id. */
export async function list(tx: Tx, listing: Listing<RegionField>): Promise<Listed<Region>> {
  const { items, more } = await page(tx.selectFrom('regions').selectAll(), listing, { parent_region_id: 'parent_id' }, [])
  return { items: items.map(fromRow), more }
}

/** The region's id and those of all regions within it, each after those that hold it. */
export async function idsWithin(tx: Tx, id: string): Promise<string[]> {
  const ids = [id]
  for (let from = 0; from < ids.length;) {
    const outer = ids.slice(from)
    from = ids.length
    ids.push(...(await tx.selectFrom('regions').select('id').where('parent_id', 'in', outer).execute()).map(row => row.id))
  }
  return ids
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

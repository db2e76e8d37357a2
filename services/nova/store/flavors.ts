// SQL for flavors, their extra specs, and who may use those that are not public.
import { fromJson, keysetPage, toJson, type Page, type PageRequest, type Selectable } from '@alto/kit/db'
import type { Flavor } from '../model/flavors.ts'
import type { Tables, Tx } from './tables.ts'

/** Which flavors a list holds. */
export interface FlavorFilter {
  isPublic?: boolean | undefined
  /** Public ones, and those that this project has access to. */
  forProject?: string | undefined
  minDiskGib?: number | undefined
  minRamMib?: number | undefined
}

/** The flavor, or undefined. */
export async function find(tx: Tx, id: string): Promise<Flavor | undefined> {
  const row = await tx.selectFrom('flavors').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** One page of flavors. */
export async function page(tx: Tx, filter: FlavorFilter, request: PageRequest): Promise<Page<Flavor>> {
  let query = tx.selectFrom('flavors').selectAll()
  if (filter.isPublic !== undefined) query = query.where('is_public', '=', Number(filter.isPublic))
  const { forProject } = filter
  if (forProject !== undefined) query = query.where(eb => eb.or([eb('is_public', '=', 1), eb('id', 'in', eb.selectFrom('flavor_access').select('flavor_id').where('project_id', '=', forProject))]))
  if (filter.minDiskGib !== undefined) query = query.where('disk', '>=', filter.minDiskGib)
  if (filter.minRamMib !== undefined) query = query.where('ram', '>=', filter.minRamMib)
  const { rows, more } = await keysetPage(query, request)
  return { rows: rows.map(fromRow), more }
}

/** The columns by which a page sorts, of the flavor with that id. */
export async function sortValues(tx: Tx, id: string, columns: readonly string[]): Promise<(string | number | null)[] | undefined> {
  const row = await tx.selectFrom('flavors').selectAll().where('id', '=', id).executeTakeFirst()
  return row && columns.map(column => (row as unknown as Record<string, string | number | null>)[column] ?? null)
}

/** Adds a flavor. Its id and name are unique. */
export async function insert(tx: Tx, flavor: Flavor, now: number): Promise<void> {
  await tx.insertInto('flavors').values({
    id: flavor.id, name: flavor.name, ram: flavor.ramMib, vcpus: flavor.vcpus, disk: flavor.diskGib, ephemeral: flavor.ephemeralGib, swap: flavor.swapMib, rxtx_factor: flavor.rxtxFactor,
    is_public: Number(flavor.isPublic), disabled: 0, description: flavor.description, extra_specs: toJson(flavor.extraSpecs), created_at: now,
  }).execute()
}

/** Changes what a flavor is described as. */
export async function setDescription(tx: Tx, id: string, description: string | null): Promise<void> {
  await tx.updateTable('flavors').set({ description }).where('id', '=', id).execute()
}

/** Changes the extra specs that were read; false when somebody else changed them meanwhile. */
export async function setExtraSpecs(tx: Tx, flavor: Flavor, extraSpecs: Readonly<Record<string, string>>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('flavors').set({ extra_specs: toJson(extraSpecs) }).where('id', '=', flavor.id).where('extra_specs', '=', toJson(flavor.extraSpecs)).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Removes a flavor and who has access; servers keep their copy. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('flavors').where('id', '=', id).execute()
}

/** The projects that may use a flavor that is not public. */
export async function accessOf(tx: Tx, id: string): Promise<string[]> {
  return (await tx.selectFrom('flavor_access').select('project_id').where('flavor_id', '=', id).orderBy('project_id').execute()).map(row => row.project_id)
}

/** Lets a project use the flavor; once. */
export async function addAccess(tx: Tx, id: string, projectId: string): Promise<void> {
  await tx.insertInto('flavor_access').values({ flavor_id: id, project_id: projectId }).execute()
}

/** False when the project had no access. */
export async function removeAccess(tx: Tx, id: string, projectId: string): Promise<boolean> {
  return (await tx.deleteFrom('flavor_access').where('flavor_id', '=', id).where('project_id', '=', projectId).executeTakeFirst()).numDeletedRows === 1n
}

function fromRow(row: Selectable<Tables['flavors']>): Flavor {
  return {
    id: row.id, name: row.name, vcpus: row.vcpus, ramMib: row.ram, diskGib: row.disk, ephemeralGib: row.ephemeral, swapMib: row.swap, rxtxFactor: row.rxtx_factor,
    isPublic: row.is_public === 1, disabled: row.disabled === 1, description: row.description, extraSpecs: fromJson<Record<string, string>>(row.extra_specs, {}),
  }
}

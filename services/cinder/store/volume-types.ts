// SQL for volume types and for who sees the private ones.
import { fromJson, toJson } from '@alto/kit/db'
import type { VolumeType } from '../model/volume-types.ts'
import type { Tables, Tx } from './tables.ts'

/** The type of that id or, failing that, of that name; or undefined. */
export async function find(tx: Tx, idOrName: string): Promise<VolumeType | undefined> {
  const rows = await tx.selectFrom('volume_types').selectAll().where(e => e.or([e('id', '=', idOrName), e('name', '=', idOrName)])).execute()
  const row = rows.find(r => r.id === idOrName) ?? rows[0]
  return row && fromRow(row)
}

/** All types, the newest first. */
export async function list(tx: Tx): Promise<VolumeType[]> {
  return (await tx.selectFrom('volume_types').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc').execute()).map(fromRow)
}

/** Names of types by id. */
export async function namesOf(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  return new Map((await tx.selectFrom('volume_types').select(['id', 'name']).where('id', 'in', ids).execute()).map(r => [r.id, r.name]))
}

/** Adds a type. Breaks a unique index when its name is taken. */
export async function insert(tx: Tx, type: VolumeType): Promise<void> {
  await tx.insertInto('volume_types').values(toRow(type)).execute()
}

/** Writes all of its columns. */
export async function update(tx: Tx, type: VolumeType): Promise<void> {
  await tx.updateTable('volume_types').set(toRow(type)).where('id', '=', type.id).execute()
}

/** Removes it. Breaks a foreign key while volumes have it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('volume_types').where('id', '=', id).execute()
}

/** Projects that see a private type. */
export async function listAccess(tx: Tx, typeId: string): Promise<string[]> {
  return (await tx.selectFrom('type_access').select('project_id').where('type_id', '=', typeId).orderBy('project_id').execute()).map(r => r.project_id)
}

/** Ids of the private types that a project sees. */
export async function accessibleTo(tx: Tx, projectId: string): Promise<Set<string>> {
  return new Set((await tx.selectFrom('type_access').select('type_id').where('project_id', '=', projectId).execute()).map(r => r.type_id))
}

/** Lets a project see a private type. Breaks the primary key when it does already. */
export async function addAccess(tx: Tx, typeId: string, projectId: string): Promise<void> {
  await tx.insertInto('type_access').values({ type_id: typeId, project_id: projectId }).execute()
}

/** Takes that back; false when it did not see it. */
export async function removeAccess(tx: Tx, typeId: string, projectId: string): Promise<boolean> {
  return (await tx.deleteFrom('type_access').where('type_id', '=', typeId).where('project_id', '=', projectId).executeTakeFirst()).numDeletedRows === 1n
}

function fromRow(row: Tables['volume_types']): VolumeType {
  return { id: row.id, name: row.name, description: row.description, isPublic: row.is_public === 1, extraSpecs: fromJson(row.extra_specs, {}), createdAt: row.created_at }
}

function toRow(type: VolumeType): Tables['volume_types'] {
  return { id: type.id, name: type.name, description: type.description, is_public: Number(type.isPublic), extra_specs: toJson(type.extraSpecs), created_at: type.createdAt }
}

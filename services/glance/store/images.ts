// SQL for images, their properties and tags. Deleted images are seen by nothing here but the primary key.
import type { Image, Status, Visibility } from '../model/images.ts'
import type { Tables, Tx } from './tables.ts'

/** The image, or undefined when there is none. Who may see it is the manager's question. */
export async function find(tx: Tx, id: string): Promise<Image | undefined> {
  const row = await tx.selectFrom('images').selectAll().where('id', '=', id).where('deleted_at', 'is', null).executeTakeFirst()
  return row && (await withMaps(tx, [row]))[0]
}

/** The image that was made under an idempotency key, or undefined. */
export async function findByKey(tx: Tx, key: string): Promise<Image | undefined> {
  const row = await tx.selectFrom('images').selectAll().where('idempotency_key', '=', key).where('deleted_at', 'is', null).executeTakeFirst()
  return row && (await withMaps(tx, [row]))[0]
}

/** Adds an image. Breaks the primary key when the id is or was taken. */
export async function insert(tx: Tx, image: Image, key: string | undefined): Promise<void> {
  await tx.insertInto('images').values({ ...toRow(image), deleted_at: null, idempotency_key: key ?? null }).execute()
  await writeMaps(tx, image)
}

/** Writes `next` over `image` when nobody has changed it since it was read; false when somebody has. */
export async function update(tx: Tx, image: Image, next: Image): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('images').set({ ...toRow(next), generation: image.generation + 1 })
    .where('id', '=', image.id).where('generation', '=', image.generation).where('deleted_at', 'is', null).executeTakeFirst()
  if (numUpdatedRows !== 1n) return false
  await tx.deleteFrom('image_properties').where('image_id', '=', image.id).execute()
  await tx.deleteFrom('image_tags').where('image_id', '=', image.id).execute()
  await writeMaps(tx, next)
  return true
}

/** Moves the image from one state to another, setting `also`; false when it is in another state (any more). */
export async function move(tx: Tx, id: string, from: readonly Status[], to: Status, also: Partial<Tables['images']>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('images').set(e => ({ ...also, status: to, generation: e('generation', '+', 1) }))
    .where('id', '=', id).where('status', 'in', from).where('deleted_at', 'is', null).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Images of rows, their properties and tags read in one query each. */
export async function withMaps(tx: Tx, rows: readonly Tables['images'][]): Promise<Image[]> {
  if (rows.length === 0) return []
  const ids = rows.map(row => row.id)
  const properties = Map.groupBy(await tx.selectFrom('image_properties').selectAll().where('image_id', 'in', ids).execute(), p => p.image_id)
  const tags = Map.groupBy(await tx.selectFrom('image_tags').selectAll().where('image_id', 'in', ids).orderBy('tag').execute(), p => p.image_id)
  return rows.map(row => ({
    id: row.id, owner: row.owner, name: row.name, status: row.status as Status, visibility: row.visibility as Visibility, diskFormat: row.disk_format, containerFormat: row.container_format,
    size: row.size, virtualSize: row.virtual_size, checksum: row.checksum, hashAlgo: row.os_hash_algo, hashValue: row.os_hash_value, minRam: row.min_ram, minDisk: row.min_disk,
    isProtected: row.protected === 1, hidden: row.os_hidden === 1, createdAt: row.created_at, updatedAt: row.updated_at, generation: row.generation,
    properties: Object.fromEntries((properties.get(row.id) ?? []).map(p => [p.name, p.value])), tags: (tags.get(row.id) ?? []).map(t => t.tag),
  }))
}

async function writeMaps(tx: Tx, image: Image): Promise<void> {
  const properties = Object.entries(image.properties).map(([name, value]) => ({ image_id: image.id, name, value }))
  const tags = image.tags.map(tag => ({ image_id: image.id, tag }))
  if (properties.length) await tx.insertInto('image_properties').values(properties).execute()
  if (tags.length) await tx.insertInto('image_tags').values(tags).execute()
}

function toRow(image: Image): Omit<Tables['images'], 'deleted_at' | 'idempotency_key'> {
  return {
    id: image.id, owner: image.owner, name: image.name, status: image.status, visibility: image.visibility, disk_format: image.diskFormat, container_format: image.containerFormat,
    size: image.size, virtual_size: image.virtualSize, checksum: image.checksum, os_hash_algo: image.hashAlgo, os_hash_value: image.hashValue, min_ram: image.minRam, min_disk: image.minDisk,
    protected: image.isProtected ? 1 : 0, os_hidden: image.hidden ? 1 : 0, created_at: image.createdAt, updated_at: image.updatedAt, generation: image.generation,
  }
}

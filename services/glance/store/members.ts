// SQL for members of images.
import type { Member, MemberStatus } from '../model/members.ts'
import type { Tables, Tx } from './tables.ts'

/** The project's share in the image, or undefined. */
export async function find(tx: Tx, imageId: string, member: string): Promise<Member | undefined> {
  const row = await tx.selectFrom('image_members').selectAll().where('image_id', '=', imageId).where('member', '=', member).executeTakeFirst()
  return row && fromRow(row)
}

/** All members of an image, the first one first. */
export async function list(tx: Tx, imageId: string): Promise<Member[]> {
  return (await tx.selectFrom('image_members').selectAll().where('image_id', '=', imageId).orderBy('created_at').orderBy('member').execute()).map(fromRow)
}

/** Adds a member. Breaks the primary key when the project is one already. */
export async function insert(tx: Tx, m: Member): Promise<void> {
  await tx.insertInto('image_members').values({ image_id: m.imageId, member: m.member, status: m.status, created_at: m.createdAt, updated_at: m.updatedAt }).execute()
}

/** Says what the member thinks of it; false when it is no member. */
export async function setStatus(tx: Tx, imageId: string, member: string, status: MemberStatus, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('image_members').set({ status, updated_at: now }).where('image_id', '=', imageId).where('member', '=', member).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Ends the share; false when there was none. */
export async function remove(tx: Tx, imageId: string, member: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('image_members').where('image_id', '=', imageId).where('member', '=', member).executeTakeFirst()
  return numDeletedRows === 1n
}

function fromRow(row: Tables['image_members']): Member {
  return { imageId: row.image_id, member: row.member, status: row.status as MemberStatus, createdAt: row.created_at, updatedAt: row.updated_at }
}

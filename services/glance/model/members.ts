// Projects with which an image is shared.
import { invalid } from './faults.ts'

export const MEMBER_STATUSES = ['pending', 'accepted', 'rejected'] as const
export type MemberStatus = typeof MEMBER_STATUSES[number]

/** One project's share in an image. Times are milliseconds. */
export interface Member {
  imageId: string
  /** A project. */
  member: string
  status: MemberStatus
  createdAt: number
  updatedAt: number
}

/** The project in a request to share an image. Throws Fault('badRequest') with upstream's words. */
export function readMember(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('member', 'Expected a member in the form: {"member": "image_id"}')
  const { member } = body as { member?: unknown }
  if (member === undefined) throw invalid('member', 'Member to be added not specified')
  if (member === '' || member === null) throw invalid('member', "Member can't be empty")
  if (typeof member !== 'string' || member.length > 255) throw invalid('member', 'A member is a project: a string of at most 255 characters.')
  return member
}

/** What a member thinks of its share. Throws Fault('badRequest') with upstream's words. */
export function readStatus(body: unknown): MemberStatus {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('member.status', 'Expected a status in the form: {"status": "status"}')
  const { status } = body as { status?: unknown }
  if (status === undefined) throw invalid('member.status', 'Status not specified')
  const known = MEMBER_STATUSES.find(one => one === status)
  if (!known) throw invalid('member.status', 'Incorrect request: Status must be "pending", "accepted" or "rejected".')
  return known
}

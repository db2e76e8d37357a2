// Projects with which an image is shared.

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

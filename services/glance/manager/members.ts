// Sharing: which projects an image is shared with, and what they think of it.
import type { Context } from '@alto/kit/context'
import { isUniqueViolation } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { imageNotFound, refused } from '../model/faults.ts'
import type { Member, MemberStatus } from '../model/members.ts'
import * as rules from '../policy/members.ts'
import * as members from '../store/members.ts'
import type { Deps } from './deps.ts'
import { tellOfMember } from './events.ts'
import { isAdmin, targetOf, visibleImage, type Seen } from './visible.ts'

export type MemberManager = ReturnType<typeof memberManager>

/** The use cases of members. */
export function memberManager(deps: Deps) {
  const { db, clock, options } = deps
  return {
    async create(ctx: Context, imageId: string, member: string): Promise<Member> {
      try {
        const shared = await db.write(async tx => {
          const seen = await visibleImage(tx, ctx, imageId)
          sharedOnly(seen, `Not allowed to create members for image ${imageId}.`)
          ctx.authorize(rules.ADD_MEMBER, targetOf(seen))
          const count = (await members.list(tx, imageId)).length
          const most = options.imageMemberQuota
          if (most >= 0 && count >= most) throw new Fault('tooLarge', 'glance.image.members', `The limit has been exceeded on the number of allowed image members for this image. Attempted: ${count + 1}, Maximum: ${most}`)
          const made: Member = { imageId, member, status: 'pending', createdAt: clock.now(), updatedAt: clock.now() }
          await members.insert(tx, made)
          return made
        })
        tellOfMember(deps, ctx, 'image.member.create', shared)
        return shared
      } catch (cause) {
        if (isUniqueViolation(cause)) throw new Fault('conflict', 'glance.member.exists', `Member ${member} is duplicated for image ${imageId}`, { cause })
        throw cause
      }
    },

    async show(ctx: Context, imageId: string, member: string): Promise<Member> {
      return db.read(async tx => {
        const seen = await visibleImage(tx, ctx, imageId)
        const found = sees(ctx, seen, member) ? await members.find(tx, imageId, member) : undefined
        ctx.authorize(rules.GET_MEMBER, { ...targetOf(seen), member_id: member }, { hiddenAs: memberNotFound(imageId, member) })
        if (!found) throw memberNotFound(imageId, member)
        return found
      })
    },

    /** The owner and admins see all members, a member itself. */
    async list(ctx: Context, imageId: string): Promise<Member[]> {
      return db.read(async tx => {
        const seen = await visibleImage(tx, ctx, imageId)
        sharedOnly(seen, `Not allowed to list members for image ${imageId}: Only shared images have members.`)
        ctx.authorize(rules.GET_MEMBERS, targetOf(seen), { hiddenAs: imageNotFound(imageId) })
        return (await members.list(tx, imageId)).filter(one => sees(ctx, seen, one.member))
      })
    },

    /** Only the member itself (and admins) may say what it thinks. */
    async update(ctx: Context, imageId: string, member: string, status: MemberStatus): Promise<Member> {
      const changed = await db.write(async tx => {
        const seen = await visibleImage(tx, ctx, imageId)
        sharedOnly(seen, `Not allowed to update members for image ${imageId}.`)
        if (!sees(ctx, seen, member)) throw memberNotFound(imageId, member)
        ctx.authorize(rules.MODIFY_MEMBER, { ...targetOf(seen), member_id: member })
        if (!await members.setStatus(tx, imageId, member, status, clock.now())) throw memberNotFound(imageId, member)
        return (await members.find(tx, imageId, member))!
      })
      tellOfMember(deps, ctx, 'image.member.update', changed)
      return changed
    },

    async remove(ctx: Context, imageId: string, member: string): Promise<void> {
      const gone = await db.write(async tx => {
        const seen = await visibleImage(tx, ctx, imageId)
        sharedOnly(seen, `Not allowed to delete members for image ${imageId}.`)
        ctx.authorize(rules.DELETE_MEMBER, targetOf(seen))
        const found = await members.find(tx, imageId, member)
        if (!found || !await members.remove(tx, imageId, member)) throw memberNotFound(imageId, member)
        return found
      })
      tellOfMember(deps, ctx, 'image.member.delete', gone, clock.now())
    },
  }
}

function sees(ctx: Context, { image }: Seen, member: string): boolean {
  const project = ctx.credentials.projectId
  return isAdmin(ctx) || project === image.owner || project === member
}

function sharedOnly({ image }: Seen, message: string): void {
  if (image.visibility !== 'shared') throw refused('members.visibility', message)
}

function memberNotFound(imageId: string, member: string): Fault {
  return new Fault('notFound', 'glance.member.notFound', `${member} not found in the member list of the image ${imageId}.`)
}

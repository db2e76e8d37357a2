// What is told to listeners of what happened to images and their members: after the commit, with upstream's names and payloads, and never where bytes are.
import type { Context } from '@alto/kit/context'
import { isoTime, type Image } from '../model/images.ts'
import type { Member } from '../model/members.ts'
import type { Deps } from './deps.ts'

type Told = Pick<Deps, 'notifier' | 'options'>

/** Something that happened; `about` is the payload. */
interface Happened { event: string, priority?: 'info' | 'error', about: () => unknown }

/** Tells it, unless nobody listens or the operator switched it or its group off. */
export function tell({ notifier, options }: Told, ctx: Context, { event, priority = 'info', about }: Happened): void {
  if (!notifier || options.disabledNotifications.some(off => off === event || off === event.slice(0, event.lastIndexOf('.')))) return
  const { userId, projectId } = ctx.credentials
  notifier.notify({ event, priority, publisher: options.defaultPublisherId, payload: about(), context: { requestId: ctx.requestId, userId, projectId } })
}

/** Tells of an image; a deleted one with the time of that, milliseconds. */
export function tellOfImage(deps: Told, ctx: Context, event: `image.${string}`, image: Image, deletedAt?: number): void {
  tell(deps, ctx, { event, about: () => ({
    id: image.id, name: image.name, status: image.status, created_at: isoTime(image.createdAt), updated_at: isoTime(image.updatedAt), min_disk: image.minDisk, min_ram: image.minRam, protected: image.isProtected,
    checksum: image.checksum, owner: image.owner, disk_format: image.diskFormat, container_format: image.containerFormat, size: image.size, virtual_size: image.virtualSize,
    is_public: image.visibility === 'public', visibility: image.visibility, properties: image.properties, tags: image.tags, ...gone(deletedAt),
  }) })
}

/** Tells of a member; of one that is taken away with the time of that, milliseconds. */
export function tellOfMember(deps: Told, ctx: Context, event: `image.member.${string}`, member: Member, deletedAt?: number): void {
  tell(deps, ctx, { event, about: () => ({ image_id: member.imageId, member_id: member.member, status: member.status, created_at: isoTime(member.createdAt), updated_at: isoTime(member.updatedAt), ...gone(deletedAt) }) })
}

function gone(at: number | undefined) {
  return { deleted: at !== undefined, deleted_at: at === undefined ? null : isoTime(at) }
}

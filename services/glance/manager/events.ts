// What is told to listeners of what happened to images, their members and tasks: after the commit, with upstream's names and payloads, and never where bytes are or
// what a task was given. What happens to metadata definitions: metadefs/events.ts.
import type { Origin } from '@alto/kit/task'
import { isoTime, type Image } from '../model/images.ts'
import { FAILED, IMPORTING } from '../model/imports.ts'
import type { Member } from '../model/members.ts'
import type { TaskRecord } from '../model/tasks.ts'
import type { Deps } from './deps.ts'

type Told = Pick<Deps, 'notifier' | 'options'>

/** On whose behalf it happened: a request's context is one. */
export interface Asker { readonly requestId?: string | undefined, readonly credentials: { readonly userId?: string | undefined, readonly projectId?: string | undefined } }

/** Something that happened; `about` is the payload. */
interface Happened { event: string, priority?: 'info' | 'error', about: () => unknown }

/** Who asked for what a task does. */
export function askerOf({ requestId, userId, projectId }: Origin): Asker {
  return { requestId, credentials: { userId, projectId } }
}

/** Tells it, unless nobody listens or the operator switched it or its group off. */
export function tell({ notifier, options }: Told, { requestId, credentials: { userId, projectId } }: Asker, { event, priority = 'info', about }: Happened): void {
  if (!notifier || options.disabledNotifications.some(off => off === event || off === event.slice(0, event.lastIndexOf('.')))) return
  notifier.notify({ event, priority, publisher: options.defaultPublisherId, payload: about(), context: { requestId, userId, projectId } })
}

/** Tells of an image; a deleted one with the time of that, milliseconds; one whose bytes are about to come with their store. */
export function tellOfImage(deps: Told, asker: Asker, event: `image.${string}`, image: Image, { deletedAt, store }: { deletedAt?: number, store?: string } = {}): void {
  tell(deps, asker, { event, about: () => ({
    id: image.id, name: image.name, status: image.status, created_at: isoTime(image.createdAt), updated_at: isoTime(image.updatedAt), min_disk: image.minDisk, min_ram: image.minRam, protected: image.isProtected,
    checksum: image.checksum, owner: image.owner, disk_format: image.diskFormat, container_format: image.containerFormat, size: image.size, virtual_size: image.virtualSize,
    is_public: image.visibility === 'public', visibility: image.visibility, properties: image.properties, tags: image.tags, ...gone(deletedAt),
    ...((event === 'image.prepare' || event === 'image.upload') && { [IMPORTING]: names(image.properties[IMPORTING]), [FAILED]: names(image.properties[FAILED]) }), ...(store !== undefined && { backend: store }),
  }) })
}

/** Tells of bytes that did not come. */
export function tellOfFailedUpload(deps: Told, asker: Asker, imageId: string, reason: string): void {
  tell(deps, asker, { event: 'image.upload', priority: 'error', about: () => `Failed to upload image data for image ${imageId}: ${reason}` })
}

/** Tells of a member; of one that is taken away with the time of that, milliseconds. */
export function tellOfMember(deps: Told, asker: Asker, event: `image.member.${string}`, member: Member, deletedAt?: number): void {
  tell(deps, asker, { event, about: () => ({ image_id: member.imageId, member_id: member.member, status: member.status, created_at: isoTime(member.createdAt), updated_at: isoTime(member.updatedAt), ...gone(deletedAt) }) })
}

/** Tells of a task. What it was given and what came of it stays in its record. */
export function tellOfTask(deps: Told, event: 'task.create' | 'task.run' | 'task.processing' | 'task.success' | 'task.failure', record: TaskRecord): void {
  const asker = askerOf({ ...(record.requestId !== null && { requestId: record.requestId }), ...(record.userId !== null && { userId: record.userId }), ...(record.owner !== null && { projectId: record.owner }) })
  tell(deps, asker, { event, about: () => ({
    id: record.id, type: record.type, status: record.status, result: null, owner: record.owner, message: null, expires_at: record.expiresAt === null ? null : isoTime(record.expiresAt),
    created_at: isoTime(record.createdAt), updated_at: isoTime(record.updatedAt), ...gone(undefined),
  }) })
}

/** What a payload says of an end; milliseconds. */
export function gone(at: number | undefined) {
  return { deleted: at !== undefined, deleted_at: at === undefined ? null : isoTime(at) }
}

function names(list: string | undefined): string[] {
  return (list ?? '').split(',').filter(Boolean)
}

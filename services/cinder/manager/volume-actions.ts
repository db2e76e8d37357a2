// What is done to a volume by name: the older way to attach, growing, uploading, and an administrator's tools.
import type { Context } from '@alto/kit/context'
import type { Image } from '@alto/kit/openstack'
import { originOf } from '@alto/kit/task'
import { changed, invalid, invalidVolume, notFound } from '../model/faults.ts'
import type { VolumeConnection } from '../model/disks.ts'
import { RESETTABLE, type Volume, type VolumeStatus } from '../model/volumes.ts'
import * as rules from '../policy/volume-actions.ts'
import * as attachments from '../store/attachments.ts'
import type { Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { connect, connectionFor, isService, notAttached, refuseTakingFromServers, reserve, settle, type Connector } from './attachments.ts'
import { authorizedVolume, heldVolume, takeQuota, type Deps } from './deps.ts'
import { VOLUME_EXTEND, VOLUME_UPLOAD } from './kinds.ts'

export type VolumeActionManager = ReturnType<typeof volumeActionManager>

/** The use cases of volume actions. */
export function volumeActionManager(deps: Deps) {
  const { db, clock, ids, queue } = deps

  async function moved(ctx: Context, rule: Parameters<Context['authorize']>[0], id: string, step: { from: VolumeStatus[], to: (tx: Tx, volume: Volume) => Promise<VolumeStatus>, refusal: (volume: Volume) => string }): Promise<void> {
    await db.write(async tx => {
      const volume = await heldVolume(ctx, tx, rule, id)
      if (!step.from.includes(volume.status)) throw invalidVolume(step.refusal(volume))
      if (!await volumes.move(tx, volume, [volume.status], { status: await step.to(tx, volume), updatedAt: clock.now() })) throw changed('The volume')
    })
  }

  return {
    reserve: (ctx: Context, id: string) => moved(ctx, rules.RESERVE, id, {
      from: ['available'], refusal: v => `Volume status must be available to reserve, but the current status is ${v.status}.`,
      async to(tx, volume) {
        if (await volumes.isBeingCopied(tx, volume.id)) throw invalidVolume(`Volume ${volume.id} is being copied at the moment.`)
        return 'attaching'
      },
    }),

    unreserve: (ctx: Context, id: string) => moved(ctx, rules.UNRESERVE, id, {
      from: ['attaching', 'available'], to: async (tx, volume) => (await attachments.list(tx, { volumeIds: [volume.id] })).length > 0 ? 'in-use' : 'available', refusal: v => `Volume status must be attaching to unreserve, but the current status is ${v.status}.`,
    }),

    beginDetaching: (ctx: Context, id: string) => moved(ctx, rules.BEGIN_DETACHING, id, { from: ['in-use'], to: async () => 'detaching', refusal: () => `Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.` }),

    rollDetaching: (ctx: Context, id: string) => moved(ctx, rules.ROLL_DETACHING, id, { from: ['detaching', 'in-use'], to: async () => 'in-use', refusal: v => `Volume ${v.id} is not being detached; its status is ${v.status}.` }),

    /** Says that a server or host has the volume. */
    async attach(ctx: Context, id: string, input: { instanceId: string | null, host: string | undefined, mountpoint: string, mode: 'rw' | 'ro' }): Promise<void> {
      await db.write(async tx => {
        const volume = await heldVolume(ctx, tx, rules.ATTACH, id)
        await volumes.move(tx, volume, ['attaching'], { status: 'available' })
        const reserved = await reserve(tx, deps, volume.id, { id: ids.uuid(), instanceId: input.instanceId, mode: input.mode, key: undefined })
        // Only Nova makes a server reach a volume; from anybody else this is a note.
        const connected = input.instanceId !== null && !isService(ctx) ? { ...reserved, mountpoint: input.mountpoint } : await connect(tx, deps, reserved, { ...(input.host !== undefined && { host: input.host }), mountpoint: input.mountpoint, mode: input.mode })
        await attachments.update(tx, { ...connected, status: 'attached', attachedAt: clock.now() })
        await settle(tx, deps, id)
      })
    },

    /** Says that a server or host has it no more. `force`: an administrator's. */
    async detach(ctx: Context, id: string, attachmentId: string | undefined, force: boolean): Promise<void> {
      await db.write(async tx => {
        const volume = await heldVolume(ctx, tx, force ? rules.FORCE_DETACH : rules.DETACH, id)
        const has = await attachments.list(tx, { volumeIds: [id] })
        const [one, ...others] = attachmentId === undefined ? has : has.filter(a => a.id === attachmentId)
        if (!one && (attachmentId !== undefined || !force)) throw notAttached(volume.id)
        if (others.length) throw invalidVolume(`Detach volume failed: More than one attachment, but no attachment_id provided.`)
        if (one) {
          refuseTakingFromServers(ctx, one)
          await attachments.remove(tx, one.id)
        }
        await settle(tx, deps, id)
      })
    },

    /** How a host would reach the volume. */
    async initializeConnection(ctx: Context, id: string, connector: Connector): Promise<VolumeConnection> {
      return db.read(async tx => connectionFor(tx, (await authorizedVolume(ctx, tx, rules.INITIALIZE_CONNECTION, id)).id, connector))
    },

    /** A host does not reach it any more: nothing is exported by a file, so there is nothing to take back. */
    async terminateConnection(ctx: Context, id: string): Promise<void> {
      await db.read(async tx => {
        const volume = await authorizedVolume(ctx, tx, rules.TERMINATE_CONNECTION, id)
        for (const one of await attachments.list(tx, { volumeIds: [volume.id] })) refuseTakingFromServers(ctx, one)
      })
    },

    /** Grows it. Attached volumes only where `mayBeAttached` (microversion 3.42): the server's host grows it then. */
    async extend(ctx: Context, id: string, to: number, mayBeAttached: boolean): Promise<void> {
      await db.write(async tx => {
        const volume = await heldVolume(ctx, tx, rules.EXTEND, id)
        const attached = volume.status === 'in-use' && mayBeAttached
        if (attached) ctx.authorize(rules.EXTEND_ATTACHED_VOLUME, { project_id: volume.projectId })
        if (volume.status !== 'available' && !attached) throw invalidVolume(`Volume ${id} status must be '${mayBeAttached ? 'available\' or \'in-use' : 'available'}' to extend, currently ${volume.status}.`)
        if (await volumes.isBeingCopied(tx, id)) throw invalidVolume(`Volume ${id} is being copied at the moment.`)
        if (to <= volume.size) throw invalid(`Invalid input received: New size for extend must be greater than current size. (current: ${volume.size}, extended: ${to}).`)
        if (!await volumes.move(tx, volume, [volume.status], { status: 'extending', previousStatus: volume.status, updatedAt: clock.now() })) throw changed('The volume')
        await queue.enqueue(tx, VOLUME_EXTEND, { resourceId: id, input: { to, from: volume.size, attached }, origin: originOf(ctx) })
        await takeQuota(tx, volume, { gigabytes: to - volume.size })
      })
    },

    /** Sets a status by hand; an administrator's last resort. */
    async resetStatus(ctx: Context, id: string, input: { status: VolumeStatus | undefined, detached: boolean }): Promise<void> {
      await db.write(async tx => {
        const volume = await heldVolume(ctx, tx, rules.RESET_STATUS, id)
        if (input.status !== undefined && !RESETTABLE.includes(input.status)) throw invalid(`Must specify a valid status: ${RESETTABLE.join(', ')}.`)
        if (input.detached || input.status === 'available') for (const one of await attachments.list(tx, { volumeIds: [id] })) await attachments.remove(tx, one.id)
        await volumes.move(tx, volume, [volume.status], { status: input.status ?? volume.status, reason: null, updatedAt: clock.now() })
        if (input.detached || input.status === 'available') await settle(tx, deps, id)
      })
    },

    /** Whether it may be written to from its next attachment on. */
    async setReadOnly(ctx: Context, id: string, readOnly: boolean): Promise<void> {
      await db.write(async tx => {
        const volume = await authorizedVolume(ctx, tx, rules.UPDATE_READONLY_FLAG, id)
        if (volume.status !== 'available') throw invalidVolume(`Volume ${id} status must be available to update readonly flag, but current status is: ${volume.status}.`)
        await volumes.update(tx, { ...volume, readOnly, updatedAt: clock.now() })
      })
    },

    /** Uploads its content as an image, which is made as the caller's. */
    async uploadImage(ctx: Context, id: string, input: { name: string, diskFormat: 'qcow2' | 'raw', containerFormat: string, visibility: string | undefined, protected: boolean | undefined }): Promise<{ volume: Volume, image: Image }> {
      const refuse = (volume: Volume) => { if (volume.status !== 'available') throw invalidVolume(`Volume ${id} status must be available, but current status is: ${volume.status}.`) }
      refuse(await db.read(tx => authorizedVolume(ctx, tx, rules.UPLOAD_IMAGE, id)))
      if (input.visibility === 'public') ctx.authorize(rules.UPLOAD_PUBLIC, {})
      const { queued, image } = await queuedImage(ctx, input)
      try {
        const volume = await db.write(async tx => {
          const before = await heldVolume(ctx, tx, rules.UPLOAD_IMAGE, id)
          refuse(before)
          if (await volumes.isBeingCopied(tx, id)) throw invalidVolume(`Volume ${id} is being copied at the moment.`)
          await volumes.move(tx, before, ['available'], { status: 'uploading', previousStatus: 'available', updatedAt: clock.now() })
          await queue.enqueue(tx, VOLUME_UPLOAD, { resourceId: id, input: { imageId: image.id, diskFormat: input.diskFormat }, origin: originOf(ctx) })
          return (await volumes.find(tx, id))!
        })
        return { volume, image }
      } catch (error) {
        await queued.remove()
        throw error
      }
    },
  }

  async function queuedImage(ctx: Context, input: { name: string, diskFormat: string, containerFormat: string, visibility: string | undefined, protected: boolean | undefined }): Promise<{ image: Image, queued: { remove(): Promise<void> } }> {
    if (ctx.token === undefined) throw notFound('Image', input.name)
    const as = { token: ctx.token }
    const image = await deps.image.create(as, {
      name: input.name, disk_format: input.diskFormat, container_format: input.containerFormat, ...(input.visibility !== undefined && { visibility: input.visibility }), ...(input.protected !== undefined && { protected: input.protected }),
    })
    return { image, queued: { remove: () => deps.image.remove(as, image.id) } }
  }
}

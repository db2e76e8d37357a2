// Volumes of a server that exists, and how the making of those that come with one ends.
import { isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { isFault, messageOf } from '@alto/kit/errors'
import type { Caller } from '@alto/kit/openstack'
import { originOf } from '@alto/kit/task'
import { invalid, notFound, refused } from '../model/faults.ts'
import { nextDevice, type ServerVolume } from '../model/volumes.ts'
import * as rules from '../policy/volumes.ts'
import * as volumes from '../store/volumes.ts'
import { authorized, beginOperation, noteAction } from './access.ts'
import { asCaller, type Deps } from './deps.ts'
import { VOLUME_ATTACH, VOLUME_DETACH } from './kinds.ts'

export interface VolumeRequest { readonly volumeId: string, readonly device: string | undefined, readonly tag: string | undefined, readonly deleteOnTermination: boolean }

/** The use cases of a server's volumes. */
export function volumeManager(deps: Deps) {
  const { db, clock, ids, queue } = deps

  async function rowOf(ctx: Context, serverId: string, volumeId: string): Promise<ServerVolume> {
    const row = await db.read(async tx => { await authorized(ctx, tx, rules.SHOW, serverId); return volumes.find(tx, serverId, volumeId) })
    if (!row) throw notFound('volumeAttachment', `volume_id not found: ${volumeId}`)
    return row
  }

  return {
    async list(ctx: Context, serverId: string, page: { limit: number, offset: number }): Promise<ServerVolume[]> {
      return (await db.read(async tx => volumes.ofServers(tx, [(await authorized(ctx, tx, rules.INDEX, serverId)).id]))).slice(page.offset, page.offset + page.limit)
    },

    show: rowOf,

    /** Begins to attach a volume; gives the attachment as it will be. Throws Fault badRequest when the volume cannot be had. */
    async create(ctx: Context, serverId: string, request: VolumeRequest): Promise<ServerVolume> {
      await db.read(tx => authorized(ctx, tx, rules.CREATE, serverId))
      const volume = await deps.volume.volume(asCaller(ctx), request.volumeId)
      if (!volume) throw notFound('volume', `Volume ${request.volumeId} could not be found.`)
      if (volume.status !== 'available' && !(volume.multiattach && volume.status === 'in-use')) throw invalid('volume.state', `Invalid input received: Invalid volume: volume '${volume.id}' status must be 'available'. Currently in '${volume.status}'`)
      try {
        return await db.write(async tx => {
          const server = await authorized(ctx, tx, rules.CREATE, serverId)
          await beginOperation(ctx, tx, server, 'attach_volume', clock.now())
          const known = await volumes.ofServers(tx, [serverId])
          if (known.some(one => one.volumeId === volume.id)) throw invalid('volume.attached', `Invalid volume: Volume ${volume.id} is already attached to instance ${serverId}`)
          const device = request.device !== undefined && !known.some(one => one.device === request.device) && request.device !== server.rootDevice ? request.device : nextDevice(known.map(one => one.device))
          if (device === undefined) throw refused('volume.tooMany', 'The maximum allowed number of disk devices (25) to attach to a single instance has been exceeded.')
          const row: ServerVolume = {
            id: ids.uuid(), serverId, volumeId: volume.id, attachmentId: null, source: { kind: 'volume' }, bootIndex: null, device, size: volume.size, tag: request.tag ?? null,
            deleteOnTermination: request.deleteOnTermination, multiattach: volume.multiattach, readOnly: volume.metadata?.['readonly'] === 'True', connection: null, createdAt: clock.now(),
          }
          await volumes.insert(tx, row)
          const actionId = await noteAction(deps, ctx, tx, server, 'attach_volume')
          await queue.enqueue(tx, VOLUME_ATTACH, { resourceId: serverId, input: { actionId, rowId: row.id }, origin: originOf(ctx) })
          return row
        })
      } catch (error) {
        if (isUniqueViolation(error)) throw invalid('volume.state', `Invalid input received: Invalid volume: volume '${volume.id}' is attached elsewhere, or is being attached.`)
        throw error
      }
    },

    /** Changes whether the volume goes with the server (2.85). */
    async update(ctx: Context, serverId: string, volumeId: string, change: { deleteOnTermination: boolean }): Promise<void> {
      await db.write(async tx => {
        await authorized(ctx, tx, rules.UPDATE, serverId)
        const row = await volumes.find(tx, serverId, volumeId)
        if (!row) throw notFound('volumeAttachment', `Instance ${serverId} is not attached to volume ${volumeId}`)
        await volumes.set(tx, row.id, change)
      })
    },

    /** Begins to detach the volume. */
    async remove(ctx: Context, serverId: string, volumeId: string): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, rules.DELETE, serverId)
        const row = await volumes.find(tx, serverId, volumeId)
        if (!row) throw notFound('volumeAttachment', `Instance ${serverId} is not attached to volume ${volumeId}`)
        if (row.bootIndex === 0) throw refused('volume.root', 'Can\'t detach root device volume')
        await beginOperation(ctx, tx, server, 'detach_volume', clock.now())
        const actionId = await noteAction(deps, ctx, tx, server, 'detach_volume')
        await queue.enqueue(tx, VOLUME_DETACH, { resourceId: serverId, input: { actionId, rowId: row.id }, origin: originOf(ctx) })
      })
    },
  }
}

export type VolumeManager = ReturnType<typeof volumeManager>

/** How long a volume that nobody waits for may be busy, milliseconds. */
const PATIENCE = 60_000

/** Writes what became of a volume, and rings its server's task; see store. */
export async function endMaking({ db, queue }: Pick<Deps, 'db' | 'queue'>, making: Parameters<typeof volumes.endMaking>[1], end: Parameters<typeof volumes.endMaking>[2]): Promise<boolean> {
  return db.write(async tx => {
    const isEnded = await volumes.endMaking(tx, making, end)
    if (isEnded) await queue.ring(tx, making.volume.serverId)
    return isEnded
  })
}

/** Removes a volume that was made for a server that no longer waits for it. */
export async function discard({ volume, clock, log }: Pick<Deps, 'volume' | 'clock' | 'log'>, caller: Caller, volumeId: string): Promise<void> {
  const until = clock.now() + PATIENCE
  for (;;) {
    try {
      return await volume.remove(caller, volumeId)
    } catch (error) {
      if (isFault(error) && error.kind === 'notFound') return
      if (clock.now() >= until) return log.warn({ volumeId, reason: messageOf(error) }, 'a volume that nobody waits for could not be removed')
      await clock.sleep(1000)                              // Cinder refuses while it makes it
    }
  }
}

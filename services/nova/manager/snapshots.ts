// Images of servers.
import type { Context } from '@alto/kit/context'
import { invalid, wrongState } from '../model/faults.ts'
import { obstacle } from '../model/servers.ts'
import * as rules from '../policy/servers.ts'
import * as volumes from '../store/volumes.ts'
import { authorized, beginOperation, noteAction, originOf, refuseLocked } from './access.ts'
import { asCaller, type Deps } from './deps.ts'
import { SERVER_SNAPSHOT } from './kinds.ts'

/** The use case of images of servers. */
export function snapshotManager(deps: Deps) {
  const { db, clock, image, queue } = deps
  return {
    /** Queues an image as the caller and begins to copy the server's disk into it; gives the image's id. */
    async create(ctx: Context, id: string, wanted: { name: string, metadata: Readonly<Record<string, string>> }): Promise<string> {
      const server = await db.read(async tx => {
        const found = await authorized(ctx, tx, rules.CREATE_IMAGE, id)
        refuseLocked(ctx, found)
        const attribute = obstacle('snapshot', found)
        if (attribute) throw wrongState('snapshot', id, attribute, attribute === 'vm_state' ? found.vmState : found.taskState)
        if ((await volumes.ofServers(tx, [id])).some(one => one.bootIndex === 0)) throw invalid('snapshot.volume', `Instance ${id} boots from a volume: make a snapshot of the volume instead.`)
        return found
      })
      const inherited = Object.fromEntries(Object.entries(server.image.properties).filter(([key]) => !key.startsWith('os_') && !key.startsWith('owner_specified')))
      const made = await image.create(asCaller(ctx), {
        ...inherited, ...wanted.metadata, name: wanted.name, disk_format: 'qcow2', container_format: 'bare', visibility: 'private', min_disk: server.flavor.diskGib, min_ram: server.image.minRam ?? 0,
        image_type: 'snapshot', instance_uuid: id, user_id: server.userId, ...(server.imageId !== null && { base_image_ref: server.imageId }), image_location: 'snapshot', boot_roles: ctx.credentials.roles.join(','),
      })
      try {
        await db.write(async tx => {
          const found = await authorized(ctx, tx, rules.CREATE_IMAGE, id)
          await beginOperation(ctx, tx, found, 'snapshot', clock.now())
          const actionId = await noteAction(deps, ctx, tx, found, 'createImage')
          await queue.enqueue(tx, SERVER_SNAPSHOT, { resourceId: id, input: { actionId, imageId: made.id, diskFormat: 'qcow2' }, origin: originOf(ctx) })
        })
      } catch (error) {
        await image.remove('service', made.id)
        throw error
      }
      return made.id
    },
  }
}

export type SnapshotManager = ReturnType<typeof snapshotManager>

// Images of servers: copies of their own disk, or snapshots of the volumes of those that boot from one.
import type { Context } from '@alto/kit/context'
import { isFault, messageOf } from '@alto/kit/errors'
import { originOf } from '@alto/kit/task'
import { inheritedProperties, mappingOf } from '../model/block-devices.ts'
import { invalid, notFound, wrongState } from '../model/faults.ts'
import { obstacle, type Server } from '../model/servers.ts'
import type { ServerVolume } from '../model/volumes.ts'
import * as rules from '../policy/servers.ts'
import * as volumes from '../store/volumes.ts'
import { authorized, beginOperation, noteAction, refuseLocked } from './access.ts'
import { asCaller, type Deps } from './deps.ts'
import { SERVER_SNAPSHOT, VOLUME_IMAGE } from './kinds.ts'
import { outcomeOf } from './outcome.ts'

/** Milliseconds that a request waits for its snapshots: those of small volumes are made by then, and the image is active when it is heard of. */
const PATIENCE = 20_000

const NAME_MAX = 255

/** What a client says of an image. */
interface WantedImage { readonly name: string, readonly metadata: Readonly<Record<string, string>> }

/** Queues an image as the caller, who may be of another project than the server: then both have it, as upstream. */
async function queueImage({ image }: Pick<Deps, 'image'>, ctx: Context, server: Server, body: Readonly<Record<string, unknown>>): Promise<string> {
  const isOwn = ctx.credentials.projectId === server.projectId
  const { id } = await image.create(asCaller(ctx), { ...body, visibility: isOwn ? 'private' : 'shared' })
  try {
    if (!isOwn) await image.share(asCaller(ctx), id, server.projectId)
  } catch (error) {
    await image.remove('service', id)
    throw error
  }
  return id
}

/** The use case of images of servers. */
export function snapshotManager(deps: Deps) {
  const { db, clock, image, queue } = deps
  const ofVolumes = volumeImageManager(deps)
  return {
    /** Queues an image as the caller and begins to copy the server's disk into it, or takes snapshots of its volumes where it boots from one; gives the image's id. */
    async create(ctx: Context, id: string, wanted: WantedImage): Promise<string> {
      const server = await db.read(async tx => {
        const found = await authorized(ctx, tx, rules.CREATE_IMAGE, id)
        if ((await volumes.ofServers(tx, [id])).some(one => one.bootIndex === 0)) return undefined
        refuseLocked(ctx, found)
        const attribute = obstacle('snapshot', found)
        if (attribute) throw wrongState('createImage', id, attribute, attribute === 'vm_state' ? found.vmState : found.taskState)
        return found
      })
      if (!server) return ofVolumes.create(ctx, id, wanted)
      const imageId = await queueImage(deps, ctx, server, {
        ...inheritedProperties(server.image.properties), ...wanted.metadata, name: wanted.name, disk_format: 'qcow2', container_format: 'bare', min_disk: server.flavor.diskGib, min_ram: server.image.minRam ?? 0,
        image_type: 'snapshot', instance_uuid: id, user_id: server.userId, ...(server.imageId !== null && { base_image_ref: server.imageId }), image_location: 'snapshot', boot_roles: ctx.credentials.roles.join(','),
      })
      try {
        await db.write(async tx => {
          const found = await authorized(ctx, tx, rules.CREATE_IMAGE, id)
          await beginOperation(ctx, tx, found, 'snapshot', clock.now())
          const actionId = await noteAction(deps, ctx, tx, found, 'createImage')
          await queue.enqueue(tx, SERVER_SNAPSHOT, { resourceId: id, input: { actionId, imageId, diskFormat: 'qcow2' }, origin: originOf(ctx) })
        })
      } catch (error) {
        await image.remove('service', imageId)
        throw error
      }
      return imageId
    },
  }
}

export type SnapshotManager = ReturnType<typeof snapshotManager>

/** Images of servers that boot from a volume: no bytes of their own, but a snapshot of each of the server's volumes, named in the image's block device mapping. */
function volumeImageManager(deps: Deps) {
  const { db, queue, volume } = deps

  async function takeSnapshot(ctx: Context, disk: ServerVolume, wanted: WantedImage, key: string): Promise<string> {
    const found = await volume.volume(asCaller(ctx), disk.volumeId)
    if (!found) throw notFound('volume', `Volume ${disk.volumeId} could not be found.`)
    try {
      return (await volume.createSnapshot(asCaller(ctx), { volume_id: found.id, name: `snapshot for ${wanted.name}`.slice(0, NAME_MAX), description: found.description ?? null, force: true }, key)).id
    } catch (error) {
      throw isFault(error) && error.kind === 'badRequest' ? invalid('snapshot.volume', `Invalid input received: ${error.message}`) : error
    }
  }

  const bodyOf = (ctx: Context, server: Server, wanted: WantedImage, mapping: readonly unknown[]) => ({
    ...inheritedProperties(server.image.properties), ...wanted.metadata, name: wanted.name, disk_format: 'raw', container_format: 'bare', min_disk: server.image.minDisk ?? 0, min_ram: server.image.minRam ?? 0,
    root_device_name: server.rootDevice, block_device_mapping: JSON.stringify(mapping), bdm_v2: 'True', boot_roles: ctx.credentials.roles.join(','),
  })

  return {
    /**
     * Takes snapshots of all the server's volumes and queues their image, as the caller; gives the image's id. It becomes active when the last of the snapshots is made; one that
     * cannot be made takes back the others. As upstream, neither a lock nor another image of the server stands in the way.
     */
    async create(ctx: Context, id: string, wanted: WantedImage): Promise<string> {
      const { server, disks, actionId } = await db.write(async tx => {
        const found = await authorized(ctx, tx, rules.CREATE_IMAGE, id)
        ctx.authorize(rules.CREATE_VOLUME_BACKED_IMAGE, { project_id: found.projectId, user_id: found.userId })
        const attribute = obstacle('snapshot', found)
        if (attribute) throw wrongState('createImage', id, attribute, attribute === 'vm_state' ? found.vmState : found.taskState)
        return { server: found, disks: (await volumes.ofServers(tx, [id])).filter(one => one.volumeId !== ''), actionId: await noteAction(deps, ctx, tx, found, 'createImage') }
      })
      const snapshotIds: string[] = []
      const begin = (more: { imageId: string } | { refusal: string }) => db.write(async tx => ({
        resourceId: 'imageId' in more ? more.imageId : actionId,
        taskId: await queue.enqueue(tx, VOLUME_IMAGE, { resourceId: 'imageId' in more ? more.imageId : actionId, input: { actionId, serverId: id, snapshotIds, ...more }, origin: originOf(ctx) }),
      }))
      let imageId: string
      try {
        for (const disk of disks) snapshotIds.push(await takeSnapshot(ctx, disk, wanted, `${actionId}/${disk.id}`))
        imageId = await queueImage(deps, ctx, server, bodyOf(ctx, server, wanted, disks.map((disk, index) => mappingOf(disk, snapshotIds[index]!))))
      } catch (error) {
        await begin({ refusal: messageOf(error) })
        throw error
      }
      const { resourceId, taskId } = await begin({ imageId })
      try {
        await outcomeOf(deps, resourceId, taskId, PATIENCE)
      } catch (error) {
        if (!isFault(error) || error.code !== 'nova.task.slow') throw error
      }
      return imageId
    },
  }
}

// Asking for servers: everything that can be refused at once is looked up as the caller; then rows, quota and tasks are written in one transaction.
import { isUniqueViolation, orSecondLook } from '@alto/kit/db'
import { messageOf } from '@alto/kit/errors'
import type { Context } from '@alto/kit/context'
import { imageProperties, type Image } from '@alto/kit/openstack'
import { originOf } from '@alto/kit/task'
import { imageDevices, keptProperties, MAX_DEVICES, mergedDevices } from '../model/block-devices.ts'
import { invalid, notFound, overQuota, refused } from '../model/faults.ts'
import type { Flavor } from '../model/flavors.ts'
import { COUNTED, defaultLimits } from '../model/quotas.ts'
import type { BlockDevice, ServerRequest } from '../model/requests.ts'
import { hostnameOf, POWER, type ImageCopy, type Server } from '../model/servers.ts'
import { nextDevice, type ServerVolume, type VolumeSource } from '../model/volumes.ts'
import * as requestRules from '../policy/server-requests.ts'
import * as rules from '../policy/servers.ts'
import * as flavors from '../store/flavors.ts'
import * as aggregates from '../store/aggregates.ts'
import * as hosts from '../store/hosts.ts'
import * as keypairs from '../store/keypairs.ts'
import * as quotas from '../store/quotas.ts'
import * as serverGroups from '../store/server-groups.ts'
import * as servers from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { noteAction } from './access.ts'
import { asCaller, type Deps } from './deps.ts'
import { SERVER_CREATE } from './kinds.ts'
import { checkNetworks, securityGroupsOf } from './networks.ts'
import { discard, endMaking } from './volumes.ts'

/** A volume that the server will have, before there is a server. */
type WantedVolume = Omit<ServerVolume, 'serverId' | 'id'>

/** What a server starts from. */
interface Boot {
  readonly volumes: readonly WantedVolume[]
  /** One of `volumes` is the root; else the server's own disk is, made from the image. */
  readonly bootsFromVolume: boolean
  /** What the server keeps of the image: of the root volume's, where that is what it boots from. */
  readonly image: ImageCopy
}

/** The use case of creating servers. */
export function createManager(deps: Deps) {
  const { db, clock, ids, queue, options } = deps
  const boots = bootsWith(deps)

  async function flavorFor(ctx: Context, tx: Tx, id: string): Promise<Flavor> {
    const flavor = await flavors.find(tx, id)
    const usable = flavor && (flavor.isPublic || ctx.credentials.roles.includes('admin') || (await flavors.accessOf(tx, id)).includes(ctx.credentials.projectId ?? ''))
    if (!flavor || !usable) throw invalid('flavor.invalid', 'Invalid flavorRef provided.')
    return flavor
  }

  async function placeFor(ctx: Context, tx: Tx, request: ServerRequest): Promise<{ zone: string | null, host: string | undefined }> {
    const target = { project_id: ctx.credentials.projectId, user_id: ctx.credentials.userId }
    const [zone, host] = request.zone === null ? [null, undefined] : request.zone.split(':') as [string, string | undefined]
    if (host !== undefined && host !== '') ctx.authorize(requestRules.FORCED_HOST, target)
    const asked = request.host ?? request.hypervisorHostname
    if (asked !== undefined) {
      ctx.authorize(requestRules.REQUESTED_DESTINATION, target)
      if (!await hosts.find(tx, asked)) throw invalid('host.notFound', `Compute host ${asked} could not be found.`)
    }
    if (zone !== null && zone !== '') {
      const zones = new Set([options.defaultAvailabilityZone, ...(await aggregates.list(tx)).flatMap(one => one.metadata['availability_zone'] ?? [])])
      if (!zones.has(zone)) throw invalid('zone.notFound', 'The requested availability zone is not available')
    }
    return { zone: zone === '' ? null : zone, host: host || asked }
  }

  /** Takes quota for as many servers as there may be, between `min` and `max`; the last of its transaction. Throws Fault overQuota. */
  async function take(tx: Tx, projectId: string, flavor: Flavor, count: Pick<ServerRequest, 'min' | 'max' | 'metadata'>): Promise<number> {
    const each = { instances: 1, cores: flavor.vcpus, ram: flavor.ramMib }
    const [limits, used] = [await quotas.limits(tx, projectId, defaultLimits(options)), await quotas.usage(tx, projectId)]
    const items = Object.keys(count.metadata).length
    if (limits.metadata_items >= 0 && items > limits.metadata_items) throw overQuota([{ resource: 'metadata_items', requested: items, used: 0, limit: limits.metadata_items }])
    const room = COUNTED.map(resource => limits[resource] < 0 || each[resource] === 0 ? Infinity : Math.max(0, Math.floor((limits[resource] - used[resource]) / each[resource])))
    const count_ = Math.min(count.max, ...room)
    const short = COUNTED.filter((_, i) => room[i]! < count.min).map(resource => ({ resource, requested: each[resource] * count.min, used: used[resource], limit: limits[resource] }))
    if (short.length) throw overQuota(short)
    return count_
  }

  /** Makes the volumes that come with the servers, as the caller, and hands them to the waiting tasks. */
  async function makeVolumes(ctx: Context, rows: readonly ServerVolume[]): Promise<void> {
    for (const row of rows.filter(one => one.source.kind !== 'volume')) {
      const { source } = row
      try {
        const volume = await deps.volume.create(asCaller(ctx), {
          size: row.size, name: '', ...(source.kind === 'image' && { imageRef: source.imageId }), ...(source.kind === 'snapshot' && { snapshot_id: source.snapshotId }), ...(source.kind !== 'volume' && source.type !== undefined && { volume_type: source.type }),
        }, row.id)
        if (!await endMaking(deps, { volume: row, maker: deps.host }, { volumeId: volume.id })) await discard(deps, asCaller(ctx), volume.id)
      } catch (error) {
        await endMaking(deps, { volume: row, maker: deps.host }, { failure: messageOf(error) })
      }
    }
  }

  async function create(ctx: Context, request: ServerRequest): Promise<Server[]> {
    const projectId = ctx.credentials.projectId ?? ''
    const target = { project_id: projectId, user_id: ctx.credentials.userId }
    ctx.authorize(rules.CREATE, target)
    if (request.networks !== 'none' && request.networks !== undefined && request.networks !== 'auto' && request.networks.length) ctx.authorize(requestRules.ATTACH_NETWORK, target)
    const { idempotencyKey } = ctx
    const before = idempotencyKey === undefined ? [] : await db.read(tx => servers.ofKey(tx, idempotencyKey))
    if (before.length) return before

    const looked = await db.read(async tx => ({
      flavor: await flavorFor(ctx, tx, request.flavorId), place: await placeFor(ctx, tx, request),
      key: request.keyName === null ? undefined : await keypairs.find(tx, ctx.credentials.userId, request.keyName),
      group: typeof request.hints['group'] === 'string' ? await serverGroups.find(tx, request.hints['group']) : undefined,
    }))
    const { flavor, place, key, group } = looked
    if (request.keyName !== null && !key) throw invalid('keypair.invalid', 'Invalid key_name provided.')
    if (request.hints['group'] !== undefined && group?.projectId !== projectId) throw invalid('group.notFound', `Instance group ${String(request.hints['group'])} could not be found.`)
    const { volumes: disks, bootsFromVolume, image } = await boots.boot(ctx, request, flavor)
    if (!bootsFromVolume && flavor.diskGib === 0) ctx.authorize(requestRules.ZERO_DISK_FLAVOR, target)
    const [interfaces, securityGroupIds] = await Promise.all([checkNetworks(deps, ctx, request.networks, request.max), securityGroupsOf(deps, ctx, request.securityGroups)])

    const now = clock.now()
    const reservationId = `r-${ids.hex().slice(0, 8)}`
    const made = await inOneTransaction(() => db.write(async tx => {
      const count = await take(tx, projectId, flavor, request)
      const rows: { server: Server, disks: ServerVolume[] }[] = []
      for (let index = 0; index < count; index++) {
        const server = serverFrom(ctx, request, { id: ids.uuid(), flavor, image, zone: place.zone, publicKey: key?.publicKey ?? null, groupId: group?.id ?? null, now, reservationId, index, count, bootsFromVolume })
        await servers.insert(tx, server)
        const own = disks.map((disk): ServerVolume => ({ ...disk, id: ids.uuid(), serverId: server.id }))
        for (const disk of own) await volumes.insert(tx, disk, disk.source.kind === 'volume' ? '' : deps.host)
        const actionId = await noteAction(deps, ctx, tx, server, 'create')
        await queue.enqueue(tx, SERVER_CREATE, { resourceId: server.id, input: { actionId, interfaces, securityGroupIds, ...(place.host !== undefined && { host: place.host }) }, origin: originOf(ctx) })
        rows.push({ server, disks: own })
      }
      const limits = await quotas.limits(tx, projectId, defaultLimits(options))
      for (const [resource, each] of [['instances', 1], ['cores', flavor.vcpus], ['ram', flavor.ramMib]] as const) {
        if (!await quotas.take(tx, projectId, resource, each * count, limits[resource])) throw overQuota([{ resource, requested: each * count, used: (await quotas.usage(tx, projectId))[resource], limit: limits[resource] }])
      }
      return rows
    }))
    await makeVolumes(ctx, made.flatMap(one => one.disks))
    return made.map(one => one.server)
  }

  return {
    /** A password for the answer: upstream always shows one. Guests get it by no way that we have. */
    adminPassword: () => ids.bytes(9).toString('base64url'),

    /** Begins to build servers; gives them as they stand. A repeat with the same idempotency key gives the first call's. */
    create: (ctx: Context, request: ServerRequest): Promise<Server[]> => orSecondLook(() => create(ctx, request), 'idempotency'),
  }
}

export type CreateManager = ReturnType<typeof createManager>

/** Looks up what servers start from, as the caller, who gets nothing by an image's mapping that a request would not give. */
function bootsWith(deps: Pick<Deps, 'image' | 'volume' | 'clock'>) {
  async function imageFor(ctx: Context, id: string, otherwise = 'Can not find requested image'): Promise<Image> {
    const image = await deps.image.image(asCaller(ctx), id)
    if (!image) throw invalid('image.notFound', otherwise)
    if (image.status !== 'active') throw invalid('image.notActive', `Image ${id} is not active.`)
    return image
  }

  async function sourceOf(ctx: Context, one: BlockDevice, flavor: Flavor): Promise<{ source: VolumeSource, volumeId: string, size: number, multiattach: boolean }> {
    const type = one.volumeType === undefined ? {} : { type: one.volumeType }
    if (one.source === 'volume') {
      const volume = await deps.volume.volume(asCaller(ctx), one.id ?? '')
      if (!volume) throw invalid('blockDevice.volume', `Block Device Mapping is Invalid: failed to get volume ${one.id}.`)
      if (volume.status !== 'available' && !(volume.multiattach && volume.status === 'in-use')) throw invalid('volume.state', `Invalid volume: volume '${volume.id}' status must be 'available'. Currently in '${volume.status}'`)
      return { source: { kind: 'volume' }, volumeId: volume.id, size: volume.size, multiattach: volume.multiattach }
    }
    if (one.destination === 'local') throw invalid('blockDevice.local', 'Block Device Mapping is Invalid: local disks besides the root disk are not supported; use destination_type volume.')
    const made = { volumeId: '', multiattach: false }
    if (one.source === 'snapshot') {
      const snapshot = await deps.volume.snapshot(asCaller(ctx), one.id ?? '')
      if (!snapshot) throw invalid('blockDevice.snapshot', `Block Device Mapping is Invalid: failed to get snapshot ${one.id}.`)
      return { ...made, size: one.size ?? snapshot.size, source: { kind: 'snapshot', snapshotId: snapshot.id, ...type } }
    }
    if (one.source === 'image') {
      const image = await imageFor(ctx, one.id ?? '', `Block Device Mapping is Invalid: failed to get image ${one.id}.`)
      const size = one.size ?? flavor.diskGib
      if (size === 0) throw invalid('blockDevice.size', 'Block Device Mapping is Invalid: Images with destination_type \'volume\' need to have a non-zero size specified')
      return { ...made, size, source: { kind: 'image', imageId: image.id, ...type } }
    }
    if (!one.size) throw invalid('blockDevice.size', 'Block Device Mapping is Invalid: Blank volumes (source: \'blank\', dest: \'volume\') need to have non-zero size')
    return { ...made, size: one.size, source: { kind: 'blank', ...type } }
  }

  /** What Cinder remembers of the image that the volume, or the snapshot's, was made from. Throws Fault badRequest when nobody boots from that volume. */
  async function imageOfVolume(ctx: Context, root: WantedVolume): Promise<ImageCopy> {
    const volumeId = root.source.kind === 'snapshot' ? (await deps.volume.snapshot(asCaller(ctx), root.source.snapshotId))?.volume_id : root.volumeId
    const volume = volumeId ? await deps.volume.volume(asCaller(ctx), volumeId) : undefined
    if (volume?.bootable === 'false') throw invalid('blockDevice.notBootable', `Block Device ${volume.id} is not bootable.`)
    const { min_disk, min_ram, image_id: _id, image_name: _name, size: _size, checksum: _sum, container_format: _container, disk_format: _disk, ...properties } = volume?.volume_image_metadata ?? {}
    return { minDisk: Number(min_disk ?? 0) || 0, minRam: Number(min_ram ?? 0) || 0, properties: keptProperties(properties) }
  }

  return {
    /** What a server of that request starts from. Throws Fault badRequest for what cannot be had or does not fit, in upstream's words. */
    async boot(ctx: Context, request: ServerRequest, flavor: Flavor): Promise<Boot> {
      const imageId = request.imageId ?? request.blockDevices.find(one => one.bootIndex === 0 && one.source === 'image')?.id
      const image = imageId === undefined ? undefined : await imageFor(ctx, imageId, request.imageId === null ? `Block Device Mapping is Invalid: failed to get image ${imageId}.` : undefined)
      const ofImage = image ? imageDevices(imageProperties(image)) : []
      const devices = mergedDevices(request, ofImage)
      refuseSequence(request, devices, ofImage)
      const wanted = devices.filter(one => !(one.source === 'image' && one.destination === 'local'))
      if (wanted.length) ctx.authorize(requestRules.ATTACH_VOLUME, { project_id: ctx.credentials.projectId, user_id: ctx.credentials.userId })
      const volumes: WantedVolume[] = []
      for (const one of wanted) {
        const device = one.bootIndex === 0 ? '/dev/vda' : one.device ?? nextDevice([...volumes.map(row => row.device), ...wanted.flatMap(other => other.device ?? [])])
        if (device === undefined) throw tooMany()
        volumes.push({
          ...await sourceOf(ctx, one, flavor), device, bootIndex: one.bootIndex === 0 ? 0 : null, attachmentId: null, connection: null, tag: one.tag ?? null, deleteOnTermination: one.deleteOnTermination, readOnly: false, createdAt: deps.clock.now(),
        })
      }
      const root = volumes.find(one => one.bootIndex === 0)
      const copy = image ? { minDisk: image.min_disk, minRam: image.min_ram, properties: keptProperties(imageProperties(image)) } : root ? await imageOfVolume(ctx, root) : { properties: {} }
      if ((copy.minRam ?? 0) > flavor.ramMib) throw invalid('flavor.memory', 'Flavor\'s memory is too small for requested image.')
      if (root) refuseSmallVolume(copy, wanted.find(one => one.bootIndex === 0)?.size)
      else if (image) refuseSmallDisk(image, flavor)
      return { volumes, bootsFromVolume: root !== undefined, image: root || !image ? copy : { ...copy, sha512: image.os_hash_value ?? '', diskFormat: image.disk_format ?? 'raw' } }
    },
  }
}

/** What does not fit together of devices, before any is looked up. */
function refuseSequence(request: ServerRequest, devices: readonly BlockDevice[], ofImage: readonly BlockDevice[]): void {
  if (devices.length > MAX_DEVICES) throw tooMany()
  if (devices.some(one => one.source === 'image' && one.destination === 'local' && !(request.imageId !== null && one.bootIndex === 0))) throw invalid('blockDevice.local', 'Block Device Mapping is Invalid: Mapping image to local is not supported.')
  const indexes = devices.flatMap(one => one.bootIndex ?? []).toSorted((a, b) => a - b)
  const bootsFromDisk = request.imageId !== null && indexes[0] !== 0
  const replacesImage = request.imageId !== null && !ofImage.some(one => one.bootIndex === 0) && devices.some(one => one.bootIndex === 0 && one.destination === 'volume' && one.source !== 'image')
  if (replacesImage || (indexes.length === 0 && !bootsFromDisk) || indexes.some((index, at) => index !== at + Number(bootsFromDisk))) {
    throw invalid('blockDevice.bootSequence', 'Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.')
  }
  const names = devices.filter(one => one.bootIndex !== 0).flatMap(one => one.device ?? [])
  if (names.includes('/dev/vda')) throw invalid('blockDevice.root', 'The volume cannot be assigned the same device name as the root device vda')
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw invalid('blockDevice.device', `Block Device Mapping is Invalid: device ${twice} is named twice.`)
  if (request.max > 1 && devices.some(one => one.source === 'volume')) throw invalid('blockDevice.shared', 'Cannot attach one or more volumes to multiple instances')
}

function refuseSmallVolume(image: ImageCopy, gib: number | undefined): void {
  const [size, least] = [(gib ?? Infinity) * 2 ** 30, (image.minDisk ?? 0) * 2 ** 30]
  if (least > size) throw invalid('flavor.disk', `Volume is smaller than the minimum size specified in image metadata. Volume size is ${size} bytes, minimum size is ${least} bytes.`)
}

function refuseSmallDisk(image: Image, flavor: Flavor): void {
  if (flavor.diskGib === 0) return
  const [disk, bytes] = [flavor.diskGib * 2 ** 30, Math.max(image.virtual_size ?? 0, image.size ?? 0)]
  if (image.min_disk > flavor.diskGib) throw invalid('flavor.disk', `The created instance's disk would be too small: Flavor's disk is ${disk} bytes, min_disk is ${image.min_disk * 2 ** 30} bytes.`)
  if (bytes > disk) throw invalid('flavor.disk', `Flavor's disk is too small for requested image. Flavor disk is ${disk} bytes, image is ${bytes} bytes.`)
  if (image.os_hash_algo !== 'sha512' || image.os_hash_value === null) throw notFound('image', `Image ${image.id} has no sha512 checksum, without which it cannot be trusted.`)
}

function tooMany() {
  return refused('blockDevice.tooMany', 'The maximum allowed number of disk devices (25) to attach to a single instance has been exceeded.')
}

async function inOneTransaction<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error, 'server_volumes')) throw invalid('volume.state', 'Invalid volume: the volume is attached to another server, or is being attached.')
    throw error
  }
}

function serverFrom(ctx: Context, request: ServerRequest, has: { id: string, flavor: Flavor, image: ImageCopy, zone: string | null, publicKey: string | null, groupId: string | null, now: number, reservationId: string, index: number, count: number, bootsFromVolume: boolean }): Server {
  const name = request.max > 1 ? `${request.name}-${has.index + 1}` : request.name
  const hostname = request.hostname === undefined ? hostnameOf(name, has.id) : request.max > 1 ? `${request.hostname}-${has.index + 1}` : request.hostname
  return {
    id: has.id, projectId: ctx.credentials.projectId ?? '', userId: ctx.credentials.userId, name, hostname, description: request.description, vmState: 'building', taskState: 'scheduling', powerState: POWER.pending,
    host: null, zone: has.zone, flavor: has.flavor, imageId: has.bootsFromVolume ? null : request.imageId, image: has.image, keyName: request.keyName, publicKey: has.publicKey, userData: request.userData, metadata: request.metadata,
    tags: request.tags, securityGroups: request.securityGroups.length ? request.securityGroups : ['default'], configDrive: request.configDrive || has.image.properties['img_config_drive'] === 'mandatory', diskConfig: request.diskConfig,
    accessIpV4: request.accessIpV4, accessIpV6: request.accessIpV6, reservationId: has.reservationId, launchIndex: has.index, rootDevice: '/dev/vda', lockedBy: null, lockedReason: null, groupId: has.groupId, hints: request.hints,
    idempotencyKey: has.index === 0 ? ctx.idempotencyKey ?? null : null, generation: 0, createdAt: has.now, updatedAt: has.now, launchedAt: null, terminatedAt: null, deletedAt: null,
  }
}


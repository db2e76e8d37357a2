// Volumes: made, shown, listed, renamed, removed.
import type { Context } from '@alto/kit/context'
import { orSecondLook, type SortKey } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Image } from '@alto/kit/openstack'
import { imageProperties } from '@alto/kit/openstack'
import { originOf } from '@alto/kit/task'
import { changed, invalid, invalidSnapshot, invalidVolume, metadataNotFound, notFound, overQuota } from '../model/faults.ts'
import type { VolumeFilter } from '../model/filters.ts'
import { bootSnapshotOf, type Snapshot } from '../model/snapshots.ts'
import { allowsMultiattach } from '../model/volume-types.ts'
import { DELETABLE, FORCE_DELETABLE, type Attachment, type Volume, type VolumeSource } from '../model/volumes.ts'
import { GIB } from '../model/disks.ts'
import * as metadataRules from '../policy/volume-metadata.ts'
import * as rules from '../policy/volumes.ts'
import * as attachments from '../store/attachments.ts'
import * as snapshots from '../store/snapshots.ts'
import type { Tx } from '../store/tables.ts'
import * as types from '../store/volume-types.ts'
import * as volumes from '../store/volumes.ts'
import { refuseHostsVolume } from './attachments.ts'
import { authorizedVolume, effectiveLimits, heldVolume, projectOf, takeQuota, type Deps } from './deps.ts'
import { VOLUME_CREATE, VOLUME_DELETE } from './kinds.ts'
import { visibleType } from './volume-types.ts'

/** What a client may say of a new volume. */
export interface VolumeInput {
  size: number | undefined
  name: string | null
  description: string | null
  imageId: string | undefined
  /** Of an image that names a snapshot of a boot volume, the volume is made from that (3.46). */
  fromNamedSnapshot?: boolean
  snapshotId: string | undefined
  sourceVolumeId: string | undefined
  type: string | undefined
  zone: string | undefined
  metadata: Readonly<Record<string, string>>
  multiattach: boolean
}

/** A volume with what its view shows beside it. */
export interface VolumeView {
  volume: Volume
  attachments: Attachment[]
  typeName: string
}

/** A page of a list as the client asked for it. */
export interface ListRequest<F> {
  filter: F
  allTenants: boolean
  limit: number
  offset: number
  sort: readonly SortKey[]
  marker: string | undefined
  withCount: boolean
}

export type VolumeManager = ReturnType<typeof volumeManager>

/** The use cases of volumes. */
export function volumeManager(deps: Deps) {
  const { db, clock, ids, queue, options } = deps

  async function create(ctx: Context, input: VolumeInput): Promise<VolumeView> {
    const projectId = projectOf(ctx)
    ctx.authorize(rules.CREATE, { project_id: projectId })
    if (input.imageId !== undefined) ctx.authorize(rules.CREATE_FROM_IMAGE, { project_id: projectId })
    const repeated = ctx.idempotencyKey === undefined ? undefined : await db.read(async tx => {
      const known = await volumes.findByKey(tx, ctx.idempotencyKey!)
      return known && (await withViews(tx, [known]))[0]
    })
    if (repeated) return repeated
    if (input.zone !== undefined && input.zone !== options.storageAvailabilityZone) throw invalid(`Invalid input received: Availability zone '${input.zone}' is invalid.`)
    if ([input.imageId, input.snapshotId, input.sourceVolumeId].filter(id => id !== undefined).length > 1) throw invalid('Invalid input received: a volume is made from one of image, snapshot and volume.')
    const found = input.imageId === undefined ? undefined : await imageFor(ctx, input.imageId)
    const named = found && await namedSnapshot(ctx, found)
    const [image, snapshotId] = named !== undefined && input.fromNamedSnapshot ? [undefined, named] : [found, input.snapshotId]
    return db.write(async tx => {
      const from = await sourceOf(ctx, tx, { ...input, snapshotId }, image)
      const type = await visibleType(ctx, tx, input.type ?? from.typeId ?? options.defaultVolumeType)
      if (input.multiattach && !allowsMultiattach(type)) throw invalid('Invalid input received: multiattach volumes need a volume type whose extra spec multiattach is "<is> True".')
      const size = input.size ?? from.size
      if (size === undefined || size < 1) throw invalid(`Invalid input received: Volume size '${size ?? null}' must be an integer and greater than 0`)
      refuseTooSmall(size, from, image)
      await refuseTooLarge(tx, projectId, size)
      const volume: Volume = {
        id: ids.uuid(), projectId, userId: ctx.credentials.userId, name: input.name, description: input.description, size, status: 'creating', previousStatus: null, reason: null, typeId: type.id,
        zone: options.storageAvailabilityZone, host: null, source: from.source, bootable: from.bootable, multiattach: allowsMultiattach(type), readOnly: false,
        metadata: input.metadata, imageMetadata: from.imageMetadata, createdAt: clock.now(), updatedAt: null, launchedAt: null,
      }
      await volumes.insert(tx, volume, ctx.idempotencyKey)
      await queue.enqueue(tx, VOLUME_CREATE, { resourceId: volume.id, input: {}, origin: originOf(ctx) })
      await takeQuota(tx, volume, { volumes: 1, gigabytes: size })
      return { volume, attachments: [], typeName: type.name }
    })
  }

  return {
    async show(ctx: Context, id: string): Promise<VolumeView> {
      return db.read(async tx => (await withViews(tx, [await authorizedVolume(ctx, tx, rules.GET, id)]))[0]!)
    },

    async list(ctx: Context, request: ListRequest<VolumeFilter>): Promise<{ views: VolumeView[], more: boolean, count: number | undefined }> {
      const filter = narrowed(ctx, request)
      return db.read(async tx => {
        const page = await volumes.list(tx, filter, { limit: request.limit, offset: request.offset, sort: request.sort, after: request.marker })
        if (!page) throw notFound('Volume', request.marker!)
        return { views: await withViews(tx, page.rows), more: page.more, count: request.withCount ? (await volumes.count(tx, filter)).count : undefined }
      })
    },

    /** How many volumes there are, and their GiB; with every metadata value that they have. */
    async summary(ctx: Context, request: Pick<ListRequest<VolumeFilter>, 'filter' | 'allTenants'>): Promise<{ count: number, size: number, metadata: Record<string, string[]> }> {
      const filter = narrowed(ctx, request)
      return db.read(async tx => {
        const page = await volumes.list(tx, filter, { limit: 1000, sort: [{ column: 'id', direction: 'asc' }] })
        const metadata: Record<string, string[]> = {}
        for (const [key, value] of page!.rows.flatMap(v => Object.entries(v.metadata))) metadata[key] = [...new Set([...metadata[key] ?? [], value])]
        return { ...await volumes.count(tx, filter), metadata }
      })
    },

    /** Makes a volume; a repeat under the same idempotency key gives the one that was made. */
    create: (ctx: Context, input: VolumeInput): Promise<VolumeView> => orSecondLook(() => create(ctx, input)),

    async update(ctx: Context, id: string, input: { name?: string | null | undefined, description?: string | null | undefined, metadata?: Readonly<Record<string, string>> | undefined }): Promise<VolumeView> {
      return db.write(async tx => {
        const before = await authorizedVolume(ctx, tx, rules.UPDATE, id)
        const volume = { ...before, name: input.name === undefined ? before.name : input.name, description: input.description === undefined ? before.description : input.description, metadata: input.metadata ?? before.metadata, updatedAt: clock.now() }
        await volumes.update(tx, volume)
        return (await withViews(tx, [volume]))[0]!
      })
    },

    /** Sets whether guests can boot from it. */
    async setBootable(ctx: Context, id: string, bootable: boolean): Promise<void> {
      await db.write(async tx => volumes.update(tx, { ...await authorizedVolume(ctx, tx, rules.UPDATE, id), bootable, updatedAt: clock.now() }))
    },

    /** Removes a volume; `force` (an administrator's) also from most passing statuses, `cascade` with its snapshots (not yet). */
    async remove(ctx: Context, id: string, opts: { force: boolean, cascade: boolean, rule?: Parameters<Context['authorize']>[0] }): Promise<void> {
      await db.write(async tx => {
        const volume = await heldVolume(ctx, tx, opts.rule ?? rules.DELETE, id)
        if (opts.force && !opts.rule) ctx.authorize(rules.FORCE_DELETE, { project_id: volume.projectId })
        if (volume.status === 'deleting' && !opts.force) return
        const from = opts.force ? FORCE_DELETABLE : DELETABLE
        const [has, snaps, copied] = [await attachments.list(tx, { volumeIds: [id] }), await snapshots.list(tx, { volumeId: id }, { limit: 20, sort: [{ column: 'id', direction: 'asc' }] }), await volumes.isBeingCopied(tx, id)]
        const named = snaps!.rows.map(s => s.id).join(', ')
        if (!from.includes(volume.status) || has.some(a => a.status !== 'reserved')) {
          const servers = has.map(a => a.instanceId).filter(i => i !== null).join(', ')
          throw invalidVolume(`Volume status must be ${from.join(' or ')} and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer. Volume ${id} is ${volume.status}${servers && `, attached to ${servers}`}.`)
        }
        if (named) throw invalidVolume(`Volume status must be ${from.join(' or ')} and must not be migrating, attached, belong to a group, have snapshots. Volume ${id} has snapshots: ${named}.${opts.cascade ? ' Removing them along is not supported: remove them first.' : ''}`)
        if (copied) throw invalidVolume(`Volume ${id} is being copied at the moment.`)
        for (const one of has) await attachments.remove(tx, one.id)
        if (!await volumes.move(tx, volume, [volume.status], { status: 'deleting', previousStatus: volume.status, reason: null, updatedAt: clock.now() })) throw changed('The volume')
        await queue.enqueue(tx, VOLUME_DELETE, { resourceId: id, input: {}, origin: originOf(ctx) })
      })
    },

    async metadata(ctx: Context, id: string): Promise<Readonly<Record<string, string>>> {
      return (await db.read(tx => authorizedVolume(ctx, tx, metadataRules.GET_VOLUME_METADATA, id))).metadata
    },

    /** Adds to the metadata (`replace`: these and no others); gives all of it. */
    async setMetadata(ctx: Context, id: string, given: Readonly<Record<string, string>>, how: 'create' | 'update' | 'replace'): Promise<Readonly<Record<string, string>>> {
      return db.write(async tx => {
        const volume = await authorizedVolume(ctx, tx, how === 'create' ? metadataRules.CREATE_VOLUME_METADATA : metadataRules.UPDATE_VOLUME_METADATA, id)
        const metadata = how === 'replace' ? given : { ...volume.metadata, ...given }
        await volumes.update(tx, { ...volume, metadata, updatedAt: clock.now() })
        return metadata
      })
    },

    /** Removes one item; Fault notFound when there is none. */
    async removeMetadata(ctx: Context, id: string, key: string): Promise<void> {
      await db.write(async tx => {
        const volume = await authorizedVolume(ctx, tx, metadataRules.DELETE_VOLUME_METADATA, id)
        if (!(key in volume.metadata)) throw metadataNotFound(id, key)
        const { [key]: _gone, ...metadata } = volume.metadata
        await volumes.update(tx, { ...volume, metadata, updatedAt: clock.now() })
      })
    },
  }

  function narrowed(ctx: Context, request: Pick<ListRequest<VolumeFilter>, 'filter' | 'allTenants'>): VolumeFilter {
    ctx.authorize(rules.GET_ALL, { project_id: projectOf(ctx) })
    const all = request.allTenants && ctx.allowed(rules.VOLUME_HOST_ATTRIBUTE, {})
    return { ...request.filter, projectId: all ? request.filter.projectId : projectOf(ctx) }
  }

  async function imageFor(ctx: Context, id: string): Promise<Image> {
    const image = await deps.image.image(ctx.token === undefined ? 'service' : { token: ctx.token }, id)
    if (!image) throw invalid('Invalid image identifier or unable to access requested image.')
    if (image.status !== 'active') throw invalid(`Invalid input received: Image ${id} is not active.`)
    if (image.disk_format === null || image.os_hash_algo !== 'sha512' || image.os_hash_value === null) throw invalid(`Image ${id} is unacceptable: it has no disk format or no sha512 hash.`)
    return image
  }

  /** The snapshot that an image of a server that booted from a volume names as its root. Throws Fault notFound when the caller sees none of that id, at any version, as upstream. */
  async function namedSnapshot(ctx: Context, image: Image): Promise<string | undefined> {
    const id = bootSnapshotOf(imageProperties(image))
    if (id === undefined) return undefined
    const snapshot = await db.read(tx => snapshots.find(tx, id))
    if (!snapshot || !seesSnapshot(ctx, snapshot)) throw new Fault('notFound', 'cinder.snapshot.notFound', `Nova specific image is found, but boot volume snapshot id:${id} not found.`)
    return id
  }
}

/** What a volume is made from, and what follows from that. */
interface Origin {
  source: VolumeSource
  size: number | undefined
  typeId: string | undefined
  bootable: boolean
  imageMetadata: Readonly<Record<string, string>>
}

async function sourceOf(ctx: Context, tx: Tx, input: VolumeInput, image: Image | undefined): Promise<Origin> {
  const blank: Origin = { source: { kind: 'blank' }, size: undefined, typeId: undefined, bootable: false, imageMetadata: {} }
  if (image) {
    const imageMetadata = {
      ...imageProperties(image), image_id: image.id, image_name: image.name ?? '', container_format: image.container_format ?? '', disk_format: image.disk_format ?? '', min_disk: String(image.min_disk), min_ram: String(image.min_ram),
      size: String(image.size ?? 0), ...(typeof image['checksum'] === 'string' && { checksum: image['checksum'] }),
    }
    return { ...blank, source: { kind: 'image', image: { id: image.id, sha512: image.os_hash_value!, diskFormat: image.disk_format! } }, bootable: true, imageMetadata }
  }
  if (input.snapshotId !== undefined) {
    const seen = await snapshots.find(tx, input.snapshotId)
    if (!seen || !seesSnapshot(ctx, seen)) throw notFound('Snapshot', input.snapshotId)
    const parent = await volumes.hold(tx, seen.volumeId)
    const snapshot = await snapshots.find(tx, input.snapshotId)
    if (snapshot?.status !== 'available') throw invalidSnapshot(`Originating snapshot status must be one of 'available' values`)
    return { source: { kind: 'snapshot', id: snapshot.id }, size: snapshot.size, typeId: parent.typeId, bootable: parent.bootable, imageMetadata: parent.imageMetadata }
  }
  if (input.sourceVolumeId !== undefined) {
    const parent = await heldVolume(ctx, tx, rules.GET, input.sourceVolumeId)
    if (!['available', 'in-use'].includes(parent.status)) throw invalidVolume('Originating source volume status must be one of \'available, in-use\' values')
    refuseHostsVolume(await attachments.list(tx, { volumeIds: [parent.id] }), parent.id)
    return { source: { kind: 'volume', id: parent.id }, size: parent.size, typeId: parent.typeId, bootable: parent.bootable, imageMetadata: parent.imageMetadata }
  }
  return blank
}

function seesSnapshot(ctx: Context, snapshot: Snapshot): boolean {
  return snapshot.projectId === projectOf(ctx) || ctx.allowed(rules.VOLUME_HOST_ATTRIBUTE, {})
}

function refuseTooSmall(size: number, from: Origin, image: Image | undefined): void {
  if (from.size !== undefined && size < from.size) throw invalid(`Invalid input received: Volume size '${size}'GB must be equal or greater than the ${from.source.kind === 'snapshot' ? 'snapshot' : 'original volume'} size ${from.size}GB.`)
  if (!image) return
  const needed = Math.ceil((image.virtual_size ?? image.size ?? 0) / GIB)
  if (needed > size) throw invalid(`Invalid input received: Size of specified image ${needed}GB is larger than volume size ${size}GB.`)
  if (image.min_disk > size) throw invalid(`Invalid input received: Volume size ${size}GB cannot be smaller than the image minDisk size ${image.min_disk}GB.`)
}

async function refuseTooLarge(tx: Tx, projectId: string, size: number): Promise<void> {
  const limit = (await effectiveLimits(tx, projectId)).get('per_volume_gigabytes') ?? -1
  if (limit >= 0 && size > limit) throw overQuota(`Requested volume size ${size}G is larger than maximum allowed limit ${limit}G.`)
}

async function withViews(tx: Tx, found: readonly Volume[]): Promise<VolumeView[]> {
  const [tied, names] = [Map.groupBy(await attachments.list(tx, { volumeIds: found.map(v => v.id) }), a => a.volumeId), await types.namesOf(tx, [...new Set(found.map(v => v.typeId))])]
  return found.map(volume => ({ volume, attachments: tied.get(volume.id) ?? [], typeName: names.get(volume.typeId) ?? '' }))
}

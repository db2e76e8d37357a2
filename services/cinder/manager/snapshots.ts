// Snapshots: copies of the volume's disk. One that a server has is copied by the server's host, while the guest goes on.
import type { Context } from '@alto/kit/context'
import { originOf } from '@alto/kit/task'
import { changed, invalidSnapshot, invalidVolume, metadataNotFound, notFound } from '../model/faults.ts'
import type { SnapshotFilter } from '../model/filters.ts'
import { SNAPSHOT_DELETABLE, SNAPSHOT_STATUSES, type Snapshot, type SnapshotStatus } from '../model/snapshots.ts'
import * as rules from '../policy/snapshots.ts'
import * as attachments from '../store/attachments.ts'
import * as snapshots from '../store/snapshots.ts'
import * as volumes from '../store/volumes.ts'
import { authorizedSnapshot, heldVolume, projectOf, takeQuota, type Deps } from './deps.ts'
import { refuseHostsVolume } from './attachments.ts'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from './kinds.ts'
import type { ListRequest } from './volumes.ts'

export type SnapshotManager = ReturnType<typeof snapshotManager>

/** The use cases of snapshots. */
export function snapshotManager(deps: Deps) {
  const { db, clock, ids, queue } = deps

  async function remove(ctx: Context, id: string, force: boolean): Promise<void> {
    await db.write(async tx => {
      const snapshot = await authorizedSnapshot(ctx, tx, force ? rules.FORCE_DELETE : rules.DELETE_SNAPSHOT, id)
      await volumes.hold(tx, snapshot.volumeId)
      if (snapshot.status === 'deleting' && !force) return
      if (!force && !SNAPSHOT_DELETABLE.includes(snapshot.status)) throw invalidSnapshot(`Snapshot status must be ${SNAPSHOT_DELETABLE.join(' or ')}. Snapshot ${id} is ${snapshot.status}.`)
      if (await volumes.isBeingCopied(tx, id)) throw invalidSnapshot(`Snapshot ${id} is in use: a volume is being made from it at the moment.`)
      if (!await snapshots.move(tx, snapshot, [snapshot.status], { status: 'deleting', reason: null, updatedAt: clock.now() })) throw changed('The snapshot')
      await queue.enqueue(tx, SNAPSHOT_DELETE, { resourceId: id, input: {}, origin: originOf(ctx) })
    })
  }

  return {
    remove,

    show: (ctx: Context, id: string) => db.read(tx => authorizedSnapshot(ctx, tx, rules.GET_SNAPSHOT, id)),

    async list(ctx: Context, request: ListRequest<SnapshotFilter>): Promise<{ rows: Snapshot[], more: boolean, count: number | undefined }> {
      ctx.authorize(rules.GET_ALL_SNAPSHOTS, { project_id: projectOf(ctx) })
      const all = request.allTenants && ctx.allowed(rules.FORCE_DELETE, {})
      const filter = { ...request.filter, projectId: all ? request.filter.projectId : projectOf(ctx) }
      return db.read(async tx => {
        const page = await snapshots.list(tx, filter, { limit: request.limit, offset: request.offset, sort: request.sort, after: request.marker })
        if (!page) throw notFound('Snapshot', request.marker!)
        return { ...page, count: request.withCount ? await snapshots.count(tx, filter) : undefined }
      })
    },

    /** Makes a snapshot of an available volume, or of one that servers have where `mayBeInUse` (by force, or since microversion 3.66). */
    async create(ctx: Context, input: { volumeId: string, name: string | null, description: string | null, metadata: Readonly<Record<string, string>>, mayBeInUse: boolean }): Promise<Snapshot> {
      return db.write(async tx => {
        const volume = await heldVolume(ctx, tx, rules.CREATE_SNAPSHOT, input.volumeId)
        const known = ctx.idempotencyKey === undefined ? undefined : await snapshots.findByKey(tx, ctx.idempotencyKey)
        if (known) return known
        const allowed = input.mayBeInUse ? ['available', 'in-use'] : ['available']
        if (!allowed.includes(volume.status)) throw invalidVolume(`Volume ${volume.id} status must be ${allowed.join(', ')}, but current status is: ${volume.status}.`)
        refuseHostsVolume(await attachments.list(tx, { volumeIds: [volume.id] }), volume.id)
        const snapshot: Snapshot = {
          id: ids.uuid(), volumeId: volume.id, projectId: volume.projectId, userId: ctx.credentials.userId, name: input.name, description: input.description, size: volume.size, status: 'creating',
          reason: null, metadata: input.metadata, createdAt: clock.now(), updatedAt: null,
        }
        await snapshots.insert(tx, snapshot, ctx.idempotencyKey)
        await queue.enqueue(tx, SNAPSHOT_CREATE, { resourceId: snapshot.id, input: {}, origin: originOf(ctx) })
        await takeQuota(tx, volume, { snapshots: 1, gigabytes: volume.size })
        return snapshot
      })
    },

    async update(ctx: Context, id: string, input: { name?: string | null | undefined, description?: string | null | undefined }): Promise<Snapshot> {
      return db.write(async tx => {
        const before = await authorizedSnapshot(ctx, tx, rules.UPDATE_SNAPSHOT, id)
        const snapshot = { ...before, name: input.name === undefined ? before.name : input.name, description: input.description === undefined ? before.description : input.description, updatedAt: clock.now() }
        await snapshots.move(tx, before, SNAPSHOT_STATUSES, { ...snapshot, status: before.status })
        return snapshot
      })
    },

    /** Sets a status by hand; an administrator's last resort. */
    async resetStatus(ctx: Context, id: string, status: SnapshotStatus): Promise<void> {
      await db.write(async tx => {
        const snapshot = await authorizedSnapshot(ctx, tx, rules.RESET_STATUS, id)
        await snapshots.move(tx, snapshot, SNAPSHOT_STATUSES, { status, updatedAt: clock.now() })
      })
    },

    async metadata(ctx: Context, id: string): Promise<Readonly<Record<string, string>>> {
      return (await db.read(tx => authorizedSnapshot(ctx, tx, rules.GET_SNAPSHOT_METADATA, id))).metadata
    },

    async setMetadata(ctx: Context, id: string, given: Readonly<Record<string, string>>, how: 'update' | 'replace'): Promise<Readonly<Record<string, string>>> {
      return db.write(async tx => {
        const snapshot = await authorizedSnapshot(ctx, tx, rules.UPDATE_SNAPSHOT_METADATA, id)
        const metadata = how === 'replace' ? given : { ...snapshot.metadata, ...given }
        await snapshots.move(tx, snapshot, SNAPSHOT_STATUSES, { metadata, updatedAt: clock.now() })
        return metadata
      })
    },

    async removeMetadata(ctx: Context, id: string, key: string): Promise<void> {
      await db.write(async tx => {
        const snapshot = await authorizedSnapshot(ctx, tx, rules.DELETE_SNAPSHOT_METADATA, id)
        if (!(key in snapshot.metadata)) throw metadataNotFound(id, key)
        const { [key]: _gone, ...metadata } = snapshot.metadata
        await snapshots.move(tx, snapshot, SNAPSHOT_STATUSES, { metadata, updatedAt: clock.now() })
      })
    },
  }
}

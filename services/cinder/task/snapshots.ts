// The tasks of snapshots: made and removed.
import { isDeepStrictEqual } from 'node:util'
import { Fault, isFault } from '@alto/kit/errors'
import { giveUp, task, type Definition, type TaskShape, type Waiting } from '@alto/kit/task'
import { copyConnection } from '../manager/attachments.ts'
import { ringAgent, takeQuota, type Deps } from '../manager/deps.ts'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from '../manager/kinds.ts'
import type { VolumeConnection } from '../model/disks.ts'
import type { Snapshot } from '../model/snapshots.ts'
import * as attachments from '../store/attachments.ts'
import * as disks from '../store/disks.ts'
import * as exports from '../store/exports.ts'
import * as snapshots from '../store/snapshots.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { chooseHost, converged, removed, want, type Step } from './disks.ts'
import { deadline } from './volumes.ts'

interface Create extends TaskShape {
  tables: Tables
  input: Record<never, never>
  /** `reader`: the host of the server that has the volume, which copies it. */
  got: { place: { host: string, reader?: { host: string | null } }, disk: void, ready: void, opened: { to: VolumeConnection } | null, copied: void, rest: void, forgotten: void }
}
interface Delete extends TaskShape { tables: Tables, input: Record<never, never>, got: { removed: void } }

const COPY_POLL = 1000

/** Copying a volume's disk: by its own host when it is at rest, by the server's host when a server has it. */
export function snapshotCreate(deps: Deps): Definition<Tables> {
  const existing = async (id: string): Promise<Snapshot> => {
    const snapshot = await deps.db.read(tx => snapshots.find(tx, id))
    if (!snapshot) throw giveUp(new Fault('notFound', 'cinder.snapshot.gone', `Snapshot ${id} is gone.`))
    return snapshot
  }
  return task<Create>({
    kind: SNAPSHOT_CREATE, deadlineMs: deadline(deps),
    steps: [
      {
        name: 'place', undo: 'nothing',
        do: async t => {
          const snapshot = await existing(t.resourceId)
          const source = await deps.db.read(tx => disks.find(tx, snapshot.volumeId))
          if (!source) throw giveUp(new Fault('conflict', 'cinder.snapshot.sourceGone', 'The volume has no disk any more.'))
          const place = await chooseHost(deps, t, snapshot.size, source.host)
          const attachment = (await deps.db.read(tx => attachments.list(tx, { volumeIds: [snapshot.volumeId] }))).find(({ connection }) => connection !== null)
          return 'host' in place && attachment ? { ...place, reader: { host: attachment.host } } : place
        },
      },
      {
        name: 'disk', undo: t => removed(deps, t),
        do: async t => {
          const snapshot = await existing(t.resourceId)
          const { host, reader } = t.got.place
          await want(deps, t, host, { sizeGib: snapshot.size, source: reader ? { kind: 'blank' } : { kind: 'disk', diskId: snapshot.volumeId }, attached: reader !== undefined, uploads: [] })
        },
      },
      { name: 'ready', undo: 'nothing', do: async t => { const disk = await converged(deps, t); return 'wanted' in disk ? undefined : disk } },
      // From here on only for a volume that a server has: its disk is closed to everybody but the server's host, which copies.
      {
        name: 'opened', undo: t => t.write(tx => exports.releaseCopy(tx, t.resourceId)),
        do: async t => {
          const { reader } = t.got.place
          if (!reader) return null
          const to = await t.write(async tx => {
            const disk = await disks.find(tx, t.resourceId)
            const connection = disk && await copyConnection(tx, deps, disk, reader.host)
            if (!connection) throw giveUp(new Fault('notFound', 'cinder.disk.gone', 'The disk is not wanted any more.'))
            const served = connection.kind === 'nbd-tls' ? [{ attachmentId: t.resourceId, port: connection.port }] : []
            if (!isDeepStrictEqual(disk?.wanted.exports ?? [], served)) await disks.change(tx, t.resourceId, t.epoch, { exports: served })
            await ringAgent(deps, tx, t.resourceId)
            return connection
          })
          const disk = await converged(deps, t)
          return 'wanted' in disk ? { to } : disk
        },
      },
      {
        name: 'copied', undo: async t => t.got.opened ? deps.compute.forgetCopy({ id: t.resourceId, volumeId: (await existing(t.resourceId)).volumeId }) : undefined,
        do: async t => {
          const { volumeId } = await existing(t.resourceId)
          return t.got.opened ? copied(deps, t, { id: t.resourceId, volumeId, to: t.got.opened.to }) : undefined
        },
      },
      {
        name: 'rest', undo: 'nothing',
        do: async t => {
          if (!t.got.opened) return
          await t.write(async tx => {
            await exports.releaseCopy(tx, t.resourceId)
            if ((await disks.find(tx, t.resourceId))?.wanted.attached) await disks.change(tx, t.resourceId, t.epoch, { attached: false, exports: [] })
            await ringAgent(deps, tx, t.resourceId)
          })
          const disk = await converged(deps, t)
          return 'wanted' in disk ? undefined : disk
        },
      },
      { name: 'forgotten', undo: 'nothing', do: async t => t.got.opened ? deps.compute.forgetCopy({ id: t.resourceId, volumeId: (await existing(t.resourceId)).volumeId }) : undefined },
    ],
    onDone: (tx, { resourceId }) => change(tx, deps, resourceId, { status: 'available' }),
    onFailed: (tx, failed) => change(tx, deps, failed.resourceId, { status: 'error', reason: failed.failure.message }),
  }) as Definition<Tables>
}

/** Has Nova copy the volume, until it is done. A copy that nothing hinders counts as progress, however long it takes. */
async function copied(deps: Deps, t: Step, copy: { id: string, volumeId: string, to: VolumeConnection }): Promise<void | Waiting> {
  const { status, reason } = await deps.compute.copyVolume(copy).catch((error: unknown) => {
    throw isFault(error) && ['badRequest', 'notImplemented'].includes(error.kind) ? giveUp(error) : error
  })
  if (status === 'failed') throw giveUp(new Fault('conflict', 'cinder.snapshot.copyFailed', reason ?? 'The host of the server could not copy the volume.'))
  if (status === 'done') return
  if (reason === undefined) await t.progress()
  return t.wait({ reason: reason ?? 'The host of the server is copying the volume.', pollMs: COPY_POLL })
}

/** Removing a snapshot: its disk, then its row and its use of the quota. */
export function snapshotDelete(deps: Deps): Definition<Tables> {
  return task<Delete>({
    kind: SNAPSHOT_DELETE, deadlineMs: deadline(deps), forwardOnly: true,
    steps: [{ name: 'removed', do: t => removed(deps, t) }],
    async onDone(tx, { resourceId }) {
      const snapshot = await snapshots.find(tx, resourceId)
      const volume = snapshot && await volumes.find(tx, snapshot.volumeId)
      if (!snapshot || !volume) return
      await snapshots.remove(tx, resourceId)
      await takeQuota(tx, volume, { snapshots: -1, gigabytes: -snapshot.size })
    },
    onFailed: (tx, failed) => change(tx, deps, failed.resourceId, { status: 'error_deleting', reason: failed.failure.message }),
  }) as Definition<Tables>
}

async function change(tx: Tx, deps: Deps, id: string, changes: Partial<Snapshot>): Promise<void> {
  const snapshot = await snapshots.find(tx, id)
  if (snapshot) await snapshots.move(tx, snapshot, [snapshot.status], { ...changes, updatedAt: deps.clock.now() })
}

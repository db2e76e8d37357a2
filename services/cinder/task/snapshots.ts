// The tasks of snapshots: made and removed.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type Definition, type TaskShape } from '@alto/kit/task'
import { takeQuota, type Deps } from '../manager/deps.ts'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from '../manager/kinds.ts'
import type { Snapshot } from '../model/snapshots.ts'
import * as disks from '../store/disks.ts'
import * as snapshots from '../store/snapshots.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { chooseHost, converged, removed, want } from './disks.ts'
import { deadline } from './volumes.ts'

interface Create extends TaskShape { tables: Tables, input: Record<never, never>, got: { place: { host: string }, disk: void, ready: void } }
interface Delete extends TaskShape { tables: Tables, input: Record<never, never>, got: { removed: void } }

/** Copying a volume's disk. */
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
          return chooseHost(deps, t, snapshot.size, source.host)
        },
      },
      {
        name: 'disk', undo: t => removed(deps, t),
        do: async t => {
          const snapshot = await existing(t.resourceId)
          await want(deps, t, t.got.place.host, { sizeGib: snapshot.size, source: { kind: 'disk', diskId: snapshot.volumeId }, attached: false, uploads: [] })
        },
      },
      { name: 'ready', undo: 'nothing', do: async t => { const disk = await converged(deps, t); return 'wanted' in disk ? undefined : disk } },
    ],
    onDone: (tx, { resourceId }) => change(tx, deps, resourceId, { status: 'available' }),
    onFailed: (tx, failed) => change(tx, deps, failed.resourceId, { status: 'error', reason: failed.failure.message }),
  }) as Definition<Tables>
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

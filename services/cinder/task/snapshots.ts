// The tasks of snapshots: made and removed.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type Definition, type TaskShape } from '@alto/kit/task'
import { takeQuota, type Deps } from '../manager/deps.ts'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from '../manager/kinds.ts'
import type { Snapshot } from '../model/snapshots.ts'
import * as snapshots from '../store/snapshots.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { removed } from './disks.ts'
import { makingSteps, type Making } from './making.ts'
import { deadline } from './volumes.ts'

interface Delete extends TaskShape { tables: Tables, input: Record<never, never>, got: { removed: void } }

/** Making a snapshot: a copy of its volume's disk. */
export function snapshotCreate(deps: Deps): Definition<Tables> {
  return task<Making>({
    kind: SNAPSHOT_CREATE, deadlineMs: deadline(deps),
    steps: makingSteps(deps, async id => {
      const snapshot = await deps.db.read(tx => snapshots.find(tx, id))
      if (!snapshot) throw giveUp(new Fault('notFound', 'cinder.snapshot.gone', `Snapshot ${id} is gone.`))
      return { sizeGib: snapshot.size, source: { kind: 'disk', diskId: snapshot.volumeId }, volume: { id: snapshot.volumeId, sizeGib: snapshot.size } }
    }),
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

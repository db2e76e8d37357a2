// A snapshot of a server's disk into an image that is queued in Glance already.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { SERVER_SNAPSHOT } from '../manager/kinds.ts'
import type { Tables } from '../store/tables.ts'
import { failAction, succeed } from './endings.ts'
import { settled, wanting } from './guest.ts'

interface Snapshot extends TaskShape {
  tables: Tables
  input: { actionId: string, imageId: string, diskFormat: 'qcow2' | 'raw' }
  got: { copied: void, forgotten: void }
}

/** The task that makes an image of a server. */
export function serverSnapshot(deps: Deps) {
  const { image } = deps
  return task<Snapshot>({
    kind: SERVER_SNAPSHOT,
    deadlineMs: 1_800_000,
    steps: [
      {
        name: 'copied',
        async do(t): Promise<void | Waiting> {
          const { imageId, diskFormat } = t.input
          await wanting(deps, t, ({ snapshots }) => snapshots.some(one => one.imageId === imageId) ? undefined : { snapshots: [...snapshots, { imageId, diskFormat }] })
          const observed = await settled(deps, t, 'copied the disk', seen => seen.snapshots.some(one => one.imageId === imageId))
          if ('reason' in observed) return observed
          const outcome = observed.snapshots.find(one => one.imageId === imageId)
          if (outcome?.state === 'failed') throw giveUp(new Fault('conflict', 'nova.snapshot.failed', outcome.reason ?? 'The snapshot failed.'))
        },
        async undo(t) {
          await wanting(deps, t, ({ snapshots }) => snapshots.some(one => one.imageId === t.input.imageId) ? { snapshots: snapshots.filter(one => one.imageId !== t.input.imageId) } : undefined)
          await image.remove('service', t.input.imageId)
        },
      },
      {
        name: 'forgotten', pointOfNoReturn: true, undo: 'nothing',
        do: t => wanting(deps, t, ({ snapshots }) => snapshots.some(one => one.imageId === t.input.imageId) ? { snapshots: snapshots.filter(one => one.imageId !== t.input.imageId) } : undefined),
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, { taskState: null }),
    onFailed: (tx, failed) => failAction(deps, tx, failed, { taskState: null }),
  })
}

// An image of snapshots: it becomes active, without bytes, when all of them are made. What cannot be made takes image and snapshots back.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { VOLUME_IMAGE, type VolumeImageInput } from '../manager/kinds.ts'
import * as actions from '../store/actions.ts'
import * as servers from '../store/servers.ts'
import type { Tables } from '../store/tables.ts'
import type { Step } from './guest.ts'

interface Image extends TaskShape {
  tables: Tables
  input: VolumeImageInput
  got: { taken: void, active: void }
}

/** The task of an image that names snapshots of volumes. */
export function volumeImage(deps: Deps) {
  const { image, volume, clock } = deps
  return task<Image>({
    kind: VOLUME_IMAGE,
    deadlineMs: 86_400_000,                                 // Cinder's own deadline ends a snapshot; this one is for what it forgot
    steps: [
      {
        name: 'taken',
        async do(t): Promise<void | Waiting> {
          if (t.input.refusal !== undefined) throw giveUp(new Fault('conflict', 'nova.snapshot.refused', t.input.refusal))
          if (!await image.image('service', t.input.imageId ?? '')) throw giveUp(new Fault('conflict', 'nova.snapshot.imageGone', `Image ${t.input.imageId} was removed before its snapshots were made.`))
          for (const id of t.input.snapshotIds) {
            const snapshot = await volume.snapshot('service', id)
            if (!snapshot) throw giveUp(new Fault('conflict', 'nova.snapshot.gone', `Snapshot ${id} was removed before the image was made.`))
            if (snapshot.status === 'creating') return t.wait({ reason: `snapshot ${id} is not made yet`, pollMs: 500 })
            if (snapshot.status !== 'available') throw giveUp(new Fault('conflict', 'nova.snapshot.failed', `Snapshot ${id} could not be made: it is in status ${snapshot.status}.`))
          }
        },
        async undo(t): Promise<void | Waiting> {
          if (t.input.imageId !== undefined) await image.remove('service', t.input.imageId)
          return snapshotsGone(deps, t, t.input.snapshotIds)
        },
      },
      { name: 'active', undo: 'nothing', do: t => image.upload(t.input.imageId ?? '', nothing()) },
    ],
    async onDone(tx, { input }) {
      await actions.finish(tx, input.actionId, clock.now(), { host: (await servers.find(tx, input.serverId))?.host ?? null })
    },
    onFailed: (tx, { input, failure }) => actions.finish(tx, input.actionId, clock.now(), { error: failure.message }),
  })
}

/** Removes the snapshots. Cinder refuses while it makes one, and while it makes a volume from one; both pass. */
async function snapshotsGone({ volume }: Deps, t: Step, ids: readonly string[]): Promise<Waiting | undefined> {
  for (const id of ids) {
    const snapshot = await volume.snapshot('service', id)
    if (!snapshot || snapshot.status === 'deleting') continue
    if (snapshot.status === 'creating') return t.wait({ reason: `snapshot ${id}, which is to go again, is being made`, pollMs: 1000 })
    await volume.removeSnapshot('service', id)
  }
  return undefined
}

async function *nothing(): AsyncGenerator<Uint8Array> {}

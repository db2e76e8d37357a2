// Volumes of a server that exists: attached, detached, extended.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { VOLUME_ATTACH, VOLUME_DETACH, VOLUME_EXTEND } from '../manager/kinds.ts'
import type { ServerVolume } from '../model/volumes.ts'
import type { Tables } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { failAction, succeed } from './endings.ts'
import { serverOf, settled, wanting } from './guest.ts'
import { connectVolume, releaseVolume } from './steps.ts'

interface Attach extends TaskShape {
  tables: Tables
  input: { actionId: string, rowId: string }
  got: { connected: void, plugged: void, completed: void }
}

interface Detach extends TaskShape {
  tables: Tables
  input: { actionId: string, rowId: string }
  got: { begun: { volumeId: string } | null, unplugged: void, released: void }
}

interface Extend extends TaskShape {
  tables: Tables
  input: { actionId: string, volumeId: string }
  got: { grown: void }
}

/** The task that attaches a volume. */
export function volumeAttach(deps: Deps) {
  return task<Attach>({
    kind: VOLUME_ATTACH,
    deadlineMs: 300_000,
    steps: [
      {
        name: 'connected',
        async do(t): Promise<void | Waiting> {
          const server = await serverOf(deps, t.resourceId)
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (!row) throw giveUp(new Fault('notFound', 'nova.volume.notFound', 'The volume was taken off the server meanwhile.'))
          return connectVolume(deps, t, row, server.host ?? '')
        },
        async undo(t) {
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (row) await releaseVolume(deps, row, { remove: false })
          await t.write(tx => volumes.remove(tx, t.input.rowId))
        },
      },
      {
        name: 'plugged',
        async do(t): Promise<void | Waiting> {
          await wanting(deps, t, ({ volumeIds }) => volumeIds.includes(t.input.rowId) ? undefined : { volumeIds: [...volumeIds, t.input.rowId] })
          const observed = await settled(deps, t, 'plugged the volume in')
          return 'reason' in observed ? observed : undefined
        },
        async undo(t): Promise<void | Waiting> {
          await wanting(deps, t, ({ volumeIds }) => volumeIds.includes(t.input.rowId) ? { volumeIds: volumeIds.filter(id => id !== t.input.rowId) } : undefined)
          const observed = await settled(deps, t, 'let go of the volume', seen => !seen.volumes.includes(t.input.rowId))
          return 'reason' in observed ? observed : undefined
        },
      },
      {
        name: 'completed', undo: 'nothing',
        async do(t) {
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (row?.attachmentId) await deps.volume.complete('service', row.attachmentId)
        },
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, {}),
    onFailed: (tx, failed) => failAction(deps, tx, failed),
  })
}

/** The task that detaches a volume. Until the guest has let go, all of it can be taken back. */
export function volumeDetach(deps: Deps) {
  return task<Detach>({
    kind: VOLUME_DETACH,
    deadlineMs: 300_000,
    steps: [
      {
        name: 'begun',
        async do(t) {
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (!row) return null
          const volume = await deps.volume.volume('service', row.volumeId)
          if (volume?.status === 'in-use') await deps.volume.beginDetaching('service', row.volumeId)
          return { volumeId: row.volumeId }
        },
        async undo(t) {
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (row && (await deps.volume.volume('service', row.volumeId))?.status === 'detaching') await deps.volume.rollDetaching('service', row.volumeId)
        },
      },
      {
        name: 'unplugged',
        async do(t): Promise<void | Waiting> {
          await wanting(deps, t, ({ volumeIds }) => volumeIds.includes(t.input.rowId) ? { volumeIds: volumeIds.filter(id => id !== t.input.rowId) } : undefined)
          const observed = await settled(deps, t, 'let go of the volume', seen => !seen.volumes.includes(t.input.rowId))
          return 'reason' in observed ? observed : undefined
        },
        undo: t => wanting(deps, t, ({ volumeIds }) => volumeIds.includes(t.input.rowId) ? undefined : { volumeIds: [...volumeIds, t.input.rowId] }),
      },
      {
        name: 'released', pointOfNoReturn: true, undo: 'nothing',
        async do(t) {
          const row = await rowOf(deps, t.resourceId, t.input.rowId)
          if (row) await releaseVolume(deps, row, { remove: false })
          await t.write(tx => volumes.remove(tx, t.input.rowId))
        },
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, {}),
    onFailed: (tx, failed) => failAction(deps, tx, failed),
  })
}

/** The task that lets a guest see that a volume has grown. */
export function volumeExtend(deps: Deps) {
  return task<Extend>({
    kind: VOLUME_EXTEND,
    deadlineMs: 120_000,
    forwardOnly: true,
    handsOver: true,
    steps: [{
      name: 'grown',
      async do(t): Promise<void | Waiting> {
        const row = await deps.db.read(tx => volumes.find(tx, t.resourceId, t.input.volumeId))
        const volume = row && await deps.volume.volume('service', row.volumeId)
        if (!row || !volume) return
        if (row.size < volume.size) {
          await t.write(tx => volumes.set(tx, row.id, { size: volume.size }))
          await wanting(deps, t, wanted => ({ volumeIds: wanted.volumeIds }))
        }
        const observed = await settled(deps, t, 'grown the volume')
        return 'reason' in observed ? observed : undefined
      },
    }],
    onDone: (tx, ended) => succeed(deps, tx, ended, {}),
    onFailed: (tx, failed) => failAction(deps, tx, failed),
  })
}

async function rowOf(deps: Deps, serverId: string, rowId: string): Promise<ServerVolume | undefined> {
  return (await deps.db.read(tx => volumes.ofServers(tx, [serverId]))).find(one => one.id === rowId)
}

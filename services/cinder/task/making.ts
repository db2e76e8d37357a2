// The steps that make the disk of a new volume or snapshot. One that is made from a volume that a server has starts blank: it is opened to the server's host, which
// copies into it (Nova is asked until that has ended), and closed again. Whatever is made from a disk at rest, the volume host makes alone.
import { isDeepStrictEqual } from 'node:util'
import { Fault, isFault } from '@alto/kit/errors'
import { giveUp, type RollBackStep, type TaskShape, type Waiting } from '@alto/kit/task'
import { copyConnection } from '../manager/attachments.ts'
import { ringAgent, type Deps } from '../manager/deps.ts'
import type { DiskSource, VolumeConnection } from '../model/disks.ts'
import * as attachments from '../store/attachments.ts'
import * as disks from '../store/disks.ts'
import * as exports from '../store/exports.ts'
import type { Tables } from '../store/tables.ts'
import { chooseHost, converged, removed, want, type Step } from './disks.ts'

/** The shape of a task that makes a disk. */
export interface Making extends TaskShape {
  tables: Tables
  input: Record<never, never>
  /** `reader`: the host of the server that has the source, which copies it. */
  got: { place: { host: string, reader?: { host: string | null } }, disk: void, ready: { to: VolumeConnection } | null, copied: void, closed: void }
}

/** What is to be made, sizes in GiB; `volume` is the source where that is a volume: servers may have it. */
export interface Plan {
  readonly sizeGib: number
  readonly source: DiskSource
  readonly volume?: { readonly id: string, readonly sizeGib: number }
}

type MakingStep = { [Name in keyof Making['got'] & string]: RollBackStep<Making, Name> }[keyof Making['got'] & string]

const POLL = 1000

/** The steps; `planOf` gives up when the resource is gone. */
export function makingSteps(deps: Deps, planOf: (id: string) => Promise<Plan>): readonly MakingStep[] {
  /** The copy, as Nova knows it: a volume's disk has the volume's id. The volume may be gone when the copy is to be forgotten. */
  const copyOf = async (id: string) => {
    const { source } = await planOf(id)
    if (source.kind !== 'disk') throw new Error(`${id} is made from ${source.kind}, which nobody copies`)
    return { id, volumeId: source.diskId }
  }
  return [
    {
      name: 'place', undo: 'nothing',
      do: async t => {
        const { sizeGib, source, volume } = await planOf(t.resourceId)
        if (source.kind !== 'disk') return chooseHost(deps, t, sizeGib, null)
        const { disk, attachment } = await deps.db.read(async tx => ({
          disk: await disks.find(tx, source.diskId), attachment: (await attachments.list(tx, { volumeIds: volume ? [volume.id] : [] })).find(({ connection }) => connection !== null),
        }))
        if (!disk) throw giveUp(new Fault('conflict', 'cinder.disk.sourceGone', 'What it is to be made from has no disk any more.'))
        const place = await chooseHost(deps, t, sizeGib, disk.host)
        return 'host' in place && attachment ? { ...place, reader: { host: attachment.host } } : place
      },
    },
    {
      name: 'disk', undo: t => removed(deps, t),
      do: async t => {
        const { sizeGib, source, volume } = await planOf(t.resourceId)
        const { host, reader } = t.got.place
        // As large as the source while that is copied: QEMU copies between equals.
        await want(deps, t, host, reader && volume ? { sizeGib: volume.sizeGib, source: { kind: 'blank' }, attached: true, uploads: [] } : { sizeGib, source, attached: false, uploads: [] })
      },
    },
    {
      name: 'ready', undo: t => t.write(tx => exports.releaseCopy(tx, t.resourceId)),
      do: async t => {
        const { reader } = t.got.place
        const waiting = await atRest(deps, t)
        if (waiting || !reader) return waiting ?? null
        const to = await t.write(async tx => {
          const disk = await disks.find(tx, t.resourceId)
          const connection = disk && await copyConnection(tx, deps, disk, reader.host)
          if (!connection) throw giveUp(new Fault('notFound', 'cinder.disk.gone', 'The disk is not wanted any more.'))
          const served = connection.kind === 'nbd-tls' ? [{ attachmentId: t.resourceId, port: connection.port }] : []
          if (!isDeepStrictEqual(disk?.wanted.exports ?? [], served)) await disks.change(tx, t.resourceId, t.epoch, { exports: served })
          await ringAgent(deps, tx, t.resourceId)
          return connection
        })
        return await atRest(deps, t) ?? { to }
      },
    },
    {
      name: 'copied', undo: async t => t.got.ready ? deps.compute.forgetCopy(await copyOf(t.resourceId)) : undefined,
      do: async t => t.got.ready ? copied(deps, t, { ...await copyOf(t.resourceId), to: t.got.ready.to }) : undefined,
    },
    {
      name: 'closed', undo: 'nothing',
      do: async t => {
        if (!t.got.ready) return
        const { sizeGib } = await planOf(t.resourceId)
        await t.write(async tx => {
          await exports.releaseCopy(tx, t.resourceId)
          if ((await disks.find(tx, t.resourceId))?.wanted.attached) await disks.change(tx, t.resourceId, t.epoch, { sizeGib, attached: false, exports: [] })
          await ringAgent(deps, tx, t.resourceId)
        })
        return await atRest(deps, t) ?? deps.compute.forgetCopy(await copyOf(t.resourceId))
      },
    },
  ]
}

async function atRest(deps: Deps, t: Step): Promise<Waiting | undefined> {
  const disk = await converged(deps, t)
  return 'wanted' in disk ? undefined : disk
}

/** Has Nova copy the volume, until it is done. A copy that nothing hinders counts as progress, however long it takes. */
async function copied(deps: Deps, t: Step, copy: { id: string, volumeId: string, to: VolumeConnection }): Promise<void | Waiting> {
  const { status, reason } = await deps.compute.copyVolume(copy).catch((error: unknown) => {
    throw isFault(error) && ['badRequest', 'notImplemented'].includes(error.kind) ? giveUp(error) : error
  })
  if (status === 'failed') throw giveUp(new Fault('conflict', 'cinder.copy.failed', reason ?? 'The host of the server could not copy the volume.'))
  if (status === 'done') return
  if (reason === undefined) await t.progress()
  return t.wait({ reason: reason ?? 'The host of the server is copying the volume.', pollMs: POLL })
}

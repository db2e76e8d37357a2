// The tasks of volumes: made, grown, uploaded, removed.
import { Fault, isFault } from '@alto/kit/errors'
import { giveUp, task, type Definition, type Failed, type TaskShape } from '@alto/kit/task'
import { ringAgent, takeQuota, type Deps } from '../manager/deps.ts'
import { VOLUME_CREATE, VOLUME_DELETE, VOLUME_EXTEND, VOLUME_UPLOAD } from '../manager/kinds.ts'
import type { Volume, VolumeStatus } from '../model/volumes.ts'
import * as attachments from '../store/attachments.ts'
import * as disks from '../store/disks.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { converged, removed } from './disks.ts'
import { makingSteps, type Making, type Plan } from './making.ts'

interface Delete extends TaskShape { tables: Tables, input: Record<never, never>, got: { removed: void } }
interface Extend extends TaskShape { tables: Tables, input: { to: number, from: number, attached: boolean }, got: { grow: void, grown: void } }
interface Upload extends TaskShape { tables: Tables, input: { imageId: string, diskFormat: 'qcow2' | 'raw' }, got: { upload: void, uploaded: void, forgotten: void } }

/** Making a volume's disk: blank, from an image, from a snapshot, from a volume. */
export function volumeCreate(deps: Deps): Definition<Tables> {
  return task<Making>({
    kind: VOLUME_CREATE, deadlineMs: deadline(deps), steps: makingSteps(deps, id => planOf(deps, id)),
    onDone: (tx, { resourceId, got }) => change(tx, deps, resourceId, { status: 'available', host: got.place?.host ?? null, launchedAt: deps.clock.now() }),
    onFailed: (tx, failed) => change(tx, deps, failed.resourceId, { status: 'error', reason: failed.failure.message }),
  }) as Definition<Tables>
}

/** Removing a volume: its disk, then its row and its use of the quota. */
export function volumeDelete(deps: Deps): Definition<Tables> {
  return task<Delete>({
    kind: VOLUME_DELETE, deadlineMs: deadline(deps), forwardOnly: true,
    steps: [{ name: 'removed', do: t => removed(deps, t) }],
    async onDone(tx, { resourceId }) {
      const volume = await volumes.find(tx, resourceId)
      if (!volume) return
      for (const one of await attachments.list(tx, { volumeIds: [resourceId] })) await attachments.remove(tx, one.id)
      await volumes.remove(tx, resourceId)
      await takeQuota(tx, volume, { volumes: -1, gigabytes: -volume.size })
    },
    onFailed: (tx, failed) => change(tx, deps, failed.resourceId, { status: 'error_deleting', reason: failed.failure.message }),
  }) as Definition<Tables>
}

/** Growing a volume: by its own host, or, while a server has it, by the server's. */
export function volumeExtend(deps: Deps): Definition<Tables> {
  return task<Extend>({
    kind: VOLUME_EXTEND, deadlineMs: deadline(deps), forwardOnly: true,
    steps: [
      {
        name: 'grow', do: t => t.write(async tx => {
          await disks.change(tx, t.resourceId, t.epoch, { sizeGib: t.input.to })
          if (t.input.attached) await resize(tx, deps, t.resourceId, t.input.to)
          else await ringAgent(deps, tx, t.resourceId)
        }),
      },
      {
        name: 'grown', do: async t => {
          if (t.input.attached) return tellServers(deps, t.resourceId)
          const disk = await converged(deps, t)
          return 'wanted' in disk ? undefined : disk
        },
      },
    ],
    async onDone(tx, { resourceId, input }) {
      await resize(tx, deps, resourceId, input.to)
      await change(tx, deps, resourceId, { status: input.attached ? 'in-use' : 'available', previousStatus: null, reason: null })
    },
    async onFailed(tx, { resourceId, input, failure }: Failed<Extend>) {
      const volume = await volumes.find(tx, resourceId)
      if (!volume) return
      if (volume.size !== input.to) await takeQuota(tx, volume, { gigabytes: input.from - input.to })
      await change(tx, deps, resourceId, { status: input.attached ? 'in-use' : 'error_extending', reason: failure.message })
    },
  }) as Definition<Tables>
}

/** Uploading a volume's content as an image. A failure leaves the volume as it was, and the image to its owner. */
export function volumeUpload(deps: Deps): Definition<Tables> {
  return task<Upload>({
    kind: VOLUME_UPLOAD, deadlineMs: deadline(deps), forwardOnly: true,
    steps: [
      {
        name: 'upload', do: t => t.write(async tx => {
          await disks.change(tx, t.resourceId, t.epoch, { uploads: [{ imageId: t.input.imageId, diskFormat: t.input.diskFormat }] })
          await ringAgent(deps, tx, t.resourceId)
        }),
      },
      {
        name: 'uploaded', do: async t => {
          const disk = await converged(deps, t)
          if (!('wanted' in disk)) return disk
          const outcome = disk.observed?.uploads.find(u => u.imageId === t.input.imageId)
          if (outcome?.state === 'failed') throw giveUp(new Fault('conflict', 'cinder.volume.uploadFailed', outcome.reason ?? 'The upload failed.'))
          return outcome?.state === 'done' ? undefined : t.wait({ reason: 'The upload has not ended yet.' })
        },
      },
      // Apart from the step before: the agent may report at any time that it has forgotten, and nobody would know then that the upload was done.
      { name: 'forgotten', do: t => t.write(async tx => { await disks.change(tx, t.resourceId, t.epoch, { uploads: [] }) }) },
    ],
    onDone: (tx, { resourceId }) => change(tx, deps, resourceId, { status: 'available', previousStatus: null, reason: null }),
    async onFailed(tx, { resourceId, epoch, failure }) {
      await disks.change(tx, resourceId, epoch, { uploads: [] })
      await change(tx, deps, resourceId, { status: 'available', previousStatus: null, reason: failure.message })
    },
  }) as Definition<Tables>
}

/** How long a step may go without progress. */
export function deadline(deps: Deps): number {
  return deps.options.stepDeadlineSeconds * 1000
}

async function existing(deps: Deps, id: string): Promise<Volume> {
  const volume = await deps.db.read(tx => volumes.find(tx, id))
  if (!volume) throw giveUp(new Fault('notFound', 'cinder.volume.gone', `Volume ${id} is gone.`))
  return volume
}

async function planOf(deps: Deps, id: string): Promise<Plan> {
  const { size, source } = await existing(deps, id)
  if (source.kind === 'blank' || source.kind === 'image') return { sizeGib: size, source: source.kind === 'image' ? { kind: 'image', image: source.image } : source }
  const parent = source.kind === 'volume' ? await deps.db.read(tx => volumes.find(tx, source.id)) : undefined
  return { sizeGib: size, source: { kind: 'disk', diskId: source.id }, ...(parent && { volume: { id: parent.id, sizeGib: parent.size } }) }
}

async function change(tx: Tx, deps: Deps, id: string, changes: Partial<Volume> & { status: VolumeStatus }): Promise<void> {
  const volume = await volumes.find(tx, id)
  if (volume) await volumes.move(tx, volume, [volume.status], { ...changes, updatedAt: deps.clock.now() })
}

async function resize(tx: Tx, deps: Deps, id: string, size: number): Promise<void> {
  const volume = await volumes.find(tx, id)
  if (volume) await volumes.move(tx, volume, [volume.status], { size, updatedAt: deps.clock.now() })
}

/** Nova is told, and grows the disk of the guest; a server that it does not know has nothing to grow. */
async function tellServers(deps: Deps, volumeId: string): Promise<void> {
  const servers = (await deps.db.read(tx => attachments.list(tx, { volumeIds: [volumeId] }))).flatMap(a => a.instanceId ?? [])
  if (servers.length === 0) return
  try {
    await deps.compute.sendEvents(servers.map(server_uuid => ({ name: 'volume-extended', server_uuid, tag: volumeId })))
  } catch (error) {
    if (!isFault(error) || !['notFound', 'badRequest'].includes(error.kind)) throw error
  }
}

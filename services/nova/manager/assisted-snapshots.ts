// Copies of volumes that servers have, for the block storage service: it cannot read what a guest has open, so the guest's host copies, into a disk that the service gives.
// What is asked for is written, the agent makes it true; who asked asks again until it has ended, and then takes it back.
import { afterCommit, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { copyOutcome, type CopyProgress, type VolumeCopy } from '../model/copies.ts'
import { invalid, notFound } from '../model/faults.ts'
import { isUp } from '../model/hosts.ts'
import type { Connection } from '../model/volumes.ts'
import type { Want } from '../model/wants.ts'
import * as rules from '../policy/assisted-snapshots.ts'
import * as baseRules from '../policy/base.ts'
import * as copies from '../store/copies.ts'
import * as hosts from '../store/hosts.ts'
import type { Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import * as wants from '../store/wants.ts'
import type { Deps } from './deps.ts'

export type AssistedSnapshotManager = ReturnType<typeof assistedSnapshotManager>

/** The use cases of assisted volume snapshots. */
export function assistedSnapshotManager(deps: Deps) {
  const { db, log } = deps

  /** Makes the row newer, so that the agent looks at it, and rings. */
  async function change(tx: Tx, want: Want): Promise<number> {
    const generation = await wants.change(tx, want.serverId, want.epoch, {}) ?? want.generation
    afterCommit(tx, () => { deps.agent(want.host).look({ serverId: want.serverId, generation }).catch((error: unknown) => log.debug({ serverId: want.serverId, err: error }, 'the agent did not hear the bell')) })
    return generation
  }

  /** Fault badRequest when no server has the volume plugged in, or several do; notImplemented when the host's agent is too old. */
  async function begin(tx: Tx, id: string, volumeId: string, to: Connection): Promise<{ copy: VolumeCopy, want: Want }> {
    const [row, ...others] = await volumes.ofVolume(tx, volumeId)
    if (!row) throw invalid('volume.noServer', `No volume Block Device Mapping with id ${volumeId}.`)
    if (others.length > 0) throw invalid('volume.multiattach', `Block Device Mapping ${volumeId} is a multi-attach volume and is not valid for this operation.`)
    const want = await wants.find(tx, row.serverId)
    if (!want || want.tombstone || !want.wanted.volumeIds.includes(row.id)) throw invalid('volume.notAttached', `Instance ${row.serverId} does not have volume ${volumeId} yet, or no more.`)
    deps.refuseOldAgent(want.host, '1.2', `Copying volume ${volumeId} while a server has it`)
    const copy: VolumeCopy = { id, serverId: row.serverId, serverVolumeId: row.id, volumeId, to, generation: await change(tx, want) }
    await copies.insert(tx, copy)
    return { copy, want: (await wants.find(tx, row.serverId))! }
  }

  async function progressOf(tx: Tx, copy: VolumeCopy, want: Want): Promise<CopyProgress> {
    const outcome = copyOutcome(copy, want)
    if (outcome) return { status: outcome.state, ...(outcome.reason !== undefined && { reason: outcome.reason }) }
    if (want.tombstone) return { status: 'failed', reason: 'the server is being deleted' }
    const host = await hosts.find(tx, want.host)
    if (!host || !isUp(host, deps.silentSince())) return { status: 'copying', reason: `host ${want.host} is not up` }
    const fault = want.observed?.fault
    return { status: 'copying', ...(fault && { reason: fault.message }) }
  }

  return {
    /** Asks for a copy of the volume into the disk at `to`, or how far it is. Repeatable. */
    async create(ctx: Context, request: { snapshotId: string, volumeId: string, to: Connection | undefined }): Promise<CopyProgress> {
      ctx.authorize(rules.CREATE, {})
      const { to } = request
      if (to === undefined) throw invalid('snapshot.noTarget', 'Volumes of servers are copied into a disk of their own here, not made a chain of files: create_info.connection must say how that disk is reached.')
      ctx.authorize(baseRules.SERVICE_API, {})                 // whoever names a disk to be overwritten on a host
      try {
        return await db.write(async tx => {
          const known = await copies.find(tx, request.snapshotId)
          if (known && known.volumeId !== request.volumeId) throw invalid('snapshot.otherVolume', `Snapshot ${request.snapshotId} is one of volume ${known.volumeId}.`)
          const want = known && await wants.find(tx, known.serverId)
          const begun = known && want ? { copy: known, want } : await begin(tx, request.snapshotId, request.volumeId, to)
          return progressOf(tx, begun.copy, begun.want)
        })
      } catch (error) {
        if (isUniqueViolation(error)) return { status: 'copying' }           // asked twice at once
        throw error
      }
    },

    /** Forgets a copy; one under way is given up. Fault notFound when there is none. */
    async remove(ctx: Context, snapshotId: string): Promise<void> {
      ctx.authorize(rules.DELETE, {})
      await db.write(async tx => {
        const copy = await copies.find(tx, snapshotId)
        if (!copy) throw notFound('snapshot', `Snapshot ${snapshotId} could not be found.`)
        await copies.remove(tx, snapshotId)
        const want = await wants.find(tx, copy.serverId)
        if (want && !want.tombstone) await change(tx, want)
      })
    },
  }
}

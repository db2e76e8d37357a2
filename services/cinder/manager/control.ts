// What Cinder answers to its volume agents (contracts/volume-agent.ts).
import type { VolumeControl } from '@alto/contracts/volume-agent'
import * as disks from '../store/disks.ts'
import * as hosts from '../store/hosts.ts'
import type { Deps } from './deps.ts'

/** What agents may ask and say. */
export function volumeController({ db, clock, ids, queue }: Pick<Deps, 'db' | 'clock' | 'ids' | 'queue'>): VolumeControl {
  return {
    async desired({ host, cursor }) {
      return db.read(async tx => {
        const newest = await disks.counter(tx, 'disks')
        const rows = await disks.ofHost(tx, host, cursor)
        return {
          disks: rows.filter(row => !row.tombstone).map(({ id, generation, epoch, wanted }) => ({ id, generation, epoch, ...wanted })),
          tombstones: rows.filter(row => row.tombstone).map(({ id, generation, epoch }) => ({ diskId: id, generation, epoch })),
          cursor: newest,
        }
      })
    },

    async report({ diskId, generation, epoch, observed, progress, sequence }) {
      await db.write(async tx => {
        const disk = await disks.find(tx, diskId)
        if (!disk || !await disks.observe(tx, diskId, { wanted: disk.wanted, generation, epoch, observed, progress, sequence })) return
        if (disk.tombstone && observed.state === 'absent' && generation >= disk.generation) await disks.remove(tx, diskId)
        await queue.ring(tx, diskId)
      })
    },

    async heartbeat({ host: name, incarnation, capacity }) {
      return db.write(async tx => {
        await hosts.seen(tx, { name, incarnation, capacity, seenAt: clock.now(), serviceId: ids.uuid() })
        return { databaseEpoch: await disks.counter(tx, 'database_epoch') }
      })
    },
  }
}

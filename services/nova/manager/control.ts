// What Nova answers to its compute agents (contracts/compute-agent.ts): wanted rows, what they report, and that they live.
import type { ComputeControl, WantedServer } from '@alto/contracts/compute-agent'
import { messageOf } from '@alto/kit/errors'
import { followed } from '../model/following.ts'
import type { VolumeCopy } from '../model/copies.ts'
import { tapOf, type Interface } from '../model/interfaces.ts'
import { configDriveFiles } from '../model/metadata.ts'
import type { Server } from '../model/servers.ts'
import type { ServerVolume } from '../model/volumes.ts'
import type { Want } from '../model/wants.ts'
import * as copies from '../store/copies.ts'
import * as hosts from '../store/hosts.ts'
import * as interfaces from '../store/interfaces.ts'
import * as servers from '../store/servers.ts'
import * as volumes from '../store/volumes.ts'
import * as wants from '../store/wants.ts'
import type { Deps } from './deps.ts'
import { inventoriesOf } from './hosts.ts'

/** What agents may ask and say. */
export function computeController(deps: Deps): ComputeControl {
  const { db, clock, ids, queue, placement, options, log } = deps

  return {
    async desired({ host, cursor }) {
      return db.read(async tx => {
        const newest = await wants.counter(tx, 'wants')
        const rows = await wants.ofHost(tx, host, cursor)
        const living = rows.filter(row => !row.tombstone)
        const known = await servers.list(tx, { ids: living.map(row => row.serverId) })
        const [ports, disks] = [await interfaces.ofServers(tx, known.map(one => one.id)), await volumes.ofServers(tx, known.map(one => one.id))]
        const copied = await copies.ofServers(tx, known.map(one => one.id))
        return {
          servers: living.flatMap(want => {
            const server = known.find(one => one.id === want.serverId)
            return server ? [wantedServer(server, want, { ports: ports.filter(one => one.serverId === server.id), disks: disks.filter(one => one.serverId === server.id), copies: copied.filter(one => one.serverId === server.id), domain: options.dhcpDomain })] : []
          }),
          tombstones: rows.filter(row => row.tombstone).map(({ serverId, generation, epoch }) => ({ serverId, generation, epoch })),
          cursor: newest,
        }
      })
    },

    async report({ serverId, generation, observed, progress, sequence }) {
      await db.write(async tx => {
        const want = await wants.find(tx, serverId)
        if (!want || !await wants.observe(tx, serverId, { generation, observed, progress, sequence })) return
        if (want.tombstone && observed.power === 'absent' && generation >= want.generation) await wants.remove(tx, serverId)
        const server = await servers.find(tx, serverId)
        const follows = server && !want.tombstone ? followed(server, want, observed) : undefined
        if (follows?.wanted) await wants.change(tx, serverId, want.epoch, follows.wanted)
        if (follows) await servers.set(tx, serverId, { ...follows.server, ...(follows.wanted && { updatedAt: clock.now() }) })
        await queue.ring(tx, serverId)
      })
    },

    async heartbeat({ host: name, incarnation, resources }) {
      const { host, epoch } = await db.write(async tx => ({
        host: await hosts.seen(tx, { name, incarnation, resources, ids: { id: ids.uuid(), serviceId: ids.uuid() }, now: clock.now() }),
        epoch: await wants.counter(tx, 'database_epoch'),
      }))
      try {
        await placement.provide({ id: host.id, name }, inventoriesOf(resources, options))
      } catch (error) {
        log.warn({ host: name, reason: messageOf(error) }, 'Placement was not told what a host has; the next heartbeat tries again')
      }
      return { databaseEpoch: epoch }
    },
  }
}

function wantedServer(server: Server, want: Want, has: { ports: readonly Interface[], disks: readonly ServerVolume[], copies: readonly VolumeCopy[], domain: string }): WantedServer {
  const { wanted } = want
  const disks = has.disks.filter(disk => wanted.volumeIds.includes(disk.id) && disk.connection !== null)
  const boot = has.disks.find(disk => disk.bootIndex === 0)
  return {
    id: server.id, generation: want.generation, epoch: want.epoch, name: server.name, flavor: { vcpus: server.flavor.vcpus, ramMib: server.flavor.ramMib },
    root: boot ? { kind: 'volume', volumeId: boot.volumeId }
      : { kind: 'image', revision: wanted.rootRevision, image: { id: server.imageId ?? '', sha512: server.image.sha512 ?? '', diskFormat: server.image.diskFormat ?? 'raw' }, diskGib: server.flavor.diskGib },
    ports: has.ports.filter(port => wanted.portIds.includes(port.portId)).map(port => ({ id: port.portId, mac: port.mac, tap: tapOf(port.portId), ...(port.mtu !== null && { mtu: port.mtu }) })),
    volumes: disks.map(disk => ({
      id: disk.volumeId, attachmentId: disk.id, device: disk.device, sizeGib: disk.size, connection: disk.connection!, ...(disk.readOnly && { readOnly: true }), ...(disk.multiattach && { multiattach: true }),
    })),
    power: wanted.power, powerNonce: wanted.powerNonce, shutdownTimeoutMs: wanted.shutdownTimeoutMs, ...(wanted.reboot && { reboot: wanted.reboot }), snapshots: wanted.snapshots,
    ...(has.copies.length > 0 && { copies: has.copies.map(({ id, serverVolumeId, to }) => ({ id, attachmentId: serverVolumeId, to })) }),
    ...(server.configDrive && { configDrive: configDriveFiles(server, has.ports, has.domain) }),
  }
}

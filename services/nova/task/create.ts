// Building a server: a host, its volumes, its ports, then the guest. What fails is rolled back, and only the server is left, in ERROR with the reason.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type TaskShape, type Waiting } from '@alto/kit/task'
import { SERVER_CREATE, type CreateInput } from '../manager/kinds.ts'
import type { Deps } from '../manager/deps.ts'
import { plug, readInterfaces, unplug, writeInterfaces } from '../manager/plugging.ts'
import { claimHost } from '../manager/scheduling.ts'
import { POWER } from '../model/servers.ts'
import * as interfaces from '../store/interfaces.ts'
import * as serverGroups from '../store/server-groups.ts'
import * as servers from '../store/servers.ts'
import type { Tables } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import * as wants from '../store/wants.ts'
import { fail, succeed } from './endings.ts'
import { buried, ring, serverOf, settled } from './guest.ts'
import { connectVolume, isHostGivenUp, releaseVolume } from './steps.ts'

interface Create extends TaskShape {
  tables: Tables
  input: CreateInput
  got: { claim: { host: string }, volumes: void, ports: { ids: string[] }, wired: void, guest: void, running: void }
}

/** The task that builds a server. */
export function serverCreate(deps: Deps) {
  const { db, network, placement, options, clock } = deps
  return task<Create>({
    kind: SERVER_CREATE,
    deadlineMs: 300_000,
    steps: [
      {
        name: 'claim',
        async do(t) {
          const server = await serverOf(deps, t.resourceId)
          const { host, group } = await claimHost(deps, server, t.input.host)
          const kept = await t.write(async tx => {
            if (group && server.host !== host.name && !await serverGroups.commit(tx, group.id, group.generation)) return false
            await servers.set(tx, server.id, { host: host.name, taskState: 'block_device_mapping', updatedAt: clock.now() })
            return true
          })
          if (kept) return { host: host.name }
          await placement.release(server.id)
          throw new Fault('unavailable', 'nova.group.changed', 'The server group changed while a host was chosen.')
        },
        async undo(t) {
          await placement.release(t.resourceId)
          await t.write(tx => servers.set(tx, t.resourceId, { host: null, powerState: POWER.pending }))
        },
      },
      {
        name: 'volumes',
        async do(t): Promise<void | Waiting> {
          for (const row of await db.read(tx => volumes.ofServers(tx, [t.resourceId]))) {
            const waiting = await connectVolume(deps, t, row, t.got.claim.host)
            if (waiting) return waiting
          }
        },
        async undo(t) {
          for (const row of await db.read(tx => volumes.ofServers(tx, [t.resourceId]))) await releaseVolume(deps, row, { remove: row.source.kind !== 'volume' })
          await t.write(tx => volumes.removeAll(tx, t.resourceId))
        },
      },
      {
        name: 'ports',
        async do(t) {
          const server = await serverOf(deps, t.resourceId)
          await t.write(tx => servers.set(tx, server.id, { taskState: 'networking' }))
          const made: { id: string, tag: string | null, madeHere: boolean }[] = []
          for (const [index, wanted] of t.input.interfaces.entries()) {
            const port = await plug(deps, server, wanted, { host: t.got.claim.host, key: t.key(`port-${index}`), securityGroupIds: t.input.securityGroupIds })
            if (port['binding:vif_type'] === 'binding_failed') throw giveUp(new Fault('conflict', 'nova.port.bindingFailed', `Binding failed for port ${port.id}: its network cannot be had on host ${t.got.claim.host}.`))
            made.push({ id: port.id, tag: wanted.tag ?? null, madeHere: wanted.portId === undefined })
          }
          if (made.length === 0) return { ids: [] }
          const found = await readInterfaces(deps, server.id, [], id => ({ madeHere: made.find(one => one.id === id)?.madeHere ?? true, tag: made.find(one => one.id === id)?.tag ?? null }))
          const order = (id: string) => made.findIndex(one => one.id === id)
          const rows = found.filter(one => order(one.portId) >= 0).map(one => ({ ...one, createdAt: server.createdAt + order(one.portId) }))
          await t.write(tx => writeInterfaces(tx, server.id, rows))
          return { ids: made.map(one => one.id) }
        },
        async undo(t) {
          await unplug(deps, t.resourceId, { keep: t.input.interfaces.flatMap(one => one.portId ?? []) })
          await t.write(tx => interfaces.removeAll(tx, t.resourceId))
        },
      },
      {
        name: 'wired', undo: 'nothing', deadlineMs: options.vifPluggingTimeout * 1000 || null,
        async do(t): Promise<void | Waiting> {
          const rows = await db.read(tx => interfaces.ofServers(tx, [t.resourceId]))
          if (rows.every(row => row.active)) return
          const ports = await network.ports('service', { deviceId: t.resourceId })
          const waiting = t.got.ports.ids.filter(id => { const port = ports.find(one => one.id === id); return port && port.status !== 'ACTIVE' && port.admin_state_up })
          const gone = t.got.ports.ids.find(id => !ports.some(port => port.id === id))
          if (gone !== undefined) throw giveUp(new Fault('conflict', 'nova.port.notFound', `Port ${gone} was removed while the server was built.`))
          if (waiting.length > 0) return t.wait({ reason: `port ${waiting[0]} is not active on host ${t.got.claim.host} yet`, pollMs: 500 })
          await t.write(async tx => { for (const row of rows) await interfaces.put(tx, { ...row, active: true }) })
        },
      },
      {
        name: 'guest',
        async do(t) {
          await t.write(async tx => {
            await servers.set(tx, t.resourceId, { taskState: 'spawning', updatedAt: clock.now() })
            const disks = await volumes.ofServers(tx, [t.resourceId])
            await wants.begin(tx, t.resourceId, t.got.claim.host, t.epoch, {
              power: 'running', powerNonce: t.taskId, shutdownTimeoutMs: options.shutdownTimeout * 1000, rootRevision: 1, portIds: t.got.ports.ids, volumeIds: disks.map(disk => disk.id), snapshots: [],
            })
          })
          await ring(deps, t.resourceId)
        },
        undo: t => buried(deps, t, host => isHostGivenUp(deps, host)),
      },
      {
        name: 'running', undo: 'nothing',
        async do(t): Promise<void | Waiting> {
          const observed = await settled(deps, t, 'started the guest', seen => seen.converged && seen.power === 'running')
          if ('reason' in observed) return observed
          for (const row of await db.read(tx => volumes.ofServers(tx, [t.resourceId]))) if (row.attachmentId !== null) await deps.volume.complete('service', row.attachmentId)
        },
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, { vmState: 'active', taskState: null, powerState: POWER.running, launchedAt: clock.now() }),
    onFailed: (tx, failed) => fail(deps, tx, failed, { powerState: POWER.pending, host: null }),
  })
}

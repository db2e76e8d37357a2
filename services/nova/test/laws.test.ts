// The laws of tasks, over every task of Nova's.
import { computeAgent, computeControl } from '@alto/contracts/compute-agent'
import { ManualClock } from '@alto/kit/clock'
import { requestContext } from '@alto/kit/context'
import { migrate, openSqlite } from '@alto/kit/db'
import { seededIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { enforcer, policySet } from '@alto/kit/policy'
import { client, LocalTransport } from '@alto/kit/rpc'
import { TaskRunner, type Definition } from '@alto/kit/task'
import { testTaskLaws, type TaskWorld } from '@alto/kit/testing'
import { computeAgentOn, fakeHypervisor, migrations, novaService, policy, type Tables } from '../index.ts'
import { dialect } from '../api/dialect.ts'
import { createManager } from '../manager/create.ts'
import type { Deps } from '../manager/deps.ts'
import * as kinds from '../manager/kinds.ts'
import * as actions from '../store/actions.ts'
import * as flavors from '../store/flavors.ts'
import * as servers from '../store/servers.ts'
import * as volumes from '../store/volumes.ts'
import * as wants from '../store/wants.ts'
import { novaTasks } from '../task/index.ts'
import { OPTIONS } from './cloud.ts'
import { IMAGE, NETWORK, neighbourhood, neighbours, VOLUME } from './neighbours.ts'

type Begin = (world: { deps: Deps, serverId: string }) => Promise<string>

const ACTION = 'a0000000-0000-4000-8000-000000000001'

/** A world in which `begin` starts a task of that kind; unless it is the build itself, the server runs already. */
function worldOf(kind: string, begin: Begin, built: boolean) {
  return async (): Promise<TaskWorld<Tables>> => {
    const clock = new ManualClock()
    const ids = seededIds('law')
    const db = openSqlite<Tables>(':memory:')
    await migrate(db, migrations, clock)
    const others = neighbourhood()
    const rpc = new LocalTransport({ clock })
    const asked = enforcer(policySet(policy))
    const nova = novaService({
      db, clock, ids, log: silentLog, transport: rpc, host: 'setup', metadataSecret: 's', options: { ...OPTIONS, shutdownTimeout: 1 }, enforcer: () => asked, fetch: neighbours(others), session: { token: async () => 't' },
      authenticate: async () => undefined, endpoints: { placement: '/placement', network: '/network', image: '/image', volume: '/volume' },
    })
    const { deps } = nova
    rpc.serve(computeControl, 'nova', nova.control)
    const driver = fakeHypervisor({ clock, diskMs: 1, startMs: 1, shutdownMs: 1, vcpus: 8, memoryMib: 16_384, diskGib: 100 })
    const agent = computeAgentOn({ driver, images: nova.images, clock, log: silentLog, control: client(computeControl, rpc, 'nova'), host: 'h1', incarnation: 'one', pollMs: 1000 })
    rpc.serve(computeAgent, 'h1', agent.agent)
    await agent.start()
    await db.write(tx => flavors.insert(tx, { id: '1', name: 'm1', vcpus: 1, ramMib: 64, diskGib: 1, ephemeralGib: 0, swapMib: 0, rxtxFactor: 1, isPublic: true, disabled: false, description: null, extraSpecs: {} }, 0))
    const ctx = requestContext({ requestId: 'req-1', globalRequestId: undefined, credentials: { userId: 'u1', userDomainId: 'default', projectId: 'p1', roles: ['member', 'reader'] }, serviceRoles: [], token: 't', idempotencyKey: undefined, baseUrl: '', log: silentLog }, asked, dialect.forbidden)
    const build = async () => (await createManager(deps).create(ctx, {
      name: 'web', description: null, imageId: IMAGE, flavorId: '1', networks: [{ networkId: NETWORK }], securityGroups: [], keyName: null, userData: null, metadata: {}, configDrive: false, zone: null, blockDevices: [{ source: 'volume', destination: 'volume', id: VOLUME, bootIndex: null, deleteOnTermination: false }].slice(built ? 1 : 0) as never,
      min: 1, max: 1, diskConfig: 'MANUAL', accessIpV4: null, accessIpV6: null, tags: [], hints: {},
    }))[0]!.id
    const live = async (serverId: string, done: () => Promise<boolean>) => {
      await using runner = new TaskRunner<Tables>({ db, clock, ids, queue: deps.queue, host: 'setup', definitions: novaTasks(deps) })
      await runner.start()
      for (let i = 0; i < 200 && !await done(); i++) { await runner.idle(); await clock.advance(500) }
      return serverId
    }
    const isIdle = async (id: string) => (await db.read(tx => deps.queue.open(tx, id))).length === 0
    let serverId = ''
    if (built) serverId = await build().then(id => live(id, () => isIdle(id)))
    let resourceId = serverId
    if (kind === kinds.VOLUME_DETACH.name) {
      await begin0(deps, serverId, 'attach')
      await live(serverId, () => isIdle(serverId))
    }
    const definition = novaTasks(deps).find(one => one.kind.name === kind)! as unknown as Definition<Tables>

    const left = async () => {
      const guest = await driver.marked()
      const seen = await driver.look(serverId)
      return {
        ports: [...others.ports.values()].map(port => [port['device_id'] === '' ? 'free' : 'bound', port['binding:host_id']]), volumes: [...others.volumes.values()].map(volume => volume['status']),
        snapshots: [...others.snapshots.values()].map(one => one['status']),
        attachments: [...others.attachments.values()].map(one => one['status']), allocations: [...others.allocations.values()].map(one => Object.values(one['allocations'])),
        images: [...others.images.values()].map(one => one['status']).filter(status => status !== 'queued'), guest: guest.map(thing => thing.kind).toSorted(), plugged: [seen.ports.length, seen.volumes.length],
      }
    }
    return {
      db, clock, ids, queue: deps.queue, definition,
      async begin() {
        if (!built) {
          serverId = resourceId = await build()
          return serverId
        }
        resourceId = await begin({ deps, serverId })
        return resourceId
      },
      // The agent sleeps by the same clock: it is given a moment, not waited for.
      async turn() { for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve)) },
      left,
      async seen() {
        const server = await db.read(tx => servers.find(tx, serverId, { deleted: true }))
        const want = await db.read(tx => wants.find(tx, serverId))
        return {
          ...await left(), server: server && [server.vmState, server.taskState, server.powerState, server.host], wanted: want && [want.tombstone, want.wanted.power, want.wanted.portIds.length, want.wanted.volumeIds.length, want.wanted.snapshots.length],
          disks: (await db.read(tx => volumes.ofServers(tx, [serverId]))).map(disk => [disk.device, disk.connection?.kind]),
        }
      },
      async reason() {
        const fault = (await db.read(tx => servers.faultsOf(tx, [serverId]))).get(serverId)
        if (fault) return fault.message
        const listed = await db.read(tx => actions.list(tx, serverId, { limit: 10 }))
        for (const action of listed.rows) for (const event of await db.read(tx => actions.events(tx, action.id))) if (event.result === 'Error') return event.traceback ?? undefined
        return (await db.read(tx => servers.find(tx, serverId))) ? undefined : null
      },
      async [Symbol.asyncDispose]() {
        let stopped = false
        void agent.stop().finally(() => { stopped = true })
        for (let i = 0; !stopped && i < 200; i++) await clock.advance(500)
        await db.close()
      },
    }
  }
}

async function note(deps: Deps, serverId: string, id: string): Promise<void> {
  await deps.db.write(tx => actions.begin(tx, { id, serverId, action: 'law', requestId: `req-${id}`, userId: 'u1', projectId: 'p1', startedAt: deps.clock.now(), updatedAt: null, message: null }, 'law'))
}

/** A row for the volume, and the task that attaches it. */
async function begin0(deps: Deps, serverId: string, action: string): Promise<string> {
  const rowId = 'c0000000-0000-4000-8000-000000000001'
  await note(deps, serverId, action)
  await deps.db.write(async tx => {
    await volumes.insert(tx, { id: rowId, serverId, volumeId: VOLUME, attachmentId: null, source: { kind: 'volume' }, bootIndex: null, device: '/dev/vdc', size: 2, tag: null, deleteOnTermination: false, multiattach: false, readOnly: false, connection: null, createdAt: 0 })
    await deps.queue.enqueue(tx, kinds.VOLUME_ATTACH, { resourceId: serverId, input: { actionId: action, rowId } })
  })
  return serverId
}

/** Begins a task of that kind on the server, with an action of its own. */
function beginning<Input extends { actionId: string }>(kind: { name: string, preempts: boolean }, input: (world: { deps: Deps, serverId: string }) => Promise<Omit<Input, 'actionId'>>): Begin {
  return async ({ deps, serverId }) => {
    await note(deps, serverId, ACTION)
    const rest = await input({ deps, serverId })
    await deps.db.write(tx => deps.queue.enqueue(tx, kind, { resourceId: serverId, input: { actionId: ACTION, ...rest } }))
    return serverId
  }
}

testTaskLaws('server.create', worldOf(kinds.SERVER_CREATE.name, async () => '', false))
testTaskLaws('server.delete', worldOf(kinds.SERVER_DELETE.name, beginning(kinds.SERVER_DELETE, async () => ({})), true))
testTaskLaws('server.power stop', worldOf(kinds.SERVER_POWER.name, beginning(kinds.SERVER_POWER, async () => ({ action: 'stop' })), true))
testTaskLaws('server.power reboot', worldOf(kinds.SERVER_POWER.name, beginning(kinds.SERVER_POWER, async () => ({ action: 'reboot_hard' })), true))
testTaskLaws('server.attachVolume', worldOf(kinds.VOLUME_ATTACH.name, ({ deps, serverId }) => begin0(deps, serverId, ACTION), true))
testTaskLaws('server.detachVolume', worldOf(kinds.VOLUME_DETACH.name, beginning(kinds.VOLUME_DETACH, async ({ deps, serverId }) => ({ rowId: (await deps.db.read(tx => volumes.ofServers(tx, [serverId])))[0]!.id })), true))
testTaskLaws('server.attachInterface', worldOf(kinds.INTERFACE_ATTACH.name, beginning(kinds.INTERFACE_ATTACH, async () => ({ wanted: { networkId: NETWORK }, securityGroupIds: [] })), true))
testTaskLaws('server.detachInterface', worldOf(kinds.INTERFACE_DETACH.name, beginning(kinds.INTERFACE_DETACH, async ({ deps, serverId }) => ({ portId: (await deps.network.ports('service', { deviceId: serverId }))[0]!.id })), true))
testTaskLaws('server.snapshot', worldOf(kinds.SERVER_SNAPSHOT.name, beginning(kinds.SERVER_SNAPSHOT, async ({ deps }) => ({ imageId: (await deps.image.create('service', { name: 'snap' })).id, diskFormat: 'qcow2' })), true))
testTaskLaws('image.ofVolumes', worldOf(kinds.VOLUME_IMAGE.name, async ({ deps, serverId }) => {
  await note(deps, serverId, ACTION)
  const snapshotIds = [(await deps.volume.createSnapshot('service', { volume_id: VOLUME, force: true }, 'law')).id]
  const imageId = (await deps.image.create('service', { name: 'snap' })).id
  await deps.db.write(tx => deps.queue.enqueue(tx, kinds.VOLUME_IMAGE, { resourceId: imageId, input: { actionId: ACTION, serverId, snapshotIds, imageId } }))
  return imageId
}, true))

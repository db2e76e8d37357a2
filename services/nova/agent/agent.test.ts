// The agent and its keepers, with the fake hypervisor, over the local transport. The controller here is the smallest that keeps the contract.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeAgent, computeControl, type ComputeControl, type ObservedServer, type Tombstone, type WantedServer } from '@alto/contracts/compute-agent'
import { ManualClock } from '@alto/kit/clock'
import { Fault, isFault } from '@alto/kit/errors'
import { memoryLog } from '@alto/kit/log'
import { client, LocalTransport } from '@alto/kit/rpc'
import { fakeHypervisor, type FakeHypervisor, type FakeOptions } from '../driver/fake.ts'
import type { Hypervisor } from '../driver/hypervisor.ts'
import { computeAgentOn, type RunningAgent } from './agent.ts'
import type { Images } from './steps.ts'

const ID = '11111111-2222-4333-8444-555555555555'
const WANTED: WantedServer = {
  id: ID, generation: 1, epoch: 1, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, ports: [], volumes: [], power: 'running', powerNonce: 'n1', shutdownTimeoutMs: 5000, snapshots: [],
  root: { kind: 'image', revision: 1, image: { id: 'i', sha512: '0'.repeat(128), diskFormat: 'qcow2' }, diskGib: 1 },
}
const PORT = { id: 'p1', mac: 'fa:16:3e:00:00:01', tap: 'tap1' }
const VOLUME = { id: 'v1', attachmentId: 'a1', device: '/dev/vdb', sizeGib: 1, connection: { kind: 'file', path: '/v1', format: 'qcow2' } } as const

/** A controller with its rows, an agent on a fake host, and a clock held by hand. */
function cloud(options: Partial<FakeOptions> & { wrap?: (driver: FakeHypervisor) => Hypervisor, images?: Partial<Images> } = {}) {
  const clock = new ManualClock()
  const log = memoryLog()
  const rpc = new LocalTransport({ clock, log })
  const rows = { servers: new Map<string, WantedServer>(), tombstones: new Map<string, Tombstone>(), version: 0, databaseEpoch: 1 }
  const changed = new Map<string, number>()
  const reports: { serverId: string, generation: number, observed: ObservedServer, progress?: string }[] = []
  const uploads: string[] = []
  const control: ComputeControl = {
    async desired({ cursor }) {
      const servers = [...rows.servers.values()].filter(({ id }) => changed.get(id)! > cursor)
      return { servers, tombstones: [...rows.tombstones.values()], cursor: rows.version }
    },
    async report(report) {
      reports.push(report)
      if (report.observed.power === 'absent' && report.generation >= (rows.tombstones.get(report.serverId)?.generation ?? Infinity)) rows.tombstones.delete(report.serverId)
    },
    async heartbeat() { return { databaseEpoch: rows.databaseEpoch } },
  }
  rpc.serve(computeControl, 'nova', control)
  const fake = fakeHypervisor({ clock, diskMs: 1000, startMs: 100, bootMs: 2000, shutdownMs: 1000, ...options })
  const images: Images = { open: async () => (async function* () {})(), async upload(imageId) { uploads.push(imageId) }, ...options.images }
  let running: RunningAgent | undefined
  const it = {
    clock, log, reports, uploads, fake, rows,
    async start(driver: Hypervisor = options.wrap?.(fake) ?? fake) {
      running = computeAgentOn({ driver, images, clock, log, control: client(computeControl, rpc, 'nova'), host: 'h1', incarnation: 'one' })
      serving = rpc.serve(computeAgent, 'h1', running.agent)
      await it.within(1000, running.start())
    },
    async stop() {
      await it.within(10_000, Promise.all([running!.stop(), serving!.close()]))
    },
    shutDownGuests: () => running!.shutDownGuests(5000),
    want(change: Partial<WantedServer>) {
      const row = { ...(rows.servers.get(ID) ?? { ...WANTED, generation: 0 }), ...change }
      rows.servers.set(ID, { ...row, generation: change.generation ?? row.generation + 1 })
      changed.set(ID, ++rows.version)
      return agent.look({ serverId: ID, generation: row.generation })
    },
    destroy() {
      const { generation } = rows.servers.get(ID)!
      rows.servers.delete(ID)
      rows.tombstones.set(ID, { serverId: ID, generation: generation + 1, epoch: 1 })
      return agent.look({ serverId: ID, generation: generation + 1 })
    },
    /** Lets time pass until `condition` holds. */
    async until(condition: () => boolean | Promise<boolean>, what: string) {
      for (let i = 0; !await condition(); i++) {
        assert.ok(i < 2000, `never came: ${what}; last report: ${JSON.stringify(reports.at(-1))}`)
        await clock.advance(50)
      }
    },
    async within<T>(ms: number, promise: Promise<T>): Promise<T> {
      let done = false
      void promise.finally(() => { done = true }).catch(() => {})
      for (let passed = 0; !done && passed < ms; passed += 50) await clock.advance(50)
      return await promise
    },
    converged: (power: ObservedServer['power']) => it.until(() => {
      const last = reports.at(-1)
      return last?.observed.power === power && last.observed.converged && last.generation === (rows.servers.get(ID)?.generation ?? last.generation)
    }, `converged and ${power}`),
    last: () => reports.at(-1)!.observed,
  }
  let serving: ReturnType<LocalTransport['serve']> | undefined
  const agent = client(computeAgent, rpc, 'h1')
  return { ...it, agent }
}

test('a wanted server is built, started with its ports and volumes, and reported; then its console shows a login prompt', async () => {
  const c = cloud()
  await c.start()
  await c.want({ ports: [PORT], volumes: [VOLUME] })
  await c.converged('running')
  assert.deepEqual(c.last(), { power: 'running', converged: true, ports: ['p1'], volumes: ['a1'], snapshots: [] })
  assert.ok(c.reports.some(({ progress, observed }) => progress === 'preparing the disk' && observed.power === 'building'))
  await c.clock.advance(2000)
  assert.match((await c.within(1000, c.agent.consoleLog({ serverId: ID, lines: 1 }))).text, /web login: /)
  await c.stop()
})

test('a lost bell costs one poll and nothing more', async () => {
  const c = cloud()
  await c.start()
  c.rows.servers.set(ID, WANTED)
  await c.stop()
  await c.start()
  void c.want({}).catch(() => {})
  await c.converged('running')
  await c.stop()
})

test('what did not change is reported again once a minute, because an older report may have come after the newest', async () => {
  const c = cloud()
  await c.start()
  void c.want({}).catch(() => {})
  await c.converged('running')
  const [last, count] = [c.reports.at(-1), c.reports.length]
  await c.clock.advance(50_000)
  assert.equal(c.reports.length, count)
  await c.clock.advance(15_000)
  assert.deepEqual(c.reports.slice(count), [{ ...last, sequence: { incarnation: 'one', number: count + 1 } }])
  await c.stop()
})

test('a guest is stopped by its power button, and cut off when it does not heed it in time', async () => {
  for (const [shutdownMs, patience] of [[1000, 1000], [Infinity, 5000]] as const) {
    const c = cloud({ shutdownMs })
    await c.start()
    await c.want({})
    await c.converged('running')
    const before = c.clock.now()
    await c.want({ power: 'stopped' })
    await c.converged('stopped')
    assert.ok(Math.abs(c.clock.now() - before - patience) < 1000, `${c.clock.now() - before}`)
    await c.stop()
  }
})

test('a guest that shut itself down stays off and says under which nonce, until a new start is asked for', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  c.fake.endByItself(ID)
  await c.converged('stopped')
  assert.equal(c.last().endedNonce, 'n1')
  await c.clock.advance(60_000)
  assert.equal((await c.fake.look(ID)).process, 'none')
  await c.want({ powerNonce: 'n2' })
  await c.converged('running')
  await c.stop()
})

test('a guest whose process vanished is started again', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  c.fake.vanish(ID)
  await c.until(async () => (await c.fake.look(ID)).process === 'running', 'running again')
  await c.stop()
})

test('guests that are shut down with their host are started again with it', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  await c.stop()
  await c.within(10_000, c.shutDownGuests())
  assert.equal((await c.fake.look(ID)).process, 'none')
  await c.start()
  await c.until(async () => (await c.fake.look(ID)).process === 'running', 'running again')
  await c.stop()
})

test('a soft and a hard reboot each happen once', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  for (const [nonce, kind, boots] of [['r1', 'soft', 2], ['r2', 'hard', 3]] as const) {
    await c.want({ reboot: { nonce, kind } })
    await c.until(() => c.last().converged && c.last().rebootNonce === nonce, `${kind} reboot`)
    await c.clock.advance(30_000)
    assert.equal((await c.fake.consoleLog(ID)).split('=== boot').length - 1, boots)
  }
  await c.stop()
})

test('a snapshot is uploaded once, and one whose image is gone is reported failed and does not hold up the rest', async () => {
  const c = cloud({ images: {} })
  await c.start()
  await c.want({ snapshots: [{ imageId: 's1', diskFormat: 'qcow2' }] })
  await c.converged('running')
  await c.want({ ports: [PORT] })
  await c.until(() => c.last().ports.length === 1, 'port plugged')
  assert.deepEqual([c.uploads, c.last().snapshots], [['s1'], [{ imageId: 's1', state: 'done' }]])
  await c.stop()

  const gone = cloud({ images: { async upload() { throw new Fault('notFound', 'glance.image.notFound', 'no such image') } } })
  await gone.start()
  await gone.want({ snapshots: [{ imageId: 's1', diskFormat: 'qcow2' }] })
  await gone.converged('running')
  assert.deepEqual(gone.last().snapshots, [{ imageId: 's1', state: 'failed', reason: 'no such image' }])
  await gone.stop()
})

test('only a tombstone destroys: a server that the controller no longer names is left alone', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  c.rows.servers.clear()
  await c.stop()
  await c.start()
  await c.clock.advance(60_000)
  assert.equal((await c.fake.look(ID)).process, 'running')
  await c.stop()
})

test('a tombstone interrupts whatever is being done, and leaves nothing', async () => {
  const c = cloud({ diskMs: 100_000 })
  await c.start()
  await c.want({})
  await c.until(() => c.reports.some(({ progress }) => progress === 'preparing the disk'), 'building')
  const before = c.clock.now()
  await c.destroy()
  await c.converged('absent')
  assert.ok(c.clock.now() - before < 2000)
  assert.deepEqual(await c.fake.marked(), [])
  await c.until(() => c.rows.tombstones.size === 0, 'tombstone cleared')
  await c.stop()
})

test('an order of a lower epoch or generation is refused, also by an agent that was started since', async () => {
  const c = cloud()
  await c.start()
  await c.want({ epoch: 5 })
  await c.converged('running')
  await c.want({ epoch: 4, power: 'stopped' })
  await c.clock.advance(10_000)
  assert.equal((await c.fake.look(ID)).process, 'running')
  await c.stop()
  await c.start()
  await c.until(() => c.last().fault?.code === 'nova.agent.staleEpoch', 'refusal reported')
  assert.equal((await c.fake.look(ID)).process, 'running')
  await c.stop()
})

test('a controller whose database is older than one that this host obeyed is not asked for orders', async () => {
  const c = cloud()
  c.rows.databaseEpoch = 7
  await c.start()
  await c.stop()
  c.rows.databaseEpoch = 6
  await c.start()
  void c.want({}).catch(() => {})
  await c.clock.advance(30_000)
  assert.deepEqual(await c.fake.marked(), [])
  c.rows.databaseEpoch = 8
  await c.converged('running')
  await c.stop()
})

test('a failing step is reported with its reason and tried again; one that cannot be mended is not', async () => {
  let attempts = 0
  const failing = (fault: Fault, times: number) => cloud({ wrap: fake => ({ ...fake, async makeRoot(...args) { if (attempts++ < times) throw fault; await fake.makeRoot(...args) } }) })
  const c = failing(new Fault('unavailable', 'host.deadline', 'the disk is slow'), 3)
  await c.start()
  await c.want({})
  await c.until(() => c.reports.at(-1)?.observed.fault !== undefined, 'fault')
  assert.deepEqual(c.last().fault, { step: 'makeRoot', code: 'host.deadline', message: 'the disk is slow', final: false })
  await c.converged('running')
  assert.equal(attempts, 4)
  assert.equal(c.last().fault, undefined)
  await c.stop()

  attempts = 0
  const never = failing(new Fault('badRequest', 'nova.image.checksum', 'wrong bytes'), Infinity)
  await never.start()
  await never.want({})
  await never.clock.advance(60_000)
  assert.deepEqual([attempts, never.last().power, never.last().fault?.final], [1, 'building', true])
  await never.stop()
})

test('an orphan is removed when it is named; a wanted server is not', async () => {
  const c = cloud()
  await c.start()
  await c.want({})
  await c.converged('running')
  const orphan = ID.replace(/^1/, '9')
  await c.fake.writeNotes(orphan, 'left over')
  assert.deepEqual((await c.within(1000, c.agent.audit({}))).things.map(({ kind, serverId }) => [kind, serverId]), [['process', ID], ['disk-directory', ID], ['disk-directory', orphan]])
  await c.within(1000, c.agent.removeOrphan({ serverId: orphan }))
  await assert.rejects(c.within(1000, c.agent.removeOrphan({ serverId: ID })), error => isFault(error, 'nova.agent.wanted'))
  assert.deepEqual((await c.within(1000, c.agent.audit({}))).things.map(({ serverId }) => serverId), [ID, ID])
  await assert.rejects(c.within(1000, c.agent.consoleLog({ serverId: orphan })), error => isFault(error, 'nova.guest.notFound'))
  await c.stop()
})

test('a crash before or after any call to the hypervisor is repaired by the agent that comes next', async () => {
  const rows: Partial<WantedServer>[] = [{ ports: [PORT], volumes: [VOLUME] }, { reboot: { nonce: 'r1', kind: 'soft' } }, { volumes: [], snapshots: [{ imageId: 's1', diskFormat: 'qcow2' }] }, { power: 'stopped' }]
  let calls = 1
  for (let crashAt = 0; crashAt < calls; crashAt++) {
    for (const after of [false, true]) {
      calls = 0
      let dead = false
      const crashing = (fake: FakeHypervisor): Hypervisor => new Proxy(fake, {
        get(target, name: keyof FakeHypervisor) {
          const method = target[name] as (...args: never[]) => unknown
          if (name === 'watch' || name === 'resources' || name === 'readHostNotes' || name === 'writeHostNotes') return method
          return async (...args: never[]) => {
            const now = !dead && calls++ === crashAt
            if ((now && !after) || dead) { dead = true; throw new Fault('unavailable', 'test.crash', 'crashed') }
            const result = await method(...args)
            if (now) { dead = true; throw new Fault('unavailable', 'test.crash', 'crashed') }
            return result
          }
        },
      })
      const c = cloud({ diskMs: 0, startMs: 0, shutdownMs: 100 })
      await c.start(crashing(c.fake))
      for (const change of rows) {
        await c.want(change)
        const want = c.rows.servers.get(ID)!
        const settled = () => { const last = c.reports.at(-1); return last?.generation === want.generation && last.observed.converged }
        await c.until(async () => {
          if (dead) { await c.stop(); dead = false; calls = Infinity; await c.start() }
          return settled()
        }, `generation ${want.generation} with a crash ${after ? 'after' : 'before'} call ${crashAt}`)
        const sight = await c.fake.look(ID)
        assert.equal(sight.process, want.power === 'running' ? 'running' : 'none')
        if (want.power === 'running') assert.deepEqual([sight.ports, sight.volumes.map(v => v.attachmentId)], [want.ports.map(p => p.id), want.volumes.map(v => v.attachmentId)])
      }
      if (!Number.isFinite(calls)) calls = crashAt + 2
      await c.stop()
    }
  }
  assert.ok(calls > 20)
})

test('a volume is copied while its guest is reported to be as it is wanted; a pause makes it start over, a detach waits for it', async () => {
  const begun: string[] = []
  const c = cloud({ wrap: fake => ({ ...fake, copyVolume(id, volume, copy, signal) { begun.push(copy.id); return fake.copyVolume(id, volume, copy, signal) } }) })
  await c.start()
  await c.want({ volumes: [VOLUME], copies: [{ id: 'c1', attachmentId: 'a1', to: { kind: 'file', path: '/c1', format: 'qcow2' } }] })
  await c.until(() => c.reports.at(-1)?.progress === 'copying volume v1', 'it is being copied')
  assert.deepEqual(c.last(), { power: 'running', converged: true, ports: [], volumes: ['a1'], snapshots: [] })
  await c.want({ power: 'paused' })
  await c.until(() => begun.length === 2, 'the copy starts over')
  assert.equal((await c.fake.look(ID)).process, 'paused')
  await c.want({ volumes: [] })
  await c.until(() => c.last().volumes.length === 0, 'the volume is let go of')
  assert.deepEqual([begun, c.last().copies], [['c1', 'c1'], [{ id: 'c1', state: 'done' }]])
  await c.stop()
})

test('a copy that is given up ends at once, and one whose target can never be reached has failed with that reason', async () => {
  const c = cloud({ diskMs: 100, wrap: fake => ({ ...fake, async copyVolume(_id, _volume, copy, signal) {
    if (copy.id === 'c2') throw new Fault('badRequest', 'nova.volume.noSecret', 'this host has no secret')
    await c.clock.sleep(10_000_000, signal)
  } }) })
  await c.start()
  const copy = (id: string) => ({ id, attachmentId: 'a1', to: { kind: 'file', path: `/${id}`, format: 'qcow2' } } as const)
  await c.want({ volumes: [VOLUME], copies: [copy('c1')] })
  await c.until(() => c.reports.at(-1)?.progress !== undefined && c.last().volumes.length === 1, 'it is being copied')
  await c.want({ copies: [copy('c2')] })
  await c.until(() => c.last().copies !== undefined, 'the next one has ended')
  assert.deepEqual(c.last().copies, [{ id: 'c2', state: 'failed', reason: 'this host has no secret' }])
  await c.stop()
})

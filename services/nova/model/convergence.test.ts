// The properties of `nextStep`, on a model of a guest: every step has the effect that the driver promises.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nextStep, withCopy, type Step } from './convergence.ts'
import { GIB, NO_NOTES, type GuestNotes, type GuestSight, type WantedGuest } from './guests.ts'

type World = { sight: GuestSight, notes: GuestNotes }

const port = (id: string) => ({ id, mac: '52:54:00:00:00:01', tap: `tap${id}` })
const volume = (id: string, sizeGib = 1) => ({ id, attachmentId: id, device: '/dev/vdb', sizeGib, connection: { kind: 'file', path: '/v', format: 'qcow2' } as const })
const copyOf = (attachmentId: string) => ({ id: `c-${attachmentId}`, attachmentId, to: { kind: 'file', path: '/c', format: 'qcow2' } as const })
const WANTED: WantedGuest = {
  id: 'g', name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image: { id: 'i', sha512: '', diskFormat: 'qcow2' }, diskGib: 1 },
  ports: [], volumes: [], power: 'running', powerNonce: 'n1', shutdownTimeoutMs: 1000, snapshots: [],
}
const RUNNING: World = { sight: { process: 'running', suspended: false, root: { revision: 1, bytes: GIB }, ports: [], volumes: [] }, notes: { ...NO_NOTES, startedNonce: 'n1' } }

const wantedGuests: fc.Arbitrary<WantedGuest> = fc.record({
  power: fc.constantFrom('running' as const, 'stopped' as const, 'paused' as const, 'suspended' as const),
  powerNonce: fc.constantFrom('n1', 'n2'), shutdownTimeoutMs: fc.constantFrom(0, 1000), revision: fc.constantFrom(1, 2), diskGib: fc.constantFrom(0, 1, 2), bootFromVolume: fc.boolean(),
  reboot: fc.option(fc.record({ nonce: fc.constantFrom('r1', 'r2'), kind: fc.constantFrom('soft' as const, 'hard' as const) }), { nil: undefined }),
  ports: fc.subarray(['p1', 'p2']), volumes: fc.subarray(['v1', 'v2']), sizeGib: fc.constantFrom(1, 2), snapshots: fc.subarray(['s1', 's2']), copies: fc.subarray(['v1', 'v2', 'v9']),
}).map(({ revision, diskGib, bootFromVolume, ports, volumes, sizeGib, snapshots, copies, reboot, ...rest }) => ({
  ...WANTED, ...rest, ...(reboot && { reboot }), ports: ports.map(port), volumes: volumes.map(id => volume(id, sizeGib)),
  root: bootFromVolume ? { kind: 'volume', volumeId: 'v1' } : { kind: 'image', revision, image: { id: 'i', sha512: '', diskFormat: 'qcow2' }, diskGib },
  snapshots: snapshots.map(imageId => ({ imageId, diskFormat: 'qcow2' })), copies: copies.map(copyOf),
}))

const worlds: fc.Arbitrary<World> = fc.record({
  process: fc.constantFrom('none' as const, 'running' as const, 'paused' as const, 'ended' as const, 'crashed' as const), suspended: fc.boolean(),
  root: fc.option(fc.record({ revision: fc.constantFrom(1, 2), bytes: fc.constantFrom(GIB, 2 * GIB) }), { nil: undefined }),
  ports: fc.subarray(['p1', 'p3']), volumes: fc.subarray(['v1', 'v3']), volumeState: fc.constantFrom({}, { half: true as const }, { cut: true as const }),
  startedNonce: fc.constantFrom('n1', 'n2'), endedNonce: fc.constantFrom('n0', 'n1', 'n2'), rebootNonce: fc.constantFrom('r0', 'r1'),
}).map(({ startedNonce, endedNonce, rebootNonce, ports, volumes, volumeState, ...sight }) => ({
  sight: {
    ...sight, ...(sight.process === 'none' ? { ports: [] } : { suspended: false, ports }),
    volumes: volumes.map(attachmentId => sight.process === 'none' ? { attachmentId, bytes: 0, half: true as const } : { attachmentId, bytes: GIB, ...volumeState }),
  },
  notes: { ...NO_NOTES, startedNonce, endedNonce, rebootNonce },
}))

/** What a step does, and what the agent notes with it. `heeds`: the guest shuts down when its power button is pressed. */
function effect({ sight, notes }: World, wanted: WantedGuest, step: Step, heeds: boolean): World {
  const gone = { ...sight, process: 'none' as const, ports: [], volumes: [] }
  const rebooted = wanted.reboot ? { rebootNonce: wanted.reboot.nonce } : {}
  switch (step.do) {
    case 'makeRoot': return { sight: { ...gone, suspended: false, root: { revision: wanted.root.kind === 'image' ? wanted.root.revision : 0, bytes: GIB } }, notes }
    case 'growRoot': return { sight: { ...sight, root: { ...sight.root!, bytes: step.bytes } }, notes }
    case 'start': return {
      sight: { ...sight, process: 'running', suspended: false, ports: wanted.ports.map(({ id }) => id), volumes: wanted.volumes.map(v => ({ attachmentId: v.attachmentId, bytes: v.sizeGib * GIB })) },
      notes: { ...notes, startedNonce: wanted.powerNonce, ...rebooted },
    }
    case 'powerDown': return { sight: heeds ? { ...sight, process: 'ended' } : gone, notes }
    case 'kill': return { sight: gone, notes }
    case 'reset': return { sight: { ...sight, process: 'running' }, notes: { ...notes, startedNonce: wanted.powerNonce, ...rebooted } }
    case 'pause': return { sight: { ...sight, process: 'paused' }, notes }
    case 'resume': return { sight: { ...sight, process: 'running' }, notes }
    case 'suspend': return { sight: { ...gone, suspended: true }, notes }
    case 'forgetMemory': return { sight: { ...sight, suspended: false }, notes }
    case 'note': return { sight, notes: { ...notes, ...step.notes } }
    case 'unplugPort': return { sight: { ...sight, ports: sight.ports.filter(id => id !== step.portId) }, notes }
    case 'unplugVolume': return { sight: { ...sight, volumes: sight.volumes.filter(v => v.attachmentId !== step.attachmentId) }, notes }
    case 'plugPort': return { sight: { ...sight, ports: [...sight.ports, step.port.id] }, notes }
    case 'plugVolume': return { sight: { ...sight, volumes: [...sight.volumes.filter(v => v.attachmentId !== step.volume.attachmentId), { attachmentId: step.volume.attachmentId, bytes: step.volume.sizeGib * GIB }] }, notes }
    case 'growVolume': return { sight: { ...sight, volumes: sight.volumes.map(v => v.attachmentId === step.attachmentId ? { ...v, bytes: step.bytes } : v) }, notes }
    case 'snapshot': return { sight, notes: { ...notes, snapshots: [...notes.snapshots, { imageId: step.snapshot.imageId, state: 'done' }] } }
    case 'copyVolume': return { sight, notes: { ...notes, copies: withCopy(wanted, notes, { id: step.copy.id, state: 'done' }) } }
  }
}

function run(world: World, wanted: WantedGuest, heeds = true): { world: World, steps: string[] } {
  const steps: string[] = []
  for (let step = nextStep(wanted, world.sight, world.notes); step; step = nextStep(wanted, world.sight, world.notes)) {
    steps.push(step.do)
    assert.ok(steps.length < 40, `no end: ${steps.join(' ')}`)
    world = effect(world, wanted, step, heeds)
  }
  return { world, steps }
}

test('from every sight the steps end, and what is wanted is reached', () => {
  fc.assert(fc.property(worlds, wantedGuests, fc.boolean(), (start, wanted, heeds) => {
    const { world: { sight, notes } } = run(start, wanted, heeds)
    if (wanted.power === 'stopped') assert.deepEqual([sight.process, sight.suspended], ['none', false])
    else if (wanted.power === 'suspended') assert.equal(sight.process, 'none')
    else if (sight.process === 'none') assert.equal(notes.endedNonce, wanted.powerNonce)
    else if (sight.process !== 'crashed') {
      assert.equal(sight.process, wanted.power)
      assert.deepEqual(sight.ports.toSorted(), wanted.ports.map(({ id }) => id))
      assert.deepEqual(sight.volumes.toSorted((a, b) => a.attachmentId < b.attachmentId ? -1 : 1).map(v => v.attachmentId), wanted.volumes.map(v => v.attachmentId))
      if (wanted.reboot) assert.equal(notes.rebootNonce, wanted.reboot.nonce)
    }
    assert.deepEqual(notes.snapshots.map(({ imageId }) => imageId), wanted.snapshots.map(({ imageId }) => imageId))
    assert.deepEqual(notes.copies.map(({ id, state }) => [id, state]), wanted.copies!.map(({ id, attachmentId }) => [id, wanted.volumes.some(v => v.attachmentId === attachmentId) ? 'done' : 'failed']))
  }), { numRuns: 2000 })
})

test('a guest that ended by itself stays off until a new powerNonce or a reboot asks for it', () => {
  const ended = { ...RUNNING, sight: { ...RUNNING.sight, process: 'ended' as const } }
  const off = run(ended, WANTED)
  assert.deepEqual(off.steps, ['note', 'kill'])
  assert.deepEqual(run(off.world, WANTED).steps, [])
  assert.deepEqual(run(off.world, { ...WANTED, powerNonce: 'n2' }).steps, ['start'])
  assert.deepEqual(run(off.world, { ...WANTED, reboot: { nonce: 'r1', kind: 'soft' } }).steps, ['start'])
})

test('a guest whose process vanished is started again', () => {
  assert.deepEqual(run({ ...RUNNING, sight: { ...RUNNING.sight, process: 'none' } }, WANTED).steps, ['start'])
})

test('a guest that crashed stays as it is until somebody asks for a start or a reboot', () => {
  const crashed = { ...RUNNING, sight: { ...RUNNING.sight, process: 'crashed' as const } }
  assert.deepEqual(run(crashed, WANTED).steps, [])
  assert.deepEqual(run(crashed, { ...WANTED, powerNonce: 'n2' }).steps, ['kill', 'start'])
  assert.deepEqual(run(crashed, { ...WANTED, reboot: { nonce: 'r', kind: 'hard' } }).steps, ['kill', 'start'])
})

test('a reboot happens once: soft in the same process, hard in a new one, soft as hard when the guest does not heed', () => {
  const soft = { ...WANTED, reboot: { nonce: 'r1', kind: 'soft' as const } }
  const done = run(RUNNING, soft)
  assert.deepEqual(done.steps, ['powerDown', 'reset'])
  assert.deepEqual(run(done.world, soft).steps, [])
  assert.deepEqual(run(RUNNING, soft, false).steps, ['powerDown', 'start'])
  assert.deepEqual(run(RUNNING, { ...WANTED, reboot: { nonce: 'r1', kind: 'hard' } }).steps, ['kill', 'start'])
})

test('a stop is asked for politely and a rebuild is not', () => {
  assert.deepEqual(run(RUNNING, { ...WANTED, power: 'stopped' }).steps, ['powerDown', 'kill'])
  assert.deepEqual(run(RUNNING, { ...WANTED, power: 'stopped', shutdownTimeoutMs: 0 }).steps, ['kill'])
  assert.deepEqual(run(RUNNING, { ...WANTED, root: { ...WANTED.root, revision: 2 } as typeof WANTED.root }).steps, ['kill', 'makeRoot', 'start'])
})

test('power comes before plugs: a guest that holds on to a device can be stopped', () => {
  const holding = { ...RUNNING, sight: { ...RUNNING.sight, volumes: [{ attachmentId: 'v9', bytes: GIB }] } }
  assert.deepEqual(run(holding, { ...WANTED, power: 'stopped' }).steps, ['powerDown', 'kill'])
  assert.deepEqual(run(holding, WANTED).steps, ['unplugVolume'])
})

test('a copy of a volume is made once, after everything else, and fails when the volume is not wanted any more', () => {
  const wanted = { ...WANTED, volumes: [volume('v1')], snapshots: [{ imageId: 's1', diskFormat: 'qcow2' as const }], copies: [copyOf('v1')] }
  const done = run(RUNNING, wanted)
  assert.deepEqual(done.steps, ['plugVolume', 'snapshot', 'copyVolume'])
  assert.deepEqual(run(done.world, wanted).steps, [])
  assert.deepEqual(run(RUNNING, { ...wanted, power: 'stopped' }).steps, ['powerDown', 'kill', 'snapshot', 'copyVolume'])
  const detached = run(RUNNING, { ...wanted, volumes: [], snapshots: [] })
  assert.deepEqual([detached.steps, detached.world.notes.copies], [['note'], [{ id: 'c-v1', state: 'failed', reason: 'the volume was detached before it was copied' }]])
})

test('outcomes of copies that are wanted no more are forgotten with the next one', () => {
  const [first, second] = [copyOf('v1'), copyOf('v2')]
  const notes = { ...NO_NOTES, copies: [{ id: first.id, state: 'done' as const }] }
  assert.deepEqual(withCopy({ copies: [second] }, notes, { id: second.id, state: 'done' }), [{ id: second.id, state: 'done' }])
})

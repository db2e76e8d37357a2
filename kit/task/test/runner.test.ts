// The properties that the runner's essay names, on every database. Whose hands a task is in, and pre-emption, have files of their own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../errors/index.ts'
import { giveUp, task, type TaskRunner } from '../index.ts'
import { type CloudTables, ExampleCloud } from './example.ts'
import { crashAt, enqueueTwo, onEveryDatabase, settled, TWO, type Two, twoSteps } from './two-steps.ts'

onEveryDatabase('DURABLE: a server is created, waits for its guest, and is deleted', async cloud => {
  const runner = await cloud.runner()
  await cloud.create('s1')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'BUILD', reason: null })
  assert.deepEqual(cloud.elsewhere(), { ports: ['s1'], claims: ['s1'] })
  assert.equal((await cloud.db.read(tx => cloud.queue.open(tx, 's1')))[0]?.waitingFor, 'the guest on port1 does not run yet')
  await cloud.observe('s1', 'running')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ACTIVE', reason: null })
  await cloud.delete('s1')
  await runner.idle()
  assert.equal(await cloud.server('s1'), undefined)
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  assert.deepEqual(await cloud.tasks(), ['server.create done', 'server.delete done'])
})

onEveryDatabase('DURABLE: the next life of a killed controller goes on at once where the last one was', async cloud => {
  const killed = await cloud.runner({ at: crashAt('afterDo', 'port') })
  await cloud.create('s1')
  await killed.idle()
  assert.ok(killed.crashed)
  assert.deepEqual(cloud.elsewhere(), { ports: ['s1'], claims: [] })
  const next = await cloud.runner()
  await cloud.observe('s1', 'running')
  await next.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ACTIVE', reason: null })
  assert.equal(cloud.ports.creates, 1)
})

onEveryDatabase('IN ORDER: the tasks of one resource run one after the other, those of others meanwhile', async cloud => {
  const [log, gate] = [[] as string[], Promise.withResolvers<void>()]
  const { definition } = twoSteps({
    first: async t => { log.push(`${t.resourceId} begins`); if (t.resourceId === 's1') await gate.promise; return '' },
    second: async t => { log.push(`${t.resourceId} ends`) },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  for (const id of ['s1', 's1', 's2']) await enqueueTwo(cloud, id)
  while (!log.includes('s2 ends')) await settled()
  gate.resolve()
  await runner.idle()
  assert.deepEqual(log, ['s1 begins', 's2 begins', 's2 ends', 's1 ends', 's1 begins', 's1 ends'])
})

onEveryDatabase('WAITING: a bell that rings between a look and the progress noted after it is followed at once', async cloud => {
  let looks = 0
  const { definition } = twoSteps({
    second: async t => {
      if (++looks === 2) return
      await cloud.db.write(tx => cloud.queue.ring(tx, 's1'))
      await t.progress()
      return t.wait({ reason: 'it was not there when I looked' })
    },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  assert.deepEqual([looks, await cloud.tasks()], [2, ['server.two done']])
})

onEveryDatabase('ROLL BACK: a create that is refused leaves the server alone, in ERROR with the reason', async cloud => {
  let refused = 0
  const runner = await cloud.runner({ at: p => { if (p.moment === 'afterDo' && p.step === 'claim') { refused++; throw new Fault('conflict', 'placement.full', 'host1 has no room') } } })
  await cloud.create('s1')
  await runner.idle()
  assert.equal(refused, 1)
  assert.deepEqual(await cloud.server('s1'), { status: 'ERROR', reason: 'host1 has no room' })
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  assert.deepEqual(await cloud.tasks(), ['server.create failed'])
})

onEveryDatabase('ROLL BACK: the reason can be read at the first obstacle, and the roll back goes on until it is through', async cloud => {
  let away = true
  cloud.ports.removeOf = async () => { if (away) throw new Fault('unavailable', 'neutron.away', 'neutron is away'); cloud.ports.rows.clear() }
  const runner = await cloud.runner({ at: p => { if (p.moment === 'beforeDo' && p.step === 'running') throw new Fault('overQuota', 'x.quota', 'too much') } })
  await cloud.create('s1')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ERROR', reason: 'too much' })
  assert.deepEqual(cloud.elsewhere(), { ports: ['s1'], claims: [] })
  away = false
  await cloud.clock.advance(1_000)
  await runner.idle()
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  assert.deepEqual(await cloud.tasks(), ['server.create failed'])
})

onEveryDatabase('ROLL BACK: a failure is told once, however many obstacles follow', async cloud => {
  let obstacles = 3
  const { definition, failures } = twoSteps({
    second: async () => { throw new Fault('conflict', 'x.y', 'no') },
    undoFirst: async () => { if (obstacles-- > 0) throw new Fault('unavailable', 'x.away', 'away') },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  for (let n = 0; n < 5; n++) { await cloud.clock.advance(2_000); await runner.idle() }
  assert.deepEqual([failures, await cloud.tasks()], [['second conflict x.y: no'], ['server.two failed']])
})

onEveryDatabase('ROLL BACK: what cannot be undone until the deadline is named, and the rest is undone', async cloud => {
  cloud.claims.remove = async () => { throw new Fault('conflict', 'placement.stuck', 'still in use') }
  const runner = await cloud.runner({ at: p => { if (p.moment === 'beforeDo' && p.step === 'running') throw new Fault('conflict', 'x.y', 'no') } })
  await cloud.create('s1')
  await runner.idle()
  for (let n = 0; n < 40; n++) { await cloud.clock.advance(10_000); await runner.idle() }
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: ['s1'] })
  const [ended] = await cloud.db.read(tx => cloud.queue.history(tx, 's1'))
  assert.deepEqual(ended?.leftBehind, [{ step: 'claim', reason: 'still in use' }])
  assert.deepEqual(cloud.log.lines.filter(l => l.level === 'error').map(l => l.message), ['could not be undone and is left behind: still in use'])
  cloud.log.lines.length = 0
})

onEveryDatabase('ROLL FORWARD: a delete that is refused undoes nothing and says why; the next delete ends it', async cloud => {
  let inUse = true
  const runner = await cloud.runner({ at: p => { if (inUse && p.kind === 'server.delete' && p.step === 'forgotten') throw new Fault('conflict', 'x.used', 'volume v1 is in use') } })
  await cloud.create('s1')
  await cloud.observe('s1', 'running')
  await runner.idle()
  await cloud.delete('s1')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ERROR', reason: 'volume v1 is in use' })
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  inUse = false
  await cloud.delete('s1')
  await runner.idle()
  assert.equal(await cloud.server('s1'), undefined)
  assert.deepEqual(await cloud.tasks(), ['server.create done', 'server.delete failed', 'server.delete done'])
})

onEveryDatabase('ROLL FORWARD: past its point of no return a task fails without undoing anything, even when it died inside that step', async cloud => {
  const undone: string[] = []
  const { definition, failures } = twoSteps({
    first: async () => { if (!killed.crashed) return 'x'; throw new Fault('conflict', 'x.lost', 'the old disk is gone') },
    second: async () => {}, undoFirst: async () => { undone.push('first') }, more: { noReturnAtFirst: true },
  })
  const killed: TaskRunner<CloudTables> = await cloud.runner({ definitions: [definition], at: crashAt('afterDo', 'first') })
  await enqueueTwo(cloud, 's1')
  await killed.idle()
  const next = await cloud.runner({ definitions: [definition] })
  await next.idle()
  assert.deepEqual(failures, ['first conflict x.lost: the old disk is gone'])
  assert.deepEqual(undone, [])
})

onEveryDatabase('DEADLINE: a guest that never runs puts its server into ERROR when nothing has moved for so long', async cloud => {
  const runner = await cloud.runner()
  await cloud.create('s1')
  await runner.idle()
  for (let n = 0; n < 59; n++) { await cloud.clock.advance(5_000); await runner.idle() }
  assert.deepEqual(await cloud.server('s1'), { status: 'BUILD', reason: null })
  await cloud.clock.advance(5_000)
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ERROR', reason: 'the guest on port1 does not run yet (no progress for 300 s)' })
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
})

onEveryDatabase('DEADLINE: hours in which the program was down do not count', async cloud => {
  const first = await cloud.runner()
  await cloud.create('s1')
  await first.idle()
  await first.stop()
  await cloud.clock.advance(3 * 3_600_000)
  const second = await cloud.runner()
  await second.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'BUILD', reason: null })
  await cloud.observe('s1', 'running')
  await second.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ACTIVE', reason: null })
})

onEveryDatabase('DEADLINE: progress moves it, and a step that never returns is cut off at it', async cloud => {
  const [begun, gates, moved] = [Promise.withResolvers<void>(), [0, 1, 2].map(() => Promise.withResolvers<void>()), [0, 1, 2].map(() => Promise.withResolvers<void>())]
  const { definition, failures } = twoSteps({
    second: async t => {
      begun.resolve()
      for (const [n, gate] of gates.entries()) { await gate.promise; await t.progress(); moved[n]!.resolve() }
      await new Promise(() => {})
    },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  for (const [n, gate] of gates.entries()) { await cloud.clock.advance(50_000); gate.resolve(); await moved[n]!.promise }
  await cloud.clock.advance(59_000)
  assert.deepEqual(failures, [])
  await cloud.clock.advance(1_000)
  await runner.idle()
  assert.deepEqual(failures, ['second unavailable task.deadline: second did not finish: no progress for 60 s'])
})

onEveryDatabase('DEADLINE: what waits for a user has none', async cloud => {
  const { definition, failures } = twoSteps({ second: async t => t.wait({ reason: 'to be confirmed' }) as never, more: { deadlineMs: null } })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  for (let n = 0; n < 10; n++) { await cloud.clock.advance(5_000); await runner.idle() }
  assert.deepEqual([failures, await cloud.tasks()], [[], ['server.two open']])
})

onEveryDatabase('RETRY: what may pass is tried again, ever more slowly, and the last error is kept', async cloud => {
  const tries: number[] = []
  const began = cloud.clock.now()
  const { definition } = twoSteps({
    second: async t => { tries.push(cloud.clock.now() - began); if (t.attempts < 4) throw t.attempts % 2 ? new Fault('unavailable', 'x.away', 'away') : new Error('ECONNRESET') },
  })
  const runner = await cloud.runner({ definitions: [definition], retry: { firstMs: 1_000, maxMs: 4_000 } })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  assert.equal((await cloud.db.read(tx => cloud.queue.open(tx, 's1')))[0]?.lastError, 'ECONNRESET')
  for (let n = 0; n < 300; n++) { await cloud.clock.advance(100); await runner.idle() }
  const pauses = tries.slice(1).map((at, n) => at - tries[n]!)
  assert.deepEqual(pauses.map((pause, n) => pause >= [1_000, 2_000, 4_000, 4_000][n]! && pause <= [1_350, 2_600, 5_100, 5_100][n]!), [true, true, true, true])
  assert.deepEqual(await cloud.tasks(), ['server.two done'])
})

onEveryDatabase('RETRY: what cannot pass fails at once, as does what its author gives up', async cloud => {
  for (const [error, told] of [
    [new Fault('notFound', 'x.image', 'no such image'), 'second notFound x.image: no such image'],
    [giveUp(new Fault('unavailable', 'x.away', 'away')), 'second unavailable x.away: away'],
    [giveUp(new RangeError('bad')), 'second bug task.unexpected: bad'],
  ] as const) {
    const { definition, failures } = twoSteps({ second: async () => { throw error } })
    await using runner = await cloud.runner({ definitions: [definition] })
    await enqueueTwo(cloud, 's1')
    await runner.idle()
    assert.deepEqual(failures, [told])
  }
})

onEveryDatabase('NO LOST BELL: what is rung while its step looks is looked at again at once', async cloud => {
  let looks = 0
  const { definition } = twoSteps({
    second: async t => {
      if (++looks > 1) return
      const wait = t.wait({ reason: 'not seen' })
      await cloud.db.write(tx => cloud.queue.ring(tx, 's1'))
      return wait as never
    },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  assert.deepEqual([looks, await cloud.tasks()], [2, ['server.two done']])
})

onEveryDatabase('BOUNDED: no more than so many tasks are at work, and all get their turn', async cloud => {
  const [now, most, three] = [new Set<string>(), { count: 0 }, Promise.withResolvers<void>()]
  const { definition } = twoSteps({
    second: async t => {
      most.count = Math.max(most.count, now.add(t.resourceId).size)
      if (now.size === 3) three.resolve()
      await three.promise
      await settled()
      now.delete(t.resourceId)
    },
  })
  for (let n = 0; n < 20; n++) await enqueueTwo(cloud, `s${n}`)
  const runner = await cloud.runner({ definitions: [definition], concurrency: 3 })
  await runner.idle()
  assert.equal(most.count, 3)
  assert.deepEqual(new Set(await cloud.tasks()), new Set(['server.two done']))
})

onEveryDatabase('a task that ended is kept for a week', async cloud => {
  const day = 86_400_000
  const runner = await cloud.runner({ pollMs: day, leaseMs: day })
  await cloud.create('s1')
  await cloud.delete('s1')
  await runner.idle()
  const days = async (count: number) => { for (let n = 0; n < count; n++) { await cloud.clock.advance(day); await runner.idle() } }
  await days(6)
  assert.equal((await cloud.tasks()).length, 2)
  await days(2)
  assert.deepEqual(await cloud.tasks(), [])
})

test('a task without steps, or with two of one name, cannot be declared; nor two tasks of one name be run', async () => {
  const onFailed = async () => {}
  assert.throws(() => task<Two>({ kind: TWO, deadlineMs: 1, steps: [], onFailed }), /has no steps/)
  const first = { name: 'first' as const, do: async () => '', undo: 'nothing' as const }
  assert.throws(() => task<Two>({ kind: TWO, deadlineMs: 1, steps: [first, first], onFailed }), /two steps named 'first'/)
  await using cloud = await ExampleCloud.open()
  const { definition } = twoSteps({ second: async () => {} })
  await assert.rejects(cloud.runner({ definitions: [definition, definition] }), /one name/)
})

test('a step that reads the result of a later one is told so', async () => {
  await using cloud = await ExampleCloud.open()
  const { definition, failures } = twoSteps({ first: async t => { try { return String(t.got.second) } catch (error) { throw giveUp(error) } }, second: async () => {} })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  assert.deepEqual(failures, ["first bug task.unexpected: step 'second' of server.two is not done yet"])
})

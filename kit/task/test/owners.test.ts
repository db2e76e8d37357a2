// In whose hands a task is: one owner at a time, whatever is frozen, late or stopped.
import assert from 'node:assert/strict'
import { crashAt, enqueueTwo, onEveryDatabase, settled, twoSteps } from './two-steps.ts'

onEveryDatabase('ONE OWNER: another host takes a dead host\'s task when the lease ends, not before', async cloud => {
  const killed = await cloud.runner({ at: crashAt('afterDo', 'port'), host: 'dead', leaseMs: 10_000 })
  await cloud.create('s1')
  await killed.idle()
  const other = await cloud.runner({ host: 'alive' })
  await cloud.clock.advance(9_000)
  await other.idle()
  assert.deepEqual(cloud.elsewhere().claims, [])
  await cloud.clock.advance(1_000)
  await other.idle()
  assert.deepEqual(cloud.elsewhere().claims, ['s1'])
})

onEveryDatabase('ONE OWNER: a frozen owner that comes back is told, can neither write nor record, and the new one has a higher epoch', async cloud => {
  const [epochs, writes] = [[] as number[], [] as string[]]
  const [late, other, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { definition } = twoSteps({
    second: async t => {
      if (epochs.push(t.epoch) === 1) {
        t.signal.addEventListener('abort', () => told.resolve())
        await late.promise
        await t.write(tx => tx.insertInto('servers').values({ id: 'late', status: 'X', reason: null, observed: null }).execute())
          .catch((error: unknown) => { writes.push((error as Error).message); other.resolve(); throw error })
      } else {
        await other.promise
        await t.write(tx => tx.insertInto('servers').values({ id: 'new', status: 'X', reason: null, observed: null }).execute())
      }
    },
  })
  const frozen = await cloud.runner({ host: 'frozen', definitions: [definition], leaseMs: 60_000 })
  await enqueueTwo(cloud, 's1')
  while (epochs.length === 0) await settled()
  await cloud.db.write(tx => tx.updateTable('tasks').set({ due_at: cloud.clock.now() }).execute())       // its lease ended while it did not run
  const successor = await cloud.runner({ host: 'other', definitions: [definition] })
  while (epochs.length === 1) await settled()
  await cloud.clock.advance(20_000)
  await told.promise
  late.resolve()
  await Promise.all([frozen.idle(), successor.idle()])
  assert.deepEqual(await cloud.tasks(), ['server.two done'])
  assert.deepEqual([epochs.length, epochs[1]! > epochs[0]!], [2, true])
  assert.deepEqual(writes, ['the task is not (or no longer) in these hands'])
  assert.deepEqual((await cloud.db.read(tx => tx.selectFrom('servers').select('id').execute())).map(row => row.id), ['new'])
})

onEveryDatabase('ONE OWNER: the late write of a successor\'s predecessor finds the lease gone before its runner knows', async cloud => {
  const [begun, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const refused = Promise.withResolvers<string>()
  const hold = Promise.withResolvers<void>()
  const { definition } = twoSteps({
    second: async t => {
      if (t.epoch > 1) { await hold.promise; return }
      begun.resolve()
      await late.promise
      await t.write(async () => {}).catch((error: unknown) => { refused.resolve((error as Error).message); throw error })
    },
  })
  const first = await cloud.runner({ host: 'a', definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  await cloud.db.write(tx => tx.updateTable('tasks').set({ due_at: cloud.clock.now() }).execute())
  const second = await cloud.runner({ host: 'b', definitions: [definition] })
  while ((await cloud.db.read(tx => tx.selectFrom('tasks').select('owner').executeTakeFirst()))?.owner !== 'b') await settled()
  late.resolve()
  assert.equal(await refused.promise, 'the task is not (or no longer) in these hands')
  hold.resolve()
  await Promise.all([first.idle(), second.idle()])
})

onEveryDatabase('ONE OWNER: a runner that was too slow to renew does not take up what it is working on', async cloud => {
  const [epochs, gate] = [[] as number[], Promise.withResolvers<void>()]
  const { definition } = twoSteps({ second: async t => { if (t.resourceId === 's1') { epochs.push(t.epoch); await gate.promise } } })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  while (epochs.length === 0) await settled()
  await cloud.db.write(tx => tx.updateTable('tasks').set({ due_at: cloud.clock.now() }).execute())
  await enqueueTwo(cloud, 's2')
  while (!(await cloud.tasks()).includes('server.two done')) await settled()
  gate.resolve()
  await runner.idle()
  assert.deepEqual([epochs, await cloud.tasks()], [[1], ['server.two done', 'server.two done']])
})

onEveryDatabase('ONE OWNER: a step that was cut off at its deadline writes nothing into the roll back', async cloud => {
  const [begun, late, undoing, undo] = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const refused = Promise.withResolvers<string>()
  const { definition } = twoSteps({
    second: async t => {
      begun!.resolve()
      await late!.promise
      await t.write(async () => {}).catch((error: unknown) => { refused.resolve((error as Error).message) })
    },
    undoFirst: async () => { undoing!.resolve(); await undo!.promise },
  })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await begun!.promise
  await cloud.clock.advance(60_000)
  await undoing!.promise
  late!.resolve()
  assert.equal(await refused.promise, 'the task is not (or no longer) in these hands')
  undo!.resolve()
  await runner.idle()
  assert.deepEqual(await cloud.tasks(), ['server.two failed'])
})

onEveryDatabase('ONE OWNER: the epochs of a resource grow over all its tasks', async cloud => {
  const epochs: number[] = []
  const { definition } = twoSteps({ second: async t => { epochs.push(t.epoch) } })
  const runner = await cloud.runner({ definitions: [definition] })
  for (let n = 0; n < 3; n++) { await enqueueTwo(cloud, 's1'); await runner.idle() }
  assert.deepEqual(epochs, [1, 2, 3])
})

onEveryDatabase('stopping asks the step at work to end and gives its task back, so that another host goes on at once', async cloud => {
  const begun = Promise.withResolvers<void>()
  const { definition } = twoSteps({
    second: t => t.epoch > 1 ? Promise.resolve() : new Promise((_resolve, reject) => { begun.resolve(); t.signal.addEventListener('abort', () => reject(t.signal.reason as Error)) }),
  })
  const first = await cloud.runner({ host: 'a', definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  await first.stop()
  const row = await cloud.db.read(tx => tx.selectFrom('tasks').select(['owner', 'attempts']).executeTakeFirstOrThrow())
  assert.deepEqual({ ...row }, { owner: null, attempts: 0 })
  const second = await cloud.runner({ host: 'b', definitions: [definition] })
  await second.idle()
  assert.deepEqual(await cloud.tasks(), ['server.two done'])
})

onEveryDatabase('stopping does not wait for ever for a step that ignores its signal', async cloud => {
  const begun = Promise.withResolvers<void>()
  const { definition } = twoSteps({ second: () => { begun.resolve(); return new Promise(() => {}) } })
  const runner = await cloud.runner({ definitions: [definition] })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  const stopped = runner.stop()
  const before = cloud.clock.waiting
  while (cloud.clock.waiting === before) await settled()
  await cloud.clock.advance(5_000)
  await stopped
  const row = await cloud.db.read(tx => tx.selectFrom('tasks').select(['owner', 'outcome']).executeTakeFirstOrThrow())
  assert.deepEqual({ ...row }, { owner: null, outcome: null })
})

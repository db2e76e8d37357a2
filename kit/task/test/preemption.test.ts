// A delete does not wait for what it will undo.
import assert from 'node:assert/strict'
import { Fault } from '../../errors/index.ts'
import { TaskQueue } from '../index.ts'
import { DELETE, deleteTask } from './example.ts'
import { crashAt, enqueueTwo, onEveryDatabase, twoSteps } from './two-steps.ts'

onEveryDatabase('PRE-EMPTION: deleting a server that waits for its guest rolls the create back and then deletes', async cloud => {
  const runner = await cloud.runner()
  await cloud.create('s1')
  await runner.idle()
  await cloud.delete('s1')
  await runner.idle()
  assert.equal(await cloud.server('s1'), undefined)
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  assert.deepEqual(await cloud.tasks(), ['server.create preempted', 'server.delete done'])
})

onEveryDatabase('PRE-EMPTION: a step at work is told by its signal', async cloud => {
  const begun = Promise.withResolvers<void>()
  const { definition } = twoSteps({
    second: t => new Promise((_resolve, reject) => { begun.resolve(); t.signal.addEventListener('abort', () => reject(new Fault('conflict', 'x.aborted', 'the call was aborted'))) }),
  })
  const runner = await cloud.runner({ definitions: [definition, deleteTask(cloud.ports, cloud.claims)] })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  await cloud.delete('s1')
  await runner.idle()
  assert.deepEqual(await cloud.tasks(), ['server.two preempted', 'server.delete done'])
})

onEveryDatabase('PRE-EMPTION: what was never begun makes no call at all', async cloud => {
  await cloud.create('s1')
  await cloud.delete('s1')
  const undone: string[] = []
  const runner = await cloud.runner({ at: p => { if (p.kind === 'server.create') undone.push(p.moment) } })
  await runner.idle()
  assert.deepEqual(undone, [])
  assert.deepEqual(await cloud.tasks(), ['server.create preempted', 'server.delete done'])
})

onEveryDatabase('PRE-EMPTION: what may not turn back finishes first, or hands over where it may', async cloud => {
  for (const handsOver of [false, true]) {
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { definition } = twoSteps({
      first: async () => { begun.resolve(); await gate.promise; return '' }, second: async () => {}, more: { noReturnAtFirst: true, ...(handsOver && { handsOver }) },
    })
    await using runner = await cloud.runner({ definitions: [definition, deleteTask(cloud.ports, cloud.claims)] })
    await enqueueTwo(cloud, `s-${handsOver}`)
    await begun.promise
    await cloud.delete(`s-${handsOver}`)
    gate.resolve()
    await runner.idle()
  }
  assert.deepEqual((await cloud.tasks()).toSorted(), ['server.delete done', 'server.delete done', 'server.two done', 'server.two preempted'])
})

onEveryDatabase('PRE-EMPTION: a delete that another process took is heard of at the next renewal', async cloud => {
  const begun = Promise.withResolvers<void>()
  const { definition } = twoSteps({
    second: t => new Promise((_resolve, reject) => { begun.resolve(); t.signal.addEventListener('abort', () => reject(t.signal.reason as Error)) }),
  })
  const runner = await cloud.runner({ definitions: [definition, deleteTask(cloud.ports, cloud.claims)], leaseMs: 30_000 })
  await enqueueTwo(cloud, 's1')
  await begun.promise
  const elsewhere = new TaskQueue({ clock: cloud.clock, ids: cloud.ids })
  await cloud.db.write(tx => elsewhere.enqueue(tx, DELETE, { resourceId: 's1', input: {} }))
  await cloud.clock.advance(10_000)
  await runner.idle()
  assert.deepEqual(await cloud.tasks(), ['server.two preempted', 'server.delete done'])
})

onEveryDatabase('PRE-EMPTION: a step that a killed owner may have tried is undone, though nobody recorded it', async cloud => {
  const undone: string[] = []
  const { definition } = twoSteps({ second: async () => {}, undoFirst: async t => { undone.push(String(t.got.first)) } })
  const definitions = [definition, deleteTask(cloud.ports, cloud.claims)]
  const killed = await cloud.runner({ definitions, at: crashAt('afterDo', 'first') })
  await enqueueTwo(cloud, 's1')
  await killed.idle()
  await cloud.delete('s1')
  const next = await cloud.runner({ definitions })
  await next.idle()
  assert.deepEqual([undone, await cloud.tasks()], [['undefined'], ['server.two preempted', 'server.delete done']])
})

onEveryDatabase('PRE-EMPTION: a failure is not told to a resource that is being deleted', async cloud => {
  let away = true
  const { definition, failures } = twoSteps({
    second: async () => { throw new Fault('conflict', 'x.y', 'no') },
    undoFirst: async () => {
      if (!away) return
      away = false
      await cloud.delete('s1')
      throw new Fault('unavailable', 'x.away', 'away')
    },
  })
  const runner = await cloud.runner({ definitions: [definition, deleteTask(cloud.ports, cloud.claims)] })
  await enqueueTwo(cloud, 's1')
  await runner.idle()
  await cloud.clock.advance(1_000)
  await runner.idle()
  assert.deepEqual([failures, await cloud.tasks()], [[], ['server.two failed', 'server.delete done']])
})

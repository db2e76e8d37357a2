// Two controllers of one service on one database: what one rings, the other hears.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemIds } from '../../ids/index.ts'
import { AmqpTransport, LocalTransport, type Transport } from '../../rpc/index.ts'
import { assertBlessed } from '../../testing/blessed.ts'
import { databasesUnderTest } from '../../testing/databases.ts'
import { until } from '../../testing/until.ts'
import { shareBells, taskBell, TaskQueue } from '../index.ts'
import { type CloudTables, ExampleCloud } from './example.ts'

const url = process.env['ALTO_TEST_AMQP']
assert.ok(url, 'ALTO_TEST_AMQP names no broker: node tools/test.ts starts one')

/** The ways of two controllers to each other. */
const WAYS: Readonly<Record<string, (t: TestContext, cloud: ExampleCloud) => Promise<[Transport, Transport]>>> = {
  async 'in one process'(_t, { clock }) {
    const transport = new LocalTransport({ clock })
    return [transport, transport]
  },
  async 'over a broker'(t, { clock }) {
    const cloud = systemIds.hex()
    const both = [1, 2].map(() => new AmqpTransport({ url, cloud, clock, ids: systemIds }))
    for (const one of both) t.after(() => one.close())
    await Promise.all(both.map(one => one.ready()))
    return both as [AmqpTransport, AmqpTransport]
  },
}

for (const { name, open } of databasesUnderTest<CloudTables>()) {
  for (const [way, connect] of Object.entries(WAYS)) {
    test(`a task that waits in one controller goes on at once when another writes and rings (${name}, ${way})`, async t => {
      await using database = await open()
      await using cloud = await ExampleCloud.open(database.db)
      const [here, there] = await connect(t, cloud)
      const elsewhere = new TaskQueue({ clock: cloud.clock, ids: cloud.ids })
      const bells = [shareBells({ queue: cloud.queue, transport: here, service: 'nova', ids: systemIds }), shareBells({ queue: elsewhere, transport: there, service: 'nova', ids: systemIds })]
      t.after(() => Promise.all(bells.map(bell => bell.close())))
      for (const one of [here, there]) if (one instanceof AmqpTransport) await one.ready()
      const heard = { here: 0, there: 0 }
      cloud.queue.onRing(() => { heard.here++ })
      elsewhere.onRing(() => { heard.there++ })
      const runner = await cloud.runner()
      await cloud.create('s1')
      await until('the other controller heard it', () => heard.there === 1)
      await runner.idle()                               // it waits for the guest
      const { db } = cloud
      await db.write(async tx => {
        await tx.updateTable('servers').set({ observed: 'running' }).where('id', '=', 's1').execute()
        await elsewhere.ring(tx, 's1')
      })
      // The clock stands still, so that no poll can be what wakes it.
      await until('the server is active', async () => (await db.read(tx => tx.selectFrom('servers').selectAll().executeTakeFirstOrThrow())).status === 'ACTIVE')
      await runner.idle()
      assert.deepEqual(heard, { here: 2, there: 2 })    // the enqueuing and the ring, once each: no echoes
    })
  }
}

test('the contract of bells is the blessed one', async () => {
  await assertBlessed(taskBell, new URL('../blessed/', import.meta.url))
})

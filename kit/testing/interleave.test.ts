// The walk finds the order that breaks a rule which reads and then writes; and finds none when the parent is held, or the schema keeps the rule.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orConflict, sql, type Migration, type Tx } from '../db/index.ts'
import { Fault } from '../errors/index.ts'
import { twoControllers, type Ended } from './index.ts'

interface Tables {
  nets: { id: string, generation: number, other: number }
  ranges: { net_id: string, low: number, high: number }
  names: { name: string }
}
const HISTORY: Migration[] = [{ id: '0001-nets', up: [
  'create table nets (id text primary key, generation integer not null, other integer not null)',
  'create table ranges (net_id text not null references nets(id), low integer not null, high integer not null)',
  'create table names (name text primary key)',
] }]

/** The rule: ranges of a net do not overlap. */
async function add(tx: Tx<Tables>, net: string, low: number, high: number): Promise<void> {
  const others = await tx.selectFrom('ranges').selectAll().where('net_id', '=', net).execute()
  if (others.some(one => one.low <= high && low <= one.high)) throw new Fault('conflict', 'test.overlap', 'they overlap')
  await tx.insertInto('ranges').values({ net_id: net, low, high }).execute()
}

const hold = (tx: Tx<Tables>, id: string) => tx.updateTable('nets').set({ generation: sql`generation + 1` }).where('id', '=', id).execute()

function oneOfTwo(ended: readonly [Ended<void>, Ended<void>]): void {
  assert.deepEqual(ended.map(one => 'value' in one ? 'done' : one.error instanceof Fault ? one.error.code : one.error).toSorted((x, y) => String(x).localeCompare(String(y))), ['done', 'test.overlap'])
}

async function overlapping(work: (tx: Tx<Tables>, net: string, low: number, high: number) => Promise<void>) {
  await using two = await twoControllers<Tables>(HISTORY)
  const [one, other] = two.databases
  return await two.walk({
    async prepare(order) {
      await one.write(tx => tx.insertInto('nets').values({ id: `n${order}`, generation: 0, other: 0 }).execute())
      return `n${order}`
    },
    first: net => one.write(tx => work(tx, net, 1, 5)),
    second: net => other.write(tx => work(tx, net, 3, 9)),
    holds: (_, ended) => oneOfTwo(ended),
  })
}

test('a rule that reads and then writes without holding the parent is caught, with the order that broke it', async () => {
  await assert.rejects(overlapping(add), (error: Error) => {
    assert.match(error.message, /when first was done and second was done, in this order:/)
    const lines = error.message.slice(error.message.indexOf('order:') + 7).split('\n').map(line => line.trim().split(' ', 2).join(' '))
    assert.deepEqual(lines, ['first: select', 'second: select', 'second: insert', 'second: commit', 'first: insert', 'first: commit'])
    return true
  })
})

test('the same rule that first holds the parent stands in every order', async () => {
  const { orders, deadlocks } = await overlapping(async (tx, net, low, high) => {
    await hold(tx, net)
    await add(tx, net, low, high)
  })
  assert.ok(orders >= 8, `${orders} orders`)
  assert.equal(deadlocks, 0)
})

test('a unique name is of one of two in every order', async () => {
  await using two = await twoControllers<Tables>(HISTORY)
  const taken = new Fault('conflict', 'test.overlap', 'taken')
  const [one, other] = two.databases
  const { orders } = await two.walk({
    prepare: async order => `name ${order}`,
    first: name => orConflict(() => taken, () => one.write(async tx => { await tx.insertInto('names').values({ name }).execute() })),
    second: name => orConflict(() => taken, () => other.write(async tx => { await tx.insertInto('names').values({ name }).execute() })),
    holds: (_, ended) => oneOfTwo(ended),
  })
  assert.ok(orders >= 4, `${orders} orders`)
})

test('two that take two parents in opposite order are seen to wait for each other, and both end', async () => {
  await using two = await twoControllers<Tables>(HISTORY)
  const [one, other] = two.databases
  const both = async (tx: Tx<Tables>, ids: readonly string[]) => { for (const id of ids) await hold(tx, id) }
  const { deadlocks } = await two.walk({
    async prepare(order) {
      const ids = [`a${order}`, `b${order}`]
      await one.write(tx => tx.insertInto('nets').values(ids.map(id => ({ id, generation: 0, other: 0 }))).execute())
      return ids
    },
    first: ids => one.write(tx => both(tx, ids)),
    second: ids => other.write(tx => both(tx, ids.toReversed())),
    async holds(ids, ended) {
      assert.ok(ended.every(one => 'value' in one))
      assert.deepEqual((await one.read(tx => tx.selectFrom('nets').select('generation').where('id', 'in', ids).execute())).map(row => row.generation), [2, 2])
    },
    turns: 1,
  })
  assert.ok(deadlocks > 0)
})

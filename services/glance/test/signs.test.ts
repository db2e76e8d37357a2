// Uploads whose controller is gone, with two controllers on one PostgreSQL and one directory; a controller is as dead as its clock stands still.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Fault } from '@alto/kit/errors'
import { twoControllers } from '@alto/kit/testing'
import { fileStore, migrations, type ImageStore, type Tables } from '../index.ts'
import { forget, giveUpWriting } from '../manager/sweep.ts'
import * as blobs from '../store/blobs.ts'
import { glanceAlone, type Answer, type Cloud } from './cloud.ts'

const token = 'p1:member'

async function two(change: (store: ImageStore) => ImageStore = store => store) {
  await using undo = new AsyncDisposableStack()
  const path = await mkdtemp(join(tmpdir(), 'alto-glance-'))
  undo.defer(() => rm(path, { recursive: true }))
  const databases = undo.use(await twoControllers<Tables>(migrations))
  const store = change(await fileStore(path))
  const away = { isAway: false }
  const [db] = databases.databases
  const fragile = new Proxy(databases.databases[1], {
    get(target, name) {
      if (away.isAway && name === 'read') return () => Promise.reject(new Fault('unavailable', 'db.away', 'the database is away'))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) as unknown : value
    },
  })
  const one = undo.use(await glanceAlone({ db, store, seed: 'one', host: 'one', options: { userStorageQuota: 100 } }))
  const other = undo.use(await glanceAlone({ db: fragile, store, seed: 'other', host: 'other', options: { userStorageQuota: 100 } }))
  const all = undo.move()
  return { one, other, store, away, walk: databases.walk, files: () => readdir(path), [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const queued = async (cloud: Cloud) => (await cloud.ask('POST', '/v2/images', { token, body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id as string
const statusOf = async (cloud: Cloud, id: string) => (await cloud.ask('GET', `/v2/images/${id}`, { token })).body.status as string
const beatsOf = async (cloud: Cloud) => (await cloud.db.read(blobs.unfinished)).map(blob => blob.beats)

/** Resolves when `condition` holds; the event loop turns meanwhile. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise(resolve => setImmediate(resolve))
}

/** Lets a controller live for `ms`, a second at a time, in each of which the database answers. */
async function live(cloud: Cloud, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    await cloud.clock.advance(1000)
    for (let i = 0; i < 3; i++) await cloud.db.write(blobs.unfinished)
  }
}

/** An upload of which half has come. */
async function halfOf(cloud: Cloud, id: string, way: 'file' | 'stage', files: () => Promise<string[]>) {
  const source = new PassThrough()
  const answer = cloud.ask('PUT', `/v2/images/${id}/${way}`, { token, bytes: source })
  source.write('half')
  const before = (await files()).length
  await until(async () => (await files()).length > before)
  return { source, answer }
}

for (const way of ['file', 'stage'] as const) {
  test(`an upload (${way}) whose controller never comes back is taken back by another within a minute; should it live after all, it changes nothing`, async () => {
    await using clouds = await two()
    const { one, other, files } = clouds
    const id = await queued(one)
    const lost = await halfOf(one, id, way, files)
    await live(other, 30_000)
    assert.equal(await statusOf(other, id), way === 'file' ? 'saving' : 'uploading')
    for (let s = 30; await statusOf(other, id) !== 'queued'; s++) {
      assert.ok(s < 60, 'it is never taken back')
      await live(other, 1_000)
    }
    await until(async () => (await files()).length === 0)
    assert.deepEqual(await other.glance.audit({ repair: false }), [])
    assert.equal((await other.ask('PUT', `/v2/images/${id}/file`, { token, bytes: 'x'.repeat(100) })).status, 204)
    lost.source.end('way')
    const { status, body } = await lost.answer
    assert.deepEqual([status, /gave no sign of life/.test(body)], [409, true])
    assert.equal((await other.ask('GET', `/v2/images/${id}/file`, { token })).body.toString(), 'x'.repeat(100))
    assert.equal((await files()).length, 1)
    assert.deepEqual(await other.glance.audit({ repair: false }), [])
    assert.deepEqual([...one.log.lines, ...other.log.lines].filter(line => line.level === 'error'), [])
  })
}

test('an upload that was taken back ends with its next bytes, not with its last', async () => {
  await using clouds = await two()
  const { one, other, files } = clouds
  const id = await queued(one)
  const lost = await halfOf(one, id, 'file', files)
  await live(other, 50_000)
  await until(async () => await statusOf(other, id) === 'queued')
  let isAnswered = false
  void lost.answer.then(() => { isAnswered = true })
  await live(one, 6_000)
  await until(async () => { lost.source.write('more'); return isAnswered })
  assert.equal((await lost.answer).status, 409)
})

test('a slow upload whose controller lives is never taken back, not after an absence of the database either', async () => {
  await using clouds = await two()
  const { one, other, away, files } = clouds
  const id = await queued(one)
  const slow = await halfOf(one, id, 'file', files)
  for (let passed = 0; passed < 120; passed += 5) {
    const before = await beatsOf(one)
    await live(one, 5_000)
    await until(async () => (await beatsOf(one))[0]! > before[0]!)
    await live(other, 5_000)
  }
  await live(other, 25_000)
  away.isAway = true                                       // and with it the signs, had the controllers one database
  await live(other, 60_000)
  assert.ok(other.log.lines.some(line => line.message === 'unfinished uploads could not be looked at'))
  away.isAway = false
  await live(other, 25_000)
  assert.equal(await statusOf(one, id), 'saving')
  slow.source.end('way')
  assert.equal((await slow.answer).status, 204)
  assert.equal((await other.ask('GET', `/v2/images/${id}/file`, { token })).body.toString(), 'halfway')
})

test('bytes of a deleted image that its controller could not remove are removed by another', async () => {
  let isBroken = true
  await using clouds = await two(store => ({ ...store, remove: key => isBroken ? Promise.reject(new Error('input/output error')) : store.remove(key) }))
  const { one, other, files } = clouds
  const { id } = await one.uploaded(token, 'bytes')
  assert.equal((await one.ask('DELETE', `/v2/images/${id}`, { token })).status, 204)
  assert.equal((await files()).length, 1)
  isBroken = false
  await live(other, 50_000)
  await until(async () => (await files()).length === 0 && (await beatsOf(other)).length === 0)
})

test('an upload that ends while it is taken back is whole, or is told so and leaves nothing', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  const { orders } = await clouds.walk<string, Answer | undefined>({
    prepare: () => queued(one),
    first: id => one.ask('PUT', `/v2/images/${id}/file`, { token, bytes: '!' }),
    async second(id) {
      const blob = (await other.db.read(blobs.unfinished)).find(one => one.imageId === id)
      if (blob && await other.db.write(tx => giveUpWriting(other, tx, blob, blob.beats))) await forget(other, blob)
      return undefined
    },
    async holds(id, [up]) {
      if ('error' in up) throw up.error
      assert.ok(up.value!.status === 204 || up.value!.status === 409, `${up.value!.status}`)
      assert.equal(await statusOf(one, id), up.value!.status === 204 ? 'active' : 'queued')
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
  assert.ok(orders > 8, `${orders} orders`)
})

// Key repositories: rotation that breaks nothing, by one process and under the eyes of another.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '@alto/kit/clock'
import { isFault } from '@alto/kit/errors'
import { seededIds } from '@alto/kit/ids'
import { FERNET, openKeys, P256, promoteStaged, removeOldKeys } from './keys.ts'

async function directory() {
  const dir = await mkdtemp(join(tmpdir(), 'alto-keys-'))
  const clock = new ManualClock()
  const around = { ids: seededIds('keys'), clock }
  return {
    dir, clock, around, open: () => openKeys(dir, FERNET, around), rotate: () => promoteStaged(dir, 'token', around), names: async () => (await readdir(dir)).toSorted(),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

test('an empty directory gets a staged and a primary key, for its owner only; opened again, it keeps them', async () => {
  await using keys = await directory()
  const first = await keys.open()
  assert.deepEqual(await keys.names(), ['0', '1'])
  assert.equal((await stat(join(keys.dir, '0'))).mode & 0o777, 0o600)
  assert.deepEqual((await keys.open()).keys, first.keys)
  assert.equal(first.keys.length, 2)
})

test('a rotation makes the staged key primary, and others see it within a second without being told', async () => {
  await using keys = await directory()
  const watching = await keys.open()
  const [primary, staged] = watching.keys
  await keys.clock.advance(5000)
  await watching.refresh()
  assert.equal(await keys.rotate(), 2)
  await watching.refresh()
  assert.deepEqual(watching.keys[0], primary, 'read less than a second ago')
  await keys.clock.advance(1000)
  await watching.refresh()
  assert.deepEqual([watching.keys[0], watching.keys[1], watching.keys.length], [staged, primary, 3])
  assert.deepEqual(await keys.names(), ['0', '1', '2'])
})

test('a key that some process may not have read does not become primary', async () => {
  await using keys = await directory()
  await keys.open()
  await assert.rejects(keys.rotate(), (error: unknown) => isFault(error, 'keystone.keys.tooSoon'))
  await keys.clock.advance(5000)
  await keys.rotate()
  await assert.rejects(keys.rotate(), (error: unknown) => isFault(error, 'keystone.keys.tooSoon'))
})

test('of two that rotate at once one does', async () => {
  await using keys = await directory()
  await keys.open()
  await keys.clock.advance(5000)
  const ended = await Promise.allSettled([keys.rotate(), keys.rotate()])
  assert.ok(ended.some(one => one.status === 'fulfilled'))
  assert.ok(ended.every(one => one.status === 'fulfilled' || isFault(one.reason, 'keystone.keys.tooSoon')))
  const primaries = (await keys.names()).filter(name => name !== '0')
  const texts = await Promise.all(primaries.map(name => readFile(join(keys.dir, name), 'utf8')))
  assert.ok(texts.length >= 2)
  assert.notEqual(await readFile(join(keys.dir, '0'), 'utf8'), texts.at(-1))
})

test('old keys go when there are too many and what they made has ended, not before', async () => {
  await using keys = await directory()
  await keys.open()
  for (let i = 0; i < 4; i++) {
    await keys.clock.advance(10_000)
    await keys.rotate()
  }
  assert.deepEqual(await keys.names(), ['0', '1', '2', '3', '4', '5'])
  const lifetime = 60_000
  const removed = () => removeOldKeys(keys.dir, { maxActive: 3, unusedSince: keys.clock.now() - lifetime })
  assert.deepEqual(await removed(), [])
  await keys.clock.advance(lifetime - 20_000 + 5000)          // 1 and 2 were replaced 30 and 20 s before the fourth rotation
  assert.deepEqual(await removed(), [1, 2])
  await keys.clock.advance(lifetime)
  assert.deepEqual(await removed(), [3])
  assert.deepEqual(await keys.names(), ['0', '4', '5'])
})

test('a directory that cannot be read, or holds something else, leaves the keys as they were known', async () => {
  await using keys = await directory()
  const watching = await keys.open()
  const before = watching.keys
  await writeFile(join(keys.dir, '7'), 'not a key')
  await keys.clock.advance(1000)
  await watching.refresh()
  assert.deepEqual(watching.keys, before)
  await assert.rejects(keys.open(), /7 holds no key$/)
})

test('keys for signed tokens are of the curve P-256', async () => {
  await using keys = await directory()
  const { keys: [key] } = await openKeys(keys.dir, P256, keys.around)
  assert.equal(key?.asymmetricKeyDetails?.namedCurve, 'prime256v1')
})

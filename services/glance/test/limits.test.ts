// Unified limits through the API: what a project has and may have, and what is refused beyond it.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { glanceAlone, type Cloud } from './cloud.ts'

const MIB = 1024 * 1024
const ANY = { image_size_total: -1, image_stage_total: -1, image_count_total: -1, image_count_uploading: -1 }

/** A cloud whose projects may have `limits`, and the rest without end. */
const limited = (limits: Record<string, number>) => glanceAlone({ options: { useKeystoneLimits: true }, limits: { of: async () => new Map(Object.entries({ ...ANY, ...limits })) } })
const me = (cloud: Cloud) => cloud.as('p1:member')
const queued = async (cloud: Cloud): Promise<string> => (await me(cloud)('POST', '/v2/images', { body: { disk_format: 'raw', container_format: 'bare' } })).body.id
const usage = async (cloud: Cloud) => (await me(cloud)('GET', '/v2/info/usage')).body.usage
const announcedBytes = (size: number) => ({ bytes: Buffer.alloc(size), headers: { 'content-length': String(size) } })

test('usage tells what a project has and may have, and nothing where limits are not used', async () => {
  await using cloud = await limited({ image_count_total: 5 })
  await cloud.uploaded('p1:member', Buffer.alloc(2 * MIB))
  const staged = await queued(cloud)
  assert.equal((await me(cloud)('PUT', `/v2/images/${staged}/stage`, { bytes: Buffer.alloc(3 * MIB) })).status, 204)
  await cloud.uploaded('p2:member', Buffer.alloc(7 * MIB))
  assert.deepEqual(await usage(cloud), { image_size_total: { usage: 2, limit: -1 }, image_stage_total: { usage: 3, limit: -1 }, image_count_total: { usage: 2, limit: 5 }, image_count_uploading: { usage: 1, limit: -1 } })
  await using free = await glanceAlone()
  assert.deepEqual((await me(free)('GET', '/v2/info/usage')).body, { usage: {} })
})

test('images beyond the count are refused until one goes', async () => {
  await using cloud = await limited({ image_count_total: 1 })
  const id = await queued(cloud)
  const refused = await me(cloud)('POST', '/v2/images', { body: {} })
  assert.deepEqual([refused.status, cloud.said(refused)], [413, 'Project p1 is over a limit for [Resource image_count_total is over limit of 1 due to current usage 1 and delta 1]'])
  assert.equal((await cloud.as('p2:member')('POST', '/v2/images', { body: {} })).status, 201)
  assert.equal((await me(cloud)('DELETE', `/v2/images/${id}`)).status, 204)
  assert.equal((await me(cloud)('POST', '/v2/images', { body: {} })).status, 201)
})

test('an image that is made again under its key is the one that counts', async () => {
  await using cloud = await limited({ image_count_total: 1 })
  const make = () => me(cloud)('POST', '/v2/images', { body: {}, headers: { 'x-alto-idempotency-key': 'task/step' } })
  const first = await make()
  assert.deepEqual([(await make()).body.id, (await make()).status], [first.body.id, 201])
})

test('bytes beyond the sizes are refused by what was announced, and leave the image as it was', async () => {
  await using cloud = await limited({ image_size_total: 2, image_stage_total: 1 })
  await cloud.uploaded('p1:member', Buffer.alloc(MIB))
  const id = await queued(cloud)
  for (const [path, size, status] of [['file', 2 * MIB, 413], ['stage', 2 * MIB, 413], ['stage', MIB, 204]] as const) {
    assert.equal((await me(cloud)('PUT', `/v2/images/${id}/${path}`, announcedBytes(size))).status, status, `${path} ${size}`)
    if (status === 413) assert.equal((await me(cloud)('GET', `/v2/images/${id}`)).body.status, 'queued')
  }
  assert.equal((await Array.fromAsync(cloud.store.names())).length, 2)
  assert.equal((await me(cloud)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } })).status, 202)
})

test('an import is refused while the project has more than it may', async () => {
  const may = new Map(Object.entries(ANY))
  await using cloud = await glanceAlone({ options: { useKeystoneLimits: true }, limits: { of: async () => may } })
  await cloud.uploaded('p1:member', Buffer.alloc(2 * MIB))
  const id = await queued(cloud)
  assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes: 'x' })).status, 204)
  may.set('image_size_total', 1)
  const refused = await me(cloud)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } })
  assert.deepEqual([refused.status, (await me(cloud)('GET', `/v2/images/${id}`)).body.status], [413, 'uploading'])
})

test('no more uploads run at once than a project may, and what was never registered nobody has', async () => {
  await using cloud = await limited({ image_count_uploading: 1 })
  const [first, second] = [await queued(cloud), await queued(cloud)]
  const bytes = new Readable({ read() {} })
  bytes.push('begun')
  const running = me(cloud)('PUT', `/v2/images/${first}/file`, { bytes })
  while ((await usage(cloud)).image_count_uploading.usage === 0) await new Promise(resolve => { setImmediate(resolve) })
  assert.equal((await me(cloud)('PUT', `/v2/images/${second}/file`, { bytes: 'x' })).status, 413)
  bytes.push(null)
  assert.equal((await running).status, 204)
  assert.equal((await me(cloud)('PUT', `/v2/images/${second}/file`, { bytes: 'x' })).status, 204)
  await using none = await glanceAlone({ options: { useKeystoneLimits: true }, limits: { of: async () => new Map() } })
  assert.equal((await me(none)('POST', '/v2/images', { body: {} })).status, 413)
})

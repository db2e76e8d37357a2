// Several stores: which one takes the bytes, which one gives them, and that each gives them back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStore } from '../index.ts'
import { glanceAlone } from './cloud.ts'

test('an upload goes to the store that it names, is read from there and goes from there', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  await using cloud = await glanceAlone({ more: [cheap] })
  const ask = cloud.as('p1:member')
  assert.deepEqual((await ask('GET', '/v2/info/stores')).body, { stores: [{ id: 'file', default: 'true' }, { id: 'cheap' }] })
  const { body: image } = await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })
  assert.equal((await ask('PUT', `/v2/images/${image.id}/file`, { bytes: 'lost', headers: { 'x-image-meta-store': 'nowhere' } })).status, 400)
  assert.equal((await ask('PUT', `/v2/images/${image.id}/file`, { bytes: 'cheap bytes', headers: { 'x-image-meta-store': 'cheap' } })).status, 204)
  assert.equal((await ask('GET', `/v2/images/${image.id}`)).body.stores, 'cheap')
  assert.equal((await ask('GET', `/v2/images/${image.id}/file`)).body.toString(), 'cheap bytes')
  assert.deepEqual([(await Array.fromAsync(cloud.store.names())).length, (await Array.fromAsync(cheap.names())).length], [0, 1])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  assert.equal((await ask('DELETE', `/v2/images/${image.id}`)).status, 204)
  assert.deepEqual(await Array.fromAsync(cheap.names()), [])
})

test('bytes in a store that is not configured any more are told by the audit, are not lost, and are not found meanwhile', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  await using cloud = await glanceAlone({ more: [cheap] })
  const { body: image } = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })
  await cloud.as('p1:member')('PUT', `/v2/images/${image.id}/file`, { bytes: 'cheap bytes', headers: { 'x-image-meta-store': 'cheap' } })
  await using without = await glanceAlone({ store: cloud.store, db: cloud.db, seed: 'later' })
  assert.equal((await without.as('p1:member')('GET', `/v2/images/${image.id}/file`)).status, 404)
  assert.deepEqual((await without.glance.audit({ repair: true })).map(f => f.message), [`image ${image.id} has bytes in a store that is not configured: cheap`])
  assert.equal((await cloud.as('p1:member')('GET', `/v2/images/${image.id}/file`)).body.toString(), 'cheap bytes')
})

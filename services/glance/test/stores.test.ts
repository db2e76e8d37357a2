// Several stores: which one takes the bytes, which one gives them, and that each gives them back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers } from '@alto/kit/testing'
import { memoryStore, migrations, type ImageStore, type Tables } from '../index.ts'
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
  const told = '1 images have bytes in the store cheap, which [glance] stores does not name: they cannot be read there until it does'
  assert.deepEqual(without.log.lines.filter(line => line.level === 'error').map(line => line.message), [told])
  assert.equal((await cloud.as('p1:member')('GET', `/v2/images/${image.id}/file`)).body.toString(), 'cheap bytes')
})

test('the audit names a store that does not answer, and looks at the others', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  const away = () => Promise.reject(new Error('nobody answers'))
  const never: ImageStore['names'] = () => ({ [Symbol.asyncIterator]: () => ({ next: away }) })
  for (const broken of [{ ...cheap, size: away }, { ...cheap, names: never }]) {
    const file = memoryStore({ id: 'file' })
    await using cloud = await glanceAlone({ store: file, more: [broken] })
    const { id } = await cloud.uploaded('p1:member', 'bytes')
    for (const bytes of ['one', 'two']) {
      const { body: image } = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })
      await cloud.as('p1:member')('PUT', `/v2/images/${image.id}/file`, { bytes, headers: { 'x-image-meta-store': 'cheap' } })
    }
    const [key] = await Array.fromAsync(file.names())
    await file.remove(key!)
    assert.deepEqual((await cloud.glance.audit({ repair: false })).map(f => f.message), [`image ${id} has no bytes: ${key} is not in store file`, 'store cheap could not be looked at: nobody answers'])
  }
})

test('stores are listed for all, and told in detail to administrators', async () => {
  const [cheap, web] = [{ ...memoryStore({ id: 'cheap' }), description: 'Slow disks', weight: 5 }, { ...memoryStore({ id: 'web' }), kind: 'http', isReadOnly: true }]
  await using cloud = await glanceAlone({ more: [cheap, web] })
  assert.deepEqual((await cloud.as('p1:reader')('GET', '/v2/info/stores')).body, { stores: [{ id: 'file', default: 'true' }, { id: 'cheap', description: 'Slow disks' }, { id: 'web', 'read-only': 'true' }] })
  assert.equal((await cloud.as('p1:member')('GET', '/v2/info/stores/detail')).status, 403)
  assert.deepEqual((await cloud.as('p0:admin')('GET', '/v2/info/stores/detail')).body, {
    stores: [
      { id: 'file', default: 'true', type: 'memory', properties: {}, weight: 0 }, { id: 'cheap', description: 'Slow disks', type: 'memory', properties: {}, weight: 5 },
      { id: 'web', 'read-only': 'true', type: 'http', properties: {}, weight: 0 },
    ],
  })
  const { body: image } = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })
  const upload = await cloud.as('p1:member')('PUT', `/v2/images/${image.id}/file`, { bytes: 'lost', headers: { 'x-image-meta-store': 'web' } })
  assert.deepEqual([upload.status, cloud.said(upload)], [410, 'Error in store configuration. Adding images to store is disabled.'])
})

test('bytes are taken out of one store while there is another, and never out of the last', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  await using cloud = await glanceAlone({ more: [cheap] })
  const ask = cloud.as('p1:member')
  const admin = cloud.as('p0:admin')
  const gone = async (store: string, id: string, as = admin) => {
    const answer = await as('DELETE', `/v2/stores/${store}/${id}`)
    return [answer.status, cloud.said(answer)?.replaceAll('&#x27;', "'")]
  }
  const { body: queued } = await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })
  assert.deepEqual(await gone('file', queued.id), [409, "It's not allowed to remove image data from store if image status is not 'active'"])
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  const last = 'Cannot delete image data from the only store containing it. Consider deleting the image instead.'
  assert.deepEqual([await gone('file', id), await gone('cheap', id)], [[403, last], [403, last]])
  assert.deepEqual(await gone('nowhere', id), [409, 'The selected store nowhere is not available on this node.'])
  assert.deepEqual(await gone('file', '11111111-1111-4111-8111-111111111111'), [404, 'Failed to find image 11111111-1111-4111-8111-111111111111'])
  assert.deepEqual(await gone('file', id, ask), [403, 'You are not authorized to complete delete_image_location action.'])
  assert.equal((await gone('file', id, cloud.as('p2:member')))[0], 404)
  await admin('POST', `/v2/images/${id}/import`, { body: { method: { name: 'copy-image' }, stores: ['cheap'] } })
  await cloud.glance.idle()
  assert.equal((await ask('GET', `/v2/images/${id}`)).body.stores, 'cheap,file')
  assert.deepEqual(await gone('file', id), [204, undefined])
  assert.deepEqual([(await Array.fromAsync(cloud.store.names())).length, (await Array.fromAsync(cheap.names())).length], [0, 1])
  assert.deepEqual(await gone('file', id), [403, last])
  assert.equal((await ask('GET', `/v2/images/${id}/file`)).body.toString(), 'bytes')
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('of two removals at once from an image\'s two stores one is refused: never both', async () => {
  await using databases = await twoControllers<Tables>(migrations)
  const [store, cheap] = [memoryStore({ id: 'file' }), memoryStore({ id: 'cheap' })]
  await using one = await glanceAlone({ db: databases.databases[0], store, more: [cheap], seed: 'one', host: 'one' })
  await using other = await glanceAlone({ db: databases.databases[1], store, more: [cheap], seed: 'other', host: 'other' })
  const { orders } = await databases.walk<string, number>({
    async prepare() {
      const { id } = await one.uploaded('p1:member', 'bytes')
      await one.as('p0:admin')('POST', `/v2/images/${id}/import`, { body: { method: { name: 'copy-image' }, stores: ['cheap'] } })
      await one.glance.idle()
      return id
    },
    first: async id => (await one.as('p0:admin')('DELETE', `/v2/stores/file/${id}`)).status,
    second: async id => (await other.as('p0:admin')('DELETE', `/v2/stores/cheap/${id}`)).status,
    async holds(id, ended) {
      assert.deepEqual(ended.map(end => 'error' in end ? String(end.error) : end.value).toSorted((a, b) => Number(a) - Number(b)), [204, 403])
      assert.equal((await one.as('p1:member')('GET', `/v2/images/${id}/file`)).body.toString(), 'bytes')
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
  assert.ok(orders > 4, `${orders} orders`)
})

test('a reader who says from which store gets it from there, and from another when it is not there', async () => {
  const asked: string[] = []
  const told = (store: ReturnType<typeof memoryStore>) => ({ ...store, read: (key: string) => { asked.push(store.id); return store.read(key) } })
  await using cloud = await glanceAlone({ store: told(memoryStore({ id: 'file' })), more: [told(memoryStore({ id: 'cheap' })), memoryStore({ id: 'empty' })] })
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  await cloud.as('p0:admin')('POST', `/v2/images/${id}/import`, { body: { method: { name: 'copy-image' }, stores: ['cheap'] } })
  await cloud.glance.idle()
  asked.length = 0
  for (const query of ['', '?prefer=cheap', '?prefer=empty,%20cheap', '?prefer=empty']) assert.equal((await cloud.as('p1:member')('GET', `/v2/images/${id}/file${query}`)).body.toString(), 'bytes')
  assert.deepEqual(asked, ['file', 'cheap', 'cheap', 'file'])
  const answer = await cloud.as('p1:member')('GET', `/v2/images/${id}/file?prefer=nowhere`)
  assert.deepEqual([answer.status, cloud.said(answer)], [400, 'Store &#x27;nowhere&#x27; is not configured.'])
})

// Images and metadata definitions, with two controllers on one PostgreSQL and one store: in every order an image has one upload's bytes, a key one image, a name
// one definition, and nothing is added to a namespace that is gone.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { LimitClient } from '@alto/kit/openstack'
import { twoControllers, until, type Ended } from '@alto/kit/testing'
import { memoryStore, migrations, type Tables } from '../index.ts'
import { glanceAlone, type Answer, type Cloud } from './cloud.ts'

async function two(options: { userStorageQuota?: number, useKeystoneLimits?: boolean } = {}, limits?: LimitClient) {
  const databases = await twoControllers<Tables>(migrations)
  const store = memoryStore({ id: 'file' })
  const one = await glanceAlone({ db: databases.databases[0], store, seed: 'one', host: 'one', options, ...(limits && { limits }) })
  const other = await glanceAlone({ db: databases.databases[1], store, seed: 'other', host: 'other', options, ...(limits && { limits }) })
  return {
    walk: databases.walk, one, other,
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
      await databases[Symbol.asyncDispose]()
    },
  }
}

const member = (order: number) => `p${order}:member`
const queued = async (cloud: Cloud, token: string) => (await cloud.ask('POST', '/v2/images', { token, body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id as string
const statuses = (ended: readonly Ended<Answer>[]) => ended.map(one => {
  if ('error' in one) throw one.error
  return one.value.status
})
const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b)

test('of two uploads to one image one has it, and its bytes are whole', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  const { orders } = await clouds.walk<{ id: string, token: string }, Answer>({
    prepare: async order => ({ token: member(order), id: await queued(one, member(order)) }),
    first: ({ id, token }) => one.ask('PUT', `/v2/images/${id}/file`, { token, bytes: 'first bytes' }),
    second: ({ id, token }) => other.ask('PUT', `/v2/images/${id}/file`, { token, bytes: 'second bytes' }),
    async holds({ id, token }, ended) {
      const [first, second] = statuses(ended)
      assert.deepEqual(sorted([first!, second!]), [204, 409])
      assert.equal((await one.ask('GET', `/v2/images/${id}/file`, { token })).body.toString(), first === 204 ? 'first bytes' : 'second bytes')
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
  assert.ok(orders > 8, `${orders} orders`)
})

test('an upload and a delete of its image leave no bytes behind', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  await clouds.walk<{ id: string, token: string }, Answer>({
    prepare: async order => ({ token: member(order), id: await queued(one, member(order)) }),
    first: ({ id, token }) => one.ask('PUT', `/v2/images/${id}/file`, { token, bytes: 'some bytes' }),
    second: ({ id, token }) => other.ask('DELETE', `/v2/images/${id}`, { token }),
    async holds({ id, token }, ended) {
      const [up, gone] = statuses(ended)
      assert.ok([204, 404, 409, 410].includes(up!) && [204, 409].includes(gone!), `${up} ${gone}`)
      assert.equal((await one.ask('GET', `/v2/images/${id}`, { token })).status, gone === 204 ? 404 : 200)
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
})

test('two uploads at once do not pass a quota that has room for one', async () => {
  await using clouds = await two({ userStorageQuota: 15 })
  const { one, other } = clouds
  await clouds.walk<{ ids: string[], token: string }, Answer>({
    prepare: async order => ({ token: member(order), ids: [await queued(one, member(order)), await queued(one, member(order))] }),
    first: ({ ids, token }) => one.ask('PUT', `/v2/images/${ids[0]}/file`, { token, bytes: 'ten bytes!' }),
    second: ({ ids, token }) => other.ask('PUT', `/v2/images/${ids[1]}/file`, { token, bytes: 'ten bytes!' }),
    async holds(_, ended) {
      assert.deepEqual(sorted(statuses(ended)), [204, 413])
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
})

test('two images that are made at once do not pass a limit that has room for one', async () => {
  await using clouds = await two({ useKeystoneLimits: true }, { of: async () => new Map([['image_count_total', 1]]) })
  const { one, other } = clouds
  const make = (cloud: Cloud, order: number) => cloud.ask('POST', '/v2/images', { token: member(order), body: { name: 'one' } })
  await clouds.walk<number, Answer>({
    prepare: async order => order,
    first: order => make(one, order),
    second: order => make(other, order),
    async holds(order, ended) {
      assert.deepEqual(sorted(statuses(ended)), [201, 413])
      assert.equal((await one.ask('GET', '/v2/images', { token: member(order) })).body.images.length, 1)
    },
    orders: 40,
  })
})

test('an image under one key is made once, whichever controller is asked', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  const make = (cloud: Cloud, order: number) => cloud.ask('POST', '/v2/images', { token: member(order), body: { name: 'one' }, headers: { 'x-alto-idempotency-key': `task/${order}` } })
  await clouds.walk<number, Answer>({
    prepare: async order => order,
    first: order => make(one, order),
    second: order => make(other, order),
    async holds(order, ended) {
      assert.deepEqual(statuses(ended), [201, 201])
      assert.equal((await one.ask('GET', '/v2/images', { token: member(order) })).body.images.length, 1)
    },
    orders: 20,
  })
})

test('a Glance that starts beside another leaves the upload alone that the other is taking in', async () => {
  await using databases = await twoControllers<Tables>(migrations)
  const store = memoryStore({ id: 'file' })
  await using one = await glanceAlone({ db: databases.databases[0], store, seed: 'one', host: 'one' })
  const id = await queued(one, member(1))
  const bytes = new TransformStream<Uint8Array, Uint8Array>()
  const writer = bytes.writable.getWriter()
  const uploading = one.ask('PUT', `/v2/images/${id}/file`, { token: member(1), bytes: Readable.fromWeb(bytes.readable) })
  await writer.write(Buffer.from('first '))
  while ((await one.ask('GET', `/v2/images/${id}`, { token: member(1) })).body.status !== 'saving') await new Promise(resolve => setImmediate(resolve))
  await using _other = await glanceAlone({ db: databases.databases[1], store, seed: 'other', host: 'other' })
  await writer.write(Buffer.from('second'))
  await writer.close()
  assert.equal((await uploading).status, 204)
  assert.equal((await one.ask('GET', `/v2/images/${id}/file`, { token: member(1) })).body.toString(), 'first second')
})

/** A staged image, waiting for its import. */
async function stagedImage(cloud: Cloud, token: string): Promise<string> {
  const id = await queued(cloud, token)
  await cloud.ask('PUT', `/v2/images/${id}/stage`, { token, bytes: 'staged' })
  return id
}

test('of two imports of one image one has it, and every byte is accounted for', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  const body = { method: { name: 'glance-direct' } }
  const { orders } = await clouds.walk<{ id: string, token: string }, Answer>({
    prepare: async order => ({ token: member(order), id: await stagedImage(one, member(order)) }),
    first: ({ id, token }) => one.ask('POST', `/v2/images/${id}/import`, { token, body }),
    second: ({ id, token }) => other.ask('POST', `/v2/images/${id}/import`, { token, body }),
    async holds({ id, token }, ended) {
      assert.deepEqual(sorted(statuses(ended)), [202, 409])
      await until('the import has ended', async () => (await one.ask('GET', `/v2/images/${id}`, { token })).body.status === 'active')
      assert.equal((await one.ask('GET', `/v2/images/${id}/tasks`, { token })).body.tasks.length, 1)
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 30,
  })
  assert.ok(orders > 4, `${orders} orders`)
})

test('an import and a delete of its image leave nothing, in whatever order', async () => {
  await using clouds = await two()
  const { one, other } = clouds
  await clouds.walk<{ id: string, token: string }, Answer>({
    prepare: async order => ({ token: member(order), id: await stagedImage(one, member(order)) }),
    first: ({ id, token }) => one.ask('POST', `/v2/images/${id}/import`, { token, body: { method: { name: 'glance-direct' } } }),
    second: ({ id, token }) => other.ask('DELETE', `/v2/images/${id}`, { token }),
    async holds({ id, token }, ended) {
      const [imported, gone] = statuses(ended)
      assert.ok([202, 404, 409].includes(imported!) && [204, 409].includes(gone!), `${imported} ${gone}`)
      if (gone !== 204) assert.equal((await other.ask('DELETE', `/v2/images/${id}`, { token })).status, 204)
      await one.glance.idle()
      await other.glance.idle()
      await until('the bytes have gone', async () => (await one.db.read(tx => tx.selectFrom('blobs').select('id').where('image_id', '=', id).execute())).length === 0)
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 30,
  })
})

const NAMESPACES = '/v2/metadefs/namespaces'
const admin = 'p0:admin'
const ADDED: readonly [string, string, unknown][] = [
  ['an object', 'objects', { name: 'same' }],
  ['a property', 'properties', { name: 'same', title: 'Same', type: 'string' }],
  ['tags', 'tags', { tags: [{ name: 'same' }] }],
  ['an association', 'resource_types', { name: 'OS::Same' }],
]

for (const [what, path, body] of ADDED) {
  test(`${what} and the end of the namespace meet in every order: it is there or not found, and nothing fails`, async () => {
    await using clouds = await two()
    const { one, other } = clouds
    await clouds.walk<{ name: string }, Answer>({
      async prepare(order) {
        const name = `n${order}`
        assert.equal((await one.ask('POST', NAMESPACES, { token: admin, body: { namespace: name } })).status, 201)
        return { name }
      },
      first: ({ name }) => one.ask('POST', `${NAMESPACES}/${name}/${path}`, { token: admin, body }),
      second: ({ name }) => other.ask('DELETE', `${NAMESPACES}/${name}`, { token: admin }),
      async holds({ name }, ended) {
        const [added, removed] = statuses(ended)
        assert.ok([201, 404].includes(added!) && removed === 204, `${added} ${removed}`)
        assert.equal((await one.ask('GET', `${NAMESPACES}/${name}`, { token: admin })).status, 404)
      },
      orders: 40,
    })
  })

  test(`of two that add ${what} of one name at once, none fails but for the name`, async () => {
    await using clouds = await two()
    const { one, other } = clouds
    await clouds.walk<{ name: string }, Answer>({
      async prepare(order) {
        const name = `n${order}`
        assert.equal((await one.ask('POST', NAMESPACES, { token: admin, body: { namespace: name } })).status, 201)
        return { name }
      },
      first: ({ name }) => one.ask('POST', `${NAMESPACES}/${name}/${path}`, { token: admin, body }),
      second: ({ name }) => other.ask('POST', `${NAMESPACES}/${name}/${path}`, { token: admin, body }),
      async holds(_, ended) {
        const got = statuses(ended).toSorted((a, b) => a - b)
        assert.ok(got[0] === 201 && [201, 409].includes(got[1]!) && (path === 'tags' || got[1] === 409), got.join(' '))
      },
      orders: 40,
    })
  })
}

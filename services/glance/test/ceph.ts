// The store in a pool of Ceph, under the suite of all stores, on a real cluster: `npm run test:ceph`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandHost } from '@alto/kit/host'
import { seededIds } from '@alto/kit/ids'
import { until } from '@alto/kit/testing'
import { rbdStore } from '../driver/rbd-store.ts'
import { storeConformance } from '../driver/store.conformance.ts'
import { readStores } from '../model/store-specs.ts'
import { glanceAlone } from './cloud.ts'

const conf = process.env['ALTO_TEST_CEPH']
if (conf === undefined) throw new Error('ALTO_TEST_CEPH is not set: npm run test:ceph starts a cluster and sets it')

const [spec] = readStores({ stores: [`ceph:rbd:images?conf=${conf}&object_size=1048576`], defaultStore: null, storeSecrets: [] })
const rbd = (...args: string[]) => commandHost.run(['rbd', '--conf', conf, ...args])

async function inCeph() {
  const store = await rbdStore(spec, commandHost)
  return {
    store,
    async [Symbol.asyncDispose]() {
      for (const name of await Array.fromAsync(store.names())) await store.remove(name.replace('.partial', ''))
    },
  }
}

storeConformance('the store in Ceph', inCeph)

test('an image in Ceph says where it is, is not deleted while it has clones, and is afterwards', async () => {
  await using opened = await inCeph()
  await using cloud = await glanceAlone({ store: opened.store, options: { showImageDirectUrl: true } })
  const { id } = await cloud.uploaded('p1:member', Buffer.alloc(3_000_000, 1))
  const [key] = await Array.fromAsync(opened.store.names())
  assert.match((await cloud.as('p1:member')('GET', `/v2/images/${id}`)).body.direct_url, new RegExp(`^rbd://[0-9a-f-]{36}/images/${key}/snap$`))
  await rbd('clone', `images/${key}@snap`, 'images/child')
  const refused = await cloud.as('p1:member')('DELETE', `/v2/images/${id}`)
  assert.deepEqual([refused.status, cloud.said(refused)], [409, `Image ${id} could not be deleted because it is in use: The image cannot be deleted because it is in use through the backend store outside of Glance: images/child`])
  await rbd('rm', '--no-progress', 'images/child')
  assert.equal((await cloud.as('p1:member')('DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual(await Array.fromAsync(opened.store.names()), [])
})

test('what a killed import left in Ceph is named, and goes by its key', async () => {
  await using opened = await inCeph()
  const key = seededIds('killed').uuid()
  await commandHost.run(['sh', '-c', `(head -c 20000000 /dev/zero; sleep 5) | timeout -s KILL 3 rbd --conf ${conf} import --no-progress - images/${key}.partial; true`])
  assert.deepEqual(await Array.fromAsync(opened.store.names()), [`${key}.partial`])
  await until('the dead import is not watched any more', () => opened.store.remove(key).then(() => true, () => false), 60_000)
  assert.deepEqual(await Array.fromAsync(opened.store.names()), [])
})

// Reading: bytes stay until whoever reads them has ended, and wrong ones are an error.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { seededIds } from '@alto/kit/ids'
import { twoControllers, until } from '@alto/kit/testing'
import { fileStore, memoryStore, migrations, type ImageStore, type Tables } from '../index.ts'
import { readAny, readWhileKept } from '../manager/reading.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as reads from '../store/reads.ts'
import { glanceAlone, type Cloud } from './cloud.ts'

const token = 'p1:member'
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))

/** A store whose readers lose what is removed, as readers of large objects in Swift and S3 do. */
function forgetful(): ImageStore {
  const store = memoryStore({ id: 'file' })
  return {
    ...store, forgetsReaders: true,
    async read(key, range) {
      const bytes = await (await store.read(key, range)).toArray() as Buffer[]
      return Readable.from((async function* () {
        for (const chunk of bytes) {
          if (await store.size(key) === undefined) throw new Error('404')
          yield chunk
        }
      })(), { objectMode: false })
    },
  }
}

const readers = seededIds('readers')

/** What a reader of its own is given. */
const depsOf = ({ db, clock, log, stores }: Cloud) => ({ db, clock, log, stores, ids: readers, host: 'reader' })

async function reading(cloud: Cloud, imageId: string): Promise<Readable> {
  const [blob] = await cloud.db.read(tx => blobs.listOf(tx, imageId, ['kept']))
  return readWhileKept(depsOf(cloud), cloud.store, blob!)
}

const names = (cloud: Cloud) => Array.fromAsync(cloud.store.names())

test('a reader who leaves before the first byte was read has ended: of a whole image, of a part, and with listeners to what is sent', async () => {
  for (const notifier of [undefined, { notify() {}, async close() {} }]) {
    await using cloud = await glanceAlone({ store: forgetful(), ...(notifier && { notifier }) })
    const { id } = await cloud.uploaded(token, BYTES)
    const { image, kept } = await cloud.db.read(async tx => ({ image: (await images.find(tx, id))!, kept: await blobs.listOf(tx, id, ['kept']) }))
    for (const range of [undefined, { start: 5, end: 200_000 }]) {
      const bytes = await readAny(depsOf(cloud), image, kept, { range, prefer: [] })
      assert.equal((await cloud.db.read(reads.list)).length, 1)
      bytes.destroy()
      await until('the read has ended', async () => (await cloud.db.read(reads.list)).length === 0)
    }
    for (let turns = 0; turns < 40; turns++) {
      const caller = new AbortController()
      const asked = cloud.ask('GET', `/v2/images/${id}/file`, { token, signal: caller.signal }).catch(() => {})
      for (let turn = 0; turn < turns; turn++) await new Promise(resolve => { setImmediate(resolve) })
      caller.abort()
      await asked
    }
    await until('all reads have ended', async () => (await cloud.db.read(reads.list)).length === 0)
  }
})

test('an import into a store that cannot be written to reads nothing, and keeps nothing from being deleted', async () => {
  const broken: ImageStore = { ...memoryStore({ id: 'broken' }), write: () => Promise.reject(new Error('EROFS')) }
  await using cloud = await glanceAlone({ store: forgetful(), more: [broken] })
  const { id } = await cloud.uploaded(token, BYTES)
  assert.equal((await cloud.ask('POST', `/v2/images/${id}/import`, { token: 'p1:admin', body: { method: { name: 'copy-image' }, stores: ['broken'], all_stores_must_succeed: false } })).status, 202)
  await cloud.glance.idle()
  assert.deepEqual((await cloud.ask('GET', `/v2/images/${id}`, { token })).body.os_glance_failed_import, 'broken')
  await until('no read is left', async () => (await cloud.db.read(reads.list)).length === 0)
})

test('bytes that are read while their image is deleted are read to their end, and gone after it', async () => {
  await using cloud = await glanceAlone({ store: forgetful() })
  const { id } = await cloud.uploaded(token, BYTES)
  const [one, other] = [await reading(cloud, id), await reading(cloud, id)]
  assert.equal((await cloud.ask('DELETE', `/v2/images/${id}`, { token })).status, 204)
  assert.ok(Buffer.concat(await one.toArray() as Buffer[]).equals(BYTES))
  await until('what was read is gone', async () => (await cloud.db.read(reads.list)).length === 1)
  assert.equal((await names(cloud)).length, 1, 'somebody reads them still')
  other.destroy()
  await until('what was read is gone', async () => (await cloud.db.read(blobs.unfinished)).length === 0)
  assert.deepEqual([await names(cloud), await cloud.db.read(reads.list)], [[], []])
  assert.deepEqual(cloud.log.lines.filter(line => line.level === 'error' || line.level === 'warn'), [])
})

test('bytes that are read while they are taken out of their store are read to their end, and nobody begins to read them any more', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  await using cloud = await glanceAlone({ store: forgetful(), more: [cheap] })
  const { id } = await cloud.uploaded(token, BYTES)
  await cloud.as('p1:admin')('POST', `/v2/images/${id}/import`, { body: { method: { name: 'copy-image' }, stores: ['cheap'] } })
  await cloud.glance.idle()
  const [blob] = (await cloud.db.read(tx => blobs.listOf(tx, id, ['kept']))).filter(one => one.store === 'file')
  const bytes = await readWhileKept(depsOf(cloud), cloud.store, blob!)
  assert.equal((await cloud.as('p1:admin')('DELETE', `/v2/stores/file/${id}`)).status, 204)
  await assert.rejects(readWhileKept(depsOf(cloud), cloud.store, blob!), { code: 'glance.store.missing' })
  assert.ok(Buffer.concat(await bytes.toArray() as Buffer[]).equals(BYTES))
  await until('what was read is gone', async () => (await names(cloud)).length === 0)
  assert.ok((await cloud.ask('GET', `/v2/images/${id}/file`, { token })).body.equals(BYTES))
})

test('a reader that ends before its bytes do, or finds none, leaves no mark', async () => {
  await using cloud = await glanceAlone({ store: forgetful() })
  const { id } = await cloud.uploaded(token, BYTES)
  const answer = await cloud.ask('GET', `/v2/images/${id}/file`, { token, headers: { range: 'bytes=0-9' } })
  assert.ok(answer.body.equals(BYTES.subarray(0, 10)))
  for (const key of await names(cloud)) await cloud.store.remove(key)
  assert.equal((await cloud.ask('GET', `/v2/images/${id}/file`, { token })).status, 404)
  await until('what was read is gone', async () => (await cloud.db.read(reads.list)).length === 0)
})

test('what a reader that died was reading is removed within a minute or two, by another controller', async () => {
  await using databases = await twoControllers<Tables>(migrations)
  const store = forgetful()
  await using one = await glanceAlone({ db: databases.databases[0], store, seed: 'one', host: 'one' })
  await using other = await glanceAlone({ db: databases.databases[1], store, seed: 'other', host: 'other' })
  const { id } = await one.uploaded(token, BYTES)
  const bytes = await reading(one, id)                             // and never again: its clock stands still
  assert.equal((await other.ask('DELETE', `/v2/images/${id}`, { token })).status, 204)
  assert.equal((await names(other)).length, 1)
  for (let passed = 0; passed < 120; passed++) {
    await other.clock.advance(1000)
    for (let i = 0; i < 3; i++) await other.db.write(blobs.unfinished)
  }
  await until('what was read is gone', async () => (await names(other)).length === 0)
  assert.deepEqual(await other.glance.audit({ repair: false }), [])
  bytes.destroy()
})

test('of a reader and a delete that meet, the reader has all bytes or none', async () => {
  await using databases = await twoControllers<Tables>(migrations)
  const store = forgetful()
  await using one = await glanceAlone({ db: databases.databases[0], store, seed: 'one', host: 'one' })
  await using other = await glanceAlone({ db: databases.databases[1], store, seed: 'other', host: 'other' })
  const { orders } = await databases.walk<string, number>({
    prepare: async () => (await one.uploaded(token, BYTES)).id,
    async first(id) {
      const answer = await one.ask('GET', `/v2/images/${id}/file`, { token })
      if (answer.status === 200) assert.ok(answer.body.equals(BYTES), 'a part of the bytes')
      return answer.status
    },
    second: async id => (await other.ask('DELETE', `/v2/images/${id}`, { token })).status,
    async holds(id, [read, removed]) {
      if ('error' in read) throw read.error
      if ('error' in removed) throw removed.error
      assert.ok(read.value === 200 || read.value === 204 || read.value === 404, `${read.value}`)
      assert.equal(removed.value, 204)
      await until('what was read is gone', async () => (await one.db.read(tx => blobs.listOf(tx, id, ['doomed']))).length === 0)
      assert.deepEqual(await one.glance.audit({ repair: false }), [])
    },
    orders: 40,
  })
  assert.ok(orders > 4, `${orders} orders`)
})

/** A Glance that keeps images in files of this machine. */
async function nearby() {
  const directory = await mkdtemp(join(tmpdir(), 'alto-images-'))
  const cloud = await glanceAlone({ store: await fileStore(directory) })
  return {
    cloud, directory,
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

test('an agent on the same machine is handed the file, which stays until it lets go, whoever deletes the image meanwhile', async () => {
  await using near = await nearby()
  const { cloud, directory } = near
  const { id } = await cloud.uploaded(token, BYTES)
  const { body: { os_hash_value: sha512 } } = await cloud.ask('GET', `/v2/images/${id}`, { token })
  const held = await cloud.glance.imageFile('nova:admin', { id, sha512 })
  assert.equal((await cloud.ask('DELETE', `/v2/images/${id}`, { token })).status, 204)
  assert.ok((await readFile(held!.path)).equals(BYTES))
  assert.equal(await cloud.glance.imageFile('nova:admin', { id, sha512 }), undefined)
  await held![Symbol.asyncDispose]()
  assert.deepEqual([await readdir(directory), await cloud.db.read(blobs.unfinished), await cloud.db.read(reads.list)], [[], [], []])
})

test('no file is handed over with another hash, without a store of files, of an image without bytes or with too few, or to who may not download it', async () => {
  await using near = await nearby()
  const { cloud, directory } = near
  const { id } = await cloud.uploaded(token, BYTES)
  const { body: { os_hash_value: sha512 } } = await cloud.ask('GET', `/v2/images/${id}`, { token })
  const image = { id, sha512 }
  const handed = async (who: string, wanted = image) => {
    await using held = await cloud.glance.imageFile(who, wanted)
    return held !== undefined
  }
  assert.deepEqual([await handed(token), await handed('nova:admin'), await handed('stranger:member'), await handed('nobody')], [true, true, false, false])
  assert.equal(await handed(token, { id, sha512: sha512.replace(/^./, (c: string) => c === '0' ? '1' : '0') }), false)
  const { body: empty } = await cloud.ask('POST', '/v2/images', { token, body: { disk_format: 'raw', container_format: 'bare' } })
  assert.equal(await handed(token, { id: empty.id, sha512 }), false)
  await cloud.as('px:admin')('POST', `/v2/images/${id}/actions/deactivate`)
  assert.deepEqual([await handed(token), await handed('nova:admin')], [false, true])       // as the download
  for (const name of await readdir(directory)) await truncate(join(directory, name), 5)
  assert.equal(await handed('nova:admin'), false)
  assert.deepEqual(await cloud.db.read(reads.list), [])
  await using elsewhere = await glanceAlone()
  const { id: far } = await elsewhere.uploaded(token, BYTES)
  assert.equal(await elsewhere.glance.imageFile(token, { id: far, sha512 }), undefined)
})

for (const [when, read] of Object.entries<() => Promise<Readable>>({
  'at once': () => Promise.reject(new Error('nobody answers')),
  'before its first byte': async () => new Readable({ read() { this.destroy(new Error('nobody answers')) } }),
})) {
  test(`an image whose store fails ${when} is read from another store, and is unavailable where there is none`, async () => {
    const cheap = memoryStore({ id: 'cheap' })
    let works = true
    const store = memoryStore({ id: 'file' })
    await using cloud = await glanceAlone({ store: { ...store, read: (key, range) => works ? store.read(key, range) : read() }, more: [cheap] })
    const [one, both] = [await cloud.uploaded(token, BYTES), await cloud.uploaded(token, BYTES)]
    await cloud.as('p1:admin')('POST', `/v2/images/${both.id}/import`, { body: { method: { name: 'copy-image' }, stores: ['cheap'] } })
    await cloud.glance.idle()
    works = false
    const got = await cloud.ask('GET', `/v2/images/${both.id}/file`, { token })
    assert.ok(got.status === 200 && got.body.equals(BYTES))
    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      const refused = await cloud.ask('GET', `/v2/images/${one.id}/file`, { token, headers })
      assert.deepEqual([refused.status, cloud.said(refused)], [503, 'Remote server where the image is present is unavailable.'])
    }
  })
}

test('a part of an image that is shorter or longer than was asked for is an error', async () => {
  const store = memoryStore({ id: 'file' })
  for (const given of [4, 11]) {
    await using cloud = await glanceAlone({ store: { ...store, read: (key, range) => store.read(key, range && { start: range.start, end: range.start + given - 1 }) } })
    const { id } = await cloud.uploaded(token, BYTES)
    const [image, kept] = await cloud.db.read(async tx => [await images.find(tx, id), await blobs.listOf(tx, id, ['kept'])])
    const bytes = await readAny(depsOf(cloud), image!, kept, { range: { start: 0, end: 9 }, prefer: [] })
    await assert.rejects(bytes.toArray(), given === 4 ? /there are 4 of the 10/ : /more than the 10/)
  }
})

for (const [what, change] of Object.entries({
  'other bytes': (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 250_000), Buffer.from('x'), bytes.subarray(250_001)]),
  'fewer bytes': (bytes: Buffer) => bytes.subarray(0, 299_999),
  'more bytes': (bytes: Buffer) => Buffer.concat([bytes, bytes]),
})) {
  test(`a store that gives ${what} than it took gives its reader an error, never wrong bytes as if they were right`, async () => {
    const store = memoryStore({ id: 'file' })
    await using cloud = await glanceAlone({
      store: { ...store, read: async (key, range) => range ? store.read(key, range) : Readable.from(chunks(change(Buffer.concat(await (await store.read(key)).toArray() as Buffer[]))), { objectMode: false }) },
    })
    const { id } = await cloud.uploaded(token, BYTES)
    const got = await cloud.ask('GET', `/v2/images/${id}/file`, { token }).then(answer => answer.body.length as number, () => 'an error')
    assert.ok(got === 'an error' || Number(got) < BYTES.length, `${got} bytes`)
    assert.ok(cloud.log.lines.some(line => line.level === 'error' && line.message === 'the bytes of an image are not those that were kept'))
    assert.ok((await cloud.ask('GET', `/v2/images/${id}/file`, { token, headers: { range: 'bytes=0-99' } })).body.equals(BYTES.subarray(0, 100)))
  })
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

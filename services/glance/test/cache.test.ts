// The cache of images through the API: what it is asked and answers, who reads from it, what goes first, and what a restart or a broken fetch leaves.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSqlite } from '@alto/kit/db'
import { memoryStore, type ImageStore, type Tables } from '../index.ts'
import { glanceAlone, type Cloud } from './cloud.ts'

async function inDirectory(work: (directory: string) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), 'alto-image-cache-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** A store that is far away, and how often it was read. */
function far() {
  const store = memoryStore({ id: 'file' })
  const seen = { reads: 0, broken: false }
  return { seen, store: { ...store, read: async (...asked: Parameters<ImageStore['read']>) => { seen.reads++; if (seen.broken) throw new Error('the store is away'); return store.read(...asked) } } as ImageStore }
}

const admin = (cloud: Cloud) => cloud.as('px:admin')
const bytesOf = async (cloud: Cloud, token: string, id: string, headers = {}) => (await cloud.as(token)('GET', `/v2/images/${id}/file`, { headers })).body.toString()
const state = async (cloud: Cloud) => (await admin(cloud)('GET', '/v2/cache')).body
const ids = (all: { image_id: string }[]) => all.map(one => one.image_id)

test('where nothing is cached the cache says so to those who may ask, and its versions are not there', async () => {
  await using cloud = await glanceAlone()
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  for (const [method, path] of [['GET', ''], ['PUT', `/${id}`], ['DELETE', `/${id}`], ['DELETE', ''], ['POST', '/clean'], ['POST', '/prune']] as const) {
    const answer = await admin(cloud)(method, `/v2/cache${path}`)
    assert.deepEqual([answer.status, cloud.said(answer)], [404, 'Caching via API is not supported at this site.'], `${method} ${path}`)
    assert.equal((await cloud.as('p1:member')(method, `/v2/cache${path}`)).status, 403, `${method} ${path}`)
  }
})

test('an image that was queued is read from the cache, by those who may read it only', async () => {
  await inDirectory(async imageCacheDir => {
    const { seen, store } = far()
    await using cloud = await glanceAlone({ store, options: { imageCacheDir } })
    assert.deepEqual((await cloud.ask('GET', '/versions')).body.versions.slice(0, 3).map((version: { id: string }) => version.id), ['v2.18', 'v2.17', 'v2.16'])
    const { id } = await cloud.uploaded('p1:member', 'some bytes')
    assert.equal((await admin(cloud)('PUT', `/v2/cache/${id}`)).status, 202)
    await cloud.glance.idle()
    const when = 1_767_225_600
    assert.deepEqual(await state(cloud), { cached_images: [{ image_id: id, hits: 0, size: 10, last_accessed: when, last_modified: when }], queued_images: [] })
    seen.reads = 0
    assert.deepEqual([await bytesOf(cloud, 'p1:member', id), await bytesOf(cloud, 'p1:member', id, { range: 'bytes=5-8' }), seen.reads], ['some bytes', 'byte', 0])
    assert.equal((await state(cloud)).cached_images[0].hits, 2)
    assert.deepEqual([(await cloud.as('p2:member')('GET', `/v2/images/${id}/file`)).status, (await cloud.as('p1:reader')('GET', `/v2/images/${id}/file`)).status], [404, 403])
    assert.equal((await admin(cloud)('POST', `/v2/images/${id}/actions/deactivate`)).status, 204)
    assert.equal((await cloud.as('p1:member')('GET', `/v2/images/${id}/file`)).status, 403)
    assert.equal((await state(cloud)).cached_images[0].hits, 2)
    assert.equal((await cloud.as('p1:member')('DELETE', `/v2/images/${id}`)).status, 204)
    assert.deepEqual([await state(cloud), await readdir(imageCacheDir)], [{ cached_images: [], queued_images: [] }, []])
  })
})

test('an image that was read from far away is near the next time', async () => {
  await inDirectory(async imageCacheDir => {
    const { seen, store } = far()
    await using cloud = await glanceAlone({ store, options: { imageCacheDir } })
    const { id } = await cloud.uploaded('p1:member', 'some bytes')
    await bytesOf(cloud, 'p1:member', id)
    await cloud.glance.idle()
    seen.reads = 0
    assert.deepEqual([await bytesOf(cloud, 'p1:member', id), seen.reads], ['some bytes', 0])
  })
})

test('what is cached and is not the image any more is not given out, and goes', async () => {
  await inDirectory(async imageCacheDir => {
    await using cloud = await glanceAlone({ options: { imageCacheDir } })
    const { id } = await cloud.uploaded('p1:member', 'some bytes')
    await admin(cloud)('PUT', `/v2/cache/${id}`)
    await cloud.glance.idle()
    await writeFile(join(imageCacheDir, id), 'evil bytes')
    assert.notEqual(await bytesOf(cloud, 'p1:member', id).catch(() => 'broken off'), 'evil bytes')
    assert.equal(await bytesOf(cloud, 'p1:member', id), 'some bytes')
  })
})

test('the images that were read longest ago make room, and the operator takes out what he likes', async () => {
  await inDirectory(async imageCacheDir => {
    await using cloud = await glanceAlone({ options: { imageCacheDir, imageCacheMaxSize: 25 } })
    const images: string[] = []
    for (let i = 0; i < 3; i++) {
      const { id } = await cloud.uploaded('p1:member', `${i} ten byte`)
      images.push(id)
      await cloud.clock.advance(1000)
      if (i === 2) await bytesOf(cloud, 'p1:member', images[0]!)
      await cloud.clock.advance(1000)
      await admin(cloud)('PUT', `/v2/cache/${id}`)
      await cloud.glance.idle()
    }
    assert.deepEqual(new Set(ids((await state(cloud)).cached_images)), new Set([images[0], images[2]]))
    assert.deepEqual((await admin(cloud)('POST', '/v2/cache/prune')).body, { total_files_pruned: 0, total_bytes_pruned: 0 })
    assert.equal((await admin(cloud)('DELETE', `/v2/cache/${images[0]}`)).status, 204)
    assert.deepEqual(ids((await state(cloud)).cached_images), [images[2]])
    await writeFile(join(imageCacheDir, `${images[1]}.partial`), 'half')
    assert.equal((await admin(cloud)('POST', '/v2/cache/clean')).status, 200)
    assert.equal((await admin(cloud)('DELETE', '/v2/cache', { headers: { 'x-image-cache-clear-target': 'everything' } })).status, 400)
    assert.equal((await admin(cloud)('DELETE', '/v2/cache', { headers: { 'x-image-cache-clear-target': 'queue' } })).status, 204)
    assert.deepEqual(await readdir(imageCacheDir), [images[2]])
    assert.equal((await admin(cloud)('DELETE', '/v2/cache')).status, 204)
    assert.deepEqual(await readdir(imageCacheDir), [])
    const queued = (await cloud.as('p1:member')('POST', '/v2/images', { body: {} })).body.id
    assert.equal((await admin(cloud)('PUT', `/v2/cache/${queued}`)).status, 400)
    for (const method of ['PUT', 'DELETE'] as const) assert.equal((await admin(cloud)(method, '/v2/cache/11111111-2222-4333-8444-555555555555')).status, 404)
  })
})

test('a fetch that fails leaves nothing, and what was wanted is fetched after a restart', async () => {
  await inDirectory(async imageCacheDir => {
    const { seen, store } = far()
    const db = openSqlite<Tables>(':memory:')
    let id: string
    {
      await using cloud = await glanceAlone({ db, store, options: { imageCacheDir } })
      id = (await cloud.uploaded('p1:member', 'some bytes')).id
      seen.broken = true
      await admin(cloud)('PUT', `/v2/cache/${id}`)
      await cloud.glance.idle()
      assert.deepEqual([await state(cloud), await readdir(imageCacheDir)], [{ cached_images: [], queued_images: [] }, []])
    }
    seen.broken = false
    await writeFile(join(imageCacheDir, `${id}.queued`), '')
    await writeFile(join(imageCacheDir, `${id}.partial`), 'some')
    {
      await using cloud = await glanceAlone({ db, store, seed: 'other', options: { imageCacheDir } })
      await cloud.glance.idle()
      assert.deepEqual([ids((await state(cloud)).cached_images), await readdir(imageCacheDir)], [[id], [id]])
    }
    await db.close()
  })
})

test('a directory that lets nothing be removed ends neither the fetching of other images nor a delete', async () => {
  await inDirectory(async imageCacheDir => {
    const { store } = far()
    let stuck = ''
    const read = async (...asked: Parameters<ImageStore['read']>) => {
      if (stuck === '') return store.read(...asked)
      await rm(join(imageCacheDir, stuck))
      await mkdir(join(imageCacheDir, stuck))                   // as good as a file that cannot be removed
      stuck = ''
      throw new Error('the store is away')
    }
    await using cloud = await glanceAlone({ store: { ...store, read }, options: { imageCacheDir } })
    const [first, second] = [(await cloud.uploaded('p1:member', 'one')).id, (await cloud.uploaded('p1:member', 'two')).id]
    stuck = `${first}.queued`
    for (const id of [first, second]) {
      assert.equal((await admin(cloud)('PUT', `/v2/cache/${id}`)).status, 202)
      await cloud.glance.idle()
    }
    assert.deepEqual([ids((await state(cloud)).cached_images), (await state(cloud)).queued_images], [[second], []])
    await rm(join(imageCacheDir, second))
    await mkdir(join(imageCacheDir, second))
    assert.equal((await cloud.as('p1:member')('DELETE', `/v2/images/${second}`)).status, 204)
    assert.deepEqual((await Array.fromAsync(store.names())).length, 1)
  })
})

// Images that must not be opened, on every way into the cloud: each is refused, and nothing of it stays.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { HARMLESS_IMAGES, HOSTILE_IMAGES, type HostileImage } from '@alto/kit/testing'
import { findBroken } from '../store/invariants.ts'
import { glanceAlone, type Cloud } from './cloud.ts'

const me = (cloud: Cloud) => cloud.as('p1:member')
const queued = async (cloud: Cloud, { declared }: Pick<HostileImage, 'declared'>): Promise<string> => (await me(cloud)('POST', '/v2/images', { body: { disk_format: declared, container_format: declared === 'aki' ? 'aki' : 'bare' } })).body.id
const show = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}`)).body
const taskOf = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}/tasks`)).body.tasks.at(-1)

/** Deletes the image and looks whether anything is left. */
async function leavesNothing(cloud: Cloud, id: string, name: string) {
  assert.equal((await me(cloud)('DELETE', `/v2/images/${id}`)).status, 204, name)
  await cloud.glance.idle()
  assert.deepEqual([await Array.fromAsync(cloud.store.names()), await cloud.db.read(findBroken), await cloud.glance.audit({ repair: false })], [[], [], []], name)
}

test('an upload of a hostile image is refused, whether its length was announced or not', async () => {
  await using cloud = await glanceAlone()
  for (const image of HOSTILE_IMAGES) {
    const id = await queued(cloud, image)
    for (const bytes of [image.bytes, Readable.from([image.bytes.subarray(0, 100), image.bytes.subarray(100)])]) {
      const answer = await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes })
      assert.deepEqual([answer.status, (await show(cloud, id)).status, await Array.fromAsync(cloud.store.names())], [415, 'queued', []], image.name)
      assert.match(answer.body, image.because)
    }
    await leavesNothing(cloud, id, image.name)
  }
})

test('what is unsafe stays outside where formats need not match', async () => {
  await using cloud = await glanceAlone({ options: { requireImageFormatMatch: false } })
  for (const image of HOSTILE_IMAGES.filter(one => !/declared (?:a VMDK|qcow2)/.test(one.name))) {
    const id = await queued(cloud, image)
    assert.equal((await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: image.bytes })).status, 415, image.name)
    await leavesNothing(cloud, id, image.name)
  }
})

for (const plugins of [[], ['image_decompression', 'image_conversion']]) {
  test(`an import of a hostile image fails, ${plugins.length ? 'and no plugin opens it' : 'staged as it was'}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'alto-hostile-'))
    try {
      await using cloud = await glanceAlone({ scratch: join(directory, 'work'), options: { imageImportPlugins: plugins, imageConversionOutputFormat: 'qcow2' } })
      for (const image of HOSTILE_IMAGES) {
        const id = await queued(cloud, image)
        assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes: image.bytes })).status, 204, image.name)
        assert.equal((await me(cloud)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } })).status, 202, image.name)
        await cloud.glance.idle()
        const { status, message } = await taskOf(cloud, id)
        assert.deepEqual([status, (await show(cloud, id)).status, (await readdir(directory, { recursive: true })).filter(name => name !== 'work')], ['failure', 'queued', []], image.name)
        assert.match(message, image.because, image.name)
        await leavesNothing(cloud, id, image.name)
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  })
}

test('a hostile image is not fetched from the web either', async () => {
  const server = createServer((request, response) => { response.end(HOSTILE_IMAGES[Number(request.url!.slice(1))]!.bytes) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  try {
    await using cloud = await glanceAlone()
    for (const [i, image] of HOSTILE_IMAGES.entries()) {
      const id = await queued(cloud, image)
      const method = { name: 'web-download', uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${i}` }
      assert.equal((await me(cloud)('POST', `/v2/images/${id}/import`, { body: { method } })).status, 202, image.name)
      await cloud.glance.idle()
      const { status, message } = await taskOf(cloud, id)
      assert.deepEqual([status, (await show(cloud, id)).status], ['failure', 'queued'], image.name)
      assert.match(message, image.because, image.name)
      await leavesNothing(cloud, id, image.name)
    }
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => { server.close(resolve) })
  }
})

test('the same images with nothing wrong about them come in', async () => {
  await using cloud = await glanceAlone()
  for (const image of HARMLESS_IMAGES) {
    const id = await queued(cloud, image)
    assert.deepEqual([(await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: image.bytes })).status, (await show(cloud, id)).status], [204, 'active'], image.name)
  }
})

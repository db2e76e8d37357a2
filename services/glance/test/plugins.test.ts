// What is done to images between their coming and their stores: unpacked, converted, given properties, and never opened before they were looked into.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { qemuImg } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
import { memoryStore } from '../index.ts'
import { glanceAlone, type OPTIONS } from './cloud.ts'

/** A Glance with plugins, its scratch directory, and what it takes to see an import through. */
async function withPlugins(options: Partial<typeof OPTIONS>) {
  const place = await mkdtemp(join(tmpdir(), 'alto-plugins-'))
  const scratch = join(place, 'scratch')
  const cheap = memoryStore({ id: 'cheap' })
  const cloud = await glanceAlone({ scratch, more: [cheap], options })
  return {
    cloud, cheap, place,
    /** Imports `bytes` as an image of the format, and gives it and the end of its task. */
    async imported(bytes: Uint8Array, more: Record<string, unknown> = {}, body: Record<string, unknown> = {}, token = 'p1:member') {
      const me = cloud.as(token)
      const { id } = (await me('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare', ...more } })).body
      assert.equal((await me('PUT', `/v2/images/${id}/stage`, { bytes })).status, 204)
      assert.equal((await me('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' }, ...body } })).status, 202)
      await cloud.glance.idle()
      assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
      assert.deepEqual(await readdir(scratch).catch(() => []), [])
      const { body: image } = await me('GET', `/v2/images/${id}`)
      return { image, message: (await me('GET', `/v2/images/${id}/tasks`)).body.tasks[0].message as string, bytes: (await me('GET', `/v2/images/${id}/file`)).body as Buffer }
    },
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]()
      await rm(place, { recursive: true })
    },
  }
}

/** Bytes that a program makes of a file in a directory. */
async function packed(place: string, program: 'xz' | 'bzip2', bytes: Uint8Array): Promise<Buffer> {
  await writeFile(join(place, 'plain'), bytes)
  await commandHost.run([program, '-z', '-f', join(place, 'plain')])
  return readFile(join(place, program === 'xz' ? 'plain.xz' : 'plain.bz2'))
}

async function qcow2(place: string, bytes = 1 << 20): Promise<Buffer> {
  await rm(join(place, 'disk'), { force: true })
  await qemuImg(commandHost).create({ path: join(place, 'disk'), format: 'qcow2', bytes })
  return readFile(join(place, 'disk'))
}

test('a compressed image is kept unpacked, in every store, with the hashes and the size of what was in it', async () => {
  await using its = await withPlugins({ imageImportPlugins: ['image_decompression'] })
  const plain = Buffer.from('an image '.repeat(10_000))
  for (const bytes of [gzipSync(plain), await packed(its.place, 'xz', plain), await packed(its.place, 'bzip2', plain), plain]) {
    const { image, bytes: kept } = await its.imported(bytes, {}, { stores: ['file', 'cheap'] })
    assert.deepEqual([image.status, image.size, image.stores.split(',').toSorted()], ['active', plain.length, ['cheap', 'file']])
    assert.ok(kept.equals(plain))
  }
  const stays = await its.imported(gzipSync(plain), { container_format: 'compressed' })
  assert.deepEqual([stays.image.size, stays.bytes.subarray(0, 2).toString('hex')], [gzipSync(plain).length, '1f8b'])
  assert.deepEqual((await Array.fromAsync(its.cheap.names())).length, 4)
})

test('what is unpacked is looked into like what came plain, and may not be more than an image may', async () => {
  await using its = await withPlugins({ imageImportPlugins: ['image_decompression'], imageSizeCap: 1_000_000 })
  const disk = await qcow2(its.place)
  assert.deepEqual([(await its.imported(gzipSync(disk), { disk_format: 'qcow2' })).image.virtual_size], [1 << 20])
  const hidden = await its.imported(gzipSync(disk))
  assert.deepEqual([hidden.image.status, hidden.message], ['queued', 'the image was declared to be raw, its content is qcow2'])
  const bomb = Buffer.alloc(2_000_000)
  for (const bytes of [gzipSync(bomb), await packed(its.place, 'xz', bomb)]) {
    const { image, message } = await its.imported(bytes)
    assert.deepEqual([image.status, image.os_glance_failed_import], ['queued', 'file'])
    assert.match(message, /too large|larger than it may be/)
  }
  assert.match((await its.imported(gzipSync(Buffer.from('x')).subarray(0, 15))).message, /cannot be unpacked/)
})

test('an image is kept in the format that the site wants, its disk the same', async () => {
  await using its = await withPlugins({ imageImportPlugins: ['image_decompression', 'image_conversion'], imageConversionOutputFormat: 'raw' })
  const disk = await qcow2(its.place)
  for (const bytes of [disk, gzipSync(disk)]) {
    const { image, bytes: kept } = await its.imported(bytes, { disk_format: 'qcow2' })
    assert.deepEqual([image.status, image.disk_format, image.size, image.virtual_size, kept.length], ['active', 'raw', 1 << 20, 1 << 20, 1 << 20])
  }
  const iso = Buffer.alloc(40_000)
  iso.write('CD001', 0x8001)
  assert.deepEqual([(await its.imported(iso, { disk_format: 'iso' })).image.disk_format, (await its.imported(Buffer.from('kernel'), { disk_format: 'aki', container_format: 'aki' })).image.disk_format], ['iso', 'aki'])
})

test('an image that would open other files, is not what it says, or hides another one is never converted', async () => {
  await using its = await withPlugins({ imageImportPlugins: ['image_conversion'], imageSizeCap: 4_000_000 })
  const disk = await qcow2(its.place)
  const backed = Buffer.from(disk)
  backed.writeBigUInt64BE(512n, 8)
  backed.writeUInt32BE(11, 16)
  backed.write('/etc/passwd', 512)
  await writeFile(join(its.place, 'inner'), disk)
  await rm(join(its.place, 'outer'), { force: true })
  await qemuImg(commandHost).convert({ path: join(its.place, 'inner'), format: 'raw' }, { path: join(its.place, 'outer'), format: 'qcow2' }, 10_000_000)
  const cases: [Buffer, RegExp][] = [[backed, /names a backing file/], [Buffer.from('plain'), /its content is raw/], [await readFile(join(its.place, 'outer')), /image of format qcow2 inside/], [await qcow2(its.place, 8_000_000), /larger than the 4000000/]]
  for (const [bytes, words] of cases) {
    const { image, message } = await its.imported(bytes, { disk_format: 'qcow2' })
    assert.deepEqual([image.status, image.disk_format], ['queued', 'qcow2'])
    assert.match(message, words)
  }
})

test('imported images get the properties of the site, but for users of the roles that are left out', async () => {
  await using its = await withPlugins({ imageImportPlugins: ['inject_image_metadata'], injectMetadata: ['from:the site', 'os_glance_import_task:x', 'url:http://a:1'] })
  const { image } = await its.imported(Buffer.from('x'), { from: 'me' })
  assert.deepEqual([image.from, image.url, image.os_glance_import_task], ['the site', 'http://a:1', undefined])
  assert.equal((await its.imported(Buffer.from('x'), { from: 'me' }, {}, 'p1:admin')).image.from, 'me')
})

test('a method or plugin that is none keeps Glance from starting, and so does one that misses its directory', async () => {
  await assert.rejects(glanceAlone({ options: { imageImportPlugins: ['image_polishing'] } }), /image_import_plugins: image_polishing is none. There are no_op, /)
  await assert.rejects(glanceAlone({ options: { enabledImportMethods: ['ftp'] } }), /enabled_import_methods: ftp is none. There are glance-direct, /)
  await assert.rejects(glanceAlone({ options: { imageImportPlugins: ['image_conversion'] } }), /need a directory/)
})

// Disks as files, with the real qemu-img.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HeldFile, qemuImg } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
import { diskStoreConformance } from './disks.conformance.ts'
import { fileDisks } from './file.ts'

const ID = 'bbbbbbbb-0000-4000-8000-000000000001'
const MIB = 2 ** 20
const signal = new AbortController().signal

async function open() {
  const directory = await mkdtemp(join(tmpdir(), 'alto-volumes-'))
  return { directory, store: fileDisks({ directory, cloud: 'cloud', images: qemuImg(commandHost) }), [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) }
}

diskStoreConformance('disks as files', open)

test('an image that names another file of the host is refused, and nothing is left of it', async () => {
  await using bench = await open()
  const overlay = join(bench.directory, 'overlay.qcow2')
  await commandHost.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/hostname', '-u', overlay, '1M'])
  const bytes = await readFile(overlay)
  const image = { id: 'evil', sha512: createHash('sha512').update(bytes).digest('hex'), diskFormat: 'qcow2' }
  const download = async () => (async function* () { yield bytes })()
  await assert.rejects(bench.store.makeFromImage(ID, { image, bytes: 4 * MIB }, download, signal), { code: 'disk.unsafe' })
  await assert.rejects(bench.store.makeFromImage(ID, { image: { ...image, diskFormat: 'raw' }, bytes: 4 * MIB }, download, signal), { code: 'disk.formatMismatch' })
  assert.deepEqual(await readdir(join(bench.directory, 'cloud', ID)), [])
})

test('an image that Glance keeps on the same machine becomes a disk from where it lies, and is refused there when its bytes are others', async () => {
  await using bench = await open()
  const path = join(bench.directory, 'blob')
  const content = Buffer.alloc(MIB, 'alto')
  await writeFile(path, content)
  const image = { id: 'near', sha512: createHash('sha512').update(content).digest('hex'), diskFormat: 'raw' }
  const seen: string[][] = []
  const handed = async () => new HeldFile(path, async () => { seen.push((await readdir(join(bench.directory, 'cloud', ID))).toSorted()) })
  await assert.rejects(bench.store.makeFromImage(ID, { image: { ...image, sha512: '00' }, bytes: 2 * MIB }, handed, signal), { code: 'cinder.disk.checksum' })
  await bench.store.makeFromImage(ID, { image, bytes: 2 * MIB }, handed, signal)
  assert.deepEqual([seen, await bench.store.look(ID), (await stat(path)).nlink], [[[], ['disk.partial']], 2 * MIB, 1])       // when it let go: no copy was made
  await using copy = await bench.store.copyFor(ID, 'raw', signal)
  assert.ok(Buffer.concat(await Array.fromAsync(copy.read())).subarray(0, MIB).equals(content))
})

test('what a guest writes over the beginning of its disk is bytes and no format: an upload, a copy and a larger disk hold nothing of the host', async () => {
  await using bench = await open()
  const secret = join(bench.directory, 'secret')
  await writeFile(secret, Buffer.alloc(MIB, 'the host knows this'))
  const [overlay, inside] = [join(bench.directory, 'overlay.qcow2'), 'cccccccc-0000-4000-8000-000000000001']
  await commandHost.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, overlay, '1M'])
  await bench.store.makeBlank(ID, 2 * MIB)
  const header = await readFile(overlay)
  await writeFile(overlay, header.subarray(0, 65_536))
  const connection = bench.store.connection(ID)
  assert.ok(connection.kind === 'file')
  await commandHost.run(['qemu-io', '-f', 'qcow2', '-c', `write -s ${overlay} 0 65536`, connection.path])
  await bench.store.makeCopy(inside, { sourceId: ID, bytes: 4 * MIB }, signal)
  await bench.store.grow(ID, 4 * MIB)
  for (const id of [ID, inside]) {
    await using copy = await bench.store.copyFor(id, 'raw', signal)
    const bytes = Buffer.concat(await Array.fromAsync(copy.read()))
    assert.ok(bytes.subarray(0, 65_536).equals(header.subarray(0, 65_536)))
    assert.deepEqual([bytes.length, bytes.subarray(65_536).every(byte => byte === 0), await bench.store.look(id)], [4 * MIB, true, 4 * MIB])
  }
})

test('what a crash left half made is made anew', async () => {
  await using bench = await open()
  await mkdir(join(bench.directory, 'cloud', ID), { recursive: true })
  await writeFile(join(bench.directory, 'cloud', ID, 'disk.partial'), 'half')
  assert.equal(await bench.store.look(ID), undefined)
  await bench.store.makeBlank(ID, MIB)
  assert.deepEqual([await bench.store.look(ID), await readdir(join(bench.directory, 'cloud', ID))], [MIB, ['disk.qcow2']])
})

test('an image whose disk is larger than the volume is refused', async () => {
  await using bench = await open()
  const bytes = Buffer.alloc(2 * MIB)
  const image = { id: 'big', sha512: createHash('sha512').update(bytes).digest('hex'), diskFormat: 'raw' }
  await assert.rejects(bench.store.makeFromImage(ID, { image, bytes: MIB }, async () => (async function* () { yield bytes })(), signal), { code: 'cinder.disk.tooSmall' })
})

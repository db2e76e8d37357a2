// The QEMU driver keeps the drivers' promises, with real QEMU processes whose disks are empty.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { HeldFile, qemuImg } from '@alto/kit/disk'
import { isFault } from '@alto/kit/errors'
import { commandHost } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { GIB } from '../../model/guests.ts'
import { hypervisorConformance, type Bench } from '../hypervisor.conformance.ts'
import { placesOf } from './files.ts'
import { qemuHypervisor } from './hypervisor.ts'

const DISK = Buffer.alloc(1024 * 1024)
const GUEST = '11111111-2222-4333-8444-555555555555'
const image = { id: 'empty', sha512: createHash('sha512').update(DISK).digest('hex'), diskFormat: 'raw' }

async function open(): Promise<Bench & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-q-'))
  const options = { host: commandHost, clock: systemClock, data: join(dir, 'data'), run: join(dir, 'run'), emulation: { acceleration: 'tcg', cpu: 'max' } as const, mark: `alto-${systemIds.hex().slice(0, 8)}-test` }
  const driver = await qemuHypervisor(options)
  return {
    driver, image, dir,
    download: async () => (async function* () { yield DISK })(),
    async volume() {
      const path = join(dir, 'volume.qcow2')
      await qemuImg(commandHost).create({ path, format: 'qcow2', bytes: GIB })
      return { id: '33333333-2222-4333-8444-555555555555', attachmentId: '44444444-2222-4333-8444-555555555555', device: '/dev/vdb', sizeGib: 1, connection: { kind: 'file', path, format: 'qcow2' } }
    },
    async blank() {
      const path = join(dir, 'blank.qcow2')
      await qemuImg(commandHost).create({ path, format: 'qcow2', bytes: GIB })
      return { kind: 'file', path, format: 'qcow2' }
    },
    async restarted() {
      await driver.close()                                                     // a monitor has one client at a time
      return await qemuHypervisor(options)
    },
    async [Symbol.asyncDispose]() {
      for (const { serverId } of await driver.marked()) if (serverId) await driver.destroy(serverId)
      await driver.close()
      await rm(dir, { recursive: true })
    },
  }
}

hypervisorConformance('qemu', open)

const makeRoot = (bench: Bench, change: Partial<typeof image>, content = DISK, bytes = GIB) =>
  bench.driver.makeRoot(GUEST, { image: { ...image, ...change }, revision: 1, bytes }, async () => (async function* () { yield content })(), new AbortController().signal)

test('an image whose bytes are not those that Glance has is refused, and nothing of it is kept', async () => {
  await using bench = await open()
  await assert.rejects(makeRoot(bench, {}, Buffer.alloc(7)), error => isFault(error, 'nova.image.checksum'))
  assert.deepEqual(await bench.driver.marked(), [])
  assert.equal((await bench.driver.look(GUEST)).root, undefined)
})

test('an image that names a backing file, or is not what it was declared, or does not fit, is refused before anything opens it', async () => {
  await using bench = await open()
  const hostile = Buffer.alloc(1024)
  hostile.write('QFI\xfb\0\0\0\x02', 0, 'latin1')
  hostile.writeBigUInt64BE(512n, 8)
  hostile.writeUInt32BE(11, 16)
  hostile.writeUInt32BE(16, 20)
  hostile.write('/etc/passwd', 512)
  const sha512 = createHash('sha512').update(hostile).digest('hex')
  await assert.rejects(makeRoot(bench, { sha512, diskFormat: 'qcow2' }, hostile), error => isFault(error, 'disk.unsafe'))
  await assert.rejects(makeRoot(bench, { sha512 }, hostile), error => isFault(error, 'disk.formatMismatch'))
  await assert.rejects(makeRoot(bench, {}, DISK, 4096), error => isFault(error, 'nova.image.tooLarge'))
  assert.deepEqual(await bench.driver.marked(), [])
})

test('an image is downloaded once for any number of guests that want it at the same time', async () => {
  await using bench = await open()
  let downloads = 0
  const ids = [1, 2, 3].map(n => GUEST.replace(/^1/, String(n)))
  await Promise.all(ids.map(id => bench.driver.makeRoot(id, { image, revision: 1, bytes: GIB }, () => { downloads++; return bench.download() }, new AbortController().signal)))
  assert.equal(downloads, 1)
})

test('a raw image that Glance keeps on the same machine is a base without a byte being copied, and stays one when Glance has it no more', async () => {
  await using bench = await open()
  const path = join(bench.dir, 'blob')
  await writeFile(path, DISK)
  let isHeld = true
  await bench.driver.makeRoot(GUEST, { image, revision: 1, bytes: GIB }, async () => new HeldFile(path, async () => { isHeld = false }), new AbortController().signal)
  const [base] = (await bench.driver.marked()).filter(({ kind }) => kind === 'cached-image')
  assert.deepEqual([(await stat(base!.name)).ino, isHeld], [(await stat(path)).ino, false])
  await rm(path)
  assert.ok((await readFile(base!.name)).equals(DISK))
  assert.deepEqual((await bench.driver.look(GUEST)).root, { revision: 1, bytes: GIB })
})

test('an image of another format that Glance keeps on the same machine is converted from where it lies', async () => {
  await using bench = await open()
  const path = join(bench.dir, 'blob')
  await qemuImg(commandHost).create({ path, format: 'qcow2', bytes: 4 * DISK.length })
  const sha512 = createHash('sha512').update(await readFile(path)).digest('hex')
  const seen: string[] = []
  await bench.driver.makeRoot(GUEST, { image: { id: 'packed', sha512, diskFormat: 'qcow2' }, revision: 1, bytes: GIB },
    async () => new HeldFile(path, async () => { seen.push(...await readdir(join(bench.dir, 'data', 'images'))) }), new AbortController().signal)
  assert.deepEqual(seen, [`${sha512}-qcow2`])                              // when it let go; and no copy was beside it
  assert.equal((await stat((await bench.driver.marked()).find(({ kind }) => kind === 'cached-image')!.name)).size, 4 * DISK.length)
})

test('a file of Glance whose bytes are not those of the image any more is refused and let go, and nothing of it is kept', async () => {
  await using bench = await open()
  const path = join(bench.dir, 'blob')
  await writeFile(path, Buffer.concat([DISK.subarray(1), Buffer.from('x')]))
  let isHeld = true
  for (const diskFormat of ['raw', 'qcow2']) {
    isHeld = true
    await assert.rejects(bench.driver.makeRoot(GUEST, { image: { ...image, diskFormat }, revision: 1, bytes: GIB }, async () => new HeldFile(path, async () => { isHeld = false }), new AbortController().signal), error => isFault(error, 'nova.image.checksum'))
    assert.equal(isHeld, false)
  }
  assert.deepEqual([await bench.driver.marked(), (await stat(path)).nlink], [[], 1])
})

test('what a guest writes over the beginning of its disk is bytes and no format: a snapshot and a larger disk hold nothing of the host', async () => {
  await using bench = await open()
  const [secret, overlay] = [join(bench.dir, 'secret'), join(bench.dir, 'overlay.qcow2')]
  await writeFile(secret, Buffer.alloc(DISK.length, 'the host knows this'))
  await commandHost.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, overlay, '1M'])
  const header = (await readFile(overlay)).subarray(0, 65_536)
  await writeFile(overlay, header)
  await makeRoot(bench, {}, DISK, 4 * DISK.length)
  const { name } = (await bench.driver.marked()).find(({ kind }) => kind === 'disk-directory')!
  const root = (await readdir(name)).find(file => file.startsWith('root'))!
  await commandHost.run(['qemu-io', '-f', 'qcow2', '-c', `write -s ${overlay} 0 65536`, join(name, root)])
  await bench.driver.growRoot(GUEST, 8 * DISK.length)
  await using copy = await bench.driver.snapshot(GUEST, 'raw', new AbortController().signal)
  const bytes = Buffer.concat(await Array.fromAsync(copy.read()))
  assert.ok(bytes.subarray(0, 65_536).equals(header))
  assert.deepEqual([bytes.length, bytes.subarray(65_536).every(byte => byte === 0)], [8 * DISK.length, true])
})

test('a cached image goes when no guest stands on it and nobody wanted it for long enough', async () => {
  await using bench = await open()
  const cached = async () => (await bench.driver.marked()).filter(({ kind }) => kind === 'cached-image').length
  await makeRoot(bench, {})
  await bench.driver.tidy(-1)
  assert.equal(await cached(), 1)
  await bench.driver.destroy(GUEST)
  await bench.driver.tidy(60_000)
  assert.equal(await cached(), 1)
  await bench.driver.tidy(-1)
  assert.equal(await cached(), 0)
})

test('any number of looks at a guest at once share one connection to its monitor', async () => {
  await using bench = await open()
  await makeRoot(bench, {})
  await bench.driver.start({ id: GUEST, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [] })
  const again = await bench.restarted()
  const looks = await Promise.all(Array.from({ length: 8 }, () => again.look(GUEST)))
  assert.deepEqual(looks.map(({ process }) => process), Array(8).fill('running'))
  await again.close()
})

test('a server id that is a path is refused', async () => {
  await using bench = await open()
  await assert.rejects(bench.driver.destroy('../../etc'), error => isFault(error, 'nova.guest.badId'))
})

test('a run directory that is too long for unix sockets is refused at start', () => {
  assert.throws(() => placesOf({ data: '/x', run: `/${'x'.repeat(80)}`, mark: 'm' }), /too long for unix sockets/)
})

test('the console log, the VNC and the serial console of a guest are there while it runs', async () => {
  await using bench = await open()
  await bench.driver.makeRoot(GUEST, { image, revision: 1, bytes: GIB }, () => bench.download(), new AbortController().signal)
  await bench.driver.start({ id: GUEST, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [], configDrive: [{ path: 'openstack/latest/user_data', content: 'eA==' }] })
  for (const [kind, greeting] of [['vnc', /^RFB 003\.008\n/], ['serial', undefined]] as const) {
    const endpoint = await bench.driver.console(GUEST, kind)
    assert.ok(endpoint.kind === 'unix')
    const socket = connect({ path: endpoint.path })
    await once(socket, 'connect')
    if (greeting) assert.match(String((await once(socket, 'data'))[0]), greeting)
    socket.destroy()
  }
  const { name } = (await bench.driver.marked()).find(({ kind }) => kind === 'disk-directory')!
  await writeFile(join(name, 'console.log'), 'one\ntwo\nthree\n')
  assert.equal(await bench.driver.consoleLog(GUEST, 2), 'two\nthree\n')
  assert.equal(await bench.driver.consoleLog(GUEST), 'one\ntwo\nthree\n')
})

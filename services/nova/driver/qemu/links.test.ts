// A guest with a volume of another host: a real QEMU without an operating system in a namespace that reaches nobody, a link, and a storage daemon in the part of the volume's host.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { attachmentKey, endStorageDaemons, keepStorageDaemon, qemuImg, storageDaemonsOf } from '@alto/kit/disk'
import { isFault, isFinalFault } from '@alto/kit/errors'
import { addNamespace, commandHost, daemonOf, removeNamespace } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { freePort, until } from '@alto/kit/testing'
import { GIB, NO_NOTES, type GuestSpec, type GuestVolume } from '../../model/guests.ts'
import { nextStep } from '../../model/convergence.ts'
import { volumeDevice } from './arguments.ts'
import { filesOf, placesOf, volumeNode } from './files.ts'
import { qemuHypervisor } from './hypervisor.ts'
import { volumeLinks } from './links.ts'
import { connectQmp } from './qmp.ts'

const SECRET = 'the data secret of a site'
const DISK = Buffer.alloc(1024 * 1024)
const GUEST = '11111111-2222-4333-8444-555555555555'
const [ATTACHMENT, IDENTITY] = ['44444444-2222-4333-8444-555555555555', '55555555-2222-4333-8444-555555555555'] as const
const image = { id: 'empty', sha512: createHash('sha512').update(DISK).digest('hex'), diskFormat: 'raw' }
const signal = new AbortController().signal

/** A compute host with a guest, and a volume host with a volume, which serves it when it is told. */
async function open(change: { dataSecret?: undefined } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'alto-l-'))
  const mark = `alto-${systemIds.hex().slice(0, 8)}-test`
  await addNamespace(commandHost, mark)
  const emulation = { acceleration: 'tcg', cpu: 'max' } as const
  const options = { host: commandHost, clock: systemClock, data: join(dir, 'data'), run: join(dir, 'run'), emulation, mark, netns: mark, ...(!('dataSecret' in change) && { dataSecret: SECRET }) }
  const driver = await qemuHypervisor(options)
  const file = join(dir, 'volume.qcow2')
  await qemuImg(commandHost).create({ path: file, format: 'qcow2', bytes: GIB })
  await commandHost.run(['truncate', '-s', '8T', file])
  const port = await freePort()
  const volume: GuestVolume = {
    id: '33333333-2222-4333-8444-555555555555', attachmentId: ATTACHMENT, device: '/dev/vdb', sizeGib: 1,
    connection: { kind: 'nbd-tls', address: '127.0.0.1', port, exportName: IDENTITY, identity: IDENTITY, format: 'qcow2' },
  }
  const spec: GuestSpec = { id: GUEST, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [] }
  await driver.makeRoot(GUEST, { image, revision: 1, bytes: GIB }, async () => (async function* () { yield DISK })(), signal)
  const files = filesOf(placesOf(options), GUEST)
  return {
    driver, options, volume, spec, files, file, mark,
    serve: () => keepStorageDaemon({
      name: `${mark}.export.${IDENTITY}`, directory: join(dir, 'export'), exportName: IDENTITY, readOnly: false, tls: { endpoint: 'server', identity: IDENTITY, key: attachmentKey(SECRET, IDENTITY) },
      blockdev: { driver: 'file', filename: file }, listen: { type: 'inet', host: '127.0.0.1', port: String(port) },
    }, systemClock, () => {}),
    kill: async (part: 'link' | 'export') => {
      for (const { process: { pid } } of await storageDaemonsOf(`${mark}.${part}.`)) process.kill(pid, 'SIGKILL')
      await until('the storage daemons are gone', async () => (await storageDaemonsOf(`${mark}.${part}.`)).length === 0)
    },
    /** Writes as the guest's disk would: a qemu-io command on its disk. */
    async io(command: string): Promise<void> {
      const qmp = await connectQmp(files.spareMonitor, systemClock)
      try {
        const refusal = await qmp.execute('human-monitor-command', { 'command-line': `qemu-io -d /machine/peripheral/${volumeDevice(ATTACHMENT)}/virtio-backend "${command}"` }, 60_000)
        assert.equal(refusal, '')
      } finally {
        qmp.close()
      }
    },
    /** Ends all that has the volume open, and reads it on its own host: how many of the reads found what they should. */
    async found(...reads: string[]): Promise<number> {
      await driver.kill(GUEST)
      await endStorageDaemons(`${mark}.`, systemClock)
      const { stdout } = await commandHost.run(['qemu-io', '-r', '-f', 'qcow2', file, ...reads.flatMap(read => ['-c', read])], { accept: [0, 1] })
      return (stdout.match(/^read (\d+)\/\1 /gm)?.length ?? 0) - (stdout.match(/verification failed/g)?.length ?? 0)
    },
    async [Symbol.asyncDispose]() {
      await driver.destroy(GUEST)
      await driver.close()
      await endStorageDaemons(`${mark}.`, systemClock)
      await removeNamespace(commandHost, mark)
      await rm(dir, { recursive: true })
    },
  }
}

test('a guest writes to a volume of another host, which grows under it, and nothing of the link is left when it is unplugged', async () => {
  await using bench = await open()
  const { driver, volume } = bench
  await bench.serve()
  await driver.start(bench.spec)
  await driver.plugVolume(GUEST, volume)
  await driver.plugVolume(GUEST, volume)
  assert.deepEqual((await driver.look(GUEST)).volumes, [{ attachmentId: ATTACHMENT, bytes: GIB }])
  await bench.io('write -P 7 0 64k')
  await driver.growVolume(GUEST, ATTACHMENT, 2 * GIB)
  await bench.io('write -P 8 2047M 64k')
  assert.deepEqual((await driver.look(GUEST)).volumes, [{ attachmentId: ATTACHMENT, bytes: 2 * GIB }])
  const key = attachmentKey(SECRET, IDENTITY)
  for (const { process: { pid } } of await storageDaemonsOf(`${bench.mark}.`)) assert.ok(!(await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(key))
  assert.equal((await stat(join(bench.files.run, volumeNode(ATTACHMENT), 'keys.psk'))).mode & 0o777, 0o600)
  await assert.rejects(driver.unplugVolume(GUEST, ATTACHMENT), error => isFault(error, 'nova.guest.deviceBusy'))
  assert.equal((await driver.look(GUEST)).volumes.length, 1)
  await driver.reset(GUEST)                      // without an operating system nobody heeds the request; a reset does
  await driver.unplugVolume(GUEST, ATTACHMENT)
  assert.deepEqual([(await driver.look(GUEST)).volumes, await storageDaemonsOf(`${bench.mark}.link.`), (await readdir(bench.files.run)).includes(volumeNode(ATTACHMENT))], [[], [], false])
  assert.deepEqual([await bench.found('read -P 7 0 64k', 'read -P 8 2047M 64k'), await bench.found('read -P 9 0 64k')], [2, 0])
})

test('a guest that starts with such a volume, or from it, waits for its host and then has it', async () => {
  await using bench = await open()
  const { driver, volume, spec } = bench
  const boots: GuestSpec = { ...spec, root: { kind: 'volume', volumeId: volume.id }, volumes: [volume] }
  await assert.rejects(driver.start(boots), error => isFault(error, 'nova.guest.startFailed') && /refused/.test((error as Error).message))
  assert.deepEqual(await storageDaemonsOf(`${bench.mark}.`), [])
  await bench.serve()
  await driver.start(boots)
  assert.deepEqual((await driver.look(GUEST)).volumes, [{ attachmentId: ATTACHMENT, bytes: GIB }])
  assert.equal((await driver.marked()).filter(({ kind, serverId }) => kind === 'process' && serverId === GUEST).length, 2)
  await driver.suspend(GUEST, signal)
  assert.deepEqual(await storageDaemonsOf(`${bench.mark}.link.`), [])
  await driver.start(boots)
  await bench.io('write -P 3 0 64k')
  await driver.kill(GUEST)
  assert.deepEqual(await storageDaemonsOf(`${bench.mark}.link.`), [])
})

test('what a guest writes while the volume\'s daemon is dead is written when it is back', async () => {
  await using bench = await open()
  const { driver, volume } = bench
  await bench.serve()
  await driver.start({ ...bench.spec, volumes: [volume] })
  await bench.io('write -P 1 0 1M')
  await bench.kill('export')
  await bench.io('aio_write -P 2 1M 1M')
  await bench.serve()
  await bench.io('aio_flush')
  assert.equal(await bench.found('read -P 1 0 1M', 'read -P 2 1M 1M'), 2)
})

test('a link that died is noticed at once, and made again under the running guest, which loses nothing', async () => {
  await using bench = await open()
  const { driver, volume } = bench
  await bench.serve()
  const spec = { ...bench.spec, volumes: [volume] }
  await driver.start(spec)
  const hinted = new Promise<string>(resolve => driver.watch(resolve))
  await bench.kill('link')
  assert.equal(await hinted, GUEST)
  const sight = await driver.look(GUEST)
  assert.deepEqual(sight.volumes, [{ attachmentId: ATTACHMENT, bytes: GIB, cut: true }])
  const wanted = { ...spec, power: 'running', powerNonce: 'n', shutdownTimeoutMs: 0, snapshots: [] } as const
  assert.deepEqual(nextStep(wanted, sight, { ...NO_NOTES, startedNonce: 'n' }), { do: 'plugVolume', volume })
  await bench.io('aio_write -P 5 0 1M')
  await driver.plugVolume(GUEST, volume)
  await bench.io('aio_flush')
  assert.deepEqual((await driver.look(GUEST)).volumes, [{ attachmentId: ATTACHMENT, bytes: GIB }])
  assert.equal(await bench.found('read -P 5 0 1M'), 1)
})

test('a link whose volume was not plugged to the end is seen, and goes with an unplug', async () => {
  await using bench = await open()
  const { driver } = bench
  await bench.serve()
  await driver.start(bench.spec)
  await volumeLinks(placesOf(bench.options), { clock: systemClock, dataSecret: SECRET, onEnd: () => {} }).make(bench.files, bench.volume)
  assert.deepEqual((await driver.look(GUEST)).volumes, [{ attachmentId: ATTACHMENT, bytes: 0, half: true }])
  await driver.unplugVolume(GUEST, ATTACHMENT)
  assert.deepEqual([(await driver.look(GUEST)).volumes, await storageDaemonsOf(`${bench.mark}.link.`)], [[], []])
})

test('a guest that vanished leaves a link, which is seen and goes with what is done then, whatever is wanted of the guest', async () => {
  await using bench = await open()
  const { driver } = bench
  await bench.serve()
  await driver.start({ ...bench.spec, volumes: [bench.volume] })
  process.kill(Number(await readFile(bench.files.pidfile, 'utf8')), 'SIGKILL')
  await until('the daemon is gone', async () => await daemonOf(bench.files.pidfile) === undefined)
  const sight = await driver.look(GUEST)
  assert.deepEqual(sight.volumes, [{ attachmentId: ATTACHMENT, bytes: 0, half: true }])
  assert.deepEqual(nextStep({ ...bench.spec, power: 'stopped', powerNonce: 'n', shutdownTimeoutMs: 0, snapshots: [] }, sight, NO_NOTES), { do: 'kill' })
  await driver.kill(GUEST)
  assert.deepEqual([(await driver.look(GUEST)).volumes, await storageDaemonsOf(`${bench.mark}.link.`)], [[], []])
})

test('a host without the data secret says once and for all that it cannot reach the volume', async () => {
  await using bench = await open({ dataSecret: undefined })
  await bench.driver.start(bench.spec)
  await assert.rejects(bench.driver.plugVolume(GUEST, bench.volume), error => isFault(error, 'nova.volume.noSecret') && isFinalFault(error))
})

test('a volume that is to be reached in a way of newer controllers is refused once and for all, and the host is to be upgraded', async () => {
  await using bench = await open()
  await bench.driver.start(bench.spec)
  const volume = { ...bench.volume, connection: { kind: 'rbd', pool: 'volumes', format: 'raw' } } as unknown as GuestVolume
  await assert.rejects(bench.driver.plugVolume(GUEST, volume), error => isFault(error, 'nova.volume.unknownConnection') && isFinalFault(error) && error.message.includes('does not know (rbd)'))
})

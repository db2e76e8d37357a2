// Copies of plugged volumes: real QEMUs without an operating system, which write as a qemu-io at their disk's place says, and targets on this host and behind a link.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { attachmentKey, endStorageDaemons, keepStorageDaemon, qemuImg, storageDaemonsOf } from '@alto/kit/disk'
import { isFault } from '@alto/kit/errors'
import { commandHost, daemonOf } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { freePort, until } from '@alto/kit/testing'
import { GIB, NO_NOTES, type GuestCopy, type GuestSpec, type GuestVolume, type GuestVolumeConnection } from '../../model/guests.ts'
import { nextStep } from '../../model/convergence.ts'
import { volumeDevice } from './arguments.ts'
import { filesOf, placesOf, volumeNode } from './files.ts'
import { qemuHypervisor } from './hypervisor.ts'
import { connectQmp } from './qmp.ts'

const SECRET = 'the data secret of a site'
const DISK = Buffer.alloc(1024 * 1024)
const GUEST = '11111111-2222-4333-8444-555555555555'
const [VOLUME, ATTACHMENT, COPY] = ['33333333-2222-4333-8444-555555555555', '44444444-2222-4333-8444-555555555555', '66666666-2222-4333-8444-555555555555'] as const
const image = { id: 'empty', sha512: createHash('sha512').update(DISK).digest('hex'), diskFormat: 'raw' }
const never = new AbortController().signal

/** A host with a guest that can have a volume, and a blank disk to copy that into; each of the two lies on this host or on another. */
async function open(where: { volume?: 'here' | 'elsewhere', target?: 'here' | 'elsewhere', readOnly?: true } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'alto-c-'))
  const mark = `alto-${systemIds.hex().slice(0, 8)}-test`
  const options = { host: commandHost, clock: systemClock, data: join(dir, 'data'), run: join(dir, 'run'), emulation: { acceleration: 'tcg', cpu: 'max' } as const, mark, dataSecret: SECRET }
  const driver = await qemuHypervisor(options)
  const img = qemuImg(commandHost)
  const files = filesOf(placesOf(options), GUEST)
  /** A disk of 1 GiB: its file, how the guest's host reaches it, and what makes it reachable. */
  async function disk(name: string, identity: string, isHere: boolean) {
    const path = join(dir, `${name}.qcow2`)
    await img.create({ path, format: 'qcow2', bytes: GIB })
    const port = await freePort()
    const connection: GuestVolumeConnection = isHere ? { kind: 'file', path, format: 'qcow2' } : { kind: 'nbd-tls', address: '127.0.0.1', port, exportName: identity, identity, format: 'qcow2' }
    const serve = async () => {
      if (isHere) return
      await commandHost.run(['truncate', '-s', '8T', path])
      await keepStorageDaemon({
        name: `${mark}.export.${identity}`, directory: join(dir, `export-${name}`), exportName: identity, readOnly: false, tls: { endpoint: 'server', identity, key: attachmentKey(SECRET, identity) },
        blockdev: { driver: 'file', filename: path }, listen: { type: 'inet', host: '127.0.0.1', port: String(port) },
      }, systemClock, () => {})
    }
    await serve()
    return { path, connection, serve }
  }
  const source = await disk('volume', ATTACHMENT, where.volume !== 'elsewhere')
  const target = await disk('target', COPY, where.target !== 'elsewhere')
  const volume: GuestVolume = { id: VOLUME, attachmentId: ATTACHMENT, device: '/dev/vdb', sizeGib: 1, connection: source.connection, ...(where.readOnly && { readOnly: true }) }
  const copy: GuestCopy = { id: COPY, attachmentId: ATTACHMENT, to: target.connection }
  const spec: GuestSpec = { id: GUEST, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [volume] }
  await driver.makeRoot(GUEST, { image, revision: 1, bytes: GIB }, async () => (async function* () { yield DISK })(), never)
  const qmp = async <T>(work: (execute: (command: string, args?: Record<string, unknown>) => Promise<unknown>) => Promise<T>): Promise<T> => {
    const monitor = await connectQmp(files.spareMonitor, systemClock)
    try {
      return await work((command, args) => monitor.execute(command, args, 60_000))
    } finally {
      monitor.close()
    }
  }
  const nodes = () => qmp(async execute => (await execute('query-named-block-nodes', { flat: true }) as { 'node-name': string }[]).map(node => node['node-name']).filter(name => /^(v-|copy)/.test(name)).toSorted())
  const bench = {
    driver, options, volume, copy, spec, files, source, target, mark, nodes, qmp,
    wanted: { ...spec, power: 'running', powerNonce: 'n', shutdownTimeoutMs: 0, snapshots: [], copies: [copy] } as const,
    notes: { ...NO_NOTES, startedNonce: 'n' },
    /** Makes the backup job all but stand still, as soon as it is there: asked for without a pause, because an unhindered one is done in the blink of an eye. */
    slow: () => qmp(async execute => {
      for (const end = systemClock.now() + 20_000; !await execute('block-job-set-speed', { device: `copy-of-${COPY}`, speed: 1 }).then(() => true, () => false);) assert.ok(systemClock.now() < end, 'the job never began')
    }),
    /** Lets it go on; nothing when it has ended by now. */
    fast: () => qmp(execute => execute('block-job-set-speed', { device: `copy-of-${COPY}`, speed: 0 }).catch(() => {})),
    /** Writes as the guest would: a qemu-io command at its disk. */
    io: (command: string) => qmp(async execute => assert.equal(await execute('human-monitor-command', { 'command-line': `qemu-io -d /machine/peripheral/${volumeDevice(ATTACHMENT)}/virtio-backend "${command}"` }), '')),
    /** How many of the reads find in the file what they should; nobody has it open. */
    async found(path: string, ...reads: string[]): Promise<number> {
      const { stdout } = await commandHost.run(['qemu-io', '-r', '-f', 'qcow2', path, ...reads.flatMap(read => ['-c', read])], { accept: [0, 1] })
      return (stdout.match(/^read (\d+)\/\1 /gm)?.length ?? 0) - (stdout.match(/verification failed/g)?.length ?? 0)
    },
    /** Ends everything that has a disk open. */
    async rest(): Promise<void> {
      await driver.kill(GUEST)
      await endStorageDaemons(`${mark}.`, systemClock)
    },
    /** Asserts that nothing of a copy is left on the guest's host, whose disk is as it was. */
    async assertClean(): Promise<void> {
      assert.deepEqual(await nodes(), [volumeNode(ATTACHMENT)])
      assert.deepEqual(await qmp(execute => execute('query-jobs')), [])
      assert.equal(await qmp(execute => execute('qom-get', { path: `/machine/peripheral/${volumeDevice(ATTACHMENT)}`, property: 'drive' })), volumeNode(ATTACHMENT))
      assert.equal((await readdir(files.dir)).includes('copy-before.part'), false)
      assert.deepEqual((await storageDaemonsOf(`${mark}.link.`)).filter(({ name }) => name.endsWith(COPY)), [])
      assert.equal((await readdir(files.run)).includes(volumeNode(COPY)), false)
    },
    async [Symbol.asyncDispose]() {
      await driver.destroy(GUEST)
      await driver.close()
      await endStorageDaemons(`${mark}.`, systemClock)
      await rm(dir, { recursive: true })
    },
  }
  return bench
}

for (const volume of ['here', 'elsewhere'] as const) {
  for (const target of ['here', 'elsewhere'] as const) {
    test(`a copy of a running guest's volume (${volume}) into a disk (${target}) holds what was written before it began, nothing of what is written while it is made, and the guest has both`, async () => {
      await using bench = await open({ volume, target })
      const { driver, copy } = bench
      await driver.start(bench.spec)
      await bench.io('write -P 1 0 16M')
      const copying = driver.copyVolume(GUEST, bench.volume, copy, never)
      await bench.slow()
      await bench.io('write -P 2 8M 16M')
      await bench.io('discard 4M 1M')
      await bench.fast()
      await copying
      await bench.assertClean()
      await bench.io('write -P 3 0 1M')
      await bench.rest()
      assert.equal(await bench.found(bench.target.path, 'read -P 1 0 16M', 'read -P 0 16M 1008M'), 2)
      assert.equal(await bench.found(bench.source.path, 'read -P 3 0 1M', 'read -P 1 1M 3M', 'read -P 2 8M 16M'), 3)
    })

    test(`a volume (${volume}) of a guest that is off is copied into a disk (${target}), whatever an earlier try left in that`, async () => {
      await using bench = await open({ volume, target })
      const { driver, copy } = bench
      await driver.start(bench.spec)
      await bench.io('write -P 1 0 8M')
      await driver.copyVolume(GUEST, bench.volume, copy, never)
      await bench.io('write -z 0 4M')
      await bench.io('write -P 5 512M 1M')
      await driver.kill(GUEST)
      await driver.copyVolume(GUEST, bench.volume, copy, never)
      assert.deepEqual((await driver.look(GUEST)).volumes, [])
      assert.deepEqual(await storageDaemonsOf(`${bench.mark}.link.`), [])
      await bench.rest()
      assert.equal(await bench.found(bench.target.path, 'read -P 0 0 4M', 'read -P 1 4M 4M', 'read -P 5 512M 1M', 'read -P 0 513M 511M'), 4)
    })
  }
}

test('a volume that is attached for reading only is copied, of a paused guest as well', async () => {
  await using bench = await open({ readOnly: true })
  await commandHost.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 1M', bench.source.path])
  await bench.driver.start(bench.spec)
  await bench.driver.pause(GUEST)
  await bench.driver.copyVolume(GUEST, bench.volume, bench.copy, never)
  await bench.assertClean()
  await bench.rest()
  assert.equal(await bench.found(bench.target.path, 'read -P 1 0 1M'), 1)
})

test('a copy that is interrupted leaves nothing on the host, and the guest its disk', async () => {
  await using bench = await open({ target: 'elsewhere' })
  await bench.driver.start(bench.spec)
  await bench.io('write -P 1 0 16M')
  const stop = new AbortController()
  const copying = bench.driver.copyVolume(GUEST, bench.volume, bench.copy, stop.signal)
  await bench.slow()
  stop.abort(new Error('something else is wanted'))
  await assert.rejects(copying, /something else is wanted/)
  await bench.assertClean()
  await bench.io('write -P 2 0 16M')
})

for (const target of ['here', 'elsewhere'] as const) {
  test(`what an agent that was killed left of a copy into a disk (${target}) is seen as a volume that nobody wants, goes with it, and the copy is made anew`, async () => {
    await using bench = await open({ target })
    const { driver } = bench
    await driver.start(bench.spec)
    await bench.io('write -P 1 0 16M')
    const copying = driver.copyVolume(GUEST, bench.volume, bench.copy, never).then(() => assert.fail('it cannot have ended well'), () => {})
    await bench.slow()
    await driver.close()                                       // as a killed agent: its monitor is gone, nothing is taken back
    await copying
    const next = await qemuHypervisor(bench.options)
    try {
      const sight = await next.look(GUEST)
      assert.deepEqual(sight.volumes.find(({ attachmentId }) => attachmentId === COPY), { attachmentId: COPY, bytes: GIB, half: true })
      assert.deepEqual(nextStep(bench.wanted, sight, bench.notes), { do: 'unplugVolume', attachmentId: COPY })
      await next.unplugVolume(GUEST, COPY)
      await bench.assertClean()
      assert.deepEqual(nextStep(bench.wanted, await next.look(GUEST), bench.notes), { do: 'copyVolume', copy: bench.copy, volume: bench.volume })
      await next.copyVolume(GUEST, bench.volume, bench.copy, never)
      await bench.assertClean()
    } finally {
      await next.close()
    }
    await bench.rest()
    assert.equal(await bench.found(bench.target.path, 'read -P 1 0 16M'), 1)
  })
}

test('a target that is lost fails the copy, and the guest loses no write and waits for none', async () => {
  await using bench = await open({ target: 'elsewhere' })
  const { driver } = bench
  await driver.start(bench.spec)
  await bench.io('write -P 1 0 16M')
  const copying = assert.rejects(driver.copyVolume(GUEST, bench.volume, bench.copy, never), error => isFault(error, 'nova.guest.copyFailed'))
  await bench.slow()
  for (const { process: { pid } } of await storageDaemonsOf(`${bench.mark}.`)) process.kill(pid, 'SIGKILL')
  await bench.fast()
  await bench.io('write -P 2 0 16M')
  await copying
  await bench.assertClean()
  await bench.target.serve()
  await driver.copyVolume(GUEST, bench.volume, bench.copy, never)
  await bench.rest()
  assert.equal(await bench.found(bench.target.path, 'read -P 2 0 16M'), 1)
})

test('a guest whose process vanished in the midst of a copy leaves what the next end of it takes away', async () => {
  await using bench = await open({ target: 'elsewhere' })
  const { driver } = bench
  await driver.start(bench.spec)
  await bench.io('write -P 1 0 16M')
  const copying = assert.rejects(driver.copyVolume(GUEST, bench.volume, bench.copy, never))
  await bench.slow()
  process.kill(Number(await readFile(bench.files.pidfile, 'utf8')), 'SIGKILL')
  await until('the process is gone', async () => await daemonOf(bench.files.pidfile) === undefined)
  await copying
  await driver.kill(GUEST)
  assert.deepEqual([(await driver.look(GUEST)).volumes, await storageDaemonsOf(`${bench.mark}.link.`), (await readdir(bench.files.dir)).includes('copy-before.part')], [[], [], false])
})

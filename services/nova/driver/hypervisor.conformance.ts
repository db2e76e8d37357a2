// What every hypervisor driver promises the agent, run against the fake and the real one.
// The guest here needs no operating system; what only a booted guest can do (heed the power button, let go of devices) is `driver/qemu/guest.test.ts`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import { GIB, type GuestImage, type GuestSpec, type GuestVolume, type GuestVolumeConnection } from '../model/guests.ts'
import type { Hypervisor, ImageBytes } from './hypervisor.ts'

/** A driver to test, and what its guests are made from. */
export interface Bench extends AsyncDisposable {
  readonly driver: Hypervisor
  readonly image: GuestImage
  download(): Promise<ImageBytes>
  /** A volume of 1 GiB that exists. */
  volume(): Promise<GuestVolume>
  /** How the host reaches a blank disk of 1 GiB. */
  blank(): Promise<GuestVolumeConnection>
  /** The driver as a new process would make it, the guests going on. */
  restarted(): Promise<Hypervisor>
}

const GUEST = '11111111-2222-4333-8444-555555555555'
const signal = new AbortController().signal

/** Defines the suite for the driver that `open` gives. */
export function hypervisorConformance(name: string, open: () => Promise<Bench>): void {
  const spec = (image: GuestImage): GuestSpec => (
    { id: GUEST, name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [] })
  const made = async (bench: Bench) => {
    await bench.driver.makeRoot(GUEST, { image: bench.image, revision: 1, bytes: GIB }, () => bench.download(), signal)
    return spec(bench.image)
  }

  test(`${name}: a guest that was never there has nothing, and ending or destroying it does nothing`, async () => {
    await using bench = await open()
    const nothing = { process: 'none', suspended: false, root: undefined, ports: [], volumes: [] }
    assert.deepEqual(await bench.driver.look(GUEST), nothing)
    await bench.driver.kill(GUEST)
    await bench.driver.destroy(GUEST)
    assert.deepEqual(await bench.driver.look(GUEST), nothing)
    assert.equal(await bench.driver.readNotes(GUEST), undefined)
    assert.equal(await bench.driver.consoleLog(GUEST), '')
    await assert.rejects(bench.driver.console(GUEST, 'vnc'), error => isFault(error, 'nova.guest.notRunning'))
  })

  test(`${name}: a guest is made, started twice, paused, resumed, ended, and destroyed without a trace`, async () => {
    await using bench = await open()
    const { driver } = bench
    const guest = await made(bench)
    assert.deepEqual(await driver.look(GUEST), { process: 'none', suspended: false, root: { revision: 1, bytes: GIB }, ports: [], volumes: [] })
    await driver.start(guest)
    await driver.start(guest)
    assert.equal((await driver.look(GUEST)).process, 'running')
    assert.deepEqual((await driver.marked()).filter(({ kind }) => kind === 'process').map(({ serverId }) => serverId), [GUEST])
    assert.equal((await driver.resources()).runningGuests, 1)
    await driver.pause(GUEST)
    await driver.pause(GUEST)
    assert.equal((await driver.look(GUEST)).process, 'paused')
    await driver.resume(GUEST)
    assert.equal((await driver.look(GUEST)).process, 'running')
    await driver.kill(GUEST)
    assert.deepEqual(await driver.look(GUEST), { process: 'none', suspended: false, root: { revision: 1, bytes: GIB }, ports: [], volumes: [] })
    await driver.destroy(GUEST)
    assert.deepEqual((await driver.marked()).filter(({ serverId }) => serverId !== ''), [])
  })

  test(`${name}: a new revision of the root disk replaces the old one, and a disk grows while its guest is off`, async () => {
    await using bench = await open()
    await made(bench)
    await bench.driver.makeRoot(GUEST, { image: bench.image, revision: 2, bytes: GIB }, () => bench.download(), signal)
    assert.deepEqual((await bench.driver.look(GUEST)).root, { revision: 2, bytes: GIB })
    await bench.driver.growRoot(GUEST, 2 * GIB)
    assert.deepEqual((await bench.driver.look(GUEST)).root, { revision: 2, bytes: 2 * GIB })
  })

  test(`${name}: a volume is plugged once however often it is asked for, and grows while it is plugged`, async () => {
    await using bench = await open()
    const volume = await bench.volume()
    await bench.driver.start(await made(bench))
    await bench.driver.plugVolume(GUEST, volume)
    await bench.driver.plugVolume(GUEST, volume)
    assert.deepEqual((await bench.driver.look(GUEST)).volumes, [{ attachmentId: volume.attachmentId, bytes: GIB }])
    await bench.driver.growVolume(GUEST, volume.attachmentId, 2 * GIB)
    assert.deepEqual((await bench.driver.look(GUEST)).volumes, [{ attachmentId: volume.attachmentId, bytes: 2 * GIB }])
  })

  test(`${name}: a guest that starts with a volume has it plugged`, async () => {
    await using bench = await open()
    const volume = await bench.volume()
    await bench.driver.start({ ...await made(bench), volumes: [volume] })
    assert.deepEqual((await bench.driver.look(GUEST)).volumes, [{ attachmentId: volume.attachmentId, bytes: GIB }])
  })

  test(`${name}: a suspended guest has no process, and runs on when it is started`, async () => {
    await using bench = await open()
    const guest = await made(bench)
    await bench.driver.start(guest)
    await bench.driver.suspend(GUEST, signal)
    assert.deepEqual(await bench.driver.look(GUEST), { process: 'none', suspended: true, root: { revision: 1, bytes: GIB }, ports: [], volumes: [] })
    await bench.driver.start(guest)
    const { process, suspended } = await bench.driver.look(GUEST)
    assert.deepEqual({ process, suspended }, { process: 'running', suspended: false })
    await bench.driver.suspend(GUEST, signal)
    await bench.driver.forgetMemory(GUEST)
    assert.equal((await bench.driver.look(GUEST)).suspended, false)
  })

  test(`${name}: a snapshot is a whole disk image, of a guest that runs and of one that does not`, async () => {
    await using bench = await open()
    const guest = await made(bench)
    for (const run of [true, false]) {
      await (run ? bench.driver.start(guest) : bench.driver.kill(GUEST))
      await using snapshot = await bench.driver.snapshot(GUEST, 'qcow2', signal)
      let bytes = Buffer.alloc(0)
      for await (const chunk of snapshot.read()) bytes = Buffer.concat([bytes, chunk])
      assert.equal(bytes.length, snapshot.bytes)
      assert.equal(bytes.subarray(0, 4).toString('latin1'), 'QFI\xfb')
      assert.equal(bytes.readBigUInt64BE(8), 0n)                              // no backing file
      assert.equal(bytes.readBigUInt64BE(24), BigInt(GIB))
    }
  })

  test(`${name}: a volume is copied while its guest runs, is paused, and is off, and the guest is as it was`, async () => {
    await using bench = await open()
    const { driver } = bench
    const volume = await bench.volume()
    const copy = { id: '55555555-2222-4333-8444-555555555555', attachmentId: volume.attachmentId, to: await bench.blank() }
    const guest = { ...await made(bench), volumes: [volume] }
    await driver.start(guest)
    for (const change of [async () => {}, () => driver.pause(GUEST), () => driver.kill(GUEST)]) {
      await change()
      const before = await driver.look(GUEST)
      await driver.copyVolume(GUEST, volume, copy, signal)
      await driver.copyVolume(GUEST, volume, copy, signal)
      assert.deepEqual(await driver.look(GUEST), before)
    }
    await driver.start({ ...guest, volumes: [] })
    await assert.rejects(driver.copyVolume(GUEST, volume, copy, signal), error => isFault(error, 'nova.guest.copyFailed'))
  })

  test(`${name}: a copy that is not wanted any more ends at once`, async () => {
    await using bench = await open()
    const volume = await bench.volume()
    await bench.driver.start({ ...await made(bench), volumes: [volume] })
    const before = await bench.driver.look(GUEST)
    await assert.rejects(bench.driver.copyVolume(GUEST, volume, { id: '55555555-2222-4333-8444-555555555555', attachmentId: volume.attachmentId, to: await bench.blank() }, AbortSignal.abort(new Error('not any more'))))
    assert.deepEqual(await bench.driver.look(GUEST), before)
  })

  test(`${name}: notes are kept as long as the guest, and guests outlive the process that started them`, async () => {
    await using bench = await open()
    await bench.driver.start(await made(bench))
    await bench.driver.writeNotes(GUEST, 'one')
    await bench.driver.writeNotes(GUEST, 'two')
    const again = await bench.restarted()
    try {
      assert.equal((await again.look(GUEST)).process, 'running')
      assert.equal(await again.readNotes(GUEST), 'two')
      await again.pause(GUEST)
      assert.equal((await again.look(GUEST)).process, 'paused')
      await again.destroy(GUEST)
      assert.equal(await again.readNotes(GUEST), undefined)
    } finally {
      await again.close()
    }
  })
}

// What only a guest with an operating system can show: the agent and the QEMU driver with the project's guest image, in a namespace of their own.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { qemuImg } from '@alto/kit/disk'
import { addNamespace, commandHost, namespaceOf, removeNamespace } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { guestImage, stayAlive } from '@alto/kit/testing'
import { GIB, type GuestSpec } from '../../model/guests.ts'
import { qemuHypervisor } from './hypervisor.ts'

const ID = systemIds.uuid()
const mark = namespaceOf({ cloud: systemIds.hex().slice(0, 8), host: 'test' })
const dir = await mkdtemp(join(tmpdir(), 'alto-g-'))
const driver = await qemuHypervisor({ host: commandHost, clock: systemClock, data: join(dir, 'data'), run: join(dir, 'run'), mark, netns: mark })
const signal = new AbortController().signal
const built = await guestImage()
const image = { id: 'guest', sha512: built.sha512, diskFormat: 'qcow2' }
const port = { id: systemIds.uuid(), mac: 'fa:16:3e:00:00:01', tap: 'tap0' }
const volume = { id: systemIds.uuid(), attachmentId: systemIds.uuid(), device: '/dev/vdb', sizeGib: 1, connection: { kind: 'file', path: join(dir, 'volume.qcow2'), format: 'qcow2' } } as const
const nonce = systemIds.hex()
const text = (content: string) => Buffer.from(content).toString('base64')
const spec: GuestSpec = {
  id: ID, name: 'web', flavor: { vcpus: 1, ramMib: 128 }, root: { kind: 'image', revision: 1, image, diskGib: 1 }, ports: [], volumes: [],
  configDrive: [
    { path: 'openstack/latest/meta_data.json', content: text(JSON.stringify({ uuid: ID, hostname: 'web.novalocal', public_keys: { key: 'ssh-ed25519 AAAA me' } })) },
    { path: 'openstack/latest/user_data', content: text(`#!/bin/sh\necho nonce ${nonce} on $(hostname)\n`) },
  ],
}

const alive = stayAlive()

after(async () => {
  await driver.destroy(ID)
  await driver.close()
  await removeNamespace(commandHost, mark)
  await rm(dir, { recursive: true })
  alive[Symbol.dispose]()
})

/** Waits until the console has `pattern` at least `times` times. */
async function console(pattern: RegExp, times = 1, seconds = 180): Promise<void> {
  for (const until = systemClock.now() + seconds * 1000; ; await systemClock.sleep(100)) {
    const log = await driver.consoleLog(ID)
    if ([...log.matchAll(new RegExp(pattern, 'g'))].length >= times) return
    if (systemClock.now() > until) throw new Error(`the console never said ${pattern}:\n${log}`)
  }
}

async function process(wanted: string): Promise<void> {
  for (const until = systemClock.now() + 60_000; (await driver.look(ID)).process !== wanted; await systemClock.sleep(100)) {
    assert.ok(systemClock.now() < until, `never ${wanted}`)
  }
}

test('a guest boots from the image to its login prompt, with the name and the user data of its config drive and a grown root', async () => {
  await addNamespace(commandHost, mark)
  assert.equal(await driver.tapReady(port.tap), false)
  await commandHost.run(['ip', 'tuntap', 'add', 'dev', port.tap, 'mode', 'tap'], { netns: mark })
  await commandHost.run(['ip', 'link', 'set', 'dev', port.tap, 'up'], { netns: mark })
  assert.equal(await driver.tapReady(port.tap), true)
  await driver.makeRoot(ID, { image, revision: 1, bytes: GIB }, async () => createReadStream(built.path), signal)
  await driver.start(spec)
  await console(/web login: /)
  await console(new RegExp(`userdata: nonce ${nonce} on web`))
  assert.match(await driver.consoleLog(ID), /root on disk 9\d\dMB/)
  assert.match(await driver.consoleLog(ID), /source=configdrive .* keys=1 /)
})

test('a running guest sees a volume come, grow and go, and a NIC come and go', async () => {
  await qemuImg(commandHost).create({ path: volume.connection.path, format: 'qcow2', bytes: GIB })
  await driver.plugVolume(ID, volume)
  await console(/hotplug add block vdb 2097152 sectors/)
  await driver.growVolume(ID, volume.attachmentId, 2 * GIB)
  await console(/hotplug change block vdb 4194304 sectors/)
  await driver.unplugVolume(ID, volume.attachmentId)
  assert.deepEqual((await driver.look(ID)).volumes, [])
  assert.equal((await qemuImg(commandHost).info({ path: volume.connection.path, format: 'qcow2' })).virtualSize, 2 * GIB)
  await qemuImg(commandHost).resize({ path: volume.connection.path, format: 'qcow2' }, 3 * GIB)          // would fail were the file still open
  await driver.plugPort(ID, port)
  await console(/hotplug add net eth0/)
  assert.deepEqual((await driver.look(ID)).ports, [port.id])
  await driver.unplugPort(ID, port.id)
  await console(/hotplug remove net eth0/)
  await driver.plugPort(ID, port)
  assert.deepEqual((await driver.look(ID)).ports, [port.id])
})

test('a guest that was suspended goes on where it was, with the devices that were plugged meanwhile in their places', async () => {
  await driver.plugVolume(ID, { ...volume, sizeGib: 3 })
  await console(/hotplug add block vdb 6291456 sectors/)
  await driver.suspend(ID, signal)
  assert.equal((await driver.look(ID)).process, 'none')
  await driver.start({ ...spec, volumes: [], ports: [port] })
  const { ports, volumes } = await driver.look(ID)
  assert.deepEqual([ports, volumes], [[port.id], [{ attachmentId: volume.attachmentId, bytes: 3 * GIB }]])
  await driver.unplugVolume(ID, volume.attachmentId)
  await console(/hotplug remove block vdb/, 2)
  assert.equal([...(await driver.consoleLog(ID)).matchAll(/=== sysinit/g)].length, 1)
})

test('a guest shuts down at its power button, and starts over in the same process when it is reset', async () => {
  await driver.powerButton(ID)
  await process('ended')
  await driver.reset(ID)
  await console(/web login: /, 2)
  await process('running')
})

test('a snapshot of a running guest boots as another instance', async () => {
  const copy = join(dir, 'copy.qcow2')
  {
    await using snapshot = await driver.snapshot(ID, 'qcow2', signal)
    await writeFile(copy, snapshot.read())
  }
  await driver.destroy(ID)
  assert.deepEqual((await driver.marked()).filter(({ serverId }) => serverId), [])
  const snapshotImage = { id: 'copy', sha512: createHash('sha512').update(await readFile(copy)).digest('hex'), diskFormat: 'qcow2' }
  await driver.makeRoot(ID, { image: snapshotImage, revision: 1, bytes: GIB }, async () => createReadStream(copy), signal)
  await driver.start({ ...spec, configDrive: [{ path: 'openstack/latest/meta_data.json', content: text(JSON.stringify({ uuid: systemIds.uuid(), hostname: 'second' })) }] })
  await console(/second login: /)
  assert.match(await driver.consoleLog(ID), /source=configdrive .* keys=0 /)
})

// The whole of it on real files: API, tasks, agent, qemu-img.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@alto/kit/clock'
import { qemuImg, storageDaemonsOf } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { freePort } from '@alto/kit/testing'
import { fileDisks } from '../index.ts'
import { cinderAlone, IMAGE_ID } from './cloud.ts'

test('volumes, a snapshot and a clone are files of their own, are not made anew when they are lost, and go with what they belong to', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-cinder-'))
  try {
    await using cloud = await cinderAlone({ disks: fileDisks({ directory, cloud: 'c1', images: qemuImg(commandHost) }) })
    const until = async (path: string, noun: string, wanted: string | undefined) => {
      for (let i = 0; i < 400; i++) {
        await cloud.settled()
        const { body } = await cloud.ask('GET', path)
        if (body[noun]?.status === wanted) return
        assert.notEqual(body[noun]?.status, 'error')
      }
      assert.fail(`${path} is not ${wanted}`)
    }
    const make = async (volume: object) => {
      const { id } = (await cloud.ask('POST', '/volumes', { volume })).body.volume
      await until(`/volumes/${id}`, 'volume', 'available')
      return id as string
    }
    const first = await make({ size: 1, imageRef: IMAGE_ID })
    const { body: { snapshot } } = await cloud.ask('POST', '/snapshots', { snapshot: { volume_id: first } })
    await until(`/snapshots/${snapshot.id}`, 'snapshot', 'available')
    const second = await make({ size: 2, snapshot_id: snapshot.id })
    for (const id of [first, snapshot.id, second]) {
      const { virtualSize, backing } = await qemuImg(commandHost).info({ path: join(directory, 'c1', id, 'disk.qcow2'), format: 'qcow2' })
      assert.deepEqual([virtualSize, backing], [id === second ? 2 ** 31 : 2 ** 30, undefined])
    }
    const reported = async () => (await cloud.db.read(tx => tx.selectFrom('disks').select('observed').where('id', '=', second).executeTakeFirstOrThrow())).observed ?? ''
    await rm(join(directory, 'c1', second, 'disk.qcow2'))
    await cloud.agent.agent.look({ diskId: second, generation: 0 })
    await cloud.agent.idle()
    assert.match(await reported(), /cinder\.disk\.lost/)
    await assert.rejects(stat(join(directory, 'c1', second, 'disk.qcow2')), { code: 'ENOENT' })
    for (const path of [`/volumes/${second}`, `/snapshots/${snapshot.id}`, `/volumes/${first}`]) {
      assert.equal((await cloud.ask('DELETE', path)).status, 202)
      await until(path, path.split('/')[1]!.slice(0, -1), undefined)
      await assert.rejects(stat(join(directory, 'c1', path.split('/')[2]!)), { code: 'ENOENT' })
    }
    assert.deepEqual(await cloud.cinder.audit(), [])
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a volume that another host has is served until it is detached, again at once when its daemon is killed; a daemon of no volume is named and removed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-cinder-'))
  const mark = `alto-${systemIds.hex().slice(0, 8)}-host1`
  const disks = fileDisks({ directory, cloud: 'c1', images: qemuImg(commandHost), exporting: { clock: systemClock, run: join(directory, 'run'), mark, address: '127.0.0.1', secret: 'secret' } })
  const daemons = async () => (await storageDaemonsOf(mark)).map(({ name, process: { pid } }) => ({ name, pid }))
  const until = async (isSo: () => Promise<boolean>) => {
    for (const deadline = systemClock.now() + 20_000; !await isSo(); await systemClock.sleep(20)) assert.ok(systemClock.now() < deadline, `not so within 20 s: ${isSo.toString()}`)
  }
  try {
    await using cloud = await cinderAlone({ disks, nbdPorts: `${await freePort()}-65535` })
    const nova = { token: 'p1:service,member,reader,admin' }
    const { id } = (await cloud.ask('POST', '/volumes', { volume: { size: 1 } })).body.volume
    await until(async () => { await cloud.settled(); return await cloud.status(id) === 'available' })
    const { body: { attachment } } = await cloud.ask('POST', '/attachments', { attachment: { volume_uuid: id, instance_uuid: systemIds.uuid(), connector: { host: 'host2' } } }, nova)
    await until(async () => (await daemons()).length === 1)
    await cloud.agent.idle()
    const [first] = await daemons()
    assert.equal(first?.name, `${mark}.export.${id}.${attachment.id}`)
    process.kill(first.pid, 'SIGKILL')
    await until(async () => (await daemons()).some(({ pid }) => pid !== first.pid))
    assert.deepEqual((await daemons()).map(({ name }) => name), [first.name])

    const orphan = systemIds.uuid()
    await disks.makeBlank(orphan, 2 ** 20)
    await disks.serve(orphan, [{ attachmentId: systemIds.uuid(), port: await freePort() }])
    assert.equal((await cloud.agent.agent.audit({})).disks.filter(({ diskId }) => diskId === orphan).length, 2)
    await cloud.agent.agent.removeOrphan({ diskId: orphan })
    assert.deepEqual([(await cloud.agent.agent.audit({})).disks.filter(({ diskId }) => diskId === orphan), (await daemons()).length], [[], 1])

    await cloud.ask('DELETE', `/attachments/${attachment.id}`, undefined, nova)
    await until(async () => (await daemons()).length === 0)
    await cloud.agent.idle()
    assert.deepEqual([await readdir(join(directory, 'run')), await cloud.cinder.audit()], [[], []])
  } finally {
    await disks.endExports()
    await rm(directory, { recursive: true })
  }
})

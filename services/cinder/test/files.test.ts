// The whole of it on real files: API, tasks, agent, qemu-img.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { qemuImg } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
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

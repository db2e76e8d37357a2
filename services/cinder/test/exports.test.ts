// Volumes that servers of other hosts have: connections, ports, and what the volume host is told to serve.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databasesUnderTest } from '@alto/kit/testing'
import { fakeDisks, migrations, type DiskStore, type Tables } from '../index.ts'
import { cinderAlone, type Cloud } from './cloud.ts'

const [S1, S2, S3] = ['22222222-2222-4222-8222-000000000001', '22222222-2222-4222-8222-000000000002', '22222222-2222-4222-8222-000000000003'] as const
const NOVA = { token: 'p1:service,member,reader,admin' }
const attach = (cloud: Cloud, volume: string, server: string, host: string) => cloud.ask('POST', '/attachments', { attachment: { volume_uuid: volume, instance_uuid: server, connector: { host, mountpoint: '/dev/vdb' }, mode: 'rw' } }, NOVA)
const update = (cloud: Cloud, id: string, connector: object) => cloud.ask('PUT', `/attachments/${id}`, { attachment: { connector } }, NOVA)

/** A store that has a data address, and what it was last told to serve of each disk. */
function exportingDisks(): { disks: DiskStore, served: Map<string, unknown> } {
  const served = new Map<string, unknown>()
  return { served, disks: { ...fakeDisks(), name: 'file', dataAddress: '198.18.0.1', async serve(id, exports) { served.set(id, exports) } } }
}

test('a server on another host reaches a volume by an export of its own, one on the volume\'s host by the file', async () => {
  const { disks, served } = exportingDisks()
  await using cloud = await cinderAlone({ disks })
  const id = await cloud.volume()
  const made = await attach(cloud, id, S1, 'host2')
  const a = made.body.attachment
  const info = { access_mode: 'rw', encrypted: false, discard: true, attachment_id: a.id, volume_id: id }
  const nbd = { driver_volume_type: 'nbd-tls', address: '198.18.0.1', port: 10_809, exportName: a.id, identity: a.id, format: 'qcow2', ...info }
  assert.deepEqual([made.status, a], [200, { id: a.id, status: 'attaching', instance: S1, volume_id: id, attached_at: '', detached_at: '', attach_mode: 'rw', connection_info: nbd }])
  await cloud.settled()
  assert.deepEqual(served.get(id), [{ attachmentId: a.id, port: 10_809 }])
  assert.deepEqual((await update(cloud, a.id, { host: 'host2' })).body.attachment.connection_info, nbd)
  assert.deepEqual((await update(cloud, a.id, { mode: 'ro' })).body.attachment.connection_info, { ...nbd, access_mode: 'ro' })
  await cloud.settled()
  assert.deepEqual(served.get(id), [{ attachmentId: a.id, port: 10_809, readOnly: true }])
  const path = `/fake/${id}/disk.qcow2`
  assert.deepEqual((await update(cloud, a.id, { host: 'host1', mode: 'rw' })).body.attachment.connection_info, { driver_volume_type: 'file', path, device_path: path, format: 'qcow2', ...info })
  await cloud.settled()
  assert.deepEqual(served.get(id), [])
  assert.deepEqual(await cloud.cinder.audit(), [])
})

test('an export ends with its attachment, and its port serves the next; an administrator who sets the status by hand ends it too', async () => {
  const { disks, served } = exportingDisks()
  await using cloud = await cinderAlone({ disks })
  const [one, two] = [await cloud.volume(), await cloud.volume()]
  const { body: { attachment } } = await attach(cloud, one, S1, 'host2')
  await cloud.ask('DELETE', `/attachments/${attachment.id}`, undefined, NOVA)
  assert.equal((await attach(cloud, two, S2, 'host3')).body.attachment.connection_info.port, 10_809)
  await cloud.settled()
  assert.deepEqual(served.get(one), [])
  assert.equal((await cloud.ask('POST', `/volumes/${two}/action`, { 'os-reset_status': { status: 'available' } }, { token: 'a:admin,member,reader' })).status, 202)
  await cloud.settled()
  assert.deepEqual([await cloud.status(two), served.get(two), await cloud.db.read(tx => tx.selectFrom('exports').selectAll().execute()), await cloud.cinder.audit()], ['available', [], [], []])
})

test('a volume host without a data address serves nobody else, and nobody reaches an export without an attachment', async () => {
  const { disks } = exportingDisks()
  await using cloud = await cinderAlone({ disks })
  const id = await cloud.volume()
  const refusal = (host: string) => ({ badRequest: { code: 400, message: `Invalid input received: volume ${id} is a file on host host1 and cannot be reached from host ${host}.` } })
  const asked = await cloud.ask('POST', `/volumes/${id}/action`, { 'os-initialize_connection': { connector: { host: 'host2' } } }, NOVA)
  assert.deepEqual([asked.status, asked.body], [400, refusal('host2')])
  await cloud.cinder.control.heartbeat({ host: 'host1', incarnation: 'i2', capacity: { totalBytes: 1, freeBytes: 1, driver: 'file' } })
  const refused = await attach(cloud, id, S1, 'host9')
  assert.deepEqual([refused.status, refused.body, await cloud.status(id)], [400, refusal('host9'), 'available'])
})

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`volumes that are attached at once get ports of their own, and who finds none is told so (${name})`, async () => {
    const { disks } = exportingDisks()
    await using database = await open(migrations)
    await using cloud = await cinderAlone({ disks, db: database.db })
    const ids = [await cloud.volume(), await cloud.volume(), await cloud.volume()]
    const answers = await Promise.all([S1, S2, S3].map((server, i) => attach(cloud, ids[i]!, server, 'host2')))
    const ports = answers.filter(a => a.status === 200).map(a => a.body.attachment.connection_info.port as number)
    assert.deepEqual(ports.toSorted((a, b) => a - b), [10_809, 10_810])
    const refused = answers.find(a => a.status !== 200)
    const message = 'Volume host host1 has no free port for another attachment from another host; all of 10809-10810 are taken.'
    assert.deepEqual([refused?.status, refused?.body], [503, { serviceUnavailable: { code: 503, message } }])
    assert.deepEqual(await cloud.cinder.audit(), [])
  })
}

test('new volumes go to the host that lives, is enabled, and has the most room for each disk; copies to the host of their source', async () => {
  await using cloud = await cinderAlone({ agent: false })
  const says = (host: string, gib: number) => cloud.cinder.control.heartbeat({ host, incarnation: 'i', capacity: { totalBytes: 2 ** 40, freeBytes: gib * 2 ** 30, driver: 'file' } })
  const make = async (volume: object = { size: 1 }) => (await cloud.ask('POST', '/volumes', { volume })).body.volume.id as string
  const hostOf = async (id: string) => (await cloud.db.read(tx => tx.selectFrom('disks').select('host').where('id', '=', id).executeTakeFirst()))?.host
  const ready = async (id: string) => {
    const { generation, epoch } = await cloud.db.read(tx => tx.selectFrom('disks').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
    await cloud.cinder.control.report({ diskId: id, generation, epoch, observed: { state: 'ready', converged: true, sizeBytes: 2 ** 30, uploads: [], connection: { kind: 'file', path: '/v', format: 'qcow2' } } })
    await cloud.settled()
  }
  await says('silent', 900)
  await cloud.clock.advance(61_000)
  await says('big', 100)
  await says('small', 60)
  await says('off', 900)
  await cloud.ask('PUT', '/os-services/disable', { host: 'off@file', binary: 'cinder-volume' }, { token: 'a:admin,member,reader' })
  const made: string[] = []
  for (let i = 0; i < 3; i++) {
    made.push(await make())
    await cloud.settled()
  }
  assert.deepEqual(await Promise.all(made.map(hostOf)), ['big', 'small', 'big'])
  await ready(made[1]!)
  const clone = await make({ size: 1, source_volid: made[1] })
  await cloud.settled()
  assert.equal(await hostOf(clone), 'small')
})

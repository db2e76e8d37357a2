// Snapshots of volumes that servers have: Nova has them copied, here a fake that says what a test wants it to.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '@alto/kit/errors'
import { fakeDisks } from '../index.ts'
import { cinderAlone, type Cloud } from './cloud.ts'

const SERVER = '22222222-2222-4222-8222-000000000001'
const NOVA = { token: 'p1:service,member,reader,admin' }

/** A volume that a server on `host` has. */
async function attached(cloud: Cloud, host = 'host1'): Promise<{ id: string, attachmentId: string }> {
  const id = await cloud.volume()
  const { body: { attachment } } = await cloud.ask('POST', '/attachments', { attachment: { volume_uuid: id, instance_uuid: SERVER, connector: { host, mountpoint: '/dev/vdb' }, mode: 'rw' } }, NOVA)
  await cloud.ask('POST', `/attachments/${attachment.id}/action`, { 'os-complete': null }, NOVA)
  await cloud.settled()
  return { id, attachmentId: attachment.id as string }
}
const snapshot = (cloud: Cloud, volumeId: string, more: object = { force: true }, version = '3.50') => cloud.ask('POST', '/snapshots', { snapshot: { volume_id: volumeId, ...more } }, { version })
const shown = async (cloud: Cloud, id: string) => (await cloud.ask('GET', `/snapshots/${id}`)).body.snapshot
const disk = async (cloud: Cloud, id: string) => JSON.parse((await cloud.db.read(tx => tx.selectFrom('disks').select('wanted').where('id', '=', id).executeTakeFirstOrThrow())).wanted) as object

test('a volume in use is copied by force, or since 3.66, and refused otherwise with upstream\'s words', async () => {
  await using cloud = await cinderAlone()
  const { id } = await attached(cloud)
  const refused = await snapshot(cloud, id, {})
  assert.deepEqual([refused.status, refused.body.badRequest.message], [400, `Invalid volume: Volume ${id} status must be available, but current status is: in-use.`])
  assert.equal((await snapshot(cloud, id, { force: 'false' }, '3.66')).status, 400)
  for (const asked of [await snapshot(cloud, id), await snapshot(cloud, id, { force: 'true' }), await snapshot(cloud, id, {}, '3.66')]) {
    assert.deepEqual([asked.status, asked.body.snapshot.status], [202, 'creating'])
    await cloud.settled()
    assert.equal((await shown(cloud, asked.body.snapshot.id)).status, 'available')
  }
  assert.equal(await cloud.status(id), 'in-use')
})

test('the server\'s host copies into a blank disk that nobody else touches; meanwhile the volume stays in use, and does not grow; then the disk is at rest and Nova forgets', async () => {
  let status: 'copying' | 'done' = 'copying'
  await using cloud = await cinderAlone({ copy: () => ({ status }) })
  const { id, attachmentId } = await attached(cloud)
  const made = (await snapshot(cloud, id)).body.snapshot.id as string
  await cloud.settled()
  assert.deepEqual([...cloud.copies.values()], [{ id: made, volumeId: id, to: { kind: 'file', path: `/fake/${made}/disk.qcow2`, format: 'qcow2' } }])
  assert.deepEqual(await disk(cloud, made), { sizeGib: 1, source: { kind: 'blank' }, attached: true, uploads: [], made: true })
  assert.deepEqual([await cloud.status(id), (await shown(cloud, made)).status], ['in-use', 'creating'])
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 2 } })).status, 400)
  assert.equal((await cloud.ask('DELETE', `/attachments/${attachmentId}`, undefined, NOVA)).status, 200)         // Nova has waited for the copy
  assert.equal((await cloud.ask('POST', '/attachments', { attachment: { volume_uuid: id, instance_uuid: SERVER } }, NOVA)).status, 400)
  await cloud.clock.advance(400_000)                                                                              // longer than a step may go without progress
  await cloud.settled()
  status = 'done'
  await cloud.clock.advance(2000)
  await cloud.settled()
  assert.deepEqual([(await shown(cloud, made)).status, cloud.copies.size], ['available', 0])
  assert.deepEqual(await disk(cloud, made), { sizeGib: 1, source: { kind: 'blank' }, attached: false, uploads: [], made: true, exports: [] })
  assert.deepEqual(await cloud.cinder.audit(), [])
})

test('a server\'s host that is another reaches the snapshot\'s disk by an export, which ends with the copy, and its port is free again', async () => {
  const served = new Map<string, unknown>()
  let status: 'copying' | 'done' = 'copying'
  await using cloud = await cinderAlone({ copy: () => ({ status }), disks: { ...fakeDisks(), name: 'file', dataAddress: '198.18.0.1', async serve(id, exports) { served.set(id, exports) } } })
  const { id } = await attached(cloud, 'host2')
  const made = (await snapshot(cloud, id)).body.snapshot.id as string
  await cloud.settled()
  assert.deepEqual(cloud.copies.get(made)?.to, { kind: 'nbd-tls', address: '198.18.0.1', port: 10_810, exportName: made, identity: made, format: 'qcow2' })
  assert.deepEqual(served.get(made), [{ attachmentId: made, port: 10_810 }])
  assert.deepEqual(await cloud.cinder.audit(), [])
  const third = (await snapshot(cloud, id)).body.snapshot.id as string
  await cloud.settled()
  assert.equal(cloud.copies.has(third), false)                          // both ports are taken: it waits for one
  status = 'done'
  await cloud.clock.advance(20_000)
  await cloud.settled()
  assert.deepEqual([(await shown(cloud, made)).status, (await shown(cloud, third)).status, served.get(made)], ['available', 'available', []])
  assert.deepEqual(await cloud.db.read(tx => tx.selectFrom('copy_exports').selectAll().execute()), [])
})

test('a volume is made from one that a server has, by the server\'s host, and grows to its own size afterwards', async () => {
  const sizes: unknown[] = []
  await using cloud = await cinderAlone({ copy: () => ({ status: 'done' }), disks: fakeDisks() })
  const { id } = await attached(cloud)
  const grow = cloud.disks.grow
  Object.assign(cloud.disks, { grow: (diskId: string, bytes: number) => { sizes.push([diskId, bytes / 2 ** 30]); return grow(diskId, bytes) } })
  const made = await cloud.volume({ size: 3, source_volid: id })
  assert.deepEqual([await cloud.status(made), await cloud.status(id), sizes, cloud.copies.size], ['available', 'in-use', [[made, 3]], 0])
  assert.deepEqual(await cloud.cinder.audit(), [])
})

test('of a volume that is deleted while it is copied from one that a server had, and that is deleted too meanwhile, Nova forgets the copy all the same', async () => {
  let isAway = true
  await using cloud = await cinderAlone({ copy: () => ({ status: 'copying' }), forget: () => { if (isAway) throw new Fault('unavailable', 'x', 'Nova is away') } })
  const { id, attachmentId } = await attached(cloud)
  const made = await cloud.volume({ source_volid: id })
  assert.deepEqual([await cloud.status(made), [...cloud.copies.keys()]], ['creating', [made]])
  assert.equal((await cloud.ask('POST', `/volumes/${made}/action`, { 'os-force_delete': {} }, { token: 'p1:admin,member,reader' })).status, 202)
  await cloud.settled()
  assert.equal((await cloud.ask('DELETE', `/attachments/${attachmentId}`, undefined, NOVA)).status, 200)
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}`)).status, 202)
  await cloud.settled()
  assert.equal((await cloud.ask('GET', `/volumes/${id}`)).status, 404)
  isAway = false
  await cloud.clock.advance(60_000)
  await cloud.settled()
  assert.deepEqual([(await cloud.ask('GET', `/volumes/${made}`)).status, cloud.copies.size], [404, 0])
  assert.deepEqual(await cloud.cinder.audit(), [])
})

for (const [why, copy] of [
  ['the guest\'s host says that it failed', () => ({ status: 'failed', reason: 'the volume was detached before it was copied' } as const)],
  ['Nova knows no server that has the volume', () => { throw new Fault('badRequest', 'x', 'the volume was detached before it was copied') }],
] as const) {
  test(`a snapshot that cannot be made because ${why} is in error, and nothing of it is left but its row`, async () => {
    await using cloud = await cinderAlone({ copy })
    const { id } = await attached(cloud)
    const made = (await snapshot(cloud, id)).body.snapshot.id as string
    await cloud.settled()
    assert.deepEqual([(await shown(cloud, made)).status, cloud.copies.size], ['error', 0])
    assert.deepEqual((await cloud.db.read(tx => tx.selectFrom('snapshots').select('reason').execute())).map(({ reason }) => reason), ['the volume was detached before it was copied'])
    assert.deepEqual((await cloud.db.read(tx => tx.selectFrom('disks').select('id').execute())).map(row => row.id), [id])
    assert.equal((await cloud.ask('DELETE', `/snapshots/${made}`)).status, 202)
    await cloud.settled()
    assert.equal((await cloud.ask('GET', `/snapshots/${made}`)).status, 404)
    assert.deepEqual(await cloud.cinder.audit(), [])
  })
}

test('a volume that is attached to a host, and to no server, is copied by nobody', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  await cloud.ask('POST', `/volumes/${id}/action`, { 'os-attach': { host_name: 'host1', mountpoint: '/dev/vdb' } }, NOVA)
  const refused = await snapshot(cloud, id)
  assert.deepEqual([refused.status, refused.body.badRequest.message], [400, `Invalid volume: Volume ${id} is attached to a host and to no server: nobody can tell what it holds at one moment.`])
})

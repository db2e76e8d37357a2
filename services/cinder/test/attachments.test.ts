// Attachments and the older actions, types, services.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { cinderAlone, type Cloud } from './cloud.ts'

const [S1, S2] = ['22222222-2222-4222-8222-000000000001', '22222222-2222-4222-8222-000000000002'] as const
const NOVA = { token: 'p1:service,member,reader,admin' }
const attach = (cloud: Cloud, volume: string, server: string) => cloud.ask('POST', '/attachments', { attachment: { volume_uuid: volume, instance_uuid: server, connector: null } }, NOVA)
const connector = { host: 'host1', mountpoint: '/dev/vdb', mode: 'rw' }

test('a server gets a volume, reaches it, has it, and gives it back', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const made = await attach(cloud, id, S1)
  const a = made.body.attachment
  assert.deepEqual([made.status, a, await cloud.status(id)], [200, { id: a.id, status: 'reserved', instance: S1, volume_id: id, attached_at: '', detached_at: '', attach_mode: 'rw', connection_info: {} }, 'reserved'])
  const connected = await cloud.ask('PUT', `/attachments/${a.id}`, { attachment: { connector } }, NOVA)
  const path = `/fake/${id}/disk.qcow2`
  assert.deepEqual(connected.body.attachment, {
    ...a, status: 'attaching', connection_info: { driver_volume_type: 'file', path, device_path: path, format: 'qcow2', access_mode: 'rw', encrypted: false, discard: true, attachment_id: a.id, volume_id: id },
  })
  assert.equal((await cloud.ask('POST', `/attachments/${a.id}/action`, { 'os-complete': null }, NOVA)).status, 204)
  const shown = (await cloud.ask('GET', `/volumes/${id}`)).body.volume
  assert.deepEqual([shown.status, shown.attachments], ['in-use', [{ id, attachment_id: a.id, volume_id: id, server_id: S1, host_name: null, device: '/dev/vdb', attached_at: '2026-01-01T00:00:00.000000' }]])
  assert.deepEqual((await cloud.ask('GET', `/attachments?instance_id=${S1}`)).body, { attachments: [{ id: a.id, status: 'attached', instance: S1, volume_id: id }] })
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}`)).status, 400)
  assert.equal((await cloud.ask('POST', '/snapshots', { snapshot: { volume_id: id } }, { version: '3.65' })).status, 400)
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-begin_detaching': null }, NOVA)).status, 202)
  assert.equal(await cloud.status(id), 'detaching')
  assert.deepEqual((await cloud.ask('DELETE', `/attachments/${a.id}`, undefined, NOVA)).body, { attachments: [] })
  assert.equal(await cloud.status(id), 'available')
  await cloud.settled()
  assert.deepEqual(await cloud.cinder.audit(), [])
})

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`of what is asked of a volume at once one thing happens, and quotas are never exceeded (${name})`, async () => {
    await using database = await open(migrations)
    await using cloud = await cinderAlone({ db: database.db })
    const id = await cloud.volume()
    const asked = await Promise.all([
      attach(cloud, id, S1), attach(cloud, id, S2), cloud.ask('POST', '/snapshots', { snapshot: { volume_id: id } }), cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 2 } }), cloud.ask('DELETE', `/volumes/${id}`),
    ])
    assert.equal(asked.filter(a => a.status < 300).length, 1, JSON.stringify(asked.map(a => a.body)))
    assert.ok(asked.every(a => [200, 202, 400, 404].includes(a.status)))
    await cloud.ask('PUT', '/os-quota-sets/p1', { quota_set: { volumes: 4 } }, { token: 'a:admin' })
    const made = await Promise.all(Array.from({ length: 6 }, () => cloud.ask('POST', '/volumes', { volume: { size: 1 } })))
    await cloud.settled()
    assert.ok(made.filter(a => a.status === 202).length <= 4 && made.every(a => [202, 413].includes(a.status)))
    assert.deepEqual(await cloud.cinder.audit(), [])
  })
}

test('only Nova takes a volume from a server that reaches it', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const { body: { attachment } } = await attach(cloud, id, S1)
  await cloud.ask('PUT', `/attachments/${attachment.id}`, { attachment: { connector } }, NOVA)
  await cloud.ask('POST', `/attachments/${attachment.id}/action`, { 'os-complete': null }, NOVA)
  for (const [method, path, body] of [['DELETE', `/attachments/${attachment.id}`], ['POST', `/volumes/${id}/action`, { 'os-detach': {} }], ['POST', `/volumes/${id}/action`, { 'os-terminate_connection': { connector } }]] as const) {
    const { status, body: said } = await cloud.ask(method, path, body)
    assert.deepEqual([status, said], [409, { conflictingRequest: { code: 409, message: `Detach volume from instance ${S1} using the Compute API` } }], path)
  }
  assert.equal(await cloud.status(id), 'in-use')
})

test('who says by the older action that a server has a volume, without Nova, may take it back: the server was never told', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const act = async (body: object) => (await cloud.ask('POST', `/volumes/${id}/action`, body)).status
  assert.deepEqual([await act({ 'os-attach': { instance_uuid: S1, mountpoint: '/dev/vdb' } }), await cloud.status(id)], [202, 'in-use'])
  assert.deepEqual((await cloud.ask('GET', `/volumes/${id}`)).body.volume.attachments.map((a: { server_id: string, device: string }) => [a.server_id, a.device]), [[S1, '/dev/vdb']])
  assert.deepEqual([await act({ 'os-detach': {} }), await cloud.status(id), await cloud.cinder.audit()], [202, 'available', []])
})

test('a volume on another host is not reached', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  await cloud.db.write(async tx => { await tx.updateTable('hosts').set({ capacity: '{"totalBytes":1,"freeBytes":1,"driver":"file"}' }).execute() })
  const { body: { attachment } } = await attach(cloud, id, S1)
  assert.equal((await cloud.ask('PUT', `/attachments/${attachment.id}`, { attachment: { connector: { host: 'host9' } } }, NOVA)).status, 400)
})

test('an attached volume grows: Nova is told, and the volume host leaves it alone', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const { body: { attachment } } = await attach(cloud, id, S1)
  await cloud.ask('PUT', `/attachments/${attachment.id}`, { attachment: { connector } }, NOVA)
  await cloud.ask('POST', `/attachments/${attachment.id}/action`, { 'os-complete': null }, NOVA)
  await cloud.settled()
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 3 } }, { version: '3.41' })).status, 400)
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 3 } })).status, 202)
  await cloud.settled()
  assert.deepEqual([(await cloud.ask('GET', `/volumes/${id}`)).body.volume.size, await cloud.status(id), await cloud.disks.look(id)], [3, 'in-use', 2 ** 30])
  assert.deepEqual(cloud.events, [{ name: 'volume-extended', server_uuid: S1, tag: id }])
  await cloud.ask('DELETE', `/attachments/${attachment.id}`, undefined, NOVA)
  await cloud.settled()
  assert.equal(await cloud.disks.look(id), 3 * 2 ** 30)
})

test('the older actions take a volume the same way', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const act = async (body: object, how = NOVA) => (await cloud.ask('POST', `/volumes/${id}/action`, body, how)).status
  assert.deepEqual([await act({ 'os-reserve': null }), await cloud.status(id), await act({ 'os-reserve': null })], [202, 'attaching', 400])
  assert.deepEqual([await act({ 'os-unreserve': null }), await cloud.status(id)], [202, 'available'])
  assert.equal(await act({ 'os-reserve': {} }), 202)
  const { status, body } = await cloud.ask('POST', `/volumes/${id}/action`, { 'os-initialize_connection': { connector } }, NOVA)
  assert.deepEqual([status, body.connection_info.driver_volume_type, body.connection_info.data.path], [200, 'file', `/fake/${id}/disk.qcow2`])
  assert.deepEqual([await act({ 'os-attach': { instance_uuid: S1, mountpoint: '/dev/vdc' } }), await cloud.status(id)], [202, 'in-use'])
  assert.deepEqual([await act({ 'os-begin_detaching': {} }), await act({ 'os-roll_detaching': {} }), await cloud.status(id)], [202, 202, 'in-use'])
  assert.deepEqual([await act({ 'os-detach': {} }), await cloud.status(id)], [202, 'available'])
  assert.deepEqual([await act({ 'os-set_bootable': { bootable: true } }), await act({ 'os-update_readonly_flag': { readonly: true } })], [200, 202])
  assert.equal((await cloud.ask('GET', `/volumes/${id}`)).body.volume.bootable, 'true')
  assert.deepEqual([await act({ 'os-reset_status': { status: 'error' } }, { token: 'p1:member' }), await act({ 'os-reset_status': { status: 'error' } }), await cloud.status(id)], [403, 202, 'error'])
  assert.deepEqual([await act({ 'os-reset_status': { status: 'spam' } }), await act({ 'os-spam': {} }), await act({})], [400, 400, 400])
  assert.equal(await act({ 'os-force_delete': {} }), 202)
  await cloud.settled()
  assert.equal(await cloud.status(id), undefined)
})

test('a volume type is made, seen by whom it is for, and stays while it is used', async () => {
  await using cloud = await cinderAlone()
  const admin = { token: 'a:admin,member,reader' }
  const made = await cloud.ask('POST', '/types', { volume_type: { name: 'fast', 'os-volume-type-access:is_public': false, extra_specs: { speed: 'high', multiattach: '<is> True' } } }, admin)
  const { id } = made.body.volume_type
  assert.deepEqual([made.status, made.body.volume_type], [200, { id, name: 'fast', is_public: false, description: null, 'os-volume-type-access:is_public': false, extra_specs: { speed: 'high', multiattach: '<is> True' }, qos_specs_id: null }])
  assert.equal((await cloud.ask('GET', `/types/${id}`)).status, 404)
  assert.equal((await cloud.ask('POST', `/types/${id}/action`, { addProjectAccess: { project: 'p1' } }, admin)).status, 202)
  assert.deepEqual((await cloud.ask('GET', `/types/${id}`)).body.volume_type.extra_specs, { multiattach: '<is> True' })
  assert.deepEqual((await cloud.ask('GET', '/types')).body.volume_types.map((x: { name: string }) => x.name).toSorted(), ['__DEFAULT__', 'fast'])
  const volume = await cloud.volume({ size: 1, volume_type: 'fast' })
  assert.equal((await cloud.ask('GET', `/volumes/${volume}`)).body.volume.multiattach, true)
  assert.equal((await cloud.ask('DELETE', `/types/${id}`, undefined, admin)).status, 400)
  assert.equal((await cloud.ask('POST', '/types', { volume_type: { name: 'fast' } }, admin)).status, 409)
  assert.equal((await cloud.ask('POST', '/types', { volume_type: { name: 'x' } })).status, 403)
  assert.deepEqual((await cloud.ask('PUT', `/types/${id}/extra_specs/speed`, { speed: 'low' }, admin)).body, { speed: 'low' })
  assert.equal((await cloud.ask('DELETE', `/types/${id}/extra_specs/speed`, undefined, admin)).status, 202)
  assert.equal((await cloud.ask('GET', `/types/${id}/extra_specs/speed`, undefined, admin)).status, 404)
  assert.equal((await cloud.ask('GET', '/os-quota-sets/p1')).body.quota_set.volumes_fast, -1)
})

test('hosts, pools and zones are shown as they are', async () => {
  await using cloud = await cinderAlone()
  const admin = { token: 'a:admin,member,reader' }
  assert.deepEqual((await cloud.ask('GET', '/os-services', undefined, admin)).body, { services: [{
    binary: 'cinder-volume', host: 'host1@file', zone: 'nova', status: 'enabled', state: 'up', updated_at: '2026-01-01T00:00:00.000000', disabled_reason: null, cluster: null, backend_state: 'up',
  }] })
  assert.equal((await cloud.ask('PUT', '/os-services/disable', { host: 'host1@file', binary: 'cinder-volume' }, admin)).status, 200)
  assert.deepEqual((await cloud.ask('GET', '/os-availability-zone')).body, { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: false } }] })
  assert.deepEqual((await cloud.ask('GET', '/scheduler-stats/get_pools', undefined, admin)).body, { pools: [{ name: 'host1@file#file' }] })
  assert.equal((await cloud.ask('GET', '/os-services')).status, 403)
  assert.deepEqual([(await cloud.ask('GET', '', undefined, { token: undefined })).body.versions[0].version, (await cloud.ask('GET', '/extensions')).status], ['3.71', 200])
})

test('what the controller does not know is named by the audit of the host, and removed only when told', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  await cloud.disks.makeBlank(S1, 1024)
  assert.deepEqual((await cloud.agent.agent.audit({})).disks.map(d => d.diskId).toSorted(), [S1, id].toSorted())
  await assert.rejects(cloud.agent.agent.removeOrphan({ diskId: id }), { code: 'cinder.agent.wanted' })
  await cloud.agent.agent.removeOrphan({ diskId: S1 })
  assert.deepEqual((await cloud.disks.marked()).map(d => d.diskId), [id])
})

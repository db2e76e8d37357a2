// Volumes, interfaces, security groups and images of servers, through the API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone, older, SERVICE } from './cloud.ts'
import { GROUP, IMAGE, NETWORK, VOLUME } from './neighbours.ts'
import * as volumes from '../store/volumes.ts'
import { abandonOwn } from '../task/makers.ts'

test('a volume is attached, seen, grown, and detached; a second server cannot have it meanwhile', async () => {
  await using cloud = await novaAlone()
  const [id, other] = [await cloud.server(), await cloud.server()]
  const path = `/v2.1/servers/${id}/os-volume_attachments`
  const attached = await cloud.as({}, '2.96').post(path, { volumeAttachment: { volumeId: VOLUME } })
  const { bdm_uuid: row } = attached.body.volumeAttachment
  assert.deepEqual([attached.status, attached.body], [200, { volumeAttachment: { volumeId: VOLUME, serverId: id, device: '/dev/vdb', tag: null, delete_on_termination: false, attachment_id: null, bdm_uuid: row } }])
  assert.equal((await cloud.as({}, '2.96').post(`/v2.1/servers/${other}/os-volume_attachments`, { volumeAttachment: { volumeId: VOLUME } })).status, 400)
  await cloud.until(() => cloud.others.volumes.get(VOLUME)!['status'] === 'in-use', 'the volume is in use')
  const [attachment] = cloud.others.attachments.values()
  assert.deepEqual((await cloud.as({}, '2.89').get(path)).body, { volumeAttachments: [{ volumeId: VOLUME, serverId: id, device: '/dev/vdb', tag: null, delete_on_termination: false, attachment_id: attachment!['id'], bdm_uuid: row }] })
  assert.deepEqual((await cloud.as({}, '2.1').get(`${path}/${VOLUME}`)).body, { volumeAttachment: { id: VOLUME, volumeId: VOLUME, serverId: id, device: '/dev/vdb' } })
  assert.deepEqual((await cloud.as().get(`/v2.1/servers/${id}`)).body.server['os-extended-volumes:volumes_attached'], [{ id: VOLUME }])

  cloud.others.volumes.get(VOLUME)!['size'] = 3
  const told = await cloud.as(SERVICE, '2.51').post('/v2.1/os-server-external-events', { events: [{ server_uuid: id, name: 'volume-extended', tag: VOLUME }] })
  assert.deepEqual([told.status, told.body], [200, { events: [{ server_uuid: id, name: 'volume-extended', status: 'completed', tag: VOLUME, code: 200 }] }])
  await cloud.until(async () => (await cloud.hypervisors[0]!.look(id)).volumes[0]?.bytes === 3 * 2 ** 30, 'the guest sees the larger volume')

  assert.equal((await cloud.as().delete(`${path}/${VOLUME}`)).status, 202)
  await cloud.until(() => cloud.others.attachments.size === 0, 'the volume is free')
  await cloud.until(async () => (await cloud.as().get(path)).body.volumeAttachments.length === 0, 'the attachment is gone')
  assert.deepEqual((await cloud.hypervisors[0]!.look(id)).volumes, [])
  assert.equal((await cloud.as().delete(`${path}/${VOLUME}`)).status, 404)
})

test('a volume of another host is not attached by an agent that is too old for it, and is free again', async () => {
  await using cloud = await novaAlone({ bus: older('compute-agent', '1.0') })
  const id = await cloud.server()
  cloud.others.connection = { driver_volume_type: 'nbd-tls', address: '198.18.0.1', port: 10_809, exportName: 'a', identity: 'a', format: 'qcow2' }
  const path = `/v2.1/servers/${id}/os-volume_attachments`
  assert.equal((await cloud.as({}, '2.96').post(path, { volumeAttachment: { volumeId: VOLUME } })).status, 200)
  await cloud.until(async () => cloud.others.attachments.size === 0 && (await cloud.as().get(path)).body.volumeAttachments.length === 0, 'the attachment is taken back')
  assert.ok(cloud.log.lines.some(line => JSON.stringify(line).includes(`Volume ${VOLUME} is on another host: reaching it needs version 1.1; h1 speaks 1.0`)), JSON.stringify(cloud.log.lines.slice(-5)))
})

test('a server boots from a volume made from an image, which goes with it when that was asked for', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server({ imageRef: undefined, block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: IMAGE, volume_size: 4, delete_on_termination: true }] })
  const { server } = (await cloud.as({}, '2.3').get(`/v2.1/servers/${id}`)).body
  const made = [...cloud.others.volumes.values()].find(one => one['id'] !== VOLUME)!
  assert.deepEqual([server.image, server['os-extended-volumes:volumes_attached'], made['imageRef'], made['size']], ['', [{ id: made['id'], delete_on_termination: true }], IMAGE, 4])
  await cloud.as().delete(`/v2.1/servers/${id}`)
  await cloud.gone(id)
  assert.deepEqual([[...cloud.others.volumes.keys()], cloud.others.attachments.size], [[VOLUME], 0])
})

test('a server goes although the volume that was to go with it has snapshots and stays', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server({ imageRef: undefined, block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: IMAGE, volume_size: 4, delete_on_termination: true }] })
  const made = [...cloud.others.volumes.keys()].find(volume => volume !== VOLUME)!
  for (let i = 0; i < 20; i++) cloud.others.failing.push({ match: `DELETE /volume/v3/volumes/${made}`, status: 400, message: 'Invalid volume: it has snapshots' })
  await cloud.as().delete(`/v2.1/servers/${id}`)
  await cloud.gone(id)
  assert.deepEqual([cloud.others.volumes.get(made)!['status'], cloud.others.attachments.size], ['available', 0])
})

test('a volume that Cinder will not make leaves the server in ERROR with Cinder\'s reason', async () => {
  await using cloud = await novaAlone()
  cloud.others.failing.push({ match: 'POST /volume/v3/volumes', status: 413, message: 'VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded' })
  const made = await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'v', flavorRef: '1', networks: 'none', block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: IMAGE, volume_size: 4 }] } })
  const server = await cloud.settle(made.body.server.id, 'ERROR')
  assert.match(server.fault.message, /could not be made: VolumeLimitExceeded: Maximum number/)
  assert.equal(cloud.others.allocations.size, 0)
})

test('a server whose volume was not made when Nova was killed is in ERROR with that reason at the next start, not waiting for it', async () => {
  await using cloud = await novaAlone()
  for (let i = 0; i < 3; i++) cloud.others.failing.push({ match: 'GET /placement/allocation_candidates', status: 503, message: 'later' })
  const { body: { server: { id } } } = await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'v', flavorRef: '1', networks: 'none', block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: IMAGE, volume_size: 4 }] } })
  const [row] = await cloud.db.read(tx => volumes.ofServers(tx, [id]))
  await cloud.db.write(tx => tx.updateTable('server_volumes').set({ volume_id: '', made_by: 'controller' }).where('id', '=', row!.id).execute())
  const abandon = (host: string) => abandonOwn({ ...cloud.nova.deps, host }, cloud.clock.now() + 1)
  assert.deepEqual([await abandon('another controller'), await abandon('controller'), await abandon('controller')], [0, 1, 0])
  assert.match((await cloud.settle(id, 'ERROR')).fault.message, /stopped before the volume was made/)
})

test('an interface comes and goes; a port of the user\'s own is let go of, not removed', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const path = `/v2.1/servers/${id}/os-interface`
  const mine = '50000000-0000-4000-8000-00000000000a'
  cloud.others.ports.set(mine, { id: mine, name: 'mine', network_id: NETWORK, project_id: 'p1', mac_address: 'fa:16:3e:aa:aa:aa', status: 'DOWN', admin_state_up: true, device_id: '', device_owner: '', fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.77' }], security_groups: [] })
  const taken = await cloud.as({}, '2.70').post(path, { interfaceAttachment: { port_id: mine } })
  assert.deepEqual([taken.status, taken.body], [200, { interfaceAttachment: { net_id: NETWORK, port_id: mine, mac_addr: 'fa:16:3e:aa:aa:aa', port_state: 'ACTIVE', fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.77' }], tag: null } }])
  const made = await cloud.as().post(path, { interfaceAttachment: { net_id: NETWORK } })
  assert.equal((await cloud.as().get(path)).body.interfaceAttachments.length, 3)
  assert.equal((await cloud.hypervisors[0]!.look(id)).ports.length, 3)
  assert.deepEqual(Object.keys((await cloud.as().get(`/v2.1/servers/${id}/ips`)).body.addresses), ['private'])
  for (const port of [mine, made.body.interfaceAttachment.port_id]) {
    assert.equal((await cloud.as().delete(`${path}/${port}`)).status, 202)
    await cloud.until(async () => !(await cloud.as().get(path)).body.interfaceAttachments.some((one: { port_id: string }) => one.port_id === port), 'the interface is gone')
  }
  assert.deepEqual([cloud.others.ports.get(mine)!['device_id'], cloud.others.ports.size], ['', 2])
})

test('of a port that its owner deletes in Neutron, the guest lets go', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const [port] = cloud.others.ports.keys()
  assert.deepEqual((await cloud.hypervisors[0]!.look(id)).ports, [port])
  cloud.others.ports.delete(port!)
  await cloud.as(SERVICE, '2.51').post('/v2.1/os-server-external-events', { events: [{ server_uuid: id, name: 'network-vif-deleted', tag: port }] })
  await cloud.until(async () => (await cloud.hypervisors[0]!.look(id)).ports.length === 0, 'the guest has no card on that port')
  assert.deepEqual((await cloud.as().get(`/v2.1/servers/${id}/os-interface`)).body, { interfaceAttachments: [] })
})

test('security groups are added to and removed from a server\'s ports', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const [port] = cloud.others.ports.values()
  assert.equal((await cloud.as().post(`/v2.1/servers/${id}/action`, { addSecurityGroup: { name: 'web' } })).status, 202)
  assert.deepEqual(port!['security_groups'], ['default-group', GROUP])
  assert.deepEqual((await cloud.as().get(`/v2.1/servers/${id}/os-security-groups`)).body, { security_groups: [{ id: GROUP, name: 'web', description: '', tenant_id: 'p1', rules: [] }] })
  assert.equal((await cloud.as().post(`/v2.1/servers/${id}/action`, { removeSecurityGroup: { name: 'web' } })).status, 202)
  assert.deepEqual(port!['security_groups'], ['default-group'])
  assert.equal((await cloud.as().post(`/v2.1/servers/${id}/action`, { addSecurityGroup: { name: 'nope' } })).status, 404)
})

test('an image is made of a running server and holds its disk', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const made = await cloud.as({}, '2.45').post(`/v2.1/servers/${id}/action`, { createImage: { name: 'snap', metadata: { purpose: 'test' } } })
  const image = cloud.others.images.get(made.body.image_id)!
  assert.deepEqual([made.status, image['name'], image['purpose'], image['image_type'], image['base_image_ref'], image['instance_uuid'], image['min_disk']], [202, 'snap', 'test', 'snapshot', IMAGE, id, 1])
  await cloud.until(() => image['status'] === 'active', 'the image has its bytes')
  await cloud.settle(id, 'ACTIVE')
  const old = await cloud.as({}, '2.1').post(`/v2.1/servers/${id}/action`, { createImage: { name: 'two' } })
  assert.match(old.headers['location']!, /^http:\/\/cloud\/image\/v2\/images\//)
})

test('a guest that crashes while something is done to its server leaves a stopped server, not one that seems active for ever', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  await cloud.as().post(`/v2.1/servers/${id}/action`, { createImage: { name: 'half' } })
  cloud.hypervisors[0]!.crash(id)
  await cloud.settle(id, 'SHUTOFF')
  assert.equal((await cloud.as().get(`/v2.1/servers/${id}`)).body.server['OS-EXT-STS:power_state'], 6)
})

test('a port that never comes up fails the build after its time, and leaves nothing', async () => {
  await using cloud = await novaAlone({ options: { vifPluggingTimeout: 30 } })
  cloud.others.silent.add(NETWORK)
  const made = await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'w', imageRef: IMAGE, flavorRef: '1', networks: 'auto' } })
  const server = await cloud.settle(made.body.server.id, 'ERROR')
  assert.match(server.fault.message, /^port .* is not active on host h1 yet/)
  assert.deepEqual([cloud.others.ports.size, cloud.others.allocations.size], [0, 0])
  const { events } = (await cloud.as(ADMIN, '2.84').get(`/v2.1/servers/${server.id}/os-instance-actions/${(await cloud.as(ADMIN).get(`/v2.1/servers/${server.id}/os-instance-actions`)).body.instanceActions[0].request_id}`)).body.instanceAction
  assert.deepEqual([events[0].event, events[0].result], ['compute__do_build_and_run_instance', 'Error'])
})

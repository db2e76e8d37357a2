// Servers through the API, with agents on fake hosts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone } from './cloud.ts'
import { IMAGE, NETWORK } from './neighbours.ts'

const BODY = { server: { name: 'web', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }] } }

test('a server is made, runs, and is gone without a trace', async () => {
  await using cloud = await novaAlone()
  const made = await cloud.as({}, '2.96').post('/v2.1/servers', BODY)
  const { id } = made.body.server
  const links = [{ rel: 'self', href: `http://cloud/compute/v2.1/servers/${id}` }, { rel: 'bookmark', href: `http://cloud/compute/servers/${id}` }]
  assert.deepEqual([made.status, made.headers['location'], made.body], [202, links[0]!.href, { server: { id, links, 'OS-DCF:diskConfig': 'MANUAL', security_groups: [{ name: 'default' }], adminPass: made.body.server.adminPass } }])

  await cloud.settle(id, 'ACTIVE')
  const { created, updated, 'OS-SRV-USG:launched_at': launched, hostId, ...server } = (await cloud.as({}, '2.96').get(`/v2.1/servers/${id}`)).body.server
  assert.deepEqual(server, {
    id, name: 'web', status: 'ACTIVE', tenant_id: 'p1', user_id: 'u1', metadata: {}, image: { id: IMAGE, links: [{ rel: 'bookmark', href: `http://cloud/compute/images/${IMAGE}` }] },
    flavor: { vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0, original_name: 'm1.tiny', extra_specs: {} },
    addresses: { private: [{ version: 4, addr: '10.0.0.3', 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:03' }] }, accessIPv4: '', accessIPv6: '', links, 'OS-DCF:diskConfig': 'MANUAL', progress: 0,
    'OS-EXT-AZ:availability_zone': 'nova', config_drive: '', key_name: null, 'OS-SRV-USG:terminated_at': null, security_groups: [{ name: 'default' }], 'OS-EXT-STS:task_state': null, 'OS-EXT-STS:vm_state': 'active',
    'OS-EXT-STS:power_state': 1, 'os-extended-volumes:volumes_attached': [], 'OS-EXT-SRV-ATTR:hostname': 'web', locked: false, locked_reason: null, description: null, tags: [], trusted_image_certificates: null, server_groups: [],
    pinned_availability_zone: null,
  })
  assert.equal(hostId.length, 56)
  assert.deepEqual([...cloud.others.allocations.values()].map(one => Object.values(one['allocations'])), [[{ resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 } }]])

  assert.equal((await cloud.as().delete(`/v2.1/servers/${id}`)).status, 204)
  await cloud.gone(id)
  assert.deepEqual([cloud.others.allocations.size, cloud.others.ports.size, (await cloud.hypervisors[0]!.marked()).length], [0, 0, 0])
  assert.deepEqual(await cloud.nova.audit(), [])
  assert.equal((await cloud.as().get('/v2.1/limits')).body.limits.absolute.totalInstancesUsed, 0)
  assert.ok(created && updated && launched)
})

test('when no host has room, the server is in ERROR and says why for each host, and nothing else is left', async () => {
  await using cloud = await novaAlone({ hosts: 2 })
  await cloud.as(ADMIN).post('/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 40_000, vcpus: 1, disk: 1 } })
  const made = await cloud.as({}, '2.96').post('/v2.1/servers', { server: { ...BODY.server, flavorRef: 'huge' } })
  const server = await cloud.settle(made.body.server.id, 'ERROR')
  assert.deepEqual([server.fault.code, server.fault.message], [500, 'No valid host was found. h1: MEMORY_MB 40000 wanted, 15872 of 15872 free; h2: MEMORY_MB 40000 wanted, 15872 of 15872 free.'])
  assert.deepEqual([cloud.others.allocations.size, cloud.others.ports.size], [0, 0])
})

test('a server of another project is not found; its own reader and the admin see it; nobody is refused', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const { status, body } = await cloud.as({ project: 'p2' }).get(`/v2.1/servers/${id}`)
  assert.deepEqual({ status, body }, { status: 404, body: { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } } })
  assert.equal((await cloud.as({ roles: ['reader'] }).get(`/v2.1/servers/${id}`)).status, 200)
  assert.equal((await cloud.as(ADMIN).get(`/v2.1/servers/${id}`)).status, 200)
  assert.equal((await cloud.as({ roles: ['reader'] }).delete(`/v2.1/servers/${id}`)).status, 403)
  assert.equal((await cloud.ask(undefined, 'GET', `/v2.1/servers/${id}`)).status, 401)
  assert.deepEqual((await cloud.as({ project: 'p2' }).get('/v2.1/servers/detail')).body, { servers: [] })
})

test('power goes off and on, soft and hard, and what cannot be is refused with the state', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const act = (body: unknown) => cloud.as({}, '2.96').post(`/v2.1/servers/${id}/action`, body)
  assert.equal((await act({ 'os-stop': null })).status, 202)
  await cloud.settle(id, 'SHUTOFF')
  assert.deepEqual((await act({ 'os-stop': null })).body, { conflictingRequest: { code: 409, message: `Cannot 'stop' instance ${id} while it is in vm_state stopped` } })
  assert.equal((await act({ 'os-start': null })).status, 202)
  await cloud.settle(id, 'ACTIVE')
  for (const [body, meanwhile] of [[{ reboot: { type: 'SOFT' } }, 'REBOOT'], [{ reboot: { type: 'HARD' } }, 'HARD_REBOOT']] as const) {
    assert.equal((await act(body)).status, 202)
    assert.equal((await cloud.as().get(`/v2.1/servers/${id}`)).body.server.status, meanwhile)
    await cloud.settle(id, 'ACTIVE')
  }
  for (const [there, state, back] of [['pause', 'PAUSED', 'unpause'], ['suspend', 'SUSPENDED', 'resume']] as const) {
    assert.equal((await act({ [there]: null })).status, 202)
    await cloud.settle(id, state)
    assert.equal((await act({ [back]: null })).status, 202)
    await cloud.settle(id, 'ACTIVE')
  }
  const { instanceActions } = (await cloud.as({}, '2.96').get(`/v2.1/servers/${id}/os-instance-actions`)).body
  assert.deepEqual(instanceActions.map((one: { action: string, message: null }) => [one.action, one.message]), ['resume', 'suspend', 'unpause', 'pause', 'reboot', 'reboot', 'start', 'stop', 'create'].map(action => [action, null]))
})

test('an access address is shown in its shortest text, can be changed and taken away, and is an address', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server({ accessIPv4: '192.0.2.7', accessIPv6: '0000:0000:0000:0000:0000:babe:220.12.22.2' })
  const shown = async () => {
    const { accessIPv4, accessIPv6 } = (await cloud.as().get(`/v2.1/servers/${id}`)).body.server
    return [accessIPv4, accessIPv6]
  }
  assert.deepEqual(await shown(), ['192.0.2.7', '::babe:dc0c:1602'])
  assert.equal((await cloud.as().put(`/v2.1/servers/${id}`, { server: { accessIPv4: '', accessIPv6: '2001:DB8:0::1' } })).status, 200)
  assert.deepEqual(await shown(), ['', '2001:db8::1'])
  assert.equal((await cloud.as().put(`/v2.1/servers/${id}`, { server: { accessIPv6: '192.0.2.7' } })).status, 400)
  assert.equal((await cloud.as().post('/v2.1/servers', { server: { ...BODY.server, accessIPv4: 'nowhere' } })).status, 400)
})

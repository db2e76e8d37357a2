// Flavors, key pairs, quotas, hosts and versions, through the API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone } from './cloud.ts'
import { IMAGE, NETWORK } from './neighbours.ts'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@home'

test('the version documents state what works', async () => {
  await using cloud = await novaAlone({ flavors: false })
  const document = { id: 'v2.1', status: 'CURRENT', version: '2.96', min_version: '2.1', updated: '2013-07-23T11:33:21Z', links: [{ rel: 'self', href: 'http://cloud/compute/v2.1/' }] }
  assert.deepEqual((await cloud.ask(undefined, 'GET', '/')).body, { versions: [document] })
  assert.equal((await cloud.ask(undefined, 'GET', '/v2.1/')).body.version.version, '2.96')
  assert.equal((await cloud.as({}, '2.97').get('/v2.1/flavors')).status, 406)
})

test('a flavor lives; what is not public is for those who have access', async () => {
  await using cloud = await novaAlone({ flavors: false })
  const made = await cloud.as(ADMIN, '2.61').post('/v2.1/flavors', { flavor: { 'name': 'secret', 'id': '42', 'ram': 64, 'vcpus': 1, 'disk': 0, 'os-flavor-access:is_public': false, 'description': 'd' } })
  const links = [{ rel: 'self', href: 'http://cloud/compute/v2.1/flavors/42' }, { rel: 'bookmark', href: 'http://cloud/compute/flavors/42' }]
  const flavor = { 'id': '42', 'name': 'secret', 'ram': 64, 'disk': 0, 'vcpus': 1, 'swap': '', 'OS-FLV-EXT-DATA:ephemeral': 0, 'OS-FLV-DISABLED:disabled': false, 'os-flavor-access:is_public': false, 'rxtx_factor': 1, links, 'description': 'd', 'extra_specs': {} }
  assert.deepEqual([made.status, made.body], [200, { flavor }])
  assert.equal((await cloud.as().get('/v2.1/flavors/42')).status, 404)
  assert.deepEqual((await cloud.as(ADMIN).get('/v2.1/flavors/42/os-flavor-access')).body, { flavor_access: [] })
  assert.deepEqual((await cloud.as(ADMIN).post('/v2.1/flavors/42/action', { addTenantAccess: { tenant: 'p1' } })).body, { flavor_access: [{ flavor_id: '42', tenant_id: 'p1' }] })
  assert.deepEqual((await cloud.as().get('/v2.1/flavors/42')).body.flavor.name, 'secret')
  assert.deepEqual((await cloud.as({}, '2.1').get('/v2.1/flavors')).body, { flavors: [{ id: '42', name: 'secret', links }] })
  assert.deepEqual((await cloud.as(ADMIN).post('/v2.1/flavors/42/os-extra_specs', { extra_specs: { 'hw:cpu_policy': 'shared' } })).body, { extra_specs: { 'hw:cpu_policy': 'shared' } })
  assert.deepEqual((await cloud.as().get('/v2.1/flavors/42/os-extra_specs/hw:cpu_policy')).body, { 'hw:cpu_policy': 'shared' })
  assert.equal((await cloud.as(ADMIN).delete('/v2.1/flavors/42/os-extra_specs/nope')).status, 404)
  assert.equal((await cloud.as(ADMIN).post('/v2.1/flavors', { flavor: { name: 'secret', ram: 1, vcpus: 1, disk: 1 } })).status, 409)
  assert.equal((await cloud.as().post('/v2.1/flavors', { flavor: { name: 'x', ram: 1, vcpus: 1, disk: 1 } })).status, 403)
  assert.equal((await cloud.as(ADMIN).delete('/v2.1/flavors/42')).status, 202)
  assert.equal((await cloud.as(ADMIN).get('/v2.1/flavors/42')).status, 404)
})

test('a key is imported; a pair is made until 2.91 and not from 2.92 on', async () => {
  await using cloud = await novaAlone({ flavors: false })
  const fingerprint = (await cloud.as({}, '2.92').post('/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: KEY } })).body.keypair.fingerprint
  const shown = (await cloud.as({}, '2.2').get('/v2.1/os-keypairs/mine')).body.keypair
  assert.deepEqual(shown, { name: 'mine', public_key: KEY, fingerprint, type: 'ssh', user_id: 'u1', deleted: false, created_at: shown.created_at, deleted_at: null, updated_at: null, id: shown.id })
  assert.match(fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
  const pair = await cloud.as({}, '2.1').post('/v2.1/os-keypairs', { keypair: { name: 'made' } })
  assert.deepEqual([pair.status, /BEGIN RSA PRIVATE KEY/.test(pair.body.keypair.private_key), pair.body.keypair.public_key.startsWith('ssh-rsa ')], [200, true, true])
  assert.equal((await cloud.as({}, '2.92').post('/v2.1/os-keypairs', { keypair: { name: 'no' } })).status, 400)
  assert.deepEqual((await cloud.as().post('/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: KEY } })).body, { conflictingRequest: { code: 409, message: 'Key pair \'mine\' already exists.' } })
  assert.equal((await cloud.as().post('/v2.1/os-keypairs', { keypair: { name: 'bad', public_key: 'ssh-rsa nonsense' } })).status, 400)
  assert.equal((await cloud.as({ user: 'u2' }, '2.10').get('/v2.1/os-keypairs?user_id=u1')).status, 403)
  assert.deepEqual((await cloud.as({}, '2.1').get('/v2.1/os-keypairs')).body.keypairs.map((one: { keypair: { name: string } }) => one.keypair.name), ['made', 'mine'])
  assert.equal((await cloud.as({}, '2.2').delete('/v2.1/os-keypairs/mine')).status, 204)
})

test('quota is the sum of the rows: what does not fit is refused, two at once included', async () => {
  await using cloud = await novaAlone()
  assert.deepEqual((await cloud.as(ADMIN, '2.57').put('/v2.1/os-quota-sets/p1', { quota_set: { instances: 2 } })).body, { quota_set: { instances: 2, cores: 20, ram: 51_200, metadata_items: 128, key_pairs: 100, server_groups: 10, server_group_members: 10 } })
  const body = { server: { name: 'w', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }] } }
  const answers = await Promise.all([1, 2, 3].map(() => cloud.as({}, '2.37').post('/v2.1/servers', body)))
  assert.deepEqual(answers.map(one => one.status).toSorted((a, b) => a - b), [202, 202, 403])
  assert.deepEqual(answers.find(one => one.status === 403)!.body, { forbidden: { code: 403, message: 'Quota exceeded for instances: Requested 1, but already used 2 of 2 instances' } })
  const { absolute } = (await cloud.as({}, '2.57').get('/v2.1/limits')).body.limits
  assert.deepEqual(absolute, {
    maxTotalInstances: 2, maxTotalCores: 20, maxTotalRAMSize: 51_200, maxTotalKeypairs: 100, maxServerMeta: 128, maxServerGroups: 10, maxServerGroupMembers: 10,
    totalInstancesUsed: 2, totalCoresUsed: 2, totalRAMUsed: 1024, totalServerGroupsUsed: 0,
  })
  const tooMany = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`key${i}`, '']))
  assert.equal((await cloud.as({ project: 'p2' }, '2.37').post('/v2.1/servers', { server: { ...body.server, metadata: tooMany } })).body.forbidden.message, 'Quota exceeded for metadata_items: Requested 129, but already used 0 of 128 metadata_items')
  assert.equal((await cloud.as({ project: 'p2' }).get('/v2.1/os-quota-sets/p1')).status, 403)
  assert.equal((await cloud.as(ADMIN).put('/v2.1/os-quota-sets/p1', { quota_set: { instances: 1 } })).status, 400)
  assert.equal((await cloud.as(ADMIN).delete('/v2.1/os-quota-sets/p1')).status, 202)
  assert.equal((await cloud.as().get('/v2.1/os-quota-sets/p1')).body.quota_set.instances, 10)
})

test('hosts are seen as hypervisors, services and in their zone; a disabled one takes no servers', async () => {
  await using cloud = await novaAlone({ hosts: 2 })
  const { services } = (await cloud.as(ADMIN, '2.53').get('/v2.1/os-services')).body
  assert.deepEqual(services.map((one: { host: string, state: string, status: string, zone: string }) => [one.host, one.state, one.status, one.zone]), [['h1', 'up', 'enabled', 'nova'], ['h2', 'up', 'enabled', 'nova']])
  const { hypervisors } = (await cloud.as(ADMIN, '2.53').get('/v2.1/os-hypervisors/detail')).body
  assert.deepEqual(hypervisors.map((one: { hypervisor_hostname: string, vcpus: number, memory_mb: number }) => [one.hypervisor_hostname, one.vcpus, one.memory_mb]), [['h1', 8, 16_384], ['h2', 8, 16_384]])
  assert.deepEqual((await cloud.as().get('/v2.1/os-availability-zone')).body, { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: null }] })
  assert.equal((await cloud.as().get('/v2.1/os-services')).status, 403)
  assert.equal((await cloud.as(ADMIN, '2.53').put(`/v2.1/os-services/${services[0].id}`, { status: 'disabled', disabled_reason: 'broken fan' })).body.service.disabled_reason, 'broken fan')
  const id = await cloud.server()
  assert.equal((await cloud.as(ADMIN).get(`/v2.1/servers/${id}`)).body.server['OS-EXT-SRV-ATTR:host'], 'h2')
  assert.deepEqual((await cloud.as(ADMIN, '2.53').delete(`/v2.1/os-services/${services[1].id}`)).status, 400)
})

test('servers are listed by filter, order and page, with a link to the next', async () => {
  await using cloud = await novaAlone()
  const names = ['alpha', 'beta', 'gamma']
  for (const name of names) await cloud.server({ name, metadata: { role: name }, tags: [name] })
  const list = async (query: string, who = {}) => (await cloud.as(who, '2.96').get(`/v2.1/servers?${query}`)).body.servers.map((one: { name: string }) => one.name)
  assert.deepEqual(await list(''), ['gamma', 'beta', 'alpha'])
  assert.deepEqual(await list('sort_key=display_name&sort_dir=asc'), names)
  assert.deepEqual(await list('name=^b'), ['beta'])
  assert.deepEqual(await list('tags-any=alpha,gamma&sort_key=name&sort_dir=asc'), ['alpha', 'gamma'])
  assert.deepEqual(await list('status=SHUTOFF'), [])
  for (const path of ['servers', 'servers/detail']) assert.deepEqual((await cloud.as().get(`/v2.1/${path}?status=nonsense`)).body, { servers: [] })
  assert.deepEqual(await list('status=active&ip=10.0.0.4'), ['beta'])
  assert.deepEqual(await list('all_tenants=1', ADMIN), ['gamma', 'beta', 'alpha'])
  assert.equal((await cloud.as().get('/v2.1/servers?all_tenants=1')).status, 403)
  const page = (await cloud.as().get('/v2.1/servers?limit=2')).body
  assert.deepEqual(page.servers.map((one: { name: string }) => one.name), ['gamma', 'beta'])
  const next = new URL(page.servers_links[0].href)
  assert.deepEqual(await list(next.searchParams.toString()), ['alpha'])
  const before = cloud.db.statements
  await list('')
  const three = cloud.db.statements - before
  assert.ok(three <= 4, `listing takes ${three} statements`)
})

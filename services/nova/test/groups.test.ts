// Aggregates, zones, server groups, locks, metadata and tags of servers, idempotency, lost bells.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone } from './cloud.ts'
import { IMAGE, NETWORK } from './neighbours.ts'

test('an aggregate makes a zone; a server that asks for it goes there, and a zone that is not is refused', async () => {
  await using cloud = await novaAlone({ hosts: 2 })
  const made = (await cloud.as(ADMIN, '2.41').post('/v2.1/os-aggregates', { aggregate: { name: 'rack2', availability_zone: 'east' } })).body.aggregate
  assert.deepEqual(made, { id: 1, name: 'rack2', availability_zone: 'east', created_at: made.created_at, updated_at: null, deleted: false, deleted_at: null, uuid: made.uuid })
  const joined = await cloud.as(ADMIN).post('/v2.1/os-aggregates/1/action', { add_host: { host: 'h2' } })
  assert.deepEqual(joined.body.aggregate.hosts, ['h2'])
  assert.deepEqual((await cloud.as().get('/v2.1/os-availability-zone')).body.availabilityZoneInfo.map((one: { zoneName: string }) => one.zoneName), ['east', 'nova'])
  const id = await cloud.server({ availability_zone: 'east' })
  const { server } = (await cloud.as(ADMIN, '2.96').get(`/v2.1/servers/${id}`)).body
  assert.deepEqual([server['OS-EXT-SRV-ATTR:host'], server['OS-EXT-AZ:availability_zone'], server.pinned_availability_zone], ['h2', 'east', 'east'])
  assert.equal((await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'x', imageRef: IMAGE, flavorRef: '1', networks: 'auto', availability_zone: 'west' } })).status, 400)
  assert.equal((await cloud.as(ADMIN).delete('/v2.1/os-aggregates/1')).status, 400)
  assert.equal((await cloud.as().get('/v2.1/os-aggregates')).status, 403)
})

test('servers of an anti-affinity group made at once are on different hosts; the one too many fails with the reason', async () => {
  await using cloud = await novaAlone({ hosts: 2 })
  const group = (await cloud.as({}, '2.64').post('/v2.1/os-server-groups', { server_group: { name: 'apart', policy: 'anti-affinity' } })).body.server_group
  assert.deepEqual(group, { id: group.id, name: 'apart', members: [], policy: 'anti-affinity', rules: {}, project_id: 'p1', user_id: 'u1' })
  const body = { 'server': { name: 'w', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }], min_count: 3 }, 'os:scheduler_hints': { group: group.id } }
  assert.equal((await cloud.as({}, '2.96').post('/v2.1/servers', body)).status, 202)
  const list = async () => (await cloud.as(ADMIN, '2.96').get('/v2.1/servers/detail?all_tenants=1')).body.servers as { 'status': string, 'OS-EXT-SRV-ATTR:host': string | null, 'fault'?: { message: string } }[]
  await cloud.until(async () => (await list()).every(one => one.status !== 'BUILD'), 'all are decided')
  const all = await list()
  assert.deepEqual(all.map(one => one['OS-EXT-SRV-ATTR:host'] ?? 'none').toSorted((a, b) => a.localeCompare(b)), ['h1', 'h2', 'none'])
  assert.match(all.find(one => one.fault)!.fault!.message, /its server group \(anti-affinity\) is on it already/)
  assert.equal((await cloud.as({}, '2.64').get(`/v2.1/os-server-groups/${group.id}`)).body.server_group.members.length, 3)
  assert.equal((await cloud.as({ project: 'p2' }).get(`/v2.1/os-server-groups/${group.id}`)).status, 404)
})

test('a locked server is its owner\'s until an admin locks it; metadata and tags follow', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server({ metadata: { a: '1' } })
  const act = (who: object, body: unknown) => cloud.as(who, '2.73').post(`/v2.1/servers/${id}/action`, body)
  assert.equal((await act(ADMIN, { lock: { locked_reason: 'audit' } })).status, 202)
  const { server } = (await cloud.as({}, '2.73').get(`/v2.1/servers/${id}`)).body
  assert.deepEqual([server.locked, server.locked_reason], [true, 'audit'])
  assert.deepEqual((await act({}, { 'os-stop': null })).body, { conflictingRequest: { code: 409, message: `Instance ${id} is locked` } })
  assert.equal((await act({}, { unlock: null })).status, 403)
  assert.equal((await act(ADMIN, { unlock: null })).status, 202)
  assert.deepEqual((await cloud.as().post(`/v2.1/servers/${id}/metadata`, { metadata: { b: '2' } })).body, { metadata: { a: '1', b: '2' } })
  for (const key of ['', 'k'.repeat(256), 'a/b']) {
    assert.equal((await cloud.as().post(`/v2.1/servers/${id}/metadata`, { metadata: { [key]: '1' } })).status, 400, key)
    assert.equal((await cloud.as().post('/v2.1/servers', { server: { name: 'x', flavorRef: '1', metadata: { [key]: '1' } } })).status, 400, key)
  }
  assert.equal((await cloud.as().delete(`/v2.1/servers/${id}/metadata/a`)).status, 204)
  assert.deepEqual((await cloud.as().get(`/v2.1/servers/${id}/metadata`)).body, { metadata: { b: '2' } })
  assert.equal((await cloud.as({}, '2.26').put(`/v2.1/servers/${id}/tags/x`, undefined)).status, 201)
  assert.equal((await cloud.as({}, '2.26').put(`/v2.1/servers/${id}/tags/x`, undefined)).status, 204)
  assert.deepEqual((await cloud.as({}, '2.26').get(`/v2.1/servers/${id}/tags`)).body, { tags: ['x'] })
  assert.equal((await cloud.as({}, '2.25').get(`/v2.1/servers/${id}/tags`)).status, 404)
})

test('a create that is repeated with its key gives the same server', async () => {
  await using cloud = await novaAlone()
  const body = { server: { name: 'once', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }] } }
  const post = () => cloud.ask({}, 'POST', '/v2.1/servers', body, '2.96', { 'x-alto-idempotency-key': 'stack/server' })
  const [one, two] = [await post(), await post()]
  assert.equal(one.body.server.id, two.body.server.id)
  assert.equal((await cloud.as().get('/v2.1/servers')).body.servers.length, 1)
})

test('a guest that shuts itself down is a stopped server; a delete in the middle of a build leaves nothing', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  cloud.hypervisors[0]!.endByItself(id)
  await cloud.settle(id, 'SHUTOFF')
  const building = (await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'w', imageRef: IMAGE, flavorRef: '1', networks: 'auto' } })).body.server.id
  assert.equal((await cloud.as().delete(`/v2.1/servers/${building}`)).status, 204)
  await cloud.gone(building)
  assert.deepEqual([cloud.others.ports.size, cloud.others.allocations.size], [1, 1])
  assert.deepEqual(await cloud.nova.audit(), [])
})

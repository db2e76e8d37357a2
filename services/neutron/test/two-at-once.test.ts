// Rules over sets, with requests that come at the same moment, on each database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { neutronAlone } from './cloud.ts'

const ADMIN = 'a:admin,member,reader'
const NOVA = 'service:service'

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: of requests that come at once for one address, one MAC, one prefix, one default group, one association, one succeeds`, async () => {
    await using database = await open(migrations)
    await using cloud = await neutronAlone({ db: database.db })
    await cloud.host('here')
    const { id: network_id } = await cloud.make('network', {})
    const { id: subnet_id } = await cloud.make('subnet', { network_id, ip_version: 4, cidr: '10.0.0.0/24' })
    const atOnce = async (path: string, bodies: readonly unknown[], as?: string) =>
      (await Promise.all(bodies.map(body => cloud.ask('POST', path, body, as === undefined ? {} : { as })))).map(answer => answer.status).toSorted((a, b) => a - b)

    assert.deepEqual(await atOnce('/v2.0/ports', Array(3).fill({ port: { network_id, fixed_ips: [{ ip_address: '10.0.0.50' }] } })), [201, 409, 409])
    assert.deepEqual(await atOnce('/v2.0/ports', Array(3).fill({ port: { network_id, mac_address: 'fa:16:3e:00:00:50' } })), [201, 409, 409])
    assert.deepEqual(await atOnce('/v2.0/subnets', [20, 21, 22].map(length => ({ subnet: { network_id, ip_version: 4, cidr: `10.8.0.0/${length}` } }))), [201, 400, 400])
    assert.deepEqual(await atOnce('/v2.0/ports', Array(4).fill({ port: { network_id } }), 'p:member,reader'), [201, 201, 201, 201])
    await Promise.all([1, 2, 3].map(() => cloud.ask('GET', '/v2.0/security-groups', undefined, { as: 'q:member,reader' })))
    assert.equal((await cloud.ask('GET', '/v2.0/security-groups', undefined, { as: 'q:member,reader' })).body.security_groups.length, 1)

    const outside = await cloud.make('network', { 'router:external': true }, ADMIN)
    await cloud.make('subnet', { network_id: outside.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false }, ADMIN)
    const router = await cloud.make('router', { external_gateway_info: { network_id: outside.id } })
    const joins = await Promise.all([1, 2].map(() => cloud.ask('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id })))
    assert.deepEqual(joins.map(answer => answer.status).toSorted((a, b) => a - b), [200, 400])
    const port = await cloud.make('port', { network_id, project_id: 'p', device_id: 's', device_owner: 'compute:nova', 'binding:host_id': 'here', fixed_ips: [{ subnet_id }] }, NOVA)
    assert.deepEqual(await atOnce('/v2.0/floatingips', Array(3).fill({ floatingip: { floating_network_id: outside.id, port_id: port.id } })), [201, 409, 409])
    await cloud.settled()
    assert.equal((await cloud.ask('GET', `/v2.0/ports/${port.id}`)).body.port.status, 'ACTIVE')
    assert.deepEqual((await cloud.ask('GET', '/v2.0/floatingips')).body.floatingips.map((one: { status: string }) => one.status), ['ACTIVE'])
    assert.equal((await cloud.ask('GET', '/v2.0/ports?tags-any=a,b')).status, 200)
    assert.deepEqual(await cloud.neutron.audit(), [])
  })
}

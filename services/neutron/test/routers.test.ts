import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neutronAlone, type Cloud } from './cloud.ts'

const ADMIN = 'a:admin,member,reader'
const type = (answer: { status: number, body: { NeutronError?: { type: string } } }) => [answer.status, answer.body?.NeutronError?.type]

/** An external network, a tenant's network, and a router between them. */
async function routed(cloud: Cloud) {
  const outside = await cloud.make('network', { name: 'public', 'router:external': true }, ADMIN)
  const outer = await cloud.make('subnet', { network_id: outside.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false }, ADMIN)
  const inside = await cloud.make('network', { name: 'private' })
  const inner = await cloud.make('subnet', { network_id: inside.id, ip_version: 4, cidr: '10.0.0.0/24' })
  const router = await cloud.make('router', { name: 'r', external_gateway_info: { network_id: outside.id } })
  const joined = await cloud.ask('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: inner.id })
  return { outside, outer, inside, inner, router, joined }
}

test('a router joins subnets at their gateway address and leads out by an address of the external network', async () => {
  await using cloud = await neutronAlone()
  const { machine } = await cloud.host('here')
  const { outside, outer, inside, inner, router, joined } = await routed(cloud)
  await cloud.settled()
  const [fixed] = router.external_gateway_info.external_fixed_ips
  assert.match(fixed.ip_address, /^172\.24\.4\.\d+$/)
  assert.deepEqual(router, {
    id: router.id, tenant_id: 'p', project_id: 'p', description: '', tags: [], revision_number: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', name: 'r',
    admin_state_up: true, status: 'ACTIVE', routes: [], availability_zone_hints: [], availability_zones: ['nova'],
    external_gateway_info: { network_id: outside.id, enable_snat: true, external_fixed_ips: [{ subnet_id: outer.id, ip_address: fixed.ip_address }] },
  })
  assert.deepEqual([joined.status, joined.body], [200, {
    id: router.id, tenant_id: 'p', project_id: 'p', network_id: inside.id, port_id: joined.body.port_id, subnet_id: inner.id, subnet_ids: [inner.id], tags: [],
  }])
  const made = machine.routers.get(router.id)
  assert.deepEqual([made?.interfaces[0]?.addresses, made?.gateway?.link.addresses, made?.gateway?.snat, made?.gateway?.nexthops], [['10.0.0.1/24'], [`${fixed.ip_address}/24`], true, ['172.24.4.1']])
  assert.deepEqual((await cloud.ask('GET', `/v2.0/ports?device_id=${router.id}`)).body.ports.map((port: { device_owner: string, status: string }) => `${port.device_owner} ${port.status}`), ['network:router_interface ACTIVE'])
  assert.deepEqual(await cloud.neutron.audit(), [])

  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/ports/${joined.body.port_id}`)), [409, 'ServicePortInUse'])
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/routers/${router.id}`)), [409, 'RouterInUse'])
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/subnets/${inner.id}`)), [409, 'SubnetInUse'])
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: inner.id })), [400, 'BadRequest'])
  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id, enable_snat: false } } })).status, 403)
  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id, enable_snat: false } } }, { as: ADMIN })).body.router.external_gateway_info.enable_snat, false)

  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: inner.id })).status, 200)
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: inner.id })), [404, 'RouterInterfaceNotFoundForSubnet'])
  assert.equal((await cloud.ask('DELETE', `/v2.0/routers/${router.id}`)).status, 204)
  await cloud.settled()
  assert.deepEqual([machine.routers.size, [...machine.bridges.keys()]], [0, [inside.id]])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a router made while no host lives starts to work on the first host that speaks', async () => {
  await using cloud = await neutronAlone()
  const { router, inside } = await routed(cloud)
  assert.deepEqual(router.availability_zones, [])
  const { machine } = await cloud.host('late')
  await cloud.settled()
  assert.deepEqual([[...machine.routers.keys()], [...machine.dhcp.keys()]], [[router.id], [inside.id]])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a floating IP stands for a port behind a router, becomes ACTIVE on the host, and keeps what it needs', async () => {
  await using cloud = await neutronAlone()
  const { machine } = await cloud.host('here')
  const { outside, inside, inner, router } = await routed(cloud)
  const port = await cloud.make('port', { network_id: inside.id, device_id: 'server-1', device_owner: 'compute:nova' })
  const free = await cloud.make('floatingip', { floating_network_id: outside.id })
  assert.deepEqual(free, {
    id: free.id, tenant_id: 'p', project_id: 'p', description: '', tags: [], revision_number: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
    floating_network_id: outside.id, floating_ip_address: free.floating_ip_address, port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN',
  })
  const path = `/v2.0/floatingips/${free.id}`
  const associated = await cloud.ask('PUT', path, { floatingip: { port_id: port.id } })
  assert.deepEqual([associated.body.floatingip.router_id, associated.body.floatingip.fixed_ip_address], [router.id, port.fixed_ips[0].ip_address])
  await cloud.settled()
  assert.equal((await cloud.ask('GET', path)).body.floatingip.status, 'ACTIVE')
  assert.deepEqual(machine.routers.get(router.id)?.floatingIps, [{ address: free.floating_ip_address, fixedAddress: port.fixed_ips[0].ip_address }])
  assert.deepEqual(cloud.nova.heard, [`network-changed server-1 ${port.id}`])

  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/floatingips', { floatingip: { floating_network_id: outside.id, port_id: port.id } })), [409, 'FloatingIPPortAlreadyAssociated'])
  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/floatingips', { floatingip: { floating_network_id: inside.id } })), [400, 'BadRequest'])
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: {} } })), [409, 'RouterExternalGatewayInUseByFloatingIp'])
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: inner.id })), [409, 'RouterInterfaceInUseByFloatingIP'])
  const alone = await cloud.make('network', {})
  await cloud.make('subnet', { network_id: alone.id, ip_version: 4, cidr: '10.5.0.0/24' })
  const apart = await cloud.make('port', { network_id: alone.id })
  assert.deepEqual(type(await cloud.ask('PUT', path, { floatingip: { port_id: apart.id } })), [404, 'ExternalGatewayForFloatingIPNotFound'])

  assert.equal((await cloud.ask('DELETE', `/v2.0/ports/${port.id}`)).status, 204)
  await cloud.settled()
  assert.deepEqual([(await cloud.ask('GET', path)).body.floatingip.port_id, machine.routers.get(router.id)?.floatingIps], [null, []])
  assert.deepEqual(await cloud.neutron.audit(), [])
  assert.equal((await cloud.ask('DELETE', path, undefined, { as: 'q:member' })).status, 404)
  assert.equal((await cloud.ask('DELETE', path)).status, 204)
  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: {} } })).body.router.external_gateway_info, null)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('floating IPs that stand for nothing go with their network, and one that is used keeps it', async () => {
  await using cloud = await neutronAlone()
  const { outside, inside, inner, router } = await routed(cloud)
  const port = await cloud.make('port', { network_id: inside.id })
  const used = await cloud.make('floatingip', { floating_network_id: outside.id, port_id: port.id })
  await cloud.make('floatingip', { floating_network_id: outside.id })
  const remove = () => cloud.ask('DELETE', `/v2.0/networks/${outside.id}`, undefined, { as: ADMIN })
  assert.deepEqual(type(await remove()), [409, 'NetworkInUse'])
  assert.equal((await cloud.ask('PUT', `/v2.0/floatingips/${used.id}`, { floatingip: { port_id: null } })).status, 200)
  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: inner.id })).status, 200)
  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: {} } })).status, 200)
  assert.equal((await remove()).status, 204)
  assert.deepEqual((await cloud.ask('GET', '/v2.0/floatingips')).body, { floatingips: [] })
  assert.equal((await cloud.ask('GET', '/v2.0/quotas/p/details', undefined, { as: ADMIN })).body.quota.floatingip.used, 0)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('extra routes lead over the router\'s own networks, and keep the interface that they need', async () => {
  await using cloud = await neutronAlone()
  const { router, inner } = await routed(cloud)
  const change = (routes: unknown[]) => cloud.ask('PUT', `/v2.0/routers/${router.id}`, { router: { routes } })
  assert.deepEqual(type(await change([{ destination: '10.9.0.0/24', nexthop: '10.8.0.5' }])), [400, 'InvalidRoutes'])
  assert.deepEqual(type(await change([{ destination: '10.9.0.0/24', nexthop: '10.0.0.1' }])), [400, 'InvalidRoutes'])
  const route = { destination: '10.9.0.0/24', nexthop: '10.0.0.5' }
  assert.deepEqual((await cloud.ask('PUT', `/v2.0/routers/${router.id}/add_extraroutes`, { router: { routes: [route] } })).body.router.routes, [route])
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: inner.id })), [409, 'RouterInterfaceInUseByRoute'])
  assert.deepEqual((await cloud.ask('PUT', `/v2.0/routers/${router.id}/remove_extraroutes`, { router: { routes: [route] } })).body.router.routes, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '@alto/kit/errors'
import { neutronAlone, type Cloud } from './cloud.ts'

const ADMIN = 'a:admin,member,reader'
const NOVA = { as: 'service:service' }
const type = (answer: { status: number, body: { NeutronError?: { type: string } } }) => [answer.status, answer.body?.NeutronError?.type]

async function network(cloud: Cloud, subnet: Record<string, unknown> = { cidr: '10.0.0.0/24' }) {
  const { id: network_id } = await cloud.make('network', { name: 'private' })
  const { id: subnet_id } = await cloud.make('subnet', { network_id, ip_version: 4, ...subnet })
  return { network_id, subnet_id }
}

test('a port is shown whole: an address, the default group, and for its project nothing of its binding', async () => {
  await using cloud = await neutronAlone()
  const { network_id, subnet_id } = await network(cloud, { cidr: '10.0.0.0/30', enable_dhcp: false })
  const { status, body: { port } } = await cloud.ask('POST', '/v2.0/ports', { port: { network_id, name: 'web', dns_name: 'web' } })
  const { body: { security_groups: [group] } } = await cloud.ask('GET', '/v2.0/security-groups')
  assert.equal(status, 201)
  assert.match(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/)
  assert.deepEqual(port, {
    id: port.id, tenant_id: 'p', project_id: 'p', description: '', tags: [], revision_number: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', name: 'web', network_id,
    admin_state_up: true, status: 'DOWN', mac_address: port.mac_address, device_id: '', device_owner: '', fixed_ips: [{ subnet_id, ip_address: '10.0.0.2' }], security_groups: [group.id],
    port_security_enabled: true, allowed_address_pairs: [], extra_dhcp_opts: [], dns_name: 'web', dns_assignment: [{ ip_address: '10.0.0.2', hostname: 'web', fqdn: 'web.openstacklocal.' }],
    'binding:vnic_type': 'normal',
  })
  const seen = (await cloud.ask('GET', `/v2.0/ports/${port.id}`, undefined, NOVA)).body.port
  assert.deepEqual([seen['binding:host_id'], seen['binding:vif_type'], seen['binding:vif_details'], seen['binding:profile']], ['', 'unbound', {}, {}])
  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/ports', { port: { network_id } })), [409, 'IpAddressGenerationFailure'])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('addresses: each is given once, whoever asks at the same time, until none is left; a freed one is given again', async () => {
  await using cloud = await neutronAlone()
  const { network_id, subnet_id } = await network(cloud, { cidr: '10.0.0.0/28', enable_dhcp: false })
  const made = await Promise.all(Array.from({ length: 16 }, () => cloud.ask('POST', '/v2.0/ports', { port: { network_id } })))
  const given = made.flatMap(answer => answer.status === 201 ? [answer.body.port.fixed_ips[0].ip_address as string] : [])
  assert.deepEqual(given.toSorted(), Array.from({ length: 13 }, (_, i) => `10.0.0.${i + 2}`).toSorted())
  assert.deepEqual(made.filter(answer => answer.status !== 201).map(type), Array(3).fill([409, 'IpAddressGenerationFailure']))
  const gone = made.find(answer => answer.status === 201)!.body.port
  assert.equal((await cloud.ask('DELETE', `/v2.0/ports/${gone.id}`)).status, 204)
  assert.deepEqual((await cloud.make('port', { network_id, fixed_ips: [{ subnet_id }] })).fixed_ips, gone.fixed_ips)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('addresses that were asked for: in the subnet, free, and of a subnet of the network', async () => {
  await using cloud = await neutronAlone()
  const { network_id, subnet_id } = await network(cloud)
  const ask = (...fixed_ips: unknown[]) => cloud.ask('POST', '/v2.0/ports', { port: { network_id, fixed_ips } })
  assert.deepEqual((await ask({ ip_address: '10.0.0.9' })).body.port.fixed_ips, [{ subnet_id, ip_address: '10.0.0.9' }])
  assert.deepEqual(type(await ask({ ip_address: '10.0.0.9' })), [409, 'IpAddressAlreadyAllocated'])
  assert.deepEqual(type(await ask({ ip_address: '10.7.0.9' })), [400, 'InvalidIpForNetwork'])
  assert.deepEqual(type(await ask({ subnet_id, ip_address: '10.0.0.255' })), [400, 'InvalidIpForSubnet'])
  assert.deepEqual(type(await ask({ subnet_id: '00000000-0000-4000-8000-000000000000' })), [400, 'InvalidInput'])
  assert.equal((await ask({ subnet_id }, { subnet_id })).body.port.fixed_ips.length, 2)
  assert.deepEqual(type(await ask(...Array(6).fill({ subnet_id }))), [400, 'InvalidInput'])
  assert.deepEqual((await ask()).body.port.fixed_ips, [])
  const { body: { ports } } = await cloud.ask('GET', `/v2.0/ports?fixed_ips=ip_address%3D10.0.0.9&fixed_ips=subnet_id%3D${subnet_id}`)
  assert.equal(ports.length, 1)
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/subnets/${subnet_id}`)), [409, 'SubnetInUse'])
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/networks/${network_id}`)), [409, 'NetworkInUse'])
})

test('IPv6 addresses of a SLAAC subnet follow from the MAC, on ports that are there too', async () => {
  await using cloud = await neutronAlone()
  const { network_id, subnet_id } = await network(cloud)
  const before = await cloud.make('port', { network_id })
  const six = await cloud.make('subnet', { network_id, ip_version: 6, cidr: 'fd00::/64', ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })
  const owner = 'n:member,reader,admin'
  const after = await cloud.make('port', { network_id, mac_address: 'fa:16:3e:00:00:01' }, owner)
  assert.deepEqual(after.fixed_ips.map((ip: { subnet_id: string }) => ip.subnet_id), [subnet_id, six.id])
  assert.equal(after.fixed_ips[1].ip_address, 'fd00::f816:3eff:fe00:1')
  assert.equal((await cloud.ask('GET', `/v2.0/ports/${before.id}`)).body.port.fixed_ips.length, 2)
  assert.equal((await cloud.ask('DELETE', `/v2.0/subnets/${six.id}`)).status, 204)
  assert.equal((await cloud.ask('GET', `/v2.0/ports/${before.id}`)).body.port.fixed_ips.length, 1)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('on a shared network of another project a tenant makes plain ports, and may not choose address, MAC, owner or host', async () => {
  await using cloud = await neutronAlone()
  const { id: network_id } = await cloud.make('network', { shared: true }, ADMIN)
  const { id: subnet_id } = await cloud.make('subnet', { network_id, ip_version: 4, cidr: '10.0.0.0/24' }, ADMIN)
  for (const [port, status] of [
    [{}, 201], [{ fixed_ips: [{ subnet_id }] }, 201], [{ fixed_ips: [{ ip_address: '10.0.0.9' }] }, 403], [{ mac_address: 'fa:16:3e:00:00:01' }, 403], [{ device_owner: 'network:dhcp' }, 403],
    [{ port_security_enabled: false }, 403], [{ 'binding:host_id': 'h' }, 403], [{ allowed_address_pairs: [{ ip_address: '10.0.0.9' }] }, 403],
  ] as const) assert.equal((await cloud.ask('POST', '/v2.0/ports', { port: { network_id, ...port } })).status, status, JSON.stringify(port))
  const foreign = await cloud.make('port', { network_id }, ADMIN)
  assert.deepEqual(type(await cloud.ask('GET', `/v2.0/ports/${foreign.id}`)), [404, 'PortNotFound'])
})

test('DHCP options, MACs, names and address pairs that could break out of a file or a rule are refused', async () => {
  await using cloud = await neutronAlone()
  const { network_id } = await network(cloud)
  for (const port of [
    { extra_dhcp_opts: [{ opt_name: 'tftp-server', opt_value: 'a\nlog-dhcp' }] }, { extra_dhcp_opts: [{ opt_name: 'a,b', opt_value: 'x' }] }, { extra_dhcp_opts: [{ opt_name: 'mtu' }] },
    { dns_name: 'a b' }, { dns_name: 'a.b' }, { mac_address: 'zz' }, { allowed_address_pairs: [{ ip_address: '10.0.0.0/99' }] }, { allowed_address_pairs: [{}] }, { fixed_ips: [{}] }, { 'binding:vnic_type': 'direct' },
  ]) assert.equal((await cloud.ask('POST', '/v2.0/ports', { port: { network_id, ...port } })).status, 400, JSON.stringify(port))
  const off = { network_id, port_security_enabled: false }
  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/ports', { port: { ...off, allowed_address_pairs: [{ ip_address: '10.0.0.9' }] } })), [409, 'AddressPairAndPortSecurityRequired'])
  const { body: { security_groups: [group] } } = await cloud.ask('GET', '/v2.0/security-groups')
  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/ports', { port: { ...off, security_groups: [group.id] } })), [400, 'PortSecurityAndIPRequiredForSecurityGroups'])
  assert.deepEqual((await cloud.make('port', off)).security_groups, [])
  const port = await cloud.make('port', { network_id, extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1400' }], allowed_address_pairs: [{ ip_address: '10.0.0.0/28' }] })
  assert.deepEqual([port.extra_dhcp_opts, port.allowed_address_pairs], [[{ opt_name: 'mtu', opt_value: '1400', ip_version: 4 }], [{ ip_address: '10.0.0.0/28', mac_address: port.mac_address }]])
  assert.deepEqual((await cloud.ask('PUT', `/v2.0/ports/${port.id}`, { port: { extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: null }] } })).body.port.extra_dhcp_opts, [])
})

test('Nova makes a port in a project\'s groups; a create that is repeated under its key makes one', async () => {
  await using cloud = await neutronAlone()
  const { network_id } = await network(cloud)
  const { body: { security_groups: [group] } } = await cloud.ask('GET', '/v2.0/security-groups')
  const create = () => cloud.ask('POST', '/v2.0/ports', { port: { network_id, project_id: 'p', device_id: 's1', device_owner: 'compute:nova', security_groups: [group.id] } }, { ...NOVA, headers: { 'x-alto-idempotency-key': 'task/port' } })
  const [first, second] = [await create(), await create()]
  assert.deepEqual([first.status, second.status, second.body.port.id], [201, 201, first.body.port.id])
  assert.equal((await cloud.ask('GET', '/v2.0/ports?device_id=s1')).body.ports.length, 1)
})

test('a bound port is made by the host\'s agent, becomes ACTIVE, and Nova hears of it; an unbound one is taken away', async () => {
  await using cloud = await neutronAlone()
  const { machine } = await cloud.host('here')
  const { network_id } = await network(cloud)
  const { id } = await cloud.make('port', { network_id, device_id: 'server-1', device_owner: 'compute:nova' })
  const bind = async (host: string) => {
    const { body } = await cloud.ask('PUT', `/v2.0/ports/${id}`, { port: { 'binding:host_id': host } }, NOVA)
    await cloud.settled()
    return body.port['binding:vif_type'] as string
  }
  assert.equal(await bind('here'), 'bridge')
  assert.equal((await cloud.ask('GET', `/v2.0/ports/${id}`)).body.port.status, 'ACTIVE')
  assert.deepEqual(cloud.nova.heard.splice(0), [`network-vif-plugged server-1 ${id}`])
  assert.ok(machine.ports.has(id))
  assert.deepEqual(machine.ports.get(id)?.filter?.rules.map(rule => `${rule.direction} ${rule.version}`).toSorted(), ['egress 4', 'egress 6', 'ingress 4', 'ingress 6'])
  assert.equal(machine.dhcp.get(network_id)?.hosts.length, 1)

  assert.equal(await bind(''), 'unbound')
  assert.deepEqual([machine.ports.size, (await cloud.ask('GET', `/v2.0/ports/${id}`)).body.port.status], [0, 'DOWN'])
  assert.deepEqual(cloud.nova.heard.splice(0), [`network-vif-unplugged server-1 ${id}`])
  assert.equal(await bind('nowhere'), 'binding_failed')

  await bind('here')
  cloud.nova.heard.length = 0
  cloud.nova.deaf = true
  await cloud.ask('DELETE', `/v2.0/ports/${id}`, undefined, NOVA)
  await cloud.settled()
  assert.deepEqual([machine.ports.size, cloud.nova.heard], [0, []])
  cloud.nova.deaf = false
  await cloud.clock.advance(2000)
  await cloud.settled()
  assert.deepEqual(cloud.nova.heard, [`network-vif-deleted server-1 ${id}`])
  assert.equal((await cloud.ask('DELETE', `/v2.0/networks/${network_id}`)).status, 204)
  await cloud.settled()
  assert.deepEqual([machine.bridges.size, machine.dhcp.size], [0, 0])
  assert.deepEqual(await cloud.db.read(tx => tx.selectFrom('host_rows').selectAll().execute()), [])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a host that is away holds nothing up: what is deleted meanwhile is gone at once, and taken away when the host is back', async () => {
  await using cloud = await neutronAlone()
  const first = await cloud.host('here')
  const { network_id } = await network(cloud)
  const { id } = await cloud.make('port', { network_id, device_id: 's', device_owner: 'compute:nova', 'binding:host_id': 'here' }, ADMIN)
  await cloud.settled()
  assert.ok(first.machine.ports.has(id))
  await first.stop()
  await cloud.clock.advance(80_000)
  assert.deepEqual((await cloud.ask('GET', '/v2.0/agents?host=here', undefined, { as: ADMIN })).body.agents.map((agent: { alive: boolean }) => agent.alive), [false, false, false, false])
  assert.deepEqual((await cloud.ask('GET', '/v2.0/agents')).body, { agents: [] })
  assert.deepEqual((await cloud.ask('GET', '/v2.0/network-ip-availabilities')).body, { network_ip_availabilities: [] })
  assert.equal((await cloud.ask('DELETE', `/v2.0/ports/${id}`, undefined, { as: ADMIN })).status, 204)
  assert.equal((await cloud.ask('DELETE', `/v2.0/networks/${network_id}`)).status, 204)
  assert.equal((await cloud.ask('GET', `/v2.0/networks/${network_id}`)).status, 404)
  assert.deepEqual(await cloud.neutron.audit(), [])
  await cloud.host('here')
  await cloud.settled()
  assert.deepEqual(await cloud.db.read(tx => tx.selectFrom('host_rows').selectAll().execute()), [])
})

test('a host that cannot make a port says why, and the port is in ERROR until it can', async () => {
  await using cloud = await neutronAlone()
  let broken = true
  await cloud.host('here', call => broken && call === 'applyPorts' ? new Fault('unavailable', 'host.commandFailed', 'no room for a tap') : undefined)
  const { network_id } = await network(cloud)
  const { id } = await cloud.make('port', { network_id, device_id: 's', device_owner: 'compute:nova', 'binding:host_id': 'here' }, ADMIN)
  await cloud.settled()
  const status = async () => (await cloud.ask('GET', `/v2.0/ports/${id}`, undefined, { as: ADMIN })).body.port.status as string
  assert.equal(await status(), 'ERROR')
  assert.deepEqual((await cloud.db.read(tx => tx.selectFrom('host_rows').select(['reason']).where('resource_id', '=', id).execute())).map(row => row.reason), ['no room for a tap'])
  broken = false
  await cloud.clock.advance(10_000)
  await cloud.settled()
  assert.equal(await status(), 'ACTIVE')
})

test('a port is put into no router by its device alone: another project\'s or its own, at its making or later', async () => {
  await using cloud = await neutronAlone()
  const { id: device_id } = await cloud.make('router', { name: 'theirs' })
  const { body: { network: { id: network_id } } } = await cloud.ask('POST', '/v2.0/networks', { network: { name: 'own' } }, { as: 'q:member,reader' })
  const own = (port: Record<string, unknown>) => cloud.ask('POST', '/v2.0/ports', { port: { network_id, ...port } }, { as: 'q:member,reader' })
  for (const device_owner of ['network:router_interface', 'network:router_gateway']) assert.deepEqual(type(await own({ device_id, device_owner })), [409, 'DeviceIDNotOwnedByTenant'])
  const { body: { port: { id } } } = await own({ device_id })
  assert.deepEqual(type(await cloud.ask('PUT', `/v2.0/ports/${id}`, { port: { device_owner: 'network:router_interface' } }, { as: 'q:member,reader' })), [409, 'DeviceIDNotOwnedByTenant'])
  const { body: { router } } = await cloud.ask('POST', '/v2.0/routers', { router: {} }, { as: 'q:member,reader' })
  assert.deepEqual(type(await own({ device_id: router.id, device_owner: 'network:router_gateway' })), [400, 'InvalidInput'])
  assert.deepEqual(await cloud.neutron.audit(), [])
  assert.deepEqual((await cloud.ask('GET', '/v2.0/ports', undefined, { as: 'q:member,reader' })).body.ports.map((one: { device_owner: string }) => one.device_owner), [''])
})

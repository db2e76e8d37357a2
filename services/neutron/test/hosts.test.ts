// One cloud on several hosts: who hears of whose tunnels, where DHCP and routers run, and when they move.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { neutronAlone, type Cloud } from './cloud.ts'

const ADMIN = 'a:admin,member,reader'
const NOVA = 'service:service'
const TUNNEL = { one: '192.0.2.1', two: '192.0.2.2', three: '192.0.2.3' } as const

const tunnelled = (cloud: Cloud, name: keyof typeof TUNNEL, has: { gateway?: boolean } = {}) => cloud.host(name, undefined, { tunnelAddress: TUNNEL[name], ...has })
const bound = (cloud: Cloud, network_id: string, host: string, more: object = {}) =>
  cloud.make('port', { network_id, project_id: 'p', device_id: 's', device_owner: 'compute:nova', 'binding:host_id': host, ...more }, NOVA)

async function external(cloud: Cloud, cidr = '172.24.4.0/24') {
  const network = await cloud.make('network', { 'router:external': true }, ADMIN)
  await cloud.make('subnet', { network_id: network.id, ip_version: 4, cidr, enable_dhcp: false }, ADMIN)
  return network.id as string
}

async function served(cloud: Cloud) {
  const network = await cloud.make('network', {})
  const subnet = await cloud.make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' })
  return { network: network.id as string, subnet: subnet.id as string }
}

async function agentOf(cloud: Cloud, host: string, type: string): Promise<string> {
  return (await cloud.ask('GET', `/v2.0/agents?host=${host}&agent_type=${encodeURIComponent(type)}`, undefined, { as: ADMIN })).body.agents[0].id
}

/** Lets `silent` be unheard for long enough to count as down, while the others go on. */
async function fallSilent(cloud: Cloud, silent: { stop(): Promise<void> }): Promise<void> {
  await silent.stop()
  for (let passed = 0; passed < 80; passed += 5) {
    await cloud.clock.advance(5000)
    await cloud.settled()
  }
}

test('hosts that share a network hear of each other\'s tunnels and of where each port is, and no longer when the last port there is gone', async () => {
  await using cloud = await neutronAlone()
  const [one, two] = [await tunnelled(cloud, 'one'), await tunnelled(cloud, 'two')]
  const alone = await cloud.host('alone')
  const network = await cloud.make('network', {})
  const ports = [await bound(cloud, network.id, 'one'), await bound(cloud, network.id, 'two'), await bound(cloud, network.id, 'alone')]
  await cloud.settled()
  const vni = (await cloud.ask('GET', `/v2.0/networks/${network.id}`, undefined, { as: ADMIN })).body.network['provider:segmentation_id']
  const segment = (host: { machine: { bridges: ReadonlyMap<string, { segment: unknown }> } }) => host.machine.bridges.get(network.id)?.segment
  const towards = (name: keyof typeof TUNNEL, port: { mac_address: string }) => ({ kind: 'vxlan', vni, peers: [TUNNEL[name]], forwarding: [{ mac: port.mac_address, to: TUNNEL[name] }] })
  assert.deepEqual([segment(one), segment(two), segment(alone)], [towards('two', ports[1]), towards('one', ports[0]), { kind: 'local' }])

  const late = await bound(cloud, network.id, 'two')
  await cloud.settled()
  const forwarding = [ports[1], late].map(port => ({ mac: port.mac_address, to: TUNNEL.two })).toSorted((a, b) => a.mac < b.mac ? -1 : 1)
  assert.deepEqual(segment(one), { ...towards('two', late), forwarding }, 'of a port that comes later too')

  assert.equal((await cloud.ask('DELETE', `/v2.0/ports/${late.id}`, undefined, { as: ADMIN })).status, 204)
  assert.equal((await cloud.ask('PUT', `/v2.0/ports/${ports[1].id}`, { port: { 'binding:host_id': 'one' } }, { as: NOVA })).status, 200)
  await cloud.settled()
  assert.deepEqual([segment(one), segment(two)], [{ kind: 'vxlan', vni, peers: [], forwarding: [] }, undefined])
  assert.deepEqual((await cloud.ask('GET', `/v2.0/agents?host=one&agent_type=${encodeURIComponent('Linux bridge agent')}`, undefined, { as: ADMIN })).body.agents[0].configurations,
    { driver: 'fake', tunneling_ip: '192.0.2.1', tunnel_types: ['vxlan'] })
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a host whose tunnel address changes is found at the new one; what is no IPv4 address is refused', async () => {
  await using cloud = await neutronAlone()
  const [one, two] = [await tunnelled(cloud, 'one'), await tunnelled(cloud, 'two')]
  const network = await cloud.make('network', {})
  await bound(cloud, network.id, 'one')
  await bound(cloud, network.id, 'two')
  await cloud.settled()
  await two.stop()
  await cloud.host('two', undefined, { tunnelAddress: '192.0.2.22' })
  await cloud.settled()
  const segment = one.machine.bridges.get(network.id)!.segment
  assert.deepEqual(segment.kind === 'vxlan' && [segment.peers, segment.forwarding.map(({ to }) => to)], [['192.0.2.22'], ['192.0.2.22']])
  for (const tunnelAddress of ['fd00::1', '192.0.2.1; flush ruleset', '']) {
    const facts = { driver: 'fake', segments: ['vxlan'] as const, takenPrefixes: [], tunnelAddress }
    await assert.rejects(cloud.neutron.control.heartbeat({ host: 'three', incarnation: 'i', facts }), { code: 'neutron.InvalidInput' })
  }
})

test('routers to one external network share a host, whatever they were first for; DHCP and routers come only to hosts that take them', async () => {
  await using cloud = await neutronAlone()
  const machines = { one: (await tunnelled(cloud, 'one')).machine, two: (await tunnelled(cloud, 'two')).machine, three: (await tunnelled(cloud, 'three', { gateway: false })).machine }
  const [inner, outside, elsewhere] = [await served(cloud), await external(cloud), await external(cloud, '172.24.5.0/24')]
  const routers: string[] = []
  for (let i = 0; i < 6; i++) routers.push((await cloud.make('router', i < 3 ? { external_gateway_info: { network_id: outside } } : {})).id)
  await cloud.ask('PUT', `/v2.0/routers/${routers[5]}/add_router_interface`, { subnet_id: inner.subnet })
  for (const id of routers.slice(3)) assert.equal((await cloud.ask('PUT', `/v2.0/routers/${id}`, { router: { external_gateway_info: { network_id: outside } } })).status, 200)
  await cloud.settled()
  const has = (what: 'routers' | 'dhcp', ids: readonly string[]) => Object.values(machines).map(machine => ids.filter(id => machine[what].has(id)).length).toSorted((a, b) => a - b)
  assert.deepEqual([has('routers', routers), machines.three.routers.size, machines.three.dhcp.size], [[0, 0, 6], 0, 0])
  assert.deepEqual(has('dhcp', [inner.network]), [0, 0, 1])
  for (const id of routers) assert.deepEqual((await cloud.ask('GET', `/v2.0/ports?device_id=${id}`, undefined, { as: ADMIN })).body.ports.map((port: { status: string }) => port.status).includes('DOWN'), false)

  assert.equal((await cloud.ask('PUT', `/v2.0/routers/${routers[0]}`, { router: { external_gateway_info: { network_id: elsewhere } } })).status, 200)
  await cloud.settled()
  assert.deepEqual(has('routers', routers), [0, 0, 6], 'the first to lead elsewhere stays')
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a host is told whether the machine leads from and into external networks, as the options say', async () => {
  for (const [internet, externalRouted] of [[false, false], [true, false], [false, true]] as const) {
    await using cloud = await neutronAlone({ options: { internet, externalRouted } })
    const { machine } = await cloud.host('one')
    const network = await external(cloud)
    await cloud.make('router', { external_gateway_info: { network_id: network } })
    await cloud.settled()
    assert.deepEqual(machine.bridges.get(network)?.segment, { kind: 'external', internet, routed: externalRouted, gateways: ['172.24.4.1/24'] })
  }
})

for (const how of ['disabled', 'deleted'] as const) {
  test(`DHCP and a router with its floating IP stay on a host that falls silent, and move when its agents are ${how}; back again, it gives up what it had`, async () => {
    await using cloud = await neutronAlone()
    const one = await tunnelled(cloud, 'one')
    const [inner, outside] = [await served(cloud), await external(cloud)]
    const router = (await cloud.make('router', { external_gateway_info: { network_id: outside } })).id as string
    await cloud.ask('PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: inner.subnet })
    const two = await tunnelled(cloud, 'two')
    const guest = await bound(cloud, inner.network, 'one', { fixed_ips: [{ subnet_id: inner.subnet }] })
    await bound(cloud, inner.network, 'two')
    const floating = (await cloud.make('floatingip', { floating_network_id: outside, port_id: guest.id })).id as string
    const status = async () => [(await cloud.ask('GET', `/v2.0/floatingips/${floating}`)).body.floatingip.status, (await cloud.ask('GET', `/v2.0/routers/${router}`)).body.router.status]
    await fallSilent(cloud, one)
    assert.deepEqual([one.machine.routers.size, two.machine.routers.size, two.machine.dhcp.size, await status()], [1, 0, 0, ['ACTIVE', 'ACTIVE']])

    for (const type of ['DHCP agent', 'L3 agent']) {
      const path = `/v2.0/agents/${await agentOf(cloud, 'one', type)}`
      const answer = how === 'deleted' ? await cloud.ask('DELETE', path, undefined, { as: ADMIN }) : await cloud.ask('PUT', path, { agent: { admin_state_up: false } }, { as: ADMIN })
      assert.equal(answer.status, how === 'deleted' ? 204 : 200)
      await cloud.settled()
      assert.deepEqual([two.machine.dhcp.has(inner.network), two.machine.routers.has(router)], [true, type === 'L3 agent'])
    }
    assert.deepEqual(await status(), ['ACTIVE', 'ACTIVE'])
    const segment = two.machine.bridges.get(inner.network)!.segment
    assert.deepEqual(segment.kind === 'vxlan' && segment.forwarding, [{ mac: guest.mac_address, to: TUNNEL.one }], 'the guest is still there')

    const back = await cloud.host('one', undefined, { tunnelAddress: TUNNEL.one })
    await cloud.settled()
    assert.deepEqual([back.machine.routers.size, back.machine.dhcp.size, [...back.machine.ports.keys()]], [0, 0, [guest.id]])
    assert.deepEqual((await cloud.ask('GET', '/v2.0/agents?host=one', undefined, { as: ADMIN })).body.agents.length, 4)
    assert.deepEqual(await cloud.neutron.audit(), [])
  })
}

test('what nobody else can take stays on the host that was taken out of service, until another comes', async () => {
  await using cloud = await neutronAlone()
  const one = await tunnelled(cloud, 'one')
  const { network } = await served(cloud)
  const router = (await cloud.make('router', {})).id as string
  for (const type of ['DHCP agent', 'L3 agent']) await cloud.ask('PUT', `/v2.0/agents/${await agentOf(cloud, 'one', type)}`, { agent: { admin_state_up: false } }, { as: ADMIN })
  await cloud.settled()
  assert.deepEqual([one.machine.routers.has(router), one.machine.dhcp.has(network)], [true, true])
  const two = await tunnelled(cloud, 'two')
  await cloud.settled()
  assert.deepEqual([one.machine.routers.has(router), one.machine.dhcp.has(network), two.machine.routers.has(router), two.machine.dhcp.has(network)], [false, false, true, true])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

const facts = (name: keyof typeof TUNNEL) => ({ driver: 'fake', segments: ['local', 'vxlan', 'external'] as const, takenPrefixes: [], tunnelAddress: TUNNEL[name] })
const beat = (cloud: Cloud, host: keyof typeof TUNNEL) => cloud.neutron.control.heartbeat({ host, incarnation: host, facts: facts(host) })

async function onTwoControllers(prepare: (cloud: Cloud, as: string) => Promise<string>, work: (cloud: Cloud, network: string, host: 'one' | 'two', as: string) => Promise<unknown>,
  holds: (cloud: Cloud, network: string) => Promise<void>): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await neutronAlone({ db: two.databases[0], name: 'one' })
  await using other = await neutronAlone({ db: two.databases[1], name: 'other' })
  const { orders } = await two.walk({
    async prepare(order) {
      const as = `p${order}:member,reader`
      return { as, network: await prepare(one, as) }
    },
    first: ({ network, as }) => work(one, network, 'one', as),
    second: ({ network, as }) => work(other, network, 'two', as),
    async holds({ network }, ended) {
      for (const end of ended) if ('error' in end) throw end.error
      await holds(one, network)
      assert.deepEqual(await one.neutron.audit(), [])
    },
    orders: 60,
  })
  assert.ok(orders > 8, `${orders} orders`)
}

test('a network has one DHCP port, whichever of two controllers places it and whatever subnets come at once', () => onTwoControllers(
  async (cloud, as) => {
    await beat(cloud, 'one')
    await beat(cloud, 'two')
    return (await cloud.make('network', {}, as)).id
  },
  async (cloud, network_id, host, as) => {
    await cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id, ip_version: 4, cidr: host === 'one' ? '10.0.0.0/24' : '10.0.1.0/24' } }, { as })
    await beat(cloud, host)
  },
  async (cloud, network) => {
    const { ports } = (await cloud.ask('GET', `/v2.0/ports?network_id=${network}&device_owner=network:dhcp`, undefined, { as: ADMIN })).body
    assert.deepEqual(ports.map((port: { fixed_ips: unknown[] }) => port.fixed_ips.length), [2])
  }))

test('two hosts that get a network at once hear of each other', () => onTwoControllers(
  async (cloud, as) => {
    await beat(cloud, 'one')
    await beat(cloud, 'two')
    return (await cloud.make('network', {}, as)).id
  },
  async (cloud, network, host) => bound(cloud, network, host),
  async (cloud, network) => {
    const generations = new Set<number>()
    for (const [host, other] of [['one', 'two'], ['two', 'one']] as const) {
      const { networks, ports } = await cloud.neutron.control.desired({ host, incarnation: host, cursor: 0 })
      const { segment, generation } = networks.find(({ id }) => id === network)!
      generations.add(generation)
      assert.deepEqual([segment.kind === 'vxlan' && segment.peers, ports.filter(port => port.networkId === network).length], [[{ host: other, address: TUNNEL[other] }], 2])
    }
    assert.equal(generations.size, 1, 'the one that had it first is told with the one that came after')
  }))

test('two routers that get a gateway on one external network at once share a host', () => onTwoControllers(
  async cloud => {
    await beat(cloud, 'one')
    await beat(cloud, 'two')
    return external(cloud)
  },
  async (cloud, network_id, _, as) => assert.equal((await cloud.ask('POST', '/v2.0/routers', { router: { external_gateway_info: { network_id } } }, { as })).status, 201),
  async (cloud, network) => {
    const { ports } = (await cloud.ask('GET', `/v2.0/ports?network_id=${network}&device_owner=network:router_gateway`, undefined, { as: ADMIN })).body
    assert.deepEqual([ports.length, new Set(ports.map((port: Record<string, unknown>) => port['binding:host_id'])).size], [2, 1])
  }))

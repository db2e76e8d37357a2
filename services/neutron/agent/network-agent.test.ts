import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  networkAgent, networkControl, type DesiredNetworking, type NetworkControl, type WantedNetwork, type WantedNetworkPort, type WantedRouter,
} from '@alto/contracts/network-agent'
import { ManualClock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import { silentLog } from '@alto/kit/log'
import { client, LocalTransport } from '@alto/kit/rpc'
import { fakeNetwork } from '../driver/fake.ts'
import type { NetworkDriver } from '../driver/network.ts'
import { databaseEpochFile } from './database-epoch.ts'
import { startNetworkAgent } from './network-agent.ts'
import { Rows } from './rows.ts'

const net: WantedNetwork = {
  id: 'aaaaaaaa-0000-4000-8000-000000000001', generation: 1, epoch: 1, projectId: 'p', mtu: 1450, segment: { kind: 'local' }, dhcpPortId: 'dddddddd-0000-4000-8000-000000000001',
  subnets: [{ id: 's1', cidr: '10.0.0.0/24', gateway: '10.0.0.1', dhcp: true, dns: [], hostRoutes: [] }],
}
const outside: WantedNetwork = {
  id: 'aaaaaaaa-0000-4000-8000-000000000002', generation: 1, epoch: 1, projectId: 'p', mtu: 1500, segment: { kind: 'external', internet: false },
  subnets: [{ id: 's2', cidr: '172.24.4.0/24', gateway: '172.24.4.1', dhcp: false, dns: [], hostRoutes: [] }],
}
const port = (n: number, address: string, more: Partial<WantedNetworkPort> = {}): WantedNetworkPort => ({
  id: `dddddddd-0000-4000-8000-00000000000${n}`, generation: 1, epoch: 1, networkId: net.id, projectId: 'p', host: 'here', mac: `fa:16:3e:00:00:0${n}`,
  fixedIps: [{ subnetId: 's1', address }], deviceOwner: 'compute:nova', deviceId: `server-${n}`, adminUp: true, portSecurity: true,
  rules: [{ direction: 'egress', version: 4 }], allowedAddressPairs: [], dhcpOptions: [], ...more,
})
const dhcpPort = port(1, '10.0.0.2', { deviceOwner: 'network:dhcp' })
const guest = port(2, '10.0.0.5', { dnsName: 'web' })
const inner = port(3, '10.0.0.1', { deviceOwner: 'network:router_interface', deviceId: 'router-1' })
const gateway = port(4, '', { networkId: outside.id, fixedIps: [{ subnetId: 's2', address: '172.24.4.9' }], deviceOwner: 'network:router_gateway', deviceId: 'router-1' })
const router: WantedRouter = {
  id: 'router-1', generation: 1, epoch: 1, projectId: 'p', adminUp: true, interfacePortIds: [inner.id], gateway: { portId: gateway.id, snat: true }, routes: [],
  floatingIps: [{ id: 'f', address: '172.24.4.20', fixedAddress: '10.0.0.5' }],
}
const EVERYTHING = { networks: [net, outside], ports: [dhcpPort, guest, inner, gateway], routers: [router] }

/** A controller that says what it is told to, and an agent with a fake host at the other end of a transport. */
async function site(t: TestContext, refuse: (call: keyof NetworkDriver, id: string) => Error | undefined = () => undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'alto-agent-'))
  t.after(() => rm(directory, { recursive: true }))
  const clock = new ManualClock()
  const rpc = new LocalTransport({ clock })
  const driver = fakeNetwork({ cloud: '0123abcd', hostName: 'here', refuse })
  let cursor = 0
  let next: Partial<DesiredNetworking> = {}
  const reports: string[] = []
  const controller = { databaseEpoch: 7, deaf: false }
  const control: NetworkControl = {
    async desired(request) {
      const said = request.cursor === cursor ? {} : next
      return { networks: [], ports: [], routers: [], tombstones: [], ...said, cursor, databaseEpoch: controller.databaseEpoch }
    },
    async report({ kind, id, observed }) {
      if (controller.deaf) throw new Fault('unavailable', 'test.deaf', 'not now')
      reports.push(`${kind} ${id.slice(-1)} ${observed.status}${observed.reason === undefined ? '' : `: ${observed.reason}`}`)
    },
    heartbeat: async () => ({ databaseEpoch: controller.databaseEpoch }),
  }
  rpc.serve(networkControl, 'neutron', control)
  const start = () => startNetworkAgent({
    host: 'here', incarnation: 'i1', control: client(networkControl, rpc, 'neutron'), driver, rows: new Rows(), clock, log: silentLog,
    databaseEpoch: databaseEpochFile(join(directory, 'database-epoch')),
  })
  /** The controller has these rows from now on; it does not ring. */
  const want = (rows: Partial<DesiredNetworking>) => { next = rows; cursor++ }
  /** An old copy of the rows takes their place. */
  const restore = () => { cursor = 0 }
  const heard = () => reports.splice(0).toSorted()
  return { clock, rpc, driver, controller, start, want, restore, heard }
}

test('a host is made what the rows say, and every row is reported active', async t => {
  const { driver, start, want, heard } = await site(t)
  want(EVERYTHING)
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()

  assert.deepEqual(heard(), ['network 1 active', 'network 2 active', 'port 1 active', 'port 2 active', 'port 3 active', 'port 4 active', 'router 1 active'])
  assert.deepEqual([...driver.ports.values()], [{
    portId: guest.id, networkId: net.id, mtu: 1450, adminUp: true,
    filter: { mac: guest.mac, sources: [{ mac: guest.mac, prefix: '10.0.0.5' }], rules: [{ direction: 'egress', version: 4 }] },
  }])
  assert.deepEqual(driver.bridges.get(outside.id)?.segment, { kind: 'external', internet: false, routed: false, gateways: ['172.24.4.1/24'] })
  assert.deepEqual(driver.dhcp.get(net.id)?.hosts.map(host => `${host.name} ${host.mac} ${host.address}`), ['host-10-0-0-1 fa:16:3e:00:00:03 10.0.0.1', 'web fa:16:3e:00:00:02 10.0.0.5'])
  const made = driver.routers.get('router-1')
  assert.deepEqual([made?.interfaces[0]?.addresses, made?.gateway?.link.addresses, made?.gateway?.nexthops, made?.floatingIps],
    [['10.0.0.1/24'], ['172.24.4.9/24'], ['172.24.4.1'], [{ address: '172.24.4.20', fixedAddress: '10.0.0.5' }]])
})

test('a ring makes the agent look at once; a lost ring costs a poll interval', async t => {
  const { clock, rpc, driver, start, want } = await site(t)
  want({ networks: [net] })
  const running = start()
  t.after(() => running.stop())
  const serving = rpc.serve(networkAgent, 'here', running.agent)
  t.after(() => serving.close())
  await running.idle()

  want({ ports: [dhcpPort, guest] })
  await client(networkAgent, rpc, 'here').look({ kind: 'port', id: guest.id, generation: 1 })
  await clock.advance(0)
  await running.idle()
  assert.ok(driver.ports.has(guest.id))

  const second = port(5, '10.0.0.6')
  want({ ports: [second] })
  await clock.advance(10_000)
  await running.idle()
  assert.ok(driver.ports.has(second.id))
})

test('DHCP that died by itself is served again within seconds, though no row has changed', async t => {
  const { clock, driver, start, want, heard } = await site(t)
  want({ networks: [net], ports: [dhcpPort, guest] })
  const running = start()
  t.after(() => running.stop())
  await running.idle()
  heard()
  driver.dhcpDies(net.id)
  assert.equal(driver.dhcp.has(net.id), false)
  await clock.advance(2000)
  await running.idle()
  assert.deepEqual(driver.dhcp.get(net.id)?.hosts.map(host => host.address), ['10.0.0.5'])
  assert.deepEqual([await driver.ailing(), heard()], [[], []])
})

test('absence orders nothing; a tombstone destroys, in an order in which nothing is pulled from under another, and is answered with gone', async t => {
  const { driver, start, want, heard } = await site(t)
  want(EVERYTHING)
  const first = start()
  await first.idle()
  await first.stop()
  heard()

  want({})
  const second = start()
  t.after(() => second.stop())
  await second.idle()
  assert.deepEqual([driver.bridges.size, driver.ports.size, driver.dhcp.size, driver.routers.size], [2, 1, 1, 1])

  const bury = (kind: 'network' | 'port' | 'router', row: { id: string }) => ({ kind, id: row.id, generation: 2, epoch: 1 })
  want({ tombstones: [bury('network', net), bury('network', outside), bury('port', guest), bury('router', router)] })
  await second.agent.look({ kind: 'router', id: router.id, generation: 2 })
  await second.idle()
  assert.deepEqual([driver.bridges.size, driver.ports.size, driver.dhcp.size, driver.routers.size], [0, 0, 0, 0])
  assert.deepEqual(heard(), ['network 1 gone', 'network 2 gone', 'port 2 gone', 'router 1 gone'])
})

test('what fails is reported with its reason and tried again, and holds nothing else up', async t => {
  let broken = true
  const { clock, driver, start, want, heard } = await site(t, (call, id) =>
    broken && call === 'applyPorts' && id === guest.id ? new Fault('unavailable', 'host.commandFailed', 'no room for a tap') : undefined)
  const other = port(5, '10.0.0.6')
  want({ networks: [net], ports: [dhcpPort, guest, other] })
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()
  assert.deepEqual(heard(), ['network 1 active', 'port 1 active', 'port 2 error: no room for a tap', 'port 5 active'])

  broken = false
  await clock.advance(10_000)
  await agent.idle()
  assert.deepEqual(heard(), ['port 2 active'])
  assert.ok(driver.ports.has(guest.id))
})

test('a report that did not get through is made again', async t => {
  const { clock, controller, start, want, heard } = await site(t)
  controller.deaf = true
  want({ networks: [net] })
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()
  assert.deepEqual(heard(), [])
  controller.deaf = false
  await clock.advance(1000)
  await agent.idle()
  assert.deepEqual(heard(), ['network 1 active'])
})

test('rows of a lower epoch or generation than were seen change nothing', async t => {
  const { driver, start, want } = await site(t)
  want({ networks: [{ ...net, generation: 5, epoch: 3, mtu: 1400 }] })
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()
  for (const late of [{ generation: 9, epoch: 2 }, { generation: 4, epoch: 3 }]) {
    want({ networks: [{ ...net, ...late, mtu: 9000 }], tombstones: [{ kind: 'network', id: net.id, ...late }] })
    await agent.agent.look({ kind: 'network', id: net.id, generation: 1 })
    await agent.idle()
  }
  assert.equal(driver.bridges.get(net.id)?.mtu, 1400)
})

test('a controller whose database is older than one seen before is refused, after a restart too', async t => {
  const { controller, driver, start, want, heard } = await site(t)
  want({ networks: [net] })
  const first = start()
  await first.idle()
  await first.stop()
  heard()

  controller.databaseEpoch = 6
  want({ tombstones: [{ kind: 'network', id: net.id, generation: 2, epoch: 2 }] })
  const second = start()
  t.after(() => second.stop())
  await second.idle()
  assert.deepEqual([heard(), driver.bridges.has(net.id)], [[], true])
})

test('a controller that has lost changes which were obeyed is not obeyed until the agent is started again', async t => {
  const { driver, start, want, restore } = await site(t)
  want({ networks: [net] })
  want({ networks: [net] })
  const agent = start()
  await agent.idle()
  restore()
  for (let changes = 1; changes <= 3; changes++) {
    want({ tombstones: [{ kind: 'network', id: net.id, generation: 2, epoch: 2 }] })
    await agent.agent.look({ kind: 'network', id: net.id, generation: 2 })
    await agent.idle()
    assert.equal(driver.bridges.has(net.id), true)
  }
  await agent.stop()
  const again = start()
  t.after(() => again.stop())
  await again.idle()
  assert.equal(driver.bridges.has(net.id), false)
})

test('a port that was bound to another host loses its tap here and keeps its reservation', async t => {
  const { driver, start, want } = await site(t)
  want({ networks: [net], ports: [dhcpPort, guest] })
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()
  want({ ports: [{ ...guest, generation: 2, host: 'there' }] })
  await agent.agent.look({ kind: 'port', id: guest.id, generation: 2 })
  await agent.idle()
  assert.equal(driver.ports.has(guest.id), false)
  assert.deepEqual(driver.dhcp.get(net.id)?.hosts.map(host => host.address), ['10.0.0.5'])
})

test('an orphan is removed when told so, what a row wants is not', async t => {
  const { driver, start, want } = await site(t)
  await driver.applyBridge({ networkId: 'bbbbbbbb-1111-4000-8000-000000000001', mtu: 1450, segment: { kind: 'local' } })
  want({ networks: [net] })
  const agent = start()
  t.after(() => agent.stop())
  await agent.idle()
  assert.ok((await agent.agent.audit({})).things.some(thing => thing.name === 'brqbbbbbbbb-11'))
  await agent.agent.removeOrphan({ kind: 'network', id: 'bbbbbbbb-1111-4000-8000-000000000001' })
  await assert.rejects(agent.agent.removeOrphan({ kind: 'network', id: 'aaaaaaaa-00' }), { code: 'neutron.agent.wanted' })
  assert.deepEqual([...driver.bridges.keys()], [net.id])
})

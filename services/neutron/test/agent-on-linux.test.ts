// The whole way from the controller's rows to packets: contract, agent, `linux` driver, metadata proxy. Needs root and the Debian packages.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { networkControl, type DesiredNetworking, type WantedNetwork, type WantedNetworkPort, type WantedRouter } from '@alto/contracts/network-agent'
import { systemClock } from '@alto/kit/clock'
import { commandHost, namespaceCommands, namespaceOf } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { client, LocalTransport } from '@alto/kit/rpc'
import { until } from '@alto/kit/testing'
import { startLinuxNetworkAgent } from '../agent/start.ts'
import { eraseLinuxNetwork } from '../driver/linux/driver.ts'
import { tapOf } from '../model/names.ts'
import { plug } from './guest-ends.ts'

test('rows become a network that a guest can use; an agent that is started anew goes on with it; tombstones leave nothing', async t => {
  const [cloud, runDirectory] = [systemIds.hex().slice(0, 8), await mkdtemp(join(tmpdir(), 'alto-agent-'))]
  const commands = namespaceCommands(commandHost, systemClock)
  const erase = { cloud, hostName: 'test', runDirectory, host: commandHost, commands, clock: systemClock, log: silentLog }
  t.after(async () => {
    await eraseLinuxNetwork(erase)
    await commands.close()
    await rm(runDirectory, { recursive: true })
  })

  const versioned = { generation: 1, epoch: 1, projectId: 'project-1' }
  const [networkId, dhcpPortId, innerPortId, portId, routerId] = [systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid()]
  const network: WantedNetwork = {
    ...versioned, id: networkId, mtu: 1450, segment: { kind: 'local' }, dhcpPortId,
    subnets: [{ id: 's', cidr: '10.78.0.0/24', gateway: '10.78.0.1', dhcp: true, dns: ['192.0.2.53'], hostRoutes: [{ destination: '192.0.2.0/24', nexthop: '10.78.0.7' }] }],
  }
  const port = (id: string, last: number, deviceOwner: string, deviceId: string): WantedNetworkPort => ({
    ...versioned, id, networkId, deviceOwner, deviceId, host: 'test', mac: `fa:16:3e:78:00:0${last}`, fixedIps: [{ subnetId: 's', address: `10.78.0.${last}` }],
    adminUp: true, portSecurity: true, rules: [{ direction: 'egress', version: 4 }], allowedAddressPairs: [], dhcpOptions: [],
  })
  const guest = port(portId, 5, 'compute:nova', 'server-1')
  const router: WantedRouter = { ...versioned, id: routerId, adminUp: true, interfacePortIds: [innerPortId], routes: [], floatingIps: [] }

  const rpc = new LocalTransport({ clock: systemClock })
  const reported = new Map<string, string>()
  let cursor = 1
  let answer: Partial<DesiredNetworking> = {
    networks: [network], ports: [port(dhcpPortId, 2, 'network:dhcp', 'dhcp'), port(innerPortId, 1, 'network:router_interface', routerId), guest], routers: [router],
  }
  rpc.serve(networkControl, 'neutron', {
    desired: async request => ({ networks: [], ports: [], routers: [], tombstones: [], ...(request.cursor < cursor && answer), cursor, databaseEpoch: 1 }),
    report: async ({ id, observed }) => { reported.set(id, observed.reason ?? observed.status) },
    heartbeat: async () => ({ databaseEpoch: 1 }),
  })
  const start = (incarnation: string) => startLinuxNetworkAgent({
    cloud, host: 'test', incarnation, runDirectory, control: client(networkControl, rpc, 'neutron'), clock: systemClock, log: silentLog,
    metadata: { url: 'http://nova', secret: 's', fetch: async request => new Response(`${incarnation} ${request.headers.get('x-instance-id')} ${new URL(request.url).pathname}`) },
  })

  const first = await start('first')
  await first.idle()
  assert.deepEqual([...reported.values()], Array(5).fill('active'))

  const end = await plug(namespaceOf({ cloud, host: 'test' }), tapOf(portId), guest.mac)
  t.after(() => end[Symbol.asyncDispose]())
  const metadata = async () => (await end.run(process.execPath, '-e', 'fetch("http://169.254.169.254/openstack").then(r => r.text()).then(console.log)')).stdout.trim()
  const lease = await end.lease()
  assert.deepEqual([lease.address, lease.dns, lease.routes], ['10.78.0.5/24', ['192.0.2.53'], ['169.254.169.254/32 via 10.78.0.2', '192.0.2.0/24 via 10.78.0.7', '0.0.0.0/0 via 10.78.0.1']])
  assert.equal(await metadata(), 'first server-1 /openstack')

  await first.stop()
  assert.equal(await end.pings('10.78.0.1'), true, 'what was made stays when the agent goes')
  const second = await start('second')
  t.after(() => second.stop())
  await second.idle()
  assert.equal(await metadata(), 'second server-1 /openstack')

  answer = {
    tombstones: ([['network', networkId], ['port', portId], ['port', dhcpPortId], ['port', innerPortId], ['router', routerId]] as const)
      .map(([kind, id]) => ({ ...versioned, kind, id, generation: 2 })),
  }
  cursor++
  await second.agent.look({ kind: 'network', id: networkId, generation: 2 })
  await until('all are reported gone', async () => [...reported.values()].every(status => status === 'gone'))
  assert.deepEqual((await second.agent.audit({})).things.map(thing => thing.name), [`alto-${cloud}-test`])
})

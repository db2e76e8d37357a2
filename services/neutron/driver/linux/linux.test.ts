// Packets through the `linux` driver: real bridges, taps, DHCP, routers; guests are stand-ins (test/guest-ends.ts). Needs root and the Debian packages.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { addNamespace, commandHost, namespaceCommands, processesWith, removeNamespace } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { until } from '@alto/kit/testing'
import { bridgeOf, tapOf } from '../../model/names.ts'
import type { PacketRule } from '../../model/packet-rules.ts'
import type { DhcpPlan, PortPlan, RouterPlan } from '../../model/plans.ts'
import { answerOn, hear, plug, type GuestEnd } from '../../test/guest-ends.ts'
import type { MetadataOrigin, NetworkDriver } from '../network.ts'
import type { LinuxOptions } from './context.ts'
import { eraseLinuxNetwork, linuxNetwork } from './driver.ts'

const EGRESS: PacketRule = { direction: 'egress', version: 4 }
const ICMP: PacketRule = { direction: 'ingress', version: 4, protocol: 1 }
const SSH: PacketRule = { direction: 'ingress', version: 4, protocol: 6, ports: [22, 22], prefixes: ['0.0.0.0/0'] }

describe('a cloud\'s networks on a real host', () => {
  const id = () => systemIds.uuid()
  const [net, outside, router, dhcpPort, innerPort, gatewayPort] = [id(), id(), id(), id(), id(), id()]
  const guests = [
    { portId: id(), mac: 'fa:16:3e:00:00:0a', address: '10.77.0.10' },
    { portId: id(), mac: 'fa:16:3e:00:00:0b', address: '10.77.0.11' },
  ] as const
  const asked: MetadataOrigin[] = []
  const web = createServer((request, response) => response.end(`metadata of ${request.url}`))
  let directory: string
  let options: LinuxOptions
  let driver: NetworkDriver
  let ends: readonly [GuestEnd, GuestEnd]

  const port = (n: 0 | 1, rules: readonly PacketRule[]): PortPlan => ({
    portId: guests[n].portId, networkId: net, mtu: 1450, adminUp: true, filter: { mac: guests[n].mac, sources: [{ mac: guests[n].mac, prefix: guests[n].address }], rules },
  })
  const dhcp: DhcpPlan = {
    networkId: net, mtu: 1450, link: { portId: dhcpPort, networkId: net, mac: 'fa:16:3e:00:00:02', mtu: 1450, addresses: ['10.77.0.2/24'] },
    subnets: [{ subnetId: 's1', cidr: '10.77.0.0/24', gateway: '10.77.0.1', dns: [], routes: [] }],
    hosts: guests.map((g, i) => ({ portId: g.portId, subnetId: 's1', mac: g.mac, address: g.address, name: `guest${i}`, options: [] })),
  }
  const routed = (floatingIps: RouterPlan['floatingIps']): RouterPlan => ({
    routerId: router, interfaces: [{ portId: innerPort, networkId: net, mac: 'fa:16:3e:00:00:01', mtu: 1450, addresses: ['10.77.0.1/24'] }],
    gateway: { link: { portId: gatewayPort, networkId: outside, mac: 'fa:16:3e:00:00:03', mtu: 1500, addresses: ['172.31.77.9/24'] }, nexthops: ['172.31.77.1'], snat: true },
    routes: [], floatingIps,
  })
  const open = () => linuxNetwork(options, (origin, socket) => { asked.push(origin); web.emit('connection', socket) })

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'alto-net-'))
    options = {
      cloud: systemIds.hex().slice(0, 8), hostName: 'test', runDirectory: directory, host: commandHost,
      commands: namespaceCommands(commandHost, systemClock), clock: systemClock, log: silentLog,
    }
    driver = await open()
    await driver.applyBridge({ networkId: net, mtu: 1450, segment: { kind: 'local' } })
    await driver.applyBridge({ networkId: outside, mtu: 1500, segment: { kind: 'external', internet: false, routed: false, gateways: ['172.31.77.1/24'] } })
    await driver.applyPorts([port(0, [EGRESS, ICMP]), port(1, [EGRESS, ICMP])])
    await driver.applyDhcp(dhcp)
    await driver.applyRouter(routed([]))
    const bridges = `alto-${options.cloud}-test`
    ends = [await plug(bridges, tapOf(guests[0].portId), guests[0].mac), await plug(bridges, tapOf(guests[1].portId), guests[1].mac)]
  })

  after(async () => {
    for (const end of ends ?? []) await end[Symbol.asyncDispose]()
    await driver?.removeRouter(router)
    for (const guest of guests) await driver?.removePort(guest.portId)
    for (const network of [net, outside]) await driver?.removeBridge(network)
    const left = await driver?.inventory()
    await driver?.close()
    web.closeAllConnections()
    await eraseLinuxNetwork(options)
    await options.commands.close()
    await rm(directory, { recursive: true })
    assert.deepEqual(left?.map(thing => thing.name), [`alto-${options.cloud}-test`], 'all but the cloud\'s own namespace is gone')
  })

  test('a guest leases its address, with MTU, routes and name servers', async () => {
    assert.deepEqual(await ends[0].lease(), {
      address: '10.77.0.10/24', server: '10.77.0.2', dns: ['10.77.0.2'], router: ['10.77.0.1'], mtu: 1450, domain: 'openstacklocal',
      routes: ['169.254.169.254/32 via 10.77.0.2', '0.0.0.0/0 via 10.77.0.1'],
    })
    assert.equal((await ends[1].lease()).address, '10.77.0.11/24')
  })

  test('a security group blocks what it does not allow, opens when a rule is added, and closes open connections when it is taken back', async () => {
    await ends[1].listen(22, 'ssh')
    assert.equal(await ends[0].pings('10.77.0.11'), true)
    assert.equal(await ends[0].hears('10.77.0.11', 22), '')

    await driver.applyPorts([port(1, [EGRESS, ICMP, SSH])])
    assert.equal(await ends[0].hears('10.77.0.11', 22), 'ssh 10.77.0.10')

    await driver.applyPorts([port(1, [EGRESS])])
    assert.equal(await ends[0].hears('10.77.0.11', 22), '')
    assert.equal(await ends[0].pings('10.77.0.11'), false)
    await driver.applyPorts([port(1, [EGRESS, ICMP, SSH])])
  })

  test('a guest cannot send from an address or a MAC that is not its own', async () => {
    await ends[0].run('ip', 'address', 'add', '10.77.0.99/24', 'dev', 'eth0')
    assert.equal((await ends[0].run('ping', '-c1', '-W1', '-I', '10.77.0.99', '10.77.0.11')).code, 1)
    assert.equal((await ends[1].run('ip', 'neigh', 'show', '10.77.0.99')).stdout, '', 'its ARP did not arrive either')
    await ends[0].run('ip', 'address', 'delete', '10.77.0.99/24', 'dev', 'eth0')
    await ends[0].run('ip', 'link', 'set', 'dev', 'eth0', 'address', 'fa:16:3e:00:00:0f')
    assert.equal(await ends[0].pings('10.77.0.11'), false)
    await ends[0].run('ip', 'link', 'set', 'dev', 'eth0', 'address', guests[0].mac)
    await until('the first guest reaches the second', () => ends[0].pings('10.77.0.11'))
  })

  test('a guest cannot be another\'s DHCP server', async t => {
    await driver.removeDhcp(net)
    const rogue = spawn('nsenter', [`--net=/run/netns/${ends[0].netns}`, '--', 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--user=root', '--interface=eth0',
      '--dhcp-authoritative', '--no-ping', '--dhcp-range=10.77.0.200,10.77.0.220', `--dhcp-leasefile=${directory}/rogue`], { stdio: 'ignore' })
    t.after(() => rogue.kill('SIGKILL'))
    await driver.applyPorts([port(0, [EGRESS, { direction: 'ingress', version: 4 }])])                 // it hears the questions
    assert.equal(await ends[1].isOffered(), false)
    await driver.applyPorts([{ portId: guests[0].portId, networkId: net, mtu: 1450, adminUp: true }])
    assert.equal(await ends[1].isOffered(), true, 'without port security it can')
    await driver.applyPorts([port(0, [EGRESS, ICMP])])
    await driver.applyDhcp(dhcp)
  })

  test('a tap that no port is known for neither sends nor receives', async t => {
    const bridges = `alto-${options.cloud}-test`
    await options.commands.ip(bridges, ['tuntap add dev tap-stranger mode tap', `link set dev tap-stranger master ${bridgeOf(net)} up`])
    const stranger = await plug(bridges, 'tap-stranger', 'fa:16:3e:00:00:0d')
    t.after(async () => {
      await stranger[Symbol.asyncDispose]()
      await options.commands.ip(bridges, ['link delete dev tap-stranger'])
    })
    await stranger.run('ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0')
    assert.equal(await stranger.pings('10.77.0.2'), false)
    assert.equal(await stranger.isOffered(), false)
  })

  test('metadata is answered through the router and through DHCP\'s port, and says who asks', async () => {
    const fetched = async () => (await ends[0].run(process.execPath, '-e', 'fetch("http://169.254.169.254/openstack").then(r => r.text()).then(console.log)')).stdout.trim()
    asked.length = 0
    assert.equal(await fetched(), 'metadata of /openstack')
    await ends[0].run('ip', 'route', 'delete', '169.254.169.254/32')
    assert.equal(await fetched(), 'metadata of /openstack')
    assert.deepEqual(asked, [{ networkId: net, address: '10.77.0.10' }, { routerId: router, address: '10.77.0.10' }])
  })

  test('a guest reaches the machine\'s gateway address by ping only, from the router\'s address, and nothing else of the machine', async t => {
    assert.equal(await ends[0].pings('172.31.77.1'), true)
    const server = createServer((_, response) => response.end('the machine')).listen(0, '0.0.0.0')
    t.after(() => server.close())
    await until('the server listens', async () => server.listening)
    assert.equal(await ends[0].hears('172.31.77.1', (server.address() as { port: number }).port), '')
  })

  test('a floating IP leads from the machine to its guest, and back by hairpin, and ends with its association', async t => {
    await driver.applyRouter(routed([{ address: '172.31.77.20', fixedAddress: '10.77.0.11' }]))
    assert.match(await hear('172.31.77.20', 22), /^ssh 172\.31\.77\.1$/)
    assert.match(await ends[0].hears('172.31.77.20', 22), /^ssh 172\.31\.77\.9$/, 'hairpin, from the router\'s address')

    const listener = await answerOn(`qrouter-${router}`, 2222, 'router')
    t.after(() => listener.kill())
    assert.equal(await ends[0].hears('172.31.77.9', 2222), '', 'a router\'s own ports are shut')

    await driver.applyRouter(routed([]))
    assert.equal(await hear('172.31.77.20', 22), '')
  })

  test('what was left behind is named, whatever it is, and what is another cloud\'s is not', async t => {
    const [stray, mark] = [id(), `alto-${options.cloud}-test`]
    const before = (await driver.inventory()).map(thing => thing.name)
    const daemon = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)', '--', `--pid-file=${directory}/dhcp/${stray}/pid`], { stdio: 'ignore' })
    t.after(async () => {
      daemon.kill('SIGKILL')
      for (const name of [`qrouter-${stray}`, `qdhcp-${stray}`]) await removeNamespace(commandHost, name)
      await options.commands.ip(mark, [`link delete dev brq${stray.slice(0, 11)}`, `link delete dev tap${stray.slice(0, 11)}`])
      await options.commands.ip('', [`link delete dev x${options.cloud}-stray`])
      await rm(join(directory, 'dhcp', stray), { recursive: true })
    })
    for (const [name, alias] of [[`qrouter-${stray}`, mark], [`qdhcp-${stray}`, 'alto-00000000-test']] as const) {
      await addNamespace(commandHost, name)
      await commandHost.run(['ip', 'link', 'set', 'dev', 'lo', 'alias', alias], { netns: name })
    }
    await options.commands.ip(mark, [`link add name brq${stray.slice(0, 11)} type bridge`, `tuntap add dev tap${stray.slice(0, 11)} mode tap`,
      ...['brq', 'tap'].map(kind => `link set dev ${kind}${stray.slice(0, 11)} alias ${mark}`)])
    await options.commands.ip('', [`link add name x${options.cloud}-stray type bridge`, `link set dev x${options.cloud}-stray alias ${mark}`])
    await mkdir(join(directory, 'dhcp', stray))

    const found = (await driver.inventory()).filter(thing => !before.includes(thing.name)).map(thing => `${thing.kind} of ${thing.belongsTo.kind}: ${thing.name}`)
    assert.deepEqual(found.toSorted(), [
      `file of network: ${directory}/dhcp/${stray}`, `link of network: brq${stray.slice(0, 11)}`, `link of network: x${options.cloud}-stray`,
      `link of port: tap${stray.slice(0, 11)}`, `namespace of router: qrouter-${stray}`, `process of network: ${daemon.pid}`,
    ])
  })

  test('everything may be said twice, and a new process takes over without a break', async () => {
    const names = async () => (await driver.inventory()).map(thing => `${thing.kind} ${thing.place} ${thing.name}`).toSorted()
    const once = await names()
    await driver.close()
    driver = await open()
    await driver.applyBridge({ networkId: net, mtu: 1450, segment: { kind: 'local' } })
    await driver.applyBridge({ networkId: outside, mtu: 1500, segment: { kind: 'external', internet: false, routed: false, gateways: ['172.31.77.1/24'] } })
    await driver.applyPorts([port(0, [EGRESS, ICMP]), port(1, [EGRESS, ICMP, SSH])])
    assert.equal(await ends[0].pings('10.77.0.1'), true, 'the router\'s links are let through before they are applied again')
    await driver.applyDhcp(dhcp)
    await driver.applyRouter(routed([]))
    assert.deepEqual(await names(), once)
    assert.equal(await ends[0].hears('10.77.0.11', 22), 'ssh 10.77.0.10')
    assert.equal((await ends[0].lease()).address, '10.77.0.10/24')
  })

  test('an address that went to another port is leased to its new owner', async () => {
    const mac = 'fa:16:3e:00:00:0c'
    await ends[0].run('ip', 'address', 'flush', 'dev', 'eth0')
    await ends[0].run('ip', 'link', 'set', 'dev', 'eth0', 'address', mac)
    await driver.applyPorts([{ ...port(0, [EGRESS]), filter: { mac, sources: [{ mac, prefix: '10.77.0.10' }], rules: [EGRESS] } }])
    await driver.applyDhcp({ ...dhcp, hosts: dhcp.hosts.map(host => host.address === '10.77.0.10' ? { ...host, mac } : host) })
    assert.equal((await ends[0].lease(mac)).address, '10.77.0.10/24')
  })

  test('a dnsmasq that was killed is found dead, and leases again once it is applied', async () => {
    assert.deepEqual(await driver.ailing(), [])
    const [daemon] = await processesWith(join(directory, 'dhcp/'))
    process.kill(daemon!.pid, 'SIGKILL')
    await until('the network is said to ail', async () => (await driver.ailing())[0] === net)
    await driver.applyDhcp(dhcp)
    assert.deepEqual(await driver.ailing(), [])
    assert.equal((await ends[1].lease()).address, '10.77.0.11/24')
  })

  test('an external network whose prefix the machine uses already is refused, with both named', async () => {
    await assert.rejects(driver.applyBridge({ networkId: id(), mtu: 1500, segment: { kind: 'external', internet: false, routed: false, gateways: ['172.31.77.1/25'] } }),
      { code: 'neutron.external.prefixTaken', message: '172.31.77.0/25 cannot lead out: the machine already routes 172.31.77.0/24' })
  })
})

// Two hosts with a wire between them: packets of one network through the tunnels of two `linux` drivers. Needs root and the Debian packages.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { until } from '@alto/kit/testing'
import { namespaceOf } from '@alto/kit/host'
import { tapOf, tunnelLinkOf } from '../../model/names.ts'
import type { PacketRule } from '../../model/packet-rules.ts'
import type { BridgePlan, PortPlan } from '../../model/plans.ts'
import { forwardingOf } from '../../model/tunnels.ts'
import { plug, type GuestEnd } from '../../test/guest-ends.ts'
import { wired, type Machine } from '../../test/machines.ts'
import type { NetworkDriver } from '../network.ts'
import type { LinuxOptions } from './context.ts'
import { eraseLinuxNetwork, linuxNetwork } from './driver.ts'

const ADDRESSES = ['192.0.2.1', '192.0.2.2'] as const
const STRANGER = '192.0.2.66'
const VNI = 4711
const EGRESS: PacketRule = { direction: 'egress', version: 4 }
const ICMP: PacketRule = { direction: 'ingress', version: 4, protocol: 1 }
const SSH: PacketRule = { direction: 'ingress', version: 4, protocol: 6, ports: [22, 22] }

// Sends an ARP question about 10.79.0.10 in a tunnelled packet, from one of the machine's addresses: argv FROM TO VNI LAST, asked by 10.79.0.LAST.
const FORGE = `
  const [, from, to, vni, last] = process.argv
  const asker = Buffer.from([0xfa, 0x16, 0x3e, 0x79, 0xff, +last])
  const header = Buffer.from([8, 0, 0, 0, +vni >> 16, +vni >> 8 & 255, +vni & 255, 0])
  const arp = Buffer.concat([Buffer.alloc(6, 255), asker, Buffer.from([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]), asker, Buffer.from([10, 79, 0, +last, 0, 0, 0, 0, 0, 0, 10, 79, 0, 10])])
  const socket = require('node:dgram').createSocket('udp4')
  socket.bind(0, from, () => socket.send(Buffer.concat([header, arp, Buffer.alloc(18)]), 4789, to, () => socket.close()))`

describe('a network on two hosts', () => {
  const [network, dhcpPort, cloud] = [systemIds.uuid(), systemIds.uuid(), systemIds.hex().slice(0, 8)]
  const guests = [0, 1].map(n => ({ portId: systemIds.uuid(), mac: `fa:16:3e:79:00:1${n}`, address: `10.79.0.1${n}`, rules: [EGRESS, ICMP] })) as [Guest, Guest]
  const dhcpLink = { portId: dhcpPort, networkId: network, mac: 'fa:16:3e:79:00:02', mtu: 1450, addresses: ['10.79.0.2/24'] }
  let machines: [Machine, Machine]
  const options: LinuxOptions[] = []
  const drivers: NetworkDriver[] = []
  const ends: GuestEnd[] = []

  interface Guest { portId: string, mac: string, address: string, rules: PacketRule[] }

  /** The network as host n sees it when guests live on these hosts. */
  function bridge(n: number, homes: readonly (number | undefined)[], mtu = 1450): BridgePlan {
    const peers = new Map([...new Set([0, ...homes])].filter(home => home !== undefined && home !== n).map(home => [String(home), ADDRESSES[home!]!]))
    const ports = [{ host: '0', macs: [dhcpLink.mac] }, ...guests.map((guest, i) => ({ ...(homes[i] !== undefined && { host: String(homes[i]) }), macs: [guest.mac] }))]
    return { networkId: network, mtu, segment: { kind: 'vxlan', vni: VNI, peers: [...peers.values()], forwarding: forwardingOf(ports, peers) } }
  }
  const port = ({ portId, mac, address, rules }: Guest): PortPlan =>
    ({ portId, networkId: network, mtu: 1450, adminUp: true, filter: { mac, sources: [{ mac, prefix: address }], rules } })
  const entries = async (n: number) => (await machines[n]!.host.run(['bridge', 'fdb', 'show', 'dev', tunnelLinkOf(network)], { netns: namespaceOf({ cloud, host: `h${n}` }) })).stdout
  const web = createServer((_, response) => response.end('x'.repeat(300_000)))
  const open = (n: number) => linuxNetwork(options[n]!, (_, socket) => { web.emit('connection', socket) })
  const plugged = (n: number, guest: Guest) => plug(namespaceOf({ cloud, host: `h${n}` }), tapOf(guest.portId), guest.mac)

  /** Tunnelled packets that came over the wire from host 1 to host 0 so far, by the last number of the address that sent what is in them. */
  async function tunnelled(last: number): Promise<number> {
    const { stdout } = await machines[0].host.run(['nft', '-j', 'list', 'counters'])
    const counters = (JSON.parse(stdout) as { nftables: { counter?: { name: string, packets: number } }[] }).nftables
    return counters.find(({ counter }) => counter?.name === `from${last}`)!.counter!.packets
  }

  before(async () => {
    machines = await wired(ADDRESSES)
    await machines[1].commands.ip('', [`address add ${STRANGER}/24 dev wire`])
    await machines[0].commands.nft('', [
      'add table inet wire', 'add chain inet wire seen { type filter hook prerouting priority -400; }',
      ...[11, 77].flatMap(last => [`add counter inet wire from${last}`, ...[336, 352].map(bit =>         // the sender in an IPv4 or ARP packet, behind the headers of UDP, VXLAN and Ethernet
        `add rule inet wire seen iifname wire ip saddr ${ADDRESSES[1]} ip daddr ${ADDRESSES[0]} udp dport 4789 @th,${bit},32 ${0x0a4f0000 + last} counter name from${last}`)]),
    ])
    for (const [n, { host, commands }] of machines.entries()) {
      options.push({ cloud, hostName: `h${n}`, tunnelAddress: ADDRESSES[n]!, runDirectory: await mkdtemp(join(tmpdir(), 'alto-net-')), host, commands, clock: systemClock, log: silentLog })
      drivers.push(await open(n))
      await drivers[n]!.applyBridge(bridge(n, [0, 1]))
      await drivers[n]!.applyPorts([port(guests[n]!)])
      ends.push(await plugged(n, guests[n]!))
    }
    await drivers[0]!.applyDhcp({
      networkId: network, mtu: 1450, link: dhcpLink, subnets: [{ subnetId: 's1', cidr: '10.79.0.0/24', dns: [], routes: [] }],
      hosts: guests.map(g => ({ portId: g.portId, subnetId: 's1', mac: g.mac, address: g.address, name: `host-${g.mac.slice(-2)}`, options: [] })),
    })
  })

  after(async () => {
    for (const end of ends) await end[Symbol.asyncDispose]()
    web.closeAllConnections()
    for (const [n, driver] of drivers.entries()) {
      await driver.close()
      await eraseLinuxNetwork(options[n]!)
      assert.deepEqual(await driver.inventory(), [], 'nothing is left of it')
      await rm(options[n]!.runDirectory, { recursive: true })
    }
    for (const machine of machines) await machine[Symbol.asyncDispose]()
  })

  test('a guest leases its address from the other host, and guests reach each other, full-size packets included, in tunnelled packets on the wire', async () => {
    const lease = await ends[1]!.lease()
    assert.deepEqual([lease.address, lease.server, lease.mtu], ['10.79.0.11/24', '10.79.0.2', 1450])
    await ends[0]!.lease()
    const earlier = await tunnelled(11)
    assert.equal(await ends[0]!.pings('10.79.0.11'), true)
    assert.equal(await ends[1]!.pings('10.79.0.10'), true)
    assert.ok(await tunnelled(11) > earlier)
    for (const end of ends) await end.run('ip', 'link', 'set', 'dev', 'eth0', 'mtu', '1450')
    assert.equal((await ends[0]!.run('ping', '-c1', '-W1', '-M', 'do', '-s', '1422', '10.79.0.11')).code, 0)
  })

  test('a guest is answered its metadata by the other host, a long answer too', async () => {
    const { stdout } = await ends[1]!.run(process.execPath, '-e', 'fetch("http://169.254.169.254/").then(r => r.text()).then(text => console.log(text.length))')
    assert.equal(stdout, '300000\n')
  })

  test('the receiving host keeps the security group, and the sending one drops what a guest forges', async () => {
    await ends[1]!.listen(22, 'ssh')
    assert.equal(await ends[0]!.hears('10.79.0.11', 22), '')
    await drivers[1]!.applyPorts([port({ ...guests[1], rules: [EGRESS, ICMP, SSH] })])
    assert.equal(await ends[0]!.hears('10.79.0.11', 22), 'ssh 10.79.0.10')

    await ends[1]!.run('ip', 'address', 'add', '10.79.0.77/24', 'dev', 'eth0')
    assert.notEqual((await ends[1]!.run('ping', '-c1', '-W1', '-I', '10.79.0.77', '10.79.0.10')).code, 0)
    assert.equal(await tunnelled(77), 0, 'nothing of it came over the wire')
    await ends[1]!.run('ip', 'address', 'delete', '10.79.0.77/24', 'dev', 'eth0')
  })

  test('a tunnelled packet from an address that is no peer, or to another address of the host, is dropped', async () => {
    const knows = async (last: number) => (await ends[0]!.run('ip', 'neighbour', 'show', `10.79.0.${last}`)).stdout !== ''
    const forge = (from: string, last: number, to: string = ADDRESSES[0]) => machines[1].host.run([process.execPath, '-e', FORGE, '--', from, to, String(VNI), String(last)])
    await machines[0].commands.ip('', ['address add 192.0.2.3/24 dev wire'])
    await forge(STRANGER, 66)
    await forge(ADDRESSES[1], 67, '192.0.2.3')
    await forge(ADDRESSES[1], 68)
    await until('what the peer sent has come', () => knows(68))
    assert.deepEqual([await knows(66), await knows(67)], [false, false])
  })

  test('a new process takes over without a break', async () => {
    const names = async () => (await drivers[0]!.inventory()).map(thing => `${thing.place} ${thing.name}`).toSorted()
    const [things, before] = [await names(), await entries(0)]
    await drivers[0]!.close()
    drivers[0] = await open(0)
    const other = { networkId: systemIds.uuid(), mtu: 1450, segment: { kind: 'vxlan' as const, vni: VNI + 1, peers: [], forwarding: [] } }
    await drivers[0]!.applyBridge(other)
    assert.equal(await ends[0]!.pings('10.79.0.11'), true, 'what it was not told of yet is heard from its peers on')
    await drivers[0]!.removeBridge(other.networkId)
    await drivers[0]!.applyBridge(bridge(0, [0, 1]))
    await drivers[0]!.applyPorts([port(guests[0])])
    assert.equal(await ends[0]!.pings('10.79.0.11'), true)
    assert.deepEqual([await names(), await entries(0)], [things, before])
  })

  test('a network whose packets do not fit the wire is refused in words, and so is a host without its tunnel address', async () => {
    await assert.rejects(drivers[0]!.applyBridge(bridge(0, [0, 1], 1451)), {
      code: 'neutron.tunnel.mtu', message: 'the network\'s MTU of 1451 does not fit this host\'s tunnels: wire (192.0.2.1) carries networks of at most 1450',
    })
    await drivers[0]!.applyBridge(bridge(0, [0, 1]))
    await assert.rejects(linuxNetwork({ ...options[0]!, tunnelAddress: 'fd00::1' }, () => {}), { code: 'neutron.tunnel.address' })
    const lost = await linuxNetwork({ ...options[0]!, hostName: 'h2', tunnelAddress: '192.0.2.9' }, () => {})
    await assert.rejects(lost.applyBridge(bridge(0, [0, 1])), { code: 'neutron.tunnel.address', message: 'this host has no interface with its tunnel address 192.0.2.9' })
    await lost.close()
    await eraseLinuxNetwork({ ...options[0]!, hostName: 'h2', runDirectory: join(options[0]!.runDirectory, 'h2') })
  })

  test('a port that moves to another host is reached there at once; when the other host has nothing of the network, nothing is sent to it or heard from it', async () => {
    assert.equal(await ends[0]!.pings('10.79.0.11'), true)
    assert.equal((await entries(0)).split('\n').filter(line => line.startsWith(guests[1].mac)).length, 2)
    const heard = async () => /daddr 192\.0\.2\.1 ip saddr \{? ?([^}]*?) ?\}? accept/.exec((await machines[0].host.run(['nft', 'list', 'ruleset'])).stdout)?.[1]?.split(', ') ?? []
    assert.deepEqual(await heard(), ['192.0.2.2'])
    await ends[1]![Symbol.asyncDispose]()
    await drivers[1]!.removePort(guests[1].portId)
    await drivers[1]!.removeBridge(network)
    await drivers[0]!.applyBridge(bridge(0, [0, 0]))
    assert.equal((await entries(0)).includes(guests[1].mac), false)
    assert.equal((await entries(0)).includes('dst'), false)
    await drivers[0]!.applyPorts([port(guests[1])])
    ends[1] = await plugged(0, guests[1])
    await ends[1].run('ip', 'address', 'add', '10.79.0.11/24', 'dev', 'eth0')
    assert.equal(await ends[0]!.pings('10.79.0.11'), true)
    assert.deepEqual(await drivers[1]!.inventory().then(things => things.map(thing => thing.name)), [namespaceOf({ cloud, host: 'h1' })])
    assert.deepEqual(await heard(), [])

    await drivers[0]!.close()
    const { tunnelAddress, ...alone } = options[0]!
    drivers[0] = await linuxNetwork(alone, (_, socket) => socket.destroy())
    assert.equal((await drivers[0].inventory()).some(thing => thing.name === tunnelLinkOf(network)), false, `without the tunnel address ${tunnelAddress} there is no tunnel left`)
  })
})

// The ways out of external networks, on a machine of their own with another one behind it: who is let through, and what a restart of the agent keeps.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { namespaceOf } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { machineLinkOf, tapOf } from '../../model/names.ts'
import type { BridgePlan, RouterPlan } from '../../model/plans.ts'
import { answerOn, hear, plug, type GuestEnd } from '../../test/guest-ends.ts'
import { wired, type Machine } from '../../test/machines.ts'
import type { NetworkDriver } from '../network.ts'
import type { LinuxOptions } from './context.ts'
import { eraseLinuxNetwork, linuxNetwork } from './driver.ts'

const [MACHINE, CLIENT] = ['192.0.2.1', '192.0.2.2'] as const
const FLOATING = '172.31.78.20'

describe('a host with two external networks, and a client behind it', () => {
  const id = () => systemIds.uuid()
  const [cloud, net, outside, other, router, otherRouter, portId] = [systemIds.hex().slice(0, 8), id(), id(), id(), id(), id(), id()]
  const web = createServer()
  const undo = new AsyncDisposableStack()
  let machine: Machine
  let client: Machine
  let options: LinuxOptions
  let driver: NetworkDriver
  let guest: GuestEnd

  const way = (networkId: string, how: { internet: boolean, routed: boolean }): BridgePlan =>
    ({ networkId, mtu: 1500, segment: { kind: 'external', ...how, gateways: [networkId === outside ? '172.31.78.1/24' : '172.31.79.1/24'] } })
  const gateway = (networkId: string, subnet: string): RouterPlan['gateway'] =>
    ({ link: { portId: id(), networkId, mac: `fa:16:3e:${subnet.split('.')[2]}:00:03`, mtu: 1500, addresses: [`${subnet}.9/24`] }, nexthops: [`${subnet}.1`], snat: true })
  const open = () => linuxNetwork(options, (_, socket) => { web.emit('connection', socket) })
  const rules = async () => (await machine.host.run(['nft', 'list', 'table', 'inet', namespaceOf({ cloud, host: 'h' })])).stdout
  /** What the client hears at the floating IP; the guest at the client, at the machine; and the router of the other network at the floating IP. */
  const heard = () => Promise.all([hear(FLOATING, 22, client.netns), guest.hears(CLIENT, 22), guest.hears(MACHINE, 22), hear(FLOATING, 22, `qrouter-${otherRouter}`)])

  before(async () => {
    [machine, client] = await wired([MACHINE, CLIENT])
    undo.use(machine)
    undo.use(client)
    await client.commands.ip('', [`route add default via ${MACHINE}`])
    await machine.host.run(['tee', '/proc/sys/net/ipv4/ip_forward'], { input: '1' })
    const directory = await mkdtemp(join(tmpdir(), 'alto-net-'))
    undo.defer(() => rm(directory, { recursive: true }))
    options = { cloud, hostName: 'h', runDirectory: directory, host: machine.host, commands: machine.commands, clock: systemClock, log: silentLog }
    undo.defer(() => eraseLinuxNetwork(options))
    driver = await open()
    undo.defer(async () => {
      for (const one of [router, otherRouter]) await driver.removeRouter(one)
      await driver.removePort(portId)
      for (const network of [net, outside, other]) await driver.removeBridge(network)
      await driver.close()
      assert.equal((await machine.host.run(['nft', 'list', 'tables'])).stdout, '', 'the machine has no rules when it has no networks')
    })
    await driver.applyBridge({ networkId: net, mtu: 1450, segment: { kind: 'local' } })
    for (const network of [outside, other]) await driver.applyBridge(way(network, { internet: false, routed: false }))
    await driver.applyPorts([{ portId, networkId: net, mtu: 1450, adminUp: true }])
    await driver.applyRouter({
      routerId: router, interfaces: [{ portId: id(), networkId: net, mac: 'fa:16:3e:78:00:01', mtu: 1450, addresses: ['10.78.0.1/24'] }], gateway: gateway(outside, '172.31.78')!,
      routes: [], floatingIps: [{ address: FLOATING, fixedAddress: '10.78.0.10' }],
    })
    await driver.applyRouter({ routerId: otherRouter, interfaces: [], gateway: gateway(other, '172.31.79')!, routes: [], floatingIps: [] })
    guest = undo.use(await plug(namespaceOf({ cloud, host: 'h' }), tapOf(portId), 'fa:16:3e:78:00:10'))
    await guest.run('ip', 'address', 'add', '10.78.0.10/24', 'dev', 'eth0')
    await guest.run('ip', 'route', 'add', 'default', 'via', '10.78.0.1')
    await guest.listen(22, 'guest')
    for (const [netns, text] of [[client.netns, 'client'], [machine.netns, 'machine']] as const) {
      const listening = await answerOn(netns, 22, text)
      undo.defer(() => { listening.kill() })
    }
  })

  after(() => undo.disposeAsync())

  test('a client reaches a floating IP through the machine only where external networks are routed, and guests reach the world only where they have the internet', async () => {
    assert.equal(await hear(FLOATING, 22, machine.netns), 'guest 172.31.78.1')
    assert.deepEqual(await heard(), ['', '', '', ''])
    await driver.applyBridge(way(outside, { internet: false, routed: true }))
    assert.deepEqual(await heard(), [`guest ${CLIENT}`, '', '', ''])
    await driver.applyBridge(way(outside, { internet: true, routed: false }))
    assert.deepEqual(await heard(), ['', `client ${MACHINE}`, '', ''])
    await driver.applyBridge(way(outside, { internet: true, routed: true }))
    assert.deepEqual(await heard(), [`guest ${CLIENT}`, `client ${MACHINE}`, '', ''])
  })

  test('a new process that applies one external network keeps the rules of the other, and closes a way out that is none any more', async () => {
    await driver.applyBridge(way(outside, { internet: true, routed: true }))
    const earlier = await rules()
    await driver.close()
    driver = await open()
    assert.equal(await rules(), earlier)
    await driver.applyBridge(way(other, { internet: false, routed: false }))
    assert.equal(await rules(), earlier)
    assert.deepEqual(await heard(), [`guest ${CLIENT}`, `client ${MACHINE}`, '', ''])

    await driver.close()
    driver = await open()
    await driver.applyBridge({ networkId: other, mtu: 1500, segment: { kind: 'local' } })
    assert.equal((await machine.host.run(['ip', 'link', 'show', 'dev', machineLinkOf(cloud, other)], { accept: [0, 1] })).code, 1)
    assert.doesNotMatch(await rules(), new RegExp(machineLinkOf(cloud, other)))
    assert.match(await rules(), new RegExp(machineLinkOf(cloud, outside)))
  })
})

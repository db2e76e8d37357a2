// What every network driver promises, as tests: run on the fake and on the real ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemIds } from '@alto/kit/ids'
import { bridgeOf, dhcpNamespaceOf, routerNamespaceOf, tapOf, tunnelLinkOf } from '../model/names.ts'
import type { DhcpPlan, PortPlan, RouterPlan } from '../model/plans.ts'
import type { NetworkDriver } from './network.ts'

/** Declares the tests; `make` gives a driver on an empty host, and what takes that host away. */
export function networkConformance(name: string, make: () => Promise<{ driver: NetworkDriver, erase: () => Promise<void> }>): void {
  const mac = 'fa:16:3e:12:34:56'

  function plans() {
    const [networkId, portId, routerId, dhcpPort, innerPort] = [systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid()]
    const port: PortPlan = { portId, networkId, mtu: 1450, adminUp: true, filter: { mac, sources: [{ mac, prefix: '10.9.0.5' }], rules: [{ direction: 'egress', version: 4 }] } }
    const dhcp: DhcpPlan = {
      networkId, mtu: 1450, link: { portId: dhcpPort, networkId, mac: 'fa:16:3e:00:00:02', mtu: 1450, addresses: ['10.9.0.2/24'] },
      subnets: [{ subnetId: 's', cidr: '10.9.0.0/24', gateway: '10.9.0.1', dns: [], routes: [] }],
      hosts: [{ portId, subnetId: 's', mac, address: '10.9.0.5', name: 'web', options: [] }],
    }
    const router: RouterPlan = {
      routerId, interfaces: [{ portId: innerPort, networkId, mac: 'fa:16:3e:00:00:01', mtu: 1450, addresses: ['10.9.0.1/24'] }], routes: [], floatingIps: [],
    }
    return { networkId, portId, routerId, port, dhcp, router, names: [bridgeOf(networkId), tapOf(portId), tapOf(dhcpPort), tapOf(innerPort), dhcpNamespaceOf(networkId), routerNamespaceOf(routerId)] }
  }
  const sightings = async (driver: NetworkDriver, names: readonly string[]) =>
    (await driver.inventory()).filter(thing => names.includes(thing.name)).map(thing => `${thing.kind} ${thing.name} of ${thing.belongsTo.kind}`).toSorted()

  async function on(work: (driver: NetworkDriver) => Promise<void>): Promise<void> {
    const { driver, erase } = await make()
    try {
      await work(driver)
    } finally {
      await driver.close()
      await erase()
    }
  }

  test(`${name}: what was made twice is there once, and after its removal, said twice, nothing is left`, () => on(async driver => {
    const p = plans()
    const empty = await driver.inventory()
    for (let time = 0; time < 2; time++) {
      await driver.applyBridge({ networkId: p.networkId, mtu: 1450, segment: { kind: 'local' } })
      await driver.applyPorts([p.port])
      await driver.applyDhcp(p.dhcp)
      await driver.applyRouter(p.router)
    }
    const [bridge, tap, dhcpTap, innerTap, dhcpPlace, routerPlace] = p.names
    assert.deepEqual(await sightings(driver, p.names), [
      `link ${bridge} of network`, ...[tap, dhcpTap, innerTap].map(link => `link ${link} of port`), `namespace ${dhcpPlace} of network`, `namespace ${routerPlace} of router`,
    ].toSorted())
    for (let time = 0; time < 2; time++) {
      await driver.removePort(p.portId)
      await driver.removeRouter(p.routerId)
      await driver.removeDhcp(p.networkId)
      await driver.removeBridge(p.networkId)
    }
    assert.deepEqual(await driver.inventory(), empty)
  }))

  test(`${name}: a network between hosts has one link for its tunnels, whoever its peers are, and none once it is of this host only`, () => on(async driver => {
    const { networkId } = plans()
    const empty = await driver.inventory()
    const names = [bridgeOf(networkId), tunnelLinkOf(networkId)]
    const links = names.map(link => `link ${link} of network`)
    assert.deepEqual([driver.segments, driver.tunnelAddress], [['local', 'vxlan', 'external'], '192.0.2.1'])
    for (const peers of [[], ['192.0.2.2', '192.0.2.3'], ['192.0.2.2', '192.0.2.3'], ['192.0.2.3']]) {
      await driver.applyBridge({ networkId, mtu: 1450, segment: { kind: 'vxlan', vni: 4711, peers, forwarding: peers.map(to => ({ mac, to })).slice(0, 1) } })
      assert.deepEqual(await sightings(driver, names), links)
    }
    await driver.applyBridge({ networkId, mtu: 1450, segment: { kind: 'local' } })
    assert.deepEqual(await sightings(driver, names), links.slice(0, 1))
    await driver.applyBridge({ networkId, mtu: 1450, segment: { kind: 'vxlan', vni: 4711, peers: [], forwarding: [] } })
    await driver.removeBridge(networkId)
    assert.deepEqual(await driver.inventory(), empty)
  }))

  test(`${name}: a port on a network that is not there fails, and is made once the network is`, () => on(async driver => {
    const p = plans()
    await assert.rejects(driver.applyPorts([p.port]), { code: 'host.commandFailed' })
    await driver.applyBridge({ networkId: p.networkId, mtu: 1450, segment: { kind: 'local' } })
    await driver.applyPorts([p.port])
    assert.equal((await sightings(driver, [tapOf(p.portId)])).length, 1)
    await driver.removePort(p.portId)
    await driver.removeBridge(p.networkId)
  }))

  test(`${name}: removing a network takes its DHCP along`, () => on(async driver => {
    const p = plans()
    const empty = await driver.inventory()
    await driver.applyBridge({ networkId: p.networkId, mtu: 1450, segment: { kind: 'local' } })
    await driver.applyPorts([])
    await driver.applyDhcp(p.dhcp)
    await driver.removeBridge(p.networkId)
    assert.deepEqual(await driver.inventory(), empty)
  }))
}

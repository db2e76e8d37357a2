// Who serves a network's DHCP: a port of owner network:dhcp on one host that takes such work, with an address in each subnet that is to be served.
import type { Network } from '../model/networks.ts'
import { DHCP, ROUTER_GATEWAY, type Port } from '../model/ports.ts'
import { isAutoAddressed, type Subnet } from '../model/subnets.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import type { Tx } from '../store/tables.ts'
import { allocate } from './addressing.ts'
import type { Deps } from './deps.ts'
import { pickHost } from './hosts.ts'
import { changePort, dropPort, makePort } from './port-rows.ts'

/**
 * Makes the network's DHCP port fit its subnets, on the host where it is while that takes such work, else on a live one; the network is locked, and whoever
 * calls touches it. Without a live host it stays where it is, or waits for the first one that speaks. True when something changed.
 */
export async function serveDhcp(tx: Tx, deps: Deps, network: Network, subnets: readonly Subnet[]): Promise<boolean> {
  const served = subnets.filter(subnet => subnet.enableDhcp && !isAutoAddressed(subnet))
  const [port] = await ports.listOn(tx, network.id, DHCP)
  if (served.length === 0) {
    if (port) await dropDhcpPort(tx, deps, port)
    return port !== undefined
  }
  const wantedIps = served.map(subnet => ({ subnet_id: subnet.id }))
  if (port) {
    const fixedIps = await allocate(tx, deps, served, wantedIps, { networkId: network.id, mac: port.mac, held: port.fixedIps })
    const host = await hostFor(tx, deps, network, port.bindingHost) ?? port.bindingHost
    const fits = host === port.bindingHost && JSON.stringify(fixedIps) === JSON.stringify(port.fixedIps)
    if (!fits) await changePort(tx, deps, port, { fixedIps, bindingHost: host, deviceId: deviceOn(host, network) })
    return !fits
  }
  const host = await hostFor(tx, deps, network)
  if (host === undefined) return false
  await makePort(tx, deps, network, served, { projectId: network.projectId, deviceOwner: DHCP, deviceId: deviceOn(host, network), bindingHost: host, wantedIps })
  await quotas.count(tx, network.projectId, 'port', 1)
  return true
}

/** Takes a DHCP port away. */
export async function dropDhcpPort(tx: Tx, deps: Deps, port: Port): Promise<void> {
  await dropPort(tx, deps, port)
  await quotas.count(tx, port.projectId, 'port', -1)
}

/** An external network's is where its routers are: that host has the network's way out. */
async function hostFor(tx: Tx, deps: Deps, network: Network, current?: string): Promise<string | undefined> {
  return pickHost(tx, deps, 'DHCP agent', { current: current ?? null, preferred: network.external ? await ports.hostsOn(tx, network.id, { owners: [ROUTER_GATEWAY] }) : [] })
}

function deviceOn(host: string, network: Network): string {
  return `dhcp-${host}-${network.id}`.slice(0, 255)
}

// Who serves a network's DHCP: a port of owner network:dhcp on one host, with an address in each subnet that is to be served.
import type { Network } from '../model/networks.ts'
import { DHCP, type Port } from '../model/ports.ts'
import { isAutoAddressed, type Subnet } from '../model/subnets.ts'
import * as agents from '../store/agents.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import type { Tx } from '../store/tables.ts'
import { allocate } from './addressing.ts'
import type { Deps } from './deps.ts'
import { changePort, dropPort, makePort } from './port-rows.ts'

/** Makes the network's DHCP port fit its subnets; the network is locked. Without a live host it waits for the first one that speaks. */
export async function serveDhcp(tx: Tx, deps: Deps, network: Network, subnets: readonly Subnet[]): Promise<void> {
  const served = subnets.filter(subnet => subnet.enableDhcp && !isAutoAddressed(subnet))
  const [port] = await ports.listOn(tx, network.id, DHCP)
  if (served.length === 0) {
    if (port) await dropDhcpPort(tx, deps, port)
    return
  }
  const wantedIps = served.map(subnet => ({ subnet_id: subnet.id }))
  if (port) {
    const fixedIps = await allocate(tx, deps, served, wantedIps, { networkId: network.id, mac: port.mac, held: port.fixedIps })
    if (JSON.stringify(fixedIps) !== JSON.stringify(port.fixedIps)) await changePort(tx, deps, port, { fixedIps })
    return
  }
  const host = await pickHost(tx, deps)
  if (host === undefined) return
  await makePort(tx, deps, network, served, { projectId: network.projectId, deviceOwner: DHCP, deviceId: `dhcp-${host}-${network.id}`.slice(0, 255), bindingHost: host, wantedIps })
  await quotas.count(tx, network.projectId, 'port', 1)
}

/** Takes a DHCP port away. */
export async function dropDhcpPort(tx: Tx, deps: Deps, port: Port): Promise<void> {
  await dropPort(tx, deps, port)
  await quotas.count(tx, port.projectId, 'port', -1)
}

/** A host that lives, or undefined. */
export async function pickHost(tx: Tx, deps: Deps): Promise<string | undefined> {
  const hosts = await agents.liveHosts(tx, deps.clock.now() - deps.options.agentDownTime * 1000)
  return hosts[deps.ids.below(Math.max(1, hosts.length))]
}

// Ports as everything in Neutron makes, changes and removes them: addresses, host rows, members of security groups, and what Nova hears of it.
import { afterCommit } from '@alto/kit/db'
import { newMac } from '../model/names.ts'
import { neutronFault } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import type { Port } from '../model/ports.ts'
import { newStandard, revised } from '../model/standard.ts'
import type { Subnet } from '../model/subnets.ts'
import * as agents from '../store/agents.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as ports from '../store/ports.ts'
import * as securityGroups from '../store/security-groups.ts'
import * as serverEvents from '../store/server-events.ts'
import type { Tx } from '../store/tables.ts'
import { allocate, type WantedIp } from './addressing.ts'
import { ringAfter, type Deps } from './deps.ts'

/** What a new port is made from; its network is locked. */
export interface NewPort extends Partial<Omit<Port, 'id' | 'fixedIps' | 'mac'>> {
  readonly id?: string
  readonly projectId: string
  readonly mac?: string | undefined
  /** Undefined: one address of each IP version. */
  readonly wantedIps: readonly WantedIp[] | undefined
}

/** Adds a port. Whoever calls counts it. Throws Fault('conflict', 'neutron.MacAddressInUse') and what `allocate` throws. */
export async function makePort(tx: Tx, deps: Deps, network: Network, subnets: readonly Subnet[], from: NewPort): Promise<Port> {
  const { wantedIps, mac: wantedMac, id, ...given } = from
  if (wantedMac !== undefined && await ports.hasMac(tx, network.id, wantedMac)) throw macInUse(network.id, wantedMac)
  const mac = wantedMac ?? await freeMac(tx, deps, network.id)
  const fixedIps = await allocate(tx, deps, subnets, wantedIps, { networkId: network.id, mac })
  const bindingHost = from.bindingHost ?? ''
  const port: Port = {
    networkId: network.id, name: '', adminUp: true, deviceId: '', deviceOwner: '', portSecurity: false, securityGroups: [], allowedAddressPairs: [],
    extraDhcpOptions: [], dnsName: '', bindingProfile: {}, vnicType: 'normal', ...given, mac, fixedIps, bindingHost, vifType: await vifTypeOn(tx, bindingHost), status: 'DOWN',
    ...newStandard({ id: id ?? deps.ids.uuid(), projectId: from.projectId, description: from.description, tags: from.tags }, deps.clock.now()),
  }
  await ports.insert(tx, port)
  ringAfter(tx, deps, [...await hostRows.portChanged(tx, port), ...await membersChanged(tx, port.securityGroups)])
  return port
}

/** Writes a changed port: `next` has what is to be. Its network is locked when addresses change. */
export async function changePort(tx: Tx, deps: Deps, was: Port, next: Partial<Port>): Promise<Port> {
  const rebound = next.bindingHost !== undefined && next.bindingHost !== was.bindingHost
  const port = revised(was, {
    ...next, ...(rebound && { vifType: await vifTypeOn(tx, next.bindingHost!), status: 'DOWN' as const }),
  }, deps.clock.now())
  await ports.update(tx, port)
  const addressesChanged = JSON.stringify(was.fixedIps) !== JSON.stringify(port.fixedIps)
  const groupsChanged = JSON.stringify(was.securityGroups) !== JSON.stringify(port.securityGroups)
  if (addressesChanged) await ports.setFixedIps(tx, port)
  if (groupsChanged) await ports.setSecurityGroups(tx, port)
  const members = addressesChanged || groupsChanged ? await membersChanged(tx, [...new Set([...was.securityGroups, ...port.securityGroups])]) : []
  ringAfter(tx, deps, [...await hostRows.portChanged(tx, port, was.bindingHost), ...members])
  if (addressesChanged) await tellServer(tx, deps, 'network-changed', port)
  if (rebound && was.status === 'ACTIVE') await tellServer(tx, deps, 'network-vif-unplugged', was)
  return port
}

/** Removes a port. Whoever calls gives its count back. */
export async function dropPort(tx: Tx, deps: Deps, port: Port): Promise<void> {
  const concerned = await securityGroups.portsNaming(tx, port.securityGroups)
  await ports.remove(tx, port.id)
  await idempotency.removeOf(tx, port.id)
  ringAfter(tx, deps, [...await hostRows.portRemoved(tx, port), ...await hostRows.touched(tx, 'port', concerned.filter(id => id !== port.id))])
  await tellServer(tx, deps, 'network-vif-deleted', port)
}

/** Lets Nova hear of a server's port. */
export async function tellServer(tx: Tx, deps: Deps, name: serverEvents.ServerEvent['name'], port: Port): Promise<void> {
  if (!port.deviceOwner.startsWith('compute:') || port.deviceId === '') return
  await serverEvents.insert(tx, { id: deps.ids.uuid(), name, serverId: port.deviceId, tag: port.id, createdAt: deps.clock.now() })
  afterCommit(tx, deps.tellServers)
}

/** The refusal of a MAC that another port of the network has. */
export function macInUse(networkId: string, mac: string): Error {
  return neutronFault('conflict', 'MacAddressInUse', `Unable to complete operation for network ${networkId}. The mac address ${mac} is in use.`)
}

async function vifTypeOn(tx: Tx, host: string): Promise<Port['vifType']> {
  if (host === '') return 'unbound'
  return await agents.factsOf(tx, host) ? 'bridge' : 'binding_failed'
}

async function freeMac(tx: Tx, deps: Deps, networkId: string): Promise<string> {
  for (;;) {
    const mac = newMac(deps.ids)
    if (!await ports.hasMac(tx, networkId, mac)) return mac
  }
}

/** The ports that let members of the groups in or out have new rules. */
async function membersChanged(tx: Tx, groupIds: readonly string[]): Promise<string[]> {
  return hostRows.touched(tx, 'port', await securityGroups.portsNaming(tx, groupIds))
}

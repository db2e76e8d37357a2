// Which fixed address a floating IP stands for, and through which router.
import { isUniqueViolation } from '@alto/kit/db'
import { parseAddress } from '../model/addresses.ts'
import { badRequest, neutronFault } from '../model/faults.ts'
import type { FloatingIp } from '../model/floating-ips.ts'
import type { Port } from '../model/ports.ts'
import { revised } from '../model/standard.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as routers from '../store/routers.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { defaultLimits, ringAfter, type Deps } from './deps.ts'
import { dropPort, tellServer } from './port-rows.ts'

/** What a floating IP stands for. */
export type Association = Pick<FloatingIp, 'fixedPortId' | 'fixedIpAddress' | 'routerId' | 'status'>

export const UNASSOCIATED: Association = { fixedPortId: null, fixedIpAddress: null, routerId: null, status: 'DOWN' }

/**
 * The association with a port (and one of its IPv4 addresses, when it has several).
 * Throws Fault('badRequest', 'neutron.BadRequest') and Fault('notFound', 'neutron.ExternalGatewayForFloatingIPNotFound').
 */
export async function associate(tx: Tx, floatingNetworkId: string, port: Port, address: string | undefined): Promise<Association> {
  const own = port.fixedIps.filter(ip => parseAddress(ip.address).version === 4)
  if (own.length === 0) throw badRequest('floatingip', `Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`)
  if (address === undefined && own.length > 1) throw badRequest('floatingip', `Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP`)
  const fixed = address === undefined ? own[0] : own.find(ip => ip.address === address)
  if (!fixed) throw badRequest('floatingip', `Port ${port.id} does not have fixed ip ${address}`)
  return { fixedPortId: port.id, fixedIpAddress: fixed.address, routerId: await routerFor(tx, floatingNetworkId, port, fixed.subnetId), status: 'DOWN' }
}

/** Writes a floating IP's association; its routers' hosts and its servers hear of it. */
export async function setAssociation(tx: Tx, deps: Deps, was: FloatingIp, next: Partial<FloatingIp>): Promise<FloatingIp> {
  const floatingIp = revised(was, next, deps.clock.now())
  try {
    await floatingIps.update(tx, floatingIp)
  } catch (error) {
    throw alreadyAssociated(error, floatingIp)
  }
  await associationChanged(tx, deps, was, floatingIp)
  return floatingIp
}

/** The routers and servers on either side of a change hear of it. */
export async function associationChanged(tx: Tx, deps: Deps, was: Association, is: Association): Promise<void> {
  const through = [...new Set([was.routerId, is.routerId])].filter(id => id !== null)
  ringAfter(tx, deps, await hostRows.touched(tx, 'router', through))
  const portIds = [...new Set([was.fixedPortId, is.fixedPortId])].filter(id => id !== null)
  for (const port of await ports.findAll(tx, portIds)) await tellServer(tx, deps, 'network-changed', port)
}

/** The floating IP is gone, with its port on the external network. */
export async function dropFloatingIp(tx: Tx, deps: Deps, floatingIp: FloatingIp): Promise<void> {
  await floatingIps.remove(tx, floatingIp.id)
  await idempotency.removeOf(tx, floatingIp.id)
  await associationChanged(tx, deps, floatingIp, UNASSOCIATED)
  const port = await ports.find(tx, floatingIp.floatingPortId)
  if (port) await dropPort(tx, deps, port)
  await quotas.use(tx, floatingIp.projectId, 'floatingip', -1, defaultLimits(deps.options))
}

/** The port (or some of its addresses) goes: floating IPs that stand for it stand for nothing any more. */
export async function releasePort(tx: Tx, deps: Deps, portId: string, addresses?: readonly string[]): Promise<void> {
  for (const floatingIp of await floatingIps.listOfPorts(tx, [portId])) {
    if (!addresses || addresses.includes(floatingIp.fixedIpAddress!)) await setAssociation(tx, deps, floatingIp, UNASSOCIATED)
  }
}

/** A broken `floatingips_fixed` in upstream's words; other errors as they are. */
export function alreadyAssociated(error: unknown, floatingIp: FloatingIp): unknown {
  if (!isUniqueViolation(error, 'fixed')) return error
  return neutronFault('conflict', 'FloatingIPPortAlreadyAssociated',
    `Cannot associate floating IP ${floatingIp.floatingIpAddress} (${floatingIp.id}) with port ${floatingIp.fixedPortId} using fixed IP ${floatingIp.fixedIpAddress}, as that fixed IP already has a floating IP on external network ${floatingIp.floatingNetworkId}.`, error)
}

/** The router between the subnet and the external network: the one that is the subnet's gateway before others. */
async function routerFor(tx: Tx, floatingNetworkId: string, port: Port, subnetId: string): Promise<string> {
  const [subnet] = await subnets.findAll(tx, [subnetId])
  const near = await ports.routerPortsIn(tx, subnetId)
  const candidates = await routers.findAll(tx, near.map(one => one.deviceId))
  const gateways = new Map((await ports.findAll(tx, candidates.flatMap(router => router.gatewayPortId ?? []))).map(gateway => [gateway.id, gateway.networkId]))
  const leading = near.filter(one => gateways.get(candidates.find(router => router.id === one.deviceId)?.gatewayPortId ?? '') === floatingNetworkId)
  const chosen = leading.find(one => one.fixedIps.some(ip => ip.address === subnet?.gatewayIp)) ?? leading[0]
  if (chosen) return chosen.deviceId
  throw neutronFault('notFound', 'ExternalGatewayForFloatingIPNotFound',
    `External network ${floatingNetworkId} is not reachable from subnet ${subnetId}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`)
}

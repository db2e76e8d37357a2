// Which addresses a port gets.
import { isUniqueViolation } from '@alto/kit/db'
import { formatAddress, holds, lastOf, parseAddress, parsePrefix } from '../model/addresses.ts'
import { invalidInput, neutronFault } from '../model/faults.ts'
import type { FixedIp } from '../model/ports.ts'
import { autoAddress, isAutoAddressed, type Subnet } from '../model/subnets.ts'
import * as addresses from '../store/addresses.ts'
import type { Tx } from '../store/tables.ts'
import { draw, type Deps } from './deps.ts'

/** What a port asks for: an address, a subnet, or both. */
export interface WantedIp {
  readonly subnet_id?: string | undefined
  readonly ip_address?: string | undefined
}

/** For whom. `held` are addresses that the port has already. */
export interface Asker {
  readonly networkId: string
  readonly mac: string
  readonly held?: readonly FixedIp[]
}

/**
 * The addresses for a port on a network whose subnets are these: what was `wanted`, or (undefined) one of each IP version and all that follow from its MAC.
 * The network is locked. Throws the refusals `neutron.InvalidInput`, `neutron.InvalidIpForNetwork`, `neutron.InvalidIpForSubnet`,
 * `neutron.IpAddressAlreadyAllocated`, `neutron.IpAddressGenerationFailure`.
 */
export async function allocate(tx: Tx, deps: Deps, subnets: readonly Subnet[], wanted: readonly WantedIp[] | undefined, asker: Asker): Promise<FixedIp[]> {
  if (wanted === undefined) return allocateAny(tx, deps, subnets, asker)
  const max = deps.options.maxFixedIpsPerPort
  if (wanted.length > max) throw invalidInput(`Exceeded maximum amount of fixed ips per port (${max})`)
  const got: FixedIp[] = []
  for (const one of wanted) got.push(await allocateOne(tx, deps, subnets, one, asker, got))
  return got
}

/** Tells a broken primary key of the allocations from other errors. */
export function asAddressInUse(error: unknown, networkId: string): unknown {
  return isUniqueViolation(error, 'ip_allocations') ? neutronFault('conflict', 'IpAddressInUse', `Unable to complete operation for network ${networkId}. An IP address is in use.`, error) : error
}

async function allocateOne(tx: Tx, deps: Deps, subnets: readonly Subnet[], { subnet_id: subnetId, ip_address: text }: WantedIp, asker: Asker, got: readonly FixedIp[]): Promise<FixedIp> {
  const named = subnetId === undefined ? undefined : subnets.find(subnet => subnet.id === subnetId)
  if (subnetId !== undefined && !named) throw invalidInput(`Failed to create port on network ${asker.networkId}, because fixed_ips included invalid subnet ${subnetId}`)
  if (text === undefined) return fromSubnet(tx, deps, named!, asker, got)
  const subnet = named ?? subnets.find(candidate => holds(parsePrefix(candidate.cidr), parseAddress(text)))
  if (!subnet) throw neutronFault('badRequest', 'InvalidIpForNetwork', `IP address ${text} is not a valid IP for any of the subnets on the specified network.`)
  const address = parseAddress(text)
  const prefix = parsePrefix(subnet.cidr)
  const edge = address.version === 4 && prefix.length < 31 && (address.value === prefix.value || address.value === lastOf(prefix).value)
  if (!holds(prefix, address) || edge) throw neutronFault('badRequest', 'InvalidIpForSubnet', `IP address ${text} is not a valid IP for the specified subnet.`)
  if (got.some(ip => ip.subnetId === subnet.id && ip.address === text)) throw invalidInput(`Duplicate IP address '${text}' in fixed_ips`)
  const held = asker.held?.some(ip => ip.subnetId === subnet.id && ip.address === text)
  if (!held && await addresses.isTaken(tx, subnet.id, address)) throw neutronFault('conflict', 'IpAddressAlreadyAllocated', `IP address ${text} already allocated in subnet ${subnet.id}`)
  return addresses.fixedIp(subnet.id, address)
}

async function fromSubnet(tx: Tx, deps: Deps, subnet: Subnet, asker: Asker, got: readonly FixedIp[]): Promise<FixedIp> {
  const kept = asker.held?.find(ip => ip.subnetId === subnet.id && !got.some(other => other.address === ip.address))
  if (kept) return kept
  if (isAutoAddressed(subnet)) return { subnetId: subnet.id, address: autoAddress(subnet, asker.mac) }
  const free = await findFreeIn(tx, deps, subnet, got)
  if (!free) throw neutronFault('conflict', 'IpAddressGenerationFailure', `No more IP addresses available for subnet ${subnet.id}.`)
  return free
}

async function allocateAny(tx: Tx, deps: Deps, subnets: readonly Subnet[], asker: Asker): Promise<FixedIp[]> {
  const got: FixedIp[] = []
  for (const version of [4, 6] as const) {
    const candidates = subnets.filter(subnet => subnet.ipVersion === version && !isAutoAddressed(subnet))
    let found: FixedIp | undefined
    for (const subnet of candidates) {
      found = await findFreeIn(tx, deps, subnet, [])
      if (found) break
    }
    if (candidates.length && !found) throw neutronFault('conflict', 'IpAddressGenerationFailure', `No more IP addresses available on network ${asker.networkId}.`)
    if (found) got.push(found)
  }
  return [...got, ...subnets.filter(isAutoAddressed).map(subnet => ({ subnetId: subnet.id, address: autoAddress(subnet, asker.mac) }))]
}

/** A free address that is not among those already chosen. */
async function findFreeIn(tx: Tx, deps: Deps, subnet: Subnet, chosen: readonly FixedIp[]): Promise<FixedIp | undefined> {
  const taken = new Set(chosen.filter(ip => ip.subnetId === subnet.id).map(ip => ip.address))
  const pools = taken.size === 0 ? subnet.pools : subnet.pools.flatMap(pool => without(pool, taken))
  const address = await addresses.findFree(tx, subnet.id, pools, draw(deps.ids))
  return address && addresses.fixedIp(subnet.id, address)
}

function without(pool: { start: string, end: string }, taken: ReadonlySet<string>): { start: string, end: string }[] {
  const first = parseAddress(pool.start)
  const last = parseAddress(pool.end)
  const holes = [...taken].map(parseAddress).filter(hole => hole.version === first.version && hole.value >= first.value && hole.value <= last.value).toSorted((a, b) => a.value < b.value ? -1 : 1)
  const rest: { start: string, end: string }[] = []
  let from = first.value
  for (const hole of [...holes.map(hole => hole.value), last.value + 1n]) {
    if (hole > from) rest.push({ start: formatAddress({ version: first.version, value: from }), end: formatAddress({ version: first.version, value: hole - 1n }) })
    from = hole + 1n
  }
  return rest
}

// Which addresses of a subnet are taken. How a free one is found:
// An address drawn at random from the pools is free with the share of the pools that is free, and one look at the primary key tells; after DRAWS misses the
// pools are nearly full, and the first free address is found by halving: the half that holds fewer allocations than addresses has a free one. That is
// exact because the network's generation was bumped first, so that nobody else allocates on it before this transaction ends, and it takes one
// indexed count for each bit of the pool's size. Nothing is remembered between calls. What would break it: allocating without `lock` on the network.
import { keyOf } from '../model/address-keys.ts'
import { formatAddress, parseAddress, type Address, type IpVersion } from '../model/addresses.ts'
import type { AddressRange } from '../model/subnets.ts'
import type { FixedIp } from '../model/ports.ts'
import type { Tx } from './tables.ts'

const DRAWS = 6

/** True when a port has the address. */
export async function isTaken(tx: Tx, subnetId: string, address: Address): Promise<boolean> {
  return await tx.selectFrom('ip_allocations').select('port_id').where('subnet_id', '=', subnetId).where('address_key', '=', keyOf(address)).executeTakeFirst() !== undefined
}

/** A free address of the pools, or undefined when all are taken. `draw` gives a number of 0 … n-1. */
export async function findFree(tx: Tx, subnetId: string, pools: readonly AddressRange[], draw: (n: bigint) => bigint): Promise<Address | undefined> {
  const ranges = pools.map(pool => ({ first: parseAddress(pool.start), last: parseAddress(pool.end) }))
  const total = ranges.reduce((sum, { first, last }) => sum + last.value - first.value + 1n, 0n)
  if (total === 0n) return undefined
  for (let i = 0; i < DRAWS; i++) {
    const drawn = nth(ranges, draw(total))
    if (!await isTaken(tx, subnetId, drawn)) return drawn
  }
  for (const { first, last } of ranges) {
    let [low, high] = [first.value, last.value]
    if (await taken(tx, subnetId, first.version, low, high) > high - low) continue
    while (low < high) {
      const middle = (low + high) / 2n
      if (await taken(tx, subnetId, first.version, low, middle) <= middle - low) high = middle
      else low = middle + 1n
    }
    return { version: first.version, value: low }
  }
  return undefined
}

/** Takes the addresses for a port. Breaks the primary key when one is taken. */
export async function insert(tx: Tx, port: { id: string, networkId: string }, fixedIps: readonly FixedIp[]): Promise<void> {
  if (fixedIps.length === 0) return
  await tx.insertInto('ip_allocations').values(fixedIps.map(({ subnetId, address }, position) => ({
    subnet_id: subnetId, address, address_key: keyOf(parseAddress(address)), port_id: port.id, network_id: port.networkId, position,
  }))).execute()
}

/** Gives a port's addresses back. */
export async function removeOfPort(tx: Tx, portId: string): Promise<void> {
  await tx.deleteFrom('ip_allocations').where('port_id', '=', portId).execute()
}

/** The ports that have an address in the subnet, with their owners. */
export async function holdersIn(tx: Tx, subnetId: string): Promise<{ portId: string, deviceOwner: string }[]> {
  const rows = await tx.selectFrom('ip_allocations').innerJoin('ports', 'ports.id', 'ip_allocations.port_id').select(['ports.id', 'ports.device_owner']).where('subnet_id', '=', subnetId).distinct().execute()
  return rows.map(row => ({ portId: row.id, deviceOwner: row.device_owner }))
}

/** How many addresses of each subnet are taken, by subnet id. */
export async function countBySubnet(tx: Tx, subnetIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (subnetIds.length === 0) return new Map()
  const rows = await tx.selectFrom('ip_allocations').select(['subnet_id', e => e.fn.countAll<number>().as('used')]).where('subnet_id', 'in', subnetIds).groupBy('subnet_id').execute()
  return new Map(rows.map(row => [row.subnet_id, Number(row.used)]))
}

/** The text of an address and the subnet it lies in. */
export function fixedIp(subnetId: string, address: Address): FixedIp {
  return { subnetId, address: formatAddress(address) }
}

async function taken(tx: Tx, subnetId: string, version: IpVersion, from: bigint, to: bigint): Promise<bigint> {
  const { n } = await tx.selectFrom('ip_allocations').select(e => e.fn.countAll<number>().as('n')).where('subnet_id', '=', subnetId)
    .where('address_key', '>=', keyOf({ version, value: from })).where('address_key', '<=', keyOf({ version, value: to })).executeTakeFirstOrThrow()
  return BigInt(n)
}

function nth(ranges: readonly { first: Address, last: Address }[], n: bigint): Address {
  let rest = n
  for (const { first, last } of ranges) {
    const size = last.value - first.value + 1n
    if (rest < size) return { version: first.version, value: first.value + rest }
    rest -= size
  }
  throw new RangeError('beyond the pools')
}

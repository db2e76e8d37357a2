// What Neutron's managers are made of.
import type { Clock } from '@alto/kit/clock'
import { afterCommit, type Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { Counted, Limits } from '../model/quotas.ts'
import type { Settings } from '../model/settings.ts'
import type { Tables, Tx } from '../store/tables.ts'

export interface Deps {
  readonly db: Database<Tables>
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly options: Settings
  /** Hosts that were not heard of since are down; milliseconds of the clock. Time in which the bus was away does not count as their silence. */
  readonly silentSince: () => number
  /** Tells the agents of these hosts to look. */
  readonly ring: (hosts: readonly string[]) => void
  /** There are events that Nova was not told of. */
  readonly tellServers: () => void
}

/** Rings for the hosts once the transaction has committed. */
export function ringAfter(tx: Tx, deps: Deps, hosts: readonly string[]): void {
  if (hosts.length) afterCommit(tx, () => deps.ring(hosts))
}

/** A number of 0 … n-1, for n of any size. */
export function draw(ids: Ids): (n: bigint) => bigint {
  return n => BigInt(`0x${ids.bytes(16).toString('hex')}`) % n
}

/** The limits of projects for which nobody set any. */
export function defaultLimits(options: Deps['options']): Limits {
  const limits: Record<Counted, number> = {
    network: options.quotaNetwork, subnet: options.quotaSubnet, port: options.quotaPort, router: options.quotaRouter, floatingip: options.quotaFloatingip,
    security_group: options.quotaSecurityGroup, security_group_rule: options.quotaSecurityGroupRule,
  }
  return limits
}

// What Nova's managers and tasks are given.
import type { Clock } from '@alto/kit/clock'
import type { Context } from '@alto/kit/context'
import type { Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { Caller, ImageClient, NetworkClient, PlacementClient, VolumeClient } from '@alto/kit/openstack'
import type { ContractVersion } from '@alto/kit/rpc'
import type { TaskQueue } from '@alto/kit/task'
import type { ComputeAgent } from '@alto/contracts/compute-agent'
import type { Settings } from '../model/settings.ts'
import type { Tables } from '../store/tables.ts'

/** The other services, as Nova asks them. */
export interface Clients {
  readonly placement: PlacementClient
  readonly network: NetworkClient
  readonly image: ImageClient
  readonly volume: VolumeClient
}

/** Nova's surroundings. */
export interface Deps extends Clients {
  readonly db: Database<Tables>
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly queue: TaskQueue
  /** This controller's own name. */
  readonly host: string
  readonly options: Settings
  /** Shared with the hosts: opens their data listeners. */
  readonly dataSecret: string | undefined
  /** Hosts that were not heard of since are down; milliseconds of the clock. Time in which the bus was away does not count as their silence. */
  silentSince(): number
  /** The agent of a host. */
  agent(host: string): ComputeAgent
  /** Throws Fault notImplemented `rpc.peerTooOld` when the host's agent is known to be older than the version of its contract that brought `what`. */
  refuseOldAgent(host: string, since: ContractVersion, what: string): void
}

/** The caller of this request, towards other services. */
export function asCaller(ctx: Context): Caller {
  return ctx.token === undefined ? 'service' : { token: ctx.token }
}

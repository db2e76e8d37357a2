// What Cinder's managers and tasks are given, and what several of them do.
import type { Context } from '@alto/kit/context'
import type { Clock } from '@alto/kit/clock'
import { afterCommit, type Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { ComputeClient, ImageClient } from '@alto/kit/openstack'
import type { Rule } from '@alto/kit/policy'
import type { TaskQueue } from '@alto/kit/task'
import type { PortRange } from '../model/export-ports.ts'
import { notFound, overQuota } from '../model/faults.ts'
import { amountsOf, DEFAULT_QUOTAS, refusal, UNLIMITED, type Counted } from '../model/quotas.ts'
import type { Snapshot } from '../model/snapshots.ts'
import type { Volume } from '../model/volumes.ts'
import * as disks from '../store/disks.ts'
import * as quotas from '../store/quotas.ts'
import * as snapshots from '../store/snapshots.ts'
import type { Tables, Tx } from '../store/tables.ts'
import * as types from '../store/volume-types.ts'
import * as volumes from '../store/volumes.ts'

/** Cinder's surroundings. */
export interface Deps {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  queue: TaskQueue
  image: ImageClient
  compute: ComputeClient
  /** Hosts that were not heard of since are down; milliseconds of the clock. Time in which the bus was away does not count as their silence. */
  silentSince(): number
  /** Rings the agent of a host. */
  look(host: string, disk: { diskId: string, generation: number }): Promise<void>
  /** For attachments of other hosts, on each volume host. */
  exportPorts: PortRange
  options: { defaultVolumeType: string, storageAvailabilityZone: string, osapiMaxLimit: number, serviceDownTime: number, stepDeadlineSeconds: number }
}

/** The project that the caller acts in. */
export function projectOf(ctx: Context): string {
  return ctx.credentials.projectId ?? ''
}

/** The volume, if the caller may do `rule` to it; one of another project is not found. */
export async function authorizedVolume(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<Volume> {
  const volume = await volumes.find(tx, id)
  ctx.authorize(rule, volume ? { project_id: volume.projectId } : { project_id: projectOf(ctx) }, { hiddenAs: notFound('Volume', id) })
  if (!volume) throw notFound('Volume', id)
  return volume
}

/** The same, held for the rest of the transaction: nobody else changes it before we are done. */
export async function heldVolume(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<Volume> {
  await authorizedVolume(ctx, tx, rule, id)
  return volumes.hold(tx, id)
}

/** The snapshot, likewise. */
export async function authorizedSnapshot(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<Snapshot> {
  const snapshot = await snapshots.find(tx, id)
  ctx.authorize(rule, snapshot ? { project_id: snapshot.projectId } : { project_id: projectOf(ctx) }, { hiddenAs: notFound('Snapshot', id) })
  if (!snapshot) throw notFound('Snapshot', id)
  return snapshot
}

/** Takes (or with negative amounts gives back) what a project uses, of the type too, as the last statements of the transaction. Fault overQuota. */
export async function takeQuota(tx: Tx, of: { projectId: string, typeId: string }, taken: Partial<Record<Counted, number>>): Promise<void> {
  const type = await types.find(tx, of.typeId)
  const limits = await effectiveLimits(tx, of.projectId)
  for (const [resource, amount] of amountsOf(taken, type?.name ?? '')) {
    const limit = limits.get(resource) ?? UNLIMITED
    if (await quotas.take(tx, of.projectId, { resource, amount, limit })) continue
    throw overQuota(refusal(resource, { asked: amount, limit, used: (await quotas.useOf(tx, of.projectId)).get(resource) ?? 0 }))
  }
}

/** A project's limits: its own, else the changed defaults, else upstream's. */
export async function effectiveLimits(tx: Tx, projectId: string): Promise<Map<string, number>> {
  return new Map([...Object.entries(DEFAULT_QUOTAS), ...await quotas.limitsOf(tx, quotas.CLASS_DEFAULT), ...await quotas.limitsOf(tx, projectId)])
}

/** Rings the disk's agent once the transaction has committed. */
export async function ringAgent(deps: Deps, tx: Tx, diskId: string): Promise<void> {
  const disk = await disks.find(tx, diskId)
  if (disk) afterCommit(tx, () => { deps.look(disk.host, { diskId, generation: disk.generation }).catch((error: unknown) => deps.log.debug({ diskId, err: error }, 'the agent did not hear the bell')) })
}

// What tasks do with a disk on its host: have it made, wait for it, have it removed. Each is safe to repeat.
import { Fault } from '@alto/kit/errors'
import { giveUp, type TaskContext, type TaskShape, type Waiting } from '@alto/kit/task'
import { ringAgent, type Deps } from '../manager/deps.ts'
import type { Disk, Wanted } from '../model/disks.ts'
import * as disks from '../store/disks.ts'
import * as hosts from '../store/hosts.ts'
import type { VolumeHost } from '../store/hosts.ts'
import type { Tables } from '../store/tables.ts'

/** A step of one of Cinder's tasks. */
export type Step = TaskContext<TaskShape & { tables: Tables }>

const POLL = 2000

/**
 * A host for a new disk of that many GiB: `only` where it is set, else the one with the most room for each disk that it would then have: files grow as they are
 * written, so that what is free says little of what was promised. Waits while there is none.
 */
export async function chooseHost(deps: Deps, t: Step, sizeGib: number, only: string | null): Promise<{ host: string } | Waiting> {
  const { all, used } = await deps.db.read(async tx => ({ all: await hosts.list(tx), used: await disks.countByHost(tx) }))
  const share = (host: VolumeHost) => host.capacity.freeBytes / ((used.get(host.name) ?? 0) + 1)
  const up = all.filter(host => isUp(deps, host) && (only === null ? host.enabled : host.name === only))
  const [best] = up.toSorted((a, b) => share(b) - share(a))
  return best ? { host: best.name } : t.wait({ reason: only === null ? `No valid backend was found: no volume host is up for a volume of ${sizeGib} GiB.` : `The volume host ${only}, which has the source, is not up.`, pollMs: POLL })
}

/** Writes the row that the agent makes true, and rings. */
export async function want(deps: Deps, t: Step, host: string, wanted: Wanted): Promise<void> {
  await t.write(async tx => {
    if (!await disks.find(tx, t.resourceId)) await disks.begin(tx, t.resourceId, host, t.epoch, wanted)
    await ringAgent(deps, tx, t.resourceId)
  })
}

/** Waits until the disk is as its row wants it; gives it. A host that works on it without a fault counts as progress. Gives up on faults that stay. */
export async function converged(deps: Deps, t: Step): Promise<Disk | Waiting> {
  const { disk, host } = await deps.db.read(async tx => {
    const found = await disks.find(tx, t.resourceId)
    return { disk: found, host: found && (await hosts.list(tx)).find(h => h.name === found.host) }
  })
  if (!disk) throw giveUp(new Fault('notFound', 'cinder.disk.gone', 'The disk is not wanted any more.'))
  const { observed } = disk
  const current = disk.observedGeneration >= disk.generation ? observed : null
  if (current?.fault?.final) throw giveUp(new Fault('conflict', current.fault.code, current.fault.message))
  if (current?.converged && current.state === 'ready') return disk
  if (current && !current.fault && host && isUp(deps, host)) await t.progress()
  return t.wait({ reason: current?.fault?.message ?? (disk.progress === null ? `Host ${disk.host} has not answered yet.` : `Host ${disk.host} is still ${disk.progress}.`), pollMs: POLL })
}

/** Has the disk removed; waits until the agent says that it is gone. */
export async function removed(deps: Deps, t: Step): Promise<void | Waiting> {
  const disk = await t.write(async tx => {
    if (!await disks.bury(tx, t.resourceId, t.epoch)) return undefined
    await ringAgent(deps, tx, t.resourceId)
    return disks.find(tx, t.resourceId)
  })
  return disk && t.wait({ reason: `Host ${disk.host} has not removed the disk yet.`, pollMs: POLL })
}

function isUp(deps: Deps, host: VolumeHost): boolean {
  return host.seenAt >= deps.silentSince()
}

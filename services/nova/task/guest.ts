// What tasks do with the wanted row of a server: change it, ring the agent, wait until it is so. Each is safe to repeat.
import { Fault } from '@alto/kit/errors'
import { giveUp, type TaskContext, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { copyOutcome } from '../model/copies.ts'
import { current, type Observed, type Want, type Wanted } from '../model/wants.ts'
import type { Server } from '../model/servers.ts'
import * as copies from '../store/copies.ts'
import * as servers from '../store/servers.ts'
import type { Tables } from '../store/tables.ts'
import * as wants from '../store/wants.ts'

/** A step's context, whatever the task's input and results. */
export type Step = TaskContext<TaskShape & { tables: Tables }>

/** Where an agent looks between bells, in milliseconds. */
export const POLL = 2_000

/** The server of the task. Throws Fault notFound when it is gone. */
export async function serverOf(deps: Deps, serverId: string): Promise<Server> {
  const server = await deps.db.read(tx => servers.find(tx, serverId))
  if (!server) throw new Fault('notFound', 'nova.server.notFound', `Instance ${serverId} could not be found.`)
  return server
}

/** Tells the server's agent to look. */
export async function ring(deps: Deps, serverId: string): Promise<void> {
  const want = await deps.db.read(tx => wants.find(tx, serverId))
  if (want) await deps.agent(want.host).look({ serverId, generation: want.generation })
}

/** Changes what is wanted, once: `isSo` tells that an earlier try did. Throws Fault conflict `nova.server.noGuest` when the server has no guest. */
export async function wanting(deps: Deps, t: Step, change: (wanted: Wanted) => Partial<Wanted> | undefined): Promise<void> {
  const changed = await t.write(async tx => {
    const want = await wants.find(tx, t.resourceId)
    if (!want || want.tombstone) throw new Fault('conflict', 'nova.server.noGuest', `Instance ${t.resourceId} has no guest: it was never built. Delete it, and make another.`)
    const wanted = change(want.wanted)
    if (!wanted) return false
    await wants.change(tx, t.resourceId, t.epoch, wanted)
    return true
  })
  if (changed) await ring(deps, t.resourceId)
}

/**
 * What the agent sees, once all that is wanted is so (or `until` says that it is enough); what is waited for until then.
 * Throws (finally) the agent's fault when it is final.
 */
export async function settled(deps: Deps, t: Step, what: string, until: (observed: Observed, want: Want) => boolean = observed => observed.converged): Promise<Observed | Waiting> {
  const { want, copied } = await deps.db.read(async tx => ({ want: await wants.find(tx, t.resourceId), copied: await copies.ofServers(tx, [t.resourceId]) }))
  if (!want) throw new Fault('conflict', 'nova.server.noGuest', `Instance ${t.resourceId} has no guest.`)
  const observed = current(want)
  if (observed && until(observed, want)) return observed
  if (observed?.fault?.final) throw giveUp(new Fault('conflict', observed.fault.code, observed.fault.message))
  if (copied.some(copy => copyOutcome(copy, want) === undefined)) await t.progress()          // whoever had it begun gives it up when it takes too long
  const fault = observed?.fault ? `: ${observed.fault.message}` : want.progress !== null ? ` (${want.progress})` : ''
  return t.wait({ reason: `host ${want.host} has not yet ${what}${fault}`, pollMs: POLL })
}

/** Orders the end of the server's guest and waits until its host has nothing of it any more. A host that is given up is not waited for: it will find the tombstone. */
export async function buried(deps: Deps, t: Step, isGivenUp: (host: string) => Promise<boolean>): Promise<void | Waiting> {
  const before = await deps.db.read(tx => wants.find(tx, t.resourceId))
  if (!before) return
  if (!before.tombstone) await t.write(async tx => { await wants.bury(tx, t.resourceId, t.epoch) })
  await ring(deps, t.resourceId)
  if (!await deps.db.read(tx => wants.find(tx, t.resourceId)) || await isGivenUp(before.host)) return
  return t.wait({ reason: `host ${before.host} has not yet removed the guest`, pollMs: POLL })
}

// How a server's tasks end: what the server shows, and what its list of actions says.
import type { Failure } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { faultCode } from '../model/faults.ts'
import { followed } from '../model/following.ts'
import type { Server } from '../model/servers.ts'
import { current } from '../model/wants.ts'
import * as actions from '../store/actions.ts'
import * as servers from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as wants from '../store/wants.ts'

/** All went well: the server shows `changes`, and the action its end. */
export async function succeed(deps: Deps, tx: Tx, ended: { resourceId: string, input: { actionId: string } }, changes: servers.ServerChange): Promise<void> {
  const now = deps.clock.now()
  const server = await servers.find(tx, ended.resourceId)
  await servers.set(tx, ended.resourceId, { ...changes, ...await seen(tx, server, changes), updatedAt: now })
  await actions.finish(tx, ended.input.actionId, now, { host: server?.host ?? null })
}

/** The server is in its error state, with the reason. */
export async function fail(deps: Deps, tx: Tx, failed: { resourceId: string, input: { actionId: string }, failure: Failure }, changes: servers.ServerChange = {}): Promise<void> {
  const now = deps.clock.now()
  await servers.set(tx, failed.resourceId, { vmState: 'error', taskState: null, updatedAt: now, ...changes })
  const { failure } = failed
  await servers.setFault(tx, failed.resourceId, { code: failure.code === 'nova.noValidHost' ? 500 : faultCode(failure.kind), message: failure.message, details: `${failure.step}: ${failure.message}`, createdAt: now })
  await actions.finish(tx, failed.input.actionId, now, { error: failure.message })
}

/** It did not work, and the server is as it was: only the action says so. */
export async function failAction(deps: Deps, tx: Tx, failed: { resourceId: string, input: { actionId: string }, failure: Failure }, changes: servers.ServerChange = {}): Promise<void> {
  const now = deps.clock.now()
  const server = await servers.find(tx, failed.resourceId)
  await servers.set(tx, failed.resourceId, { ...changes, ...await seen(tx, server, changes), updatedAt: now })
  await actions.finish(tx, failed.input.actionId, now, { error: failed.failure.message })
}

/** What follows from the guest as its agent saw it last. */
async function seen(tx: Tx, server: Server | undefined, changes: servers.ServerChange): Promise<servers.ServerChange> {
  const want = server && await wants.find(tx, server.id)
  const observed = want && !want.tombstone ? current(want) : undefined
  const follows = observed && followed({ ...server!, ...changes }, want!, observed)
  if (follows?.wanted) await wants.change(tx, server!.id, want!.epoch, follows.wanted)
  return follows?.server ?? {}
}

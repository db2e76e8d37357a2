// How managers come to a server: read it, ask the rule about it, see that it is not locked and in a state that allows the operation; and note what was asked.
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { ACTIONS, type ActionName } from '../model/actions.ts'
import { conflict, locked, serverNotFound, wrongState } from '../model/faults.ts'
import { obstacle, OPERATIONS, type Operation, type Server } from '../model/servers.ts'
import * as lockRules from '../policy/server-actions.ts'
import * as actions from '../store/actions.ts'
import * as servers from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** The server, when the rule lets the caller at it. Throws Fault notFound `nova.server.notFound` and the dialect's forbidden. */
export async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string, opts: { deleted?: true } = {}): Promise<Server> {
  const server = await servers.find(tx, id, opts)
  ctx.authorize(rule, targetOf(ctx, server), { hiddenAs: serverNotFound(id) })
  if (!server) throw serverNotFound(id)
  return server
}

/** What rules are asked about: the server's project and user; the caller's own when there is no server. */
export function targetOf(ctx: Context, server: Pick<Server, 'projectId' | 'userId'> | undefined) {
  return { project_id: server?.projectId ?? ctx.credentials.projectId, user_id: server?.userId ?? ctx.credentials.userId }
}

/** Throws Fault conflict `nova.server.locked` when the server is locked and the caller is no admin. */
export function refuseLocked(ctx: Context, server: Server): void {
  if (server.lockedBy !== null && !ctx.allowed(lockRules.UNLOCK_OVERRIDE, targetOf(ctx, server))) throw locked(server.id)
}

/** Begins `operation` in the caller's transaction: not locked, right state, nobody else at it. Throws Fault conflict. */
export async function beginOperation(ctx: Context, tx: Tx, server: Server, operation: Operation, now: number): Promise<void> {
  refuseLocked(ctx, server)
  const attribute = obstacle(operation, server)
  const rule = OPERATIONS[operation]
  if (attribute) throw wrongState(rule.upstreamName, server.id, attribute, attribute === 'vm_state' ? server.vmState : server.taskState)
  const changed = await servers.change(tx, server, rule.taskState === null ? {} : { taskState: rule.taskState, updatedAt: now })
  if (!changed) throw conflict('server.changed', `Instance ${server.id} was changed by another request at the same time. Try again.`)
}

/** Notes what is asked of the server; gives the action's id, which the task carries. */
export async function noteAction(deps: Pick<Deps, 'ids' | 'clock'>, ctx: Context, tx: Tx, server: Pick<Server, 'id' | 'projectId'>, action: ActionName): Promise<string> {
  const id = deps.ids.uuid()
  await actions.begin(tx, {
    id, serverId: server.id, action, requestId: ctx.requestId, userId: ctx.credentials.userId, projectId: ctx.credentials.projectId ?? server.projectId, startedAt: deps.clock.now(), updatedAt: deps.clock.now(), message: null,
  }, ACTIONS[action])
  return id
}


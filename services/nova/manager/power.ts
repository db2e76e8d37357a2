// What is done to a running server: power, locks, its console's log, and an admin's word on its state.
import { isFault } from '@alto/kit/errors'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { originOf } from '@alto/kit/task'
import { conflict, locked, serverNotFound } from '../model/faults.ts'
import type { ActionName } from '../model/actions.ts'
import * as actionRules from '../policy/server-actions.ts'
import * as rules from '../policy/servers.ts'
import * as servers from '../store/servers.ts'
import * as wants from '../store/wants.ts'
import { authorized, beginOperation, noteAction, targetOf } from './access.ts'
import type { Deps } from './deps.ts'
import { SERVER_POWER, type PowerAction } from './kinds.ts'

const RULES: Readonly<Record<PowerAction, { rule: Rule, action: ActionName }>> = {
  start: { rule: rules.START, action: 'start' }, stop: { rule: rules.STOP, action: 'stop' }, reboot: { rule: rules.REBOOT, action: 'reboot' }, reboot_hard: { rule: rules.REBOOT, action: 'reboot' },
  pause: { rule: actionRules.PAUSE, action: 'pause' }, unpause: { rule: actionRules.UNPAUSE, action: 'unpause' }, suspend: { rule: actionRules.SUSPEND, action: 'suspend' }, resume: { rule: actionRules.RESUME, action: 'resume' },
}

/** The use cases of a server's power. */
export function powerManager(deps: Deps) {
  const { db, clock, queue, agent } = deps
  return {
    /** Begins to change a server's power. */
    async power(ctx: Context, id: string, action: PowerAction): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, RULES[action].rule, id)
        await beginOperation(ctx, tx, server, action, clock.now())
        const actionId = await noteAction(deps, ctx, tx, server, RULES[action].action)
        await queue.enqueue(tx, SERVER_POWER, { resourceId: id, input: { actionId, action }, origin: originOf(ctx) })
      })
    },

    /** Only an admin changes a server after this, or takes the lock away when it is an admin's. */
    async lock(ctx: Context, id: string, reason: string | null): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, actionRules.LOCK, id)
        const own = server.projectId === ctx.credentials.projectId && !ctx.allowed(actionRules.UNLOCK_OVERRIDE, targetOf(ctx, server))
        if (own && server.lockedBy === 'admin') throw locked(id)
        await servers.set(tx, id, { lockedBy: own ? 'owner' : 'admin', lockedReason: reason, updatedAt: clock.now() })
        await noteAction(deps, ctx, tx, server, 'lock')
      })
    },

    async unlock(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, actionRules.UNLOCK, id)
        if (server.lockedBy === 'admin') ctx.authorize(actionRules.UNLOCK_OVERRIDE, targetOf(ctx, server))
        await servers.set(tx, id, { lockedBy: null, lockedReason: null, updatedAt: clock.now() })
        await noteAction(deps, ctx, tx, server, 'unlock')
      })
    },

    /** An admin says what state a server is in. */
    async resetState(ctx: Context, id: string, state: 'active' | 'error'): Promise<void> {
      await db.write(async tx => {
        await authorized(ctx, tx, actionRules.RESET_STATE, id)
        await servers.set(tx, id, { vmState: state, taskState: null, updatedAt: clock.now() })
      })
    },

    /** The last `lines` lines of the console's log; all that is kept when not given. */
    async consoleOutput(ctx: Context, id: string, lines: number | undefined): Promise<string> {
      const { server, want } = await db.read(async tx => ({ server: await authorized(ctx, tx, actionRules.OS_CONSOLE_OUTPUT, id), want: await wants.find(tx, id) }))
      if (!want || server.host === null) throw conflict('server.notReady', `Instance ${id} is not ready`)
      try {
        return (await agent(want.host).consoleLog({ serverId: id, ...(lines !== undefined && { lines }) })).text
      } catch (error) {
        if (isFault(error, 'nova.guest.notFound')) throw conflict('server.notReady', `Instance ${id} is not ready`)
        throw isFault(error) && error.kind === 'notFound' ? serverNotFound(id) : error
      }
    },
  }
}

export type PowerManager = ReturnType<typeof powerManager>

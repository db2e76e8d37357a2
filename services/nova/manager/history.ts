// What was done to servers: upstream's instance actions. Also of servers that are gone.
import type { Context } from '@alto/kit/context'
import type { ActionEvent, ServerAction } from '../model/actions.ts'
import { invalid, notFound } from '../model/faults.ts'
import * as rules from '../policy/instance-actions.ts'
import * as actions from '../store/actions.ts'
import { authorized, targetOf } from './access.ts'
import type { Deps } from './deps.ts'

/** The use cases of instance actions. */
export function historyManager({ db }: Pick<Deps, 'db'>) {
  return {
    /** Newest first. */
    async list(ctx: Context, serverId: string, query: { limit: number, marker: string | undefined, since: number | undefined, before: number | undefined }): Promise<{ rows: ServerAction[], more: boolean }> {
      return db.read(async tx => {
        await authorized(ctx, tx, rules.LIST, serverId, { deleted: true })
        const after = query.marker === undefined ? undefined : await actions.find(tx, serverId, query.marker)
        if (query.marker !== undefined && !after) throw invalid('marker.notFound', `marker [${query.marker}] not found`)
        return actions.list(tx, serverId, { ...query, after })
      })
    },

    /** What one request did; with events for who may see them. `details`: their tracebacks and hosts too. */
    async show(ctx: Context, serverId: string, requestId: string): Promise<{ action: ServerAction, events: ActionEvent[], sees: { events: boolean, details: boolean } }> {
      return db.read(async tx => {
        const server = await authorized(ctx, tx, rules.SHOW, serverId, { deleted: true })
        const action = await actions.find(tx, serverId, requestId)
        if (!action) throw notFound('action', `Action ${requestId} not found`)
        const target = targetOf(ctx, server)
        return { action, events: await actions.events(tx, action.id), sees: { events: ctx.allowed(rules.EVENTS, target), details: ctx.allowed(rules.DETAILS, target) } }
      })
    },
  }
}

export type HistoryManager = ReturnType<typeof historyManager>

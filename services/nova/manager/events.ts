// What other services tell of servers: a port came up or changed or went, a volume grew. Bells: Nova looks for itself.
import { messageOf } from '@alto/kit/errors'
import type { Context } from '@alto/kit/context'
import { originOf } from '@alto/kit/task'
import * as rules from '../policy/events.ts'
import * as interfaces from '../store/interfaces.ts'
import * as servers from '../store/servers.ts'
import { noteAction } from './access.ts'
import type { Deps } from './deps.ts'
import { VOLUME_EXTEND } from './kinds.ts'
import { refresh } from './plugging.ts'

/** One event as it came. */
export interface ServerEvent { readonly name: string, readonly serverId: string, readonly tag: string | undefined, readonly status: string | undefined }

/** What became of it: upstream's per-event codes. */
export interface EventOutcome { readonly event: ServerEvent, readonly code: 200 | 404 | 422 }

/** The use case of external events. */
export function eventManager(deps: Deps) {
  const { db, queue, log } = deps

  async function take(ctx: Context, event: ServerEvent): Promise<EventOutcome> {
    const server = await db.read(tx => servers.find(tx, event.serverId))
    if (!server) return { event, code: 404 }
    if (event.name === 'volume-extended' && event.tag !== undefined) {
      const volumeId = event.tag
      await db.write(async tx => {
        const actionId = await noteAction(deps, ctx, tx, server, 'extend_volume')
        await queue.enqueue(tx, VOLUME_EXTEND, { resourceId: server.id, input: { actionId, volumeId }, origin: originOf(ctx) })
      })
    } else if (event.name === 'network-changed' || event.name === 'network-vif-deleted') {
      await refresh(deps, server.id).catch((error: unknown) => log.warn({ serverId: server.id, reason: messageOf(error) }, 'a server\'s addresses could not be read'))
    } else {
      await db.write(async tx => {
        const port = event.tag === undefined ? undefined : (await interfaces.ofServers(tx, [server.id])).find(one => one.portId === event.tag)
        if (port && (event.name === 'network-vif-plugged' || event.name === 'network-vif-unplugged')) await interfaces.put(tx, { ...port, active: event.name === 'network-vif-plugged' && event.status !== 'failed' })
        await queue.ring(tx, server.id)
      })
    }
    return { event, code: server.host === null && !event.name.startsWith('network-') ? 422 : 200 }
  }

  return {
    async create(ctx: Context, events: readonly ServerEvent[]): Promise<EventOutcome[]> {
      ctx.authorize(rules.CREATE, {})
      const outcomes: EventOutcome[] = []
      for (const event of events) outcomes.push(await take(ctx, event))
      return outcomes
    },
  }
}

export type EventManager = ReturnType<typeof eventManager>

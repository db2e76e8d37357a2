// Tells Nova what happened to its servers' ports, from the rows in which that was written down. Nova's bell may be rung twice; it is never left unrung
// while Nova answers: what could not be told is told at the next try. After LATEST nobody waits any more: Nova polls when the bell is lost.
// Several controllers each tell what they find; what one wrote down and could not tell before it died, another finds at its next look.
import { isFault, messageOf } from '@alto/kit/errors'
import type { ComputeClient } from '@alto/kit/openstack'
import * as serverEvents from '../store/server-events.ts'
import type { Deps } from './deps.ts'

const AT_ONCE = 100
const RETRY = 2000                      // milliseconds
const LOOK = 5000
const LATEST = 600_000

/** The bell's ringer. */
export interface ServerEventSender {
  /** There is something to tell. */
  wake(): void
  /** Resolves when nothing is being told. */
  idle(): Promise<void>
  stop(): Promise<void>
}

/** Sends events as they come, one request at a time. */
export function serverEventSender(deps: Pick<Deps, 'db' | 'clock' | 'log'>, compute: Pick<ComputeClient, 'sendEvents'>): ServerEventSender {
  const { db, clock, log } = deps
  let running: Promise<void> | undefined
  let woken = false
  let stopped = false
  let cancel = () => {}

  async function run(): Promise<void> {
    while (woken && !stopped) {
      woken = false
      const next = await tellAll() ? LOOK : RETRY
      cancel()
      if (!stopped) cancel = clock.after(next, wake)
    }
  }

  /** True when all was told. */
  async function tellAll(): Promise<boolean> {
    for (;;) {
      const events = await db.read(tx => serverEvents.list(tx, AT_ONCE))
      if (events.length === 0) return true
      const late = events.filter(event => event.createdAt < clock.now() - LATEST)
      if (late.length) log.warn({ events: late.length }, 'Nova did not answer for ten minutes; these events are not told')
      else if (!await tell(events)) return false
      await db.write(tx => serverEvents.remove(tx, (late.length ? late : events).map(event => event.id)))
    }
  }

  async function tell(events: readonly serverEvents.ServerEvent[]): Promise<boolean> {
    try {
      await compute.sendEvents(events.map(event => ({ name: event.name, server_uuid: event.serverId, tag: event.tag, status: 'completed' })))
      return true
    } catch (error) {
      if (isFault(error) && (error.kind === 'notFound' || error.kind === 'badRequest')) return true     // servers that Nova does not know, or no longer
      log.info({ reason: messageOf(error) }, 'Nova could not be told of its ports; it is tried again')
      return false
    }
  }

  function wake(): void {
    woken = true
    running ??= run().catch((error: unknown) => log.error({ err: error }, 'events for Nova could not be sent')).finally(() => {
      running = undefined
      if (woken && !stopped) wake()
    })
  }

  return {
    wake,
    async idle() {
      while (running) await running
    },
    async stop() {
      stopped = true
      cancel()
      await running
    },
  }
}

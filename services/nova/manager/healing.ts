// Addresses that Nova shows are a copy of what Neutron says. Events refresh it; for those that were lost, this looks at every server now and then.
import { messageOf } from '@alto/kit/errors'
import * as servers from '../store/servers.ts'
import type { Deps } from './deps.ts'
import { refresh } from './plugging.ts'

const INTERVAL = 60_000

/** Begins to refresh every server's addresses, one server after another, once a minute; the function returned ends it. */
export function healAddresses(deps: Deps): () => Promise<void> {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await deps.clock.sleep(INTERVAL, stopping.signal).catch(() => {})
      if (stopping.signal.aborted) return
      const all = await deps.db.read(tx => servers.list(tx, { deleted: false }))
      for (const server of all.filter(one => one.taskState === null)) {
        if (stopping.signal.aborted) return
        await refresh(deps, server.id).catch((error: unknown) => deps.log.warn({ serverId: server.id, reason: messageOf(error) }, 'a server\'s addresses could not be read'))
      }
    }
  })()
  return async () => {
    stopping.abort(new Error('stopped'))
    await running
  }
}

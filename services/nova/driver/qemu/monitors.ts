// The monitors of the guests that run: connected when first needed, kept open, and listened to for hints that something changed.
import type { Clock } from '@alto/kit/clock'
import { daemonOf, type ProcessIdentity } from '@alto/kit/host'
import type { GuestFiles } from './files.ts'
import { connectQmp, type Qmp } from './qmp.ts'

/** A guest's process and the way to talk to it. */
export interface Live {
  readonly process: ProcessIdentity
  readonly qmp: Qmp
}

/** Finds running guests. */
export interface Monitors {
  /** The guest's process with an open monitor, or undefined when it does not run. Throws Fault unavailable `nova.qmp.closed` when it runs but does not listen. */
  live(files: GuestFiles): Promise<Live | undefined>
  watch(listener: (id: string) => void): () => void
  /** Tells the listeners that something may have changed with a guest. */
  hint(id: string): void
  close(): void
}

const HINTS = ['SHUTDOWN', 'RESET', 'STOP', 'RESUME', 'DEVICE_DELETED', 'GUEST_PANICKED', 'BLOCK_IO_ERROR']

/** No monitor is open yet. `clock` times their answers. */
export function monitors(clock: Clock): Monitors {
  const open = new Map<string, Promise<Live>>()
  const listeners = new Set<(id: string) => void>()
  const hint = (id: string) => { for (const listener of listeners) listener(id) }

  const connect = async (files: GuestFiles, process: ProcessIdentity): Promise<Live> => ({
    process,
    qmp: await connectQmp(files.monitor, clock, event => {
      if (event === undefined) open.delete(files.id)
      if (event === undefined || HINTS.includes(event.event)) hint(files.id)
    }),
  })
  const found: Monitors = {
    async live(files) {
      const process = await daemonOf(files.pidfile)
      const current = open.get(files.id)
      const known = await current?.catch(() => undefined)
      if (open.has(files.id) && open.get(files.id) !== current) return await found.live(files)      // somebody else connects: a monitor takes one client
      if (known && !known.qmp.closed && process && known.process.pid === process.pid && known.process.startTicks === process.startTicks) return known
      known?.qmp.close()
      open.delete(files.id)
      if (!process) return undefined
      const pending = connect(files, process)
      open.set(files.id, pending)
      pending.catch(() => open.delete(files.id))
      return await pending
    },
    hint,
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      listeners.clear()
      for (const pending of open.values()) pending.then(live => live.qmp.close(), () => {})
      open.clear()
    },
  }
  return found
}

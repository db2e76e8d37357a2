// Time as an argument. Nothing outside this file reads the machine's clock, so one seed replays a run.
export { Standstills } from './standstill.ts'

/** The time of day and the passing of time. All times are milliseconds. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms`; the function returned cancels it. The timer alone does not keep the process alive. */
  after(ms: number, fn: () => void): () => void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** A clock that stands still until it is told to move: for tests and the simulation. */
export class ManualClock implements Clock {
  #now: number
  #next = 0
  #timers: { at: number, order: number, fn: () => void }[] = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#next++, fn }
    this.#timers.push(timer)
    return () => { this.#timers = this.#timers.filter(t => t !== timer) }
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length
  }

  /** Moves `ms` forward, firing what falls due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      const due = this.#timers.filter(t => t.at <= until).toSorted((a, b) => a.at - b.at || a.order - b.order)[0]
      if (!due) break
      this.#timers = this.#timers.filter(t => t !== due)
      this.#now = Math.max(this.#now, due.at)
      due.fn()
      await new Promise(resolve => setImmediate(resolve))
    }
    this.#now = until
  }
}

/** Does `work`, which must not throw, each time that `ms` have passed since it last ended; the function returned ends that, and resolves when none is at work. */
export function repeat(clock: Clock, ms: number, work: () => Promise<void>): () => Promise<void> {
  const stopping = new AbortController()
  const running = (async () => {
    for (;;) {
      await clock.sleep(ms, stopping.signal).catch(() => {})
      if (stopping.signal.aborted) return
      await work()
    }
  })()
  return async () => {
    stopping.abort(new Error('stopped'))
    await running
  }
}

/** `2026-01-31T12:00:00.000000Z`, as Keystone's tokens write it. */
export function isoMicros(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z')
}

function sleepOn(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) { reject(signal.reason as Error); return }
    const onAbort = () => { cancel(); reject(signal!.reason as Error) }
    const cancel = clock.after(ms, () => { signal?.removeEventListener('abort', onAbort); resolve() })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

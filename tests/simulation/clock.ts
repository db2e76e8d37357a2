// The clock of a simulated cloud. Time moves from one timer to the next, and only when nothing else can happen: whatever was begun has settled first.
import type { Clock } from '@alto/kit/clock'

interface Timer { readonly at: number, readonly fn: () => void }

/** See above. Timers follow the time that passes; `now` can be set forward and back beside it, as a machine's clock can. */
export class SimulatedClock implements Clock {
  readonly #start: number
  #passed = 0
  #set = 0
  /** The next one last; of those at the same time, the one that was made first. */
  readonly #timers: Timer[] = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start
  }

  now(): number {
    return this.#start + this.#passed + this.#set
  }

  /** Milliseconds that have passed since the beginning, however the clock was set. */
  get passed(): number {
    return this.#passed
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#passed + Math.max(0, ms), fn }
    let [low, high] = [0, this.#timers.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timers[middle]!.at > timer.at) low = middle + 1
      else high = middle
    }
    this.#timers.splice(low, 0, timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) { reject(signal.reason as Error); return }
      const aborted = () => { cancel(); reject(signal!.reason as Error) }
      const cancel = this.after(ms, () => { signal?.removeEventListener('abort', aborted); resolve() })
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  /** Sets the clock forward, or back for a negative `ms`; no time passes. */
  set(ms: number): void {
    this.#set += ms
  }

  /** Lets `ms` pass: every timer that falls due fires in order, each once what the one before began has settled. */
  async advance(ms: number): Promise<void> {
    const until = this.#passed + ms
    await settled()
    for (let next = this.#timers.at(-1); next && next.at <= until; next = this.#timers.at(-1)) {
      this.#timers.pop()
      this.#passed = next.at
      next.fn()
      await settled()
    }
    this.#passed = until
  }

  /** Lets time pass until `promise` has settled. Throws an Error when that takes more than `most` milliseconds. */
  async until<T>(promise: Promise<T>, most = 600_000): Promise<T> {
    let over = false
    const end = () => { over = true }
    promise.then(end, end)
    await settled()
    for (const limit = this.#passed + most; !over;) {
      const next = this.#timers.at(-1)
      if (!next || next.at > limit) throw new Error(`after ${most} ms of the clock it has not ended`)
      await this.advance(next.at - this.#passed)
    }
    return promise
  }
}

/**
 * Resolves when all that was begun waits for time to pass: promises and ticks settle before the loop's next turn, and nothing in the cloud waits for that turn,
 * for a file, a socket or the thread pool. What did would be seen as two runs of one seed that differ.
 */
function settled(): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}

// What happened in a run, in order: a running hash over all of it, by which two runs are compared, and the last lines for whoever looks for a bug.
import { createHash } from 'node:crypto'

/** How many lines are kept. */
const KEPT = 30

/** See above. */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #now: () => number
  readonly #tell: ((line: string) => void) | undefined
  #last: string[] = []
  /** True while a check asks around: that is hashed and not kept. */
  isChecking = false
  #lines = 0

  /** `now`: milliseconds since the beginning. `tell` is given every line as it is written. */
  constructor(now: () => number, tell?: (line: string) => void) {
    this.#now = now
    this.#tell = tell
  }

  /** Writes a line; `more` is hashed and not kept. */
  add(what: string, more = ''): void {
    const line = `${(this.#now() / 1000).toFixed(3)} ${what}`
    this.#hash.update(line).update(more).update('\n')
    this.#lines++
    if (!this.isChecking) this.#last.push(line)
    if (this.#last.length > 2 * KEPT) this.#last = this.#last.slice(-KEPT)
    if (!this.isChecking) this.#tell?.(line)
  }

  /** The last lines. */
  get last(): readonly string[] {
    return this.#last.slice(-KEPT)
  }

  get lines(): number {
    return this.#lines
  }

  /** Over everything so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex')
  }
}

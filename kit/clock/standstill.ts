// Who has died, told from numbers that the living count up: no two machines' clocks are compared, and time in which nobody could look is nobody's silence.

/** Watches counters by name, each from the look that found its present value first. */
export class Standstills {
  #seen = new Map<string, { readonly beats: number, readonly since: number }>()

  /** Looks at all that there are, at `now` (milliseconds); gives the names of those whose number has stood still for `ms` through every look since. */
  look(counters: Iterable<readonly [name: string, beats: number]>, now: number, ms: number): ReadonlySet<string> {
    const seen = new Map<string, { beats: number, since: number }>()
    for (const [name, beats] of counters) {
      const before = this.#seen.get(name)
      seen.set(name, before?.beats === beats ? before : { beats, since: now })
    }
    this.#seen = seen
    return new Set([...seen].filter(([, { since }]) => now - since >= ms).map(([name]) => name))
  }

  /** A look failed: what was seen before it does not count. */
  forget(): void {
    this.#seen.clear()
  }
}

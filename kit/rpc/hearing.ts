// When messages could arrive and when they could not, so that silence is counted only while somebody listened.

/** Remembered: older gaps are the business of nobody who waits for a sign of life. */
const MOST_GAPS = 100

/** The times in which a process was cut off. Times are milliseconds of a clock, and only grow. */
export class Hearing {
  #deafSince: number | undefined
  #gaps: { readonly from: number, readonly until: number }[] = []

  /** Deaf from `now` on, until `regained`. */
  lost(now: number): void {
    this.#deafSince ??= now
  }

  /** Hears again. */
  regained(now: number): void {
    if (this.#deafSince === undefined) return
    this.#gaps = [...this.#gaps, { from: this.#deafSince, until: now }].slice(-MOST_GAPS)
    this.#deafSince = undefined
  }

  /** The time since which `ms` milliseconds were heard. Time before the first gap counts as heard. */
  ago(ms: number, now: number): number {
    let [left, at] = [ms, this.#deafSince ?? now]
    for (const { from, until } of this.#gaps.toReversed()) {
      if (left <= at - until) break
      left -= at - until
      at = from
    }
    return at - left
  }
}

// Waiting for something to become true.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks `holds` every 10 ms until it is true. Fails naming `what` when it is not so within `limit` milliseconds of real time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  for (const end = performance.now() + limit; !await holds();) {
    assert.ok(performance.now() < end, `not within ${limit / 1000} s: ${what}`)
    await sleep(10)
  }
}

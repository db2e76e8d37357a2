// Waiting for something to become true.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../clock/index.ts'

/** Asks `holds` every 10 ms until it is true. Fails naming `what` when it is not so within `limit` milliseconds of real time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  for (const end = systemClock.now() + limit; !await holds();) {
    assert.ok(systemClock.now() < end, `not within ${limit / 1000} s: ${what}`)
    await sleep(10)
  }
}

// Ends of delegations, as clients write them: UTC with up to six digits below the second.
import { invalid } from '../faults.ts'

const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?Z?$/

/** Microseconds since 1970 of `2026-01-31T12:00:00.000000Z`, its fraction and its Z left out at will. Throws Fault('badRequest') for anything else, and for what is before `now` (ms). */
export function endFrom(text: string, now: number): number {
  const [, day, time, fraction = ''] = MOMENT.exec(text) ?? []
  const ms = Date.parse(`${day}T${time}Z`)
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== `${day}T${time}`) throw invalid('expiry', 'Timestamp not in expected format: expires_at is in UTC, as in 2026-01-31T12:00:00.000000Z.')
  const micros = ms * 1000 + Number(fraction.padEnd(6, '0'))
  if (micros < now * 1000) throw invalid('expiry', "The 'expires_at' must not be before now.")
  return micros
}

/** The moment (microseconds) as `2026-01-31T12:00:00.000000`. */
export function writtenMoment(micros: number): string {
  return `${new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19)}.${String(micros % 1_000_000).padStart(6, '0')}`
}

// Comparing what somebody shows with what is right.
import { timingSafeEqual } from 'node:crypto'

/** True for equal texts, in a time that says nothing of where they differ. Nothing is the same as undefined. */
export function isSame(right: string | undefined, given: string): boolean {
  if (right === undefined) return false
  const [a, b] = [Buffer.from(right), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

// Identifiers and randomness as an argument: from the system's generator, or from a seed that replays a run.
import { createHash, randomBytes } from 'node:crypto'

/** A source of random values. */
export interface Ids {
  /** `n` random bytes. */
  bytes(n: number): Buffer
  /** A random version 4 UUID, with dashes. */
  uuid(): string
  /** 32 hexadecimal digits: a UUID without dashes, as Keystone writes ids. */
  hex(): string
  /** An integer of 0 … n-1; n at most 2^48. */
  below(n: number): number
}

/** Ids from the system's generator. */
export const systemIds: Ids = idsFrom(n => randomBytes(n))

/** Ids that follow from `seed` alone: the same seed gives the same sequence. */
export function seededIds(seed: string | number): Ids {
  let block = 0
  let rest = Buffer.alloc(0)
  return idsFrom(n => {
    while (rest.length < n) rest = Buffer.concat([rest, createHash('sha256').update(`${seed}/${block++}`).digest()])
    const out = rest.subarray(0, n)
    rest = rest.subarray(n)
    return Buffer.from(out)
  })
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** True for a UUID written with dashes, in either case. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

function idsFrom(bytes: (n: number) => Buffer): Ids {
  const uuid = () => {
    const b = bytes(16)
    b[6] = (b[6]! & 0x0f) | 0x40
    b[8] = (b[8]! & 0x3f) | 0x80
    const h = b.toString('hex')
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
  }
  return { bytes, uuid, hex: () => uuid().replaceAll('-', ''), below: n => bytes(6).readUIntBE(0, 6) % n }
}

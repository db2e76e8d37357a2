// One-time passwords by time (RFC 6238 over RFC 4226): HMAC-SHA1, steps of 30 s, 6 digits, as authenticator apps make them.
import { createHmac } from 'node:crypto'

/** Milliseconds of a time step. */
export const STEP = 30_000

/** The passcode of a step: milliseconds since 1970 divided by STEP. */
export function passcodeAt(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', seed).update(counter).digest()
  const offset = mac[19]! & 15
  return String((mac.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 1_000_000).padStart(6, '0')
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The bytes of a seed in base32 (RFC 4648), padded or not; undefined when it is none. */
export function seedOf(base32: string): Buffer | undefined {
  const digits = base32.replace(/=+$/, '')
  if (!/^[A-Z2-7]+$/.test(digits)) return undefined
  const bytes: number[] = []
  let [bits, held] = [0, 0]
  for (const digit of digits) {
    held = (held << 5 | ALPHABET.indexOf(digit)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push(held >> bits & 0xff)
  }
  return Buffer.from(bytes)
}

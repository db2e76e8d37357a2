// Fernet tokens (github.com/fernet/spec): AES-128-CBC with an HMAC-SHA256 over all, in URL-safe base64 without padding.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'

const VERSION = 0x80
const OVERHEAD = 1 + 8 + 16 + 32

/** The token that holds `plain`. `key` has 32 bytes: 16 to sign, 16 to encrypt; `iv` 16 random ones; `now` in ms. */
export function encrypt(key: Buffer, plain: Uint8Array, now: number, iv: Buffer): string {
  const head = Buffer.alloc(9)
  head[0] = VERSION
  head.writeBigUInt64BE(BigInt(Math.floor(now / 1000)), 1)
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv)
  const signed = Buffer.concat([head, iv, cipher.update(plain), cipher.final()])
  return Buffer.concat([signed, sign(key, signed)]).toString('base64url')
}

/** What `token` holds, when one of `keys` made it; undefined for anything else. Its age is the caller's question. */
export function decrypt(keys: readonly Buffer[], token: string): Buffer | undefined {
  if (!/^[\w-]+={0,2}$/.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length < OVERHEAD + 16 || bytes[0] !== VERSION) return undefined
  const signed = bytes.subarray(0, -32)
  const key = keys.find(k => timingSafeEqual(sign(k, signed), bytes.subarray(-32)))
  if (!key) return undefined
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), signed.subarray(9, 25))
  return Buffer.concat([decipher.update(signed.subarray(25)), decipher.final()])
}

function sign(key: Buffer, signed: Uint8Array): Buffer {
  return createHmac('sha256', key.subarray(0, 16)).update(signed).digest()
}

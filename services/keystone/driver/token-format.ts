// How a token's payload becomes the text that its bearer carries, and back.
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import type { Ids } from '@alto/kit/ids'
import { Packr, unpack as decode } from 'msgpackr'
import { claimsOf, pack, payloadOf, unpack, type TokenPayload } from '../model/tokens/tokens.ts'
import { decrypt, encrypt } from './fernet.ts'
import type { KeyRepository, Keys } from './keys.ts'

/** One way to write tokens. `refresh` before tokens are written, or read after some time. */
export interface TokenFormat {
  refresh(): Promise<void>
  /** Moves on when the keys have changed: tokens that were read before may be none now. */
  readonly generation: number
  seal(payload: TokenPayload): string
  /** What the token holds; undefined when it is none of ours. Whether it has ended is the caller's question. */
  open(token: string): TokenPayload | undefined
}

/** The configured way. Tokens of the other way are none. */
export function tokenFormat(provider: 'fernet' | 'jws', keys: Keys, ids: Ids): TokenFormat {
  return provider === 'jws' ? signedTokens(keys.signing) : fernetTokens(keys.tokens, ids)
}

const packr = new Packr({ useRecords: false })

/** Fernet tokens: encrypted and signed with the newest key, read with all of them. */
export function fernetTokens(keys: KeyRepository, ids: Ids): TokenFormat {
  return {
    refresh: () => keys.refresh(),
    get generation() { return keys.generation },
    seal: payload => encrypt(keys.keys[0]!, packr.pack(pack(payload)), payload.issuedAt, ids.bytes(16)),
    open(token) {
      const plain = decrypt(keys.keys, token)
      return plain && unpack(decode(plain))
    },
  }
}

const HEADER = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'JWT' })).toString('base64url')
const P1363 = 'ieee-p1363'

/** Signed tokens (JWS in its compact form, RFC 7515, with ES256): whoever has the public key can read and check them, nobody can make them. The header must be ours, so that a token does not choose how it is checked. */
export function signedTokens(keys: KeyRepository<KeyObject>): TokenFormat {
  const publicKeys = new WeakMap<KeyObject, KeyObject>()
  const publicOf = (key: KeyObject) => publicKeys.get(key) ?? publicKeys.set(key, createPublicKey(key)).get(key)!
  return {
    refresh: () => keys.refresh(),
    get generation() { return keys.generation },
    seal(payload) {
      const signed = `${HEADER}.${Buffer.from(JSON.stringify(claimsOf(payload))).toString('base64url')}`
      return `${signed}.${sign('sha256', Buffer.from(signed), { key: keys.keys[0]!, dsaEncoding: P1363 }).toString('base64url')}`
    },
    open(token) {
      const [header, claims = '', signature = '', ...more] = token.split('.')
      if (header !== HEADER || more.length > 0) return undefined
      const [signed, bytes] = [Buffer.from(`${header}.${claims}`), Buffer.from(signature, 'base64url')]
      if (!keys.keys.some(key => verify('sha256', signed, { key: publicOf(key), dsaEncoding: P1363 }, bytes))) return undefined
      return payloadOf(JSON.parse(Buffer.from(claims, 'base64url').toString()))
    },
  }
}

// How a token's payload becomes the text that its bearer carries, and back.
import type { Ids } from '@alto/kit/ids'
import { Packr, unpack as decode } from 'msgpackr'
import { pack, unpack, type TokenPayload } from '../model/tokens.ts'
import { decrypt, encrypt } from './fernet.ts'
import type { KeyRepository } from './keys.ts'

/** One way to write tokens. */
export interface TokenFormat {
  seal(payload: TokenPayload): string
  /** What the token holds; undefined when it is none of ours. Whether it has ended is the caller's question. */
  open(token: string): TokenPayload | undefined
}

const packr = new Packr({ useRecords: false })

/** Fernet tokens: encrypted and signed with the newest key, read with all of them. */
export function fernetTokens(keys: KeyRepository, ids: Ids): TokenFormat {
  return {
    seal: payload => encrypt(keys.keys[0]!, packr.pack(pack(payload)), payload.issuedAt, ids.bytes(16)),
    open(token) {
      const plain = decrypt(keys.keys, token)
      return plain && unpack(decode(plain))
    },
  }
}

// What Keystone keeps encrypted: the blobs of credentials. Fernet, under keys of their own, so that tokens' keys can be rotated, lost and replaced without them.
import { createHash } from 'node:crypto'
import type { Clock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import type { Ids } from '@alto/kit/ids'
import { decrypt, encrypt } from './fernet.ts'
import type { KeyRepository } from './keys.ts'

/** The code of what nobody can read any more. */
export const LOCKED = 'keystone.credential.locked'

/** A text under lock, and which key locked it. */
export interface Sealed {
  text: string
  keyHash: string
}

/** Locks texts up and reads them. `refresh` before either. */
export interface Vault {
  refresh(): Promise<void>
  seal(text: string): Sealed
  /** Throws Fault('conflict', 'keystone.credential.locked') when none of the keys made it: they were lost, or another cloud's. */
  open(sealed: Sealed): string
  /** True when another key than the primary one locked it. */
  isOld(sealed: Sealed): boolean
}

/** A vault on the keys of a repository. */
export function vault(keys: KeyRepository, ids: Ids, clock: Clock): Vault {
  return {
    refresh: () => keys.refresh(),
    seal: text => ({ text: encrypt(keys.keys[0]!, Buffer.from(text), clock.now(), ids.bytes(16)), keyHash: hashOf(keys.keys[0]!) }),
    open({ text, keyHash }) {
      const plain = decrypt(keys.keys, text)
      if (!plain) throw new Fault('conflict', LOCKED, `The credential cannot be read: the key ${keyHash.slice(0, 8)} that locked it is not among the cloud's credential keys. Remove it and make it again.`)
      return plain.toString()
    },
    isOld: ({ keyHash }) => keyHash !== hashOf(keys.keys[0]!),
  }
}

function hashOf(key: Buffer): string {
  return createHash('sha256').update('credential key ').update(key).digest('hex')
}

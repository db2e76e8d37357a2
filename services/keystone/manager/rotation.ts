// The rotation of keys, beside however many running processes: they read their directories again within a second.
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import { isFault } from '@alto/kit/errors'
import type { Ids } from '@alto/kit/ids'
import { FERNET, KEY_DIRECTORIES, openKeys, promoteStaged, removeOldKeys, type KeyUse } from '../driver/keys.ts'
import { LOCKED, vault } from '../driver/vault.ts'
import * as credentials from '../store/credentials/credentials.ts'
import type { Tables } from '../store/tables.ts'

/** What a rotation is given. */
export interface RotationParts {
  /** The directory of the keys' directories. */
  dir: string
  db: Database<Tables>
  clock: Clock
  ids: Ids
  options: { maxActiveKeys: number, tokenExpiration: number, receiptExpiration: number }
}

/** What a rotation did. */
export interface Rotation {
  /** The number of the key that makes things now. */
  primary: number
  /** The numbers of the keys that went. */
  removed: readonly number[]
  /** How many credentials were locked anew. */
  resealed: number
  /** How many could not be, because their key is lost. */
  unreadable: number
}

const BATCH = 100

/**
 * Makes the staged key of that use the primary one, and removes the keys that nothing needs any more. Credentials are locked with the new key one after the other;
 * a rotation that breaks off leaves them readable, and the next one goes on with them. Throws what `promoteStaged` throws.
 */
export async function rotateKeys(use: KeyUse, parts: RotationParts): Promise<Rotation> {
  const { clock, options } = parts
  const dir = join(parts.dir, KEY_DIRECTORIES[use])
  const lifetime = 1000 * { token: options.tokenExpiration, jws: options.tokenExpiration, receipt: options.receiptExpiration, credential: 0 }[use]
  const primary = await promoteStaged(dir, use, parts)
  const locked = use === 'credential' ? await reseal(dir, parts) : { resealed: 0, unreadable: 0 }
  return { primary, ...locked, removed: await removeOldKeys(dir, { maxActive: options.maxActiveKeys, unusedSince: clock.now() - lifetime }) }
}

/** A credential that changes meanwhile is left as it is: who changed it locked it with the new key, or the next rotation does. */
async function reseal(dir: string, { db, ids, clock }: RotationParts): Promise<{ resealed: number, unreadable: number }> {
  const lock = vault(await openKeys(dir, FERNET, { ids, clock }), ids, clock)
  let [resealed, unreadable] = [0, 0]
  const relocked = (one: credentials.StoredCredential) => {
    try {
      return [{ ...one, next: lock.seal(lock.open(one.sealed)) }]
    } catch (error) {
      if (!isFault(error, LOCKED)) throw error
      unreadable++
      return []
    }
  }
  for (let after = ''; ;) {
    const batch = await db.read(tx => credentials.listAfter(tx, after, BATCH))
    if (batch.length === 0) return { resealed, unreadable }
    after = batch.at(-1)!.id
    const old = batch.filter(one => lock.isOld(one.sealed)).flatMap(relocked)
    await db.write(async tx => {
      for (const { id, sealed, next } of old) resealed += Number(await credentials.replaceSealed(tx, id, { before: sealed, after: next }))
    })
  }
}

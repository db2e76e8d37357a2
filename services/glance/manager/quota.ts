// The operator's quota (user_storage_quota): how many bytes the images of one project may have together, and what bounds the bytes of one image.
import { Fault } from '@alto/kit/errors'
import type { Tx } from '../store/tables.ts'
import * as usage from '../store/usage.ts'
import type { Deps } from './deps.ts'

type Quota = Pick<Deps, 'options'>

/** Bytes that `owner` may have still; any number for an image without an owner, and where there is no quota. */
export async function leftFor({ options }: Quota, tx: Tx, owner: string | null): Promise<number> {
  return owner === null || options.userStorageQuota === 0 ? Infinity : Math.max(0, options.userStorageQuota - await usage.used(tx, owner))
}

/** Counts the bytes of an image that becomes active for its owner. Throws Fault('overQuota', 'glance.quota.storage'), and has counted nothing then. */
export async function countFor({ options }: Quota, tx: Tx, owner: string | null, bytes: number): Promise<void> {
  if (owner === null) return
  const most = options.userStorageQuota === 0 ? Number.MAX_SAFE_INTEGER : options.userStorageQuota
  if (!await usage.take(tx, owner, bytes, most)) throw overQuota(Math.max(0, most - await usage.used(tx, owner)))
}

/** The bytes that one image may have where `left` are left of its project's quota, and the Fault of one with more: `tooLarge` beyond the cap, else `overQuota`. */
export function boundsOf({ options: { imageSizeCap } }: Quota, left: number): { most: number, tooMuch(): Fault } {
  return {
    most: Math.min(imageSizeCap, left),
    tooMuch: () => left < imageSizeCap ? overQuota(left) : new Fault('tooLarge', 'glance.image.size', `The provided image is too large. It may have at most ${imageSizeCap} bytes.`),
  }
}

/** There is not as much room as the bytes need: `left` bytes. */
export function overQuota(left: number): Fault {
  return new Fault('overQuota', 'glance.quota.storage', `The size of the data will exceed the limit. ${left} bytes remaining.`)
}

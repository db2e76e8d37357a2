// The comparison of rows with each other, and with what the stores really hold.
import { messageOf } from '@alto/kit/errors'
import type { ImageStore } from '../driver/store.ts'
import * as blobs from '../store/blobs.ts'
import { findBroken } from '../store/invariants.ts'
import type { Deps } from './deps.ts'

/** Something that is not as the rows say: a sentence, and whether `repair` mended it. */
export interface AuditFinding { message: string, repaired: boolean }

const PAGE = 500
const OURS = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.partial)?$/

/**
 * Compares rows with each other and with the stores. `repair` removes files named like blobs' that no row knows;
 * anything else in a store is named and never touched. A store that does not answer is named as not looked at, once, and the others are looked at.
 */
export async function audit(deps: Deps, opts: { repair: boolean }): Promise<AuditFinding[]> {
  const broken = (await deps.db.read(findBroken)).map(({ invariant, where }) => ({ message: `not so: ${invariant} (${where})`, repaired: false }))
  const silent = new Map<string, string>()
  const missing = await rowsWithoutBytes(deps, silent)
  const strange: AuditFinding[] = []
  for (const store of deps.stores.all.filter(({ id }) => !silent.has(id))) {
    try {
      await bytesWithoutRows(deps, store, { repair: opts.repair, out: strange })
    } catch (error) {
      silent.set(store.id, messageOf(error))
    }
  }
  return [...broken, ...missing, ...strange, ...[...silent].map(([id, reason]) => ({ message: `store ${id} could not be looked at: ${reason}`, repaired: false }))]
}

/** Images whose bytes are not where their rows say; the stores that do not answer, with what they say instead, are put into `silent`. */
async function rowsWithoutBytes({ db, stores }: Deps, silent: Map<string, string>): Promise<AuditFinding[]> {
  const out: AuditFinding[] = []
  for (let after = '', more = true; more;) {
    const page = await db.read(tx => blobs.page(tx, ['kept', 'staged'], after, PAGE))
    for (const blob of page) {
      const store = stores.find(blob.store)
      if (blob.location !== undefined) continue                                  // somebody else's: nothing that we promised
      const there = silent.has(blob.store) ? 'unknown' : await store?.size(blob.id).catch((error: unknown) => {
        silent.set(blob.store, messageOf(error))
        return 'unknown' as const
      })
      if (there === 'unknown') continue
      if (!store) out.push({ message: `image ${blob.imageId} has bytes in a store that is not configured: ${blob.store}`, repaired: false })
      else if (there === undefined) out.push({ message: `image ${blob.imageId} has no bytes: ${blob.id} is not in store ${blob.store}`, repaired: false })
      else if (there !== blob.size) out.push({ message: `image ${blob.imageId} has ${there} bytes in store ${blob.store}, its row says ${blob.size}`, repaired: false })
    }
    more = page.length === PAGE
    after = page.at(-1)?.id ?? ''
  }
  return out
}

/** Adds to `out` what a store holds that no row knows. Throws what the store, or the database, does. */
async function bytesWithoutRows({ db }: Deps, store: ImageStore, { repair, out }: { repair: boolean, out: AuditFinding[] }): Promise<void> {
  let names: string[] = []
  const look = async () => {
    const known = await db.read(tx => blobs.known(tx, names.flatMap(name => OURS.exec(name)?.[1] ?? [])))
    for (const name of names) {
      const key = OURS.exec(name)?.[1]
      if (key !== undefined && known.has(key)) continue
      if (key !== undefined && repair) await store.remove(key)
      out.push({ message: key === undefined ? `store ${store.id} holds ${name}, which is not Glance's` : `store ${store.id} holds ${name}, which no image has`, repaired: key !== undefined && repair })
    }
    names = []
  }
  for await (const name of store.names()) {
    names.push(name)
    if (names.length === PAGE) await look()
  }
  await look()
}

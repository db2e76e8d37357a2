// Signs of life of uploads, so that none stays `saving` when its controller never comes back.
//
// - Whoever takes bytes in counts up a number in the blob's row (`beats`) every few seconds, from the row's first moment to its last.
// - Every Glance looks at all unfinished blobs. One whose number it has seen standing still for SILENT_FOR, through looks that all succeeded, has no writer:
//   it is doomed, its image waits again, its bytes go. No two machines' clocks are compared, and time in which the database was away is nobody's silence.
// - A writer that was given up and lives after all learns it at its next sign, or when it wants to finish: its blob is no longer `writing`, so it changes nothing.
import { repeat, Standstills } from '@alto/kit/clock'
import { messageOf } from '@alto/kit/errors'
import type { Blob } from '../model/blobs.ts'
import * as blobs from '../store/blobs.ts'
import * as reads from '../store/reads.ts'
import type { Deps } from './deps.ts'
import { forget, giveUpWriting } from './sweep.ts'

/** Milliseconds between two signs of one upload, between two looks at all, and without a sign until an upload is taken back. */
export const SIGN_EVERY = 5_000
const LOOK_EVERY = 10_000
const SILENT_FOR = 30_000

/** The signs of one upload. */
export interface Signs {
  /** True when somebody has taken the upload back, or its image was deleted: nothing that is still written will count. */
  readonly isLost: boolean
  stop(): Promise<void>
}

/** Gives signs of life for a blob that is being written, until they are stopped. */
export function giveSigns({ db, clock, log }: Pick<Deps, 'db' | 'clock' | 'log'>, blob: Blob): Signs {
  let isLost = false
  const stop = repeat(clock, SIGN_EVERY, async () => {
    try {
      isLost = !await db.write(tx => blobs.beat(tx, blob.id))
    } catch (error) {
      log.warn({ blobId: blob.id, imageId: blob.imageId, reason: messageOf(error) }, 'an upload could not give a sign of life')
    }
  })
  return { get isLost() { return isLost }, stop }
}

/** Begins to take back uploads of anybody's that give no sign, and to remove doomed bytes that nobody removed; the function returned ends it. */
export function takeBackSilent(deps: Deps): () => Promise<void> {
  const { db, clock, log } = deps
  const standstills = new Standstills()
  const readers = new Standstills()
  return repeat(clock, LOOK_EVERY, async () => {
    try {
      const unfinished = await db.read(blobs.unfinished)
      const silent = standstills.look(unfinished.map(({ id, beats }) => [id, beats]), clock.now(), SILENT_FOR)
      for (const { beats, ...blob } of unfinished.filter(({ id }) => silent.has(id))) {
        if (blob.state === 'writing') {
          if (!await db.write(tx => giveUpWriting(deps, tx, blob, beats))) continue
          log.warn({ blobId: blob.id, imageId: blob.imageId, writer: blob.writer }, 'an upload was taken back: its controller gave no sign of life')
        }
        await forget(deps, blob)
      }
      const going = await db.read(reads.list)
      const gone = readers.look(going.map(({ id, beats }) => [id, beats]), clock.now(), SILENT_FOR)
      for (const read of going.filter(({ id }) => gone.has(id))) await db.write(tx => reads.end(tx, read))       // what was doomed meanwhile goes at a later look
    } catch (error) {
      standstills.forget()
      readers.forget()
      log.warn({ reason: messageOf(error) }, 'unfinished uploads could not be looked at')
    }
  })
}

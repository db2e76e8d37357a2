// Writing to a store that takes an object whole, in parts of a known length: bytes are gathered until a part is full, so memory stays flat.
import type { Clock } from '@alto/kit/clock'
import { Fault, isFault } from '@alto/kit/errors'
import type { BlobWriter } from './store.ts'
import { FULL } from './store.ts'

/** Where parts go. Each may be sent again when the answer was lost. */
export interface PartSink {
  /** Sends the part `number`, from 1 on. */
  send(number: number, part: readonly Uint8Array[]): Promise<void>
  /** Makes all readable. `rest` are bytes that are in no part yet, at most one part's; `sent` parts went before. */
  commit(rest: readonly Uint8Array[], sent: number): Promise<void>
  /** Forgets the parts. */
  abort(sent: number): Promise<void>
}

/** Parts double after so many, and there are at most so many: 10,000 is what S3 takes. */
const DOUBLE_AFTER = 2_000
const MOST_PARTS = 10_000

/** Bytes of the part `number`, from 1 on, when the first has `first`: 16 MiB at first give room for 992 GiB. */
export function partSize(number: number, first: number): number {
  return first * 2 ** Math.floor((number - 1) / DOUBLE_AFTER)
}

/** A writer that cuts what it gets into parts; the first ones have `first` bytes. */
export function partedWriter(sink: PartSink, first: number): BlobWriter {
  let pieces: Buffer[] = []
  let gathered = 0
  let sent = 0
  let committed = false
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (gathered === partSize(sent + 1, first)) {             // a full part waits for the byte after it: the last one is the commit's
          if (sent + 1 >= MOST_PARTS) throw new Fault(...FULL)
          await sink.send(sent + 1, pieces)
          sent++
          pieces = []
          gathered = 0
        }
        const piece = Buffer.from(bytes.subarray(at, at + partSize(sent + 1, first) - gathered))
        pieces.push(piece)
        gathered += piece.length
        at += piece.length
      }
    },
    async commit() {
      await sink.commit(pieces, sent)
      committed = true
    },
    async abort() {
      if (committed) return
      pieces = []
      await sink.abort(sent)
    },
  }
}

/** Milliseconds before a request is sent again. */
const PAUSES = [200, 1_000]

/** What `work` gives, tried again when the store did not answer or was in trouble. Throws what the last try threw. */
export async function repeatedly<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await work()
    } catch (error) {
      if (!isFault(error, 'glance.store.unreachable') && !isFault(error, 'glance.store.trouble')) throw error
      await clock.sleep(pause)
    }
  }
  return work()
}

// A store: where the bytes of images are. It knows keys and bytes, nothing of images.
import type { Readable } from 'node:stream'
import type { ByteRange } from '../model/ranges.ts'

/** Bytes on their way in. Nobody can read them before `commit`. */
export interface BlobWriter {
  /** Takes the next bytes; resolves when the store can take more. Throws Fault('tooLarge', 'glance.store.full'). */
  write(bytes: Uint8Array): Promise<void>
  /** Makes them readable and safe from a crash, all at once. */
  commit(): Promise<void>
  /** Forgets them. After a commit it does nothing. */
  abort(): Promise<void>
}

/** One place for bytes. Keys are UUIDs. */
export interface ImageStore {
  /** As clients see it: `file`. */
  readonly id: string
  /** Begins to write under `key`, replacing what an unfinished write left there. */
  write(key: string): Promise<BlobWriter>
  /** The bytes, or a range of them. Who is reading when they are removed reads on. Throws Fault('notFound', 'glance.store.missing'). */
  read(key: string, range?: ByteRange): Promise<Readable>
  /** Removes bytes, finished or not; nothing when there are none. */
  remove(key: string): Promise<void>
  /** How many bytes there are under `key`; undefined when there are none. */
  size(key: string): Promise<number | undefined>
  /** The names of all that is kept, unfinished writes (`KEY.partial`) and strangers' files among them. */
  names(): AsyncIterable<string>
}

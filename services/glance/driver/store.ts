// A store: where the bytes of images are. It knows keys and bytes, nothing of images.
import type { Readable } from 'node:stream'
import { isUuid } from '@alto/kit/ids'
import type { ByteRange } from '../model/ranges.ts'

/** Bytes on their way in. Nobody can read them before `commit`. */
export interface BlobWriter {
  /** Takes the next bytes; resolves when the store can take more, and they may change. Throws Fault('tooLarge', 'glance.store.full'). */
  write(bytes: Uint8Array): Promise<void>
  /** Makes them readable and safe from a crash, all at once. */
  commit(): Promise<void>
  /** Forgets them. After a commit it does nothing. */
  abort(): Promise<void>
}

/** What clients and administrators are told of a store. */
export interface StoreFacts {
  /** As clients see it: `file`. */
  readonly id: string
  /** Upstream's name of its kind: `file`, `http`, `s3`, `swift`, `rbd`. */
  readonly kind: string
  readonly description?: string | undefined
  readonly weight?: number
  /** For administrators; no secrets. */
  readonly properties?: Readonly<Record<string, string | number | boolean | null>>
  /** True: it takes no bytes; its keys are URLs of bytes that are kept elsewhere. */
  readonly isReadOnly?: boolean
  /** True: who is reading when bytes are removed may lose them, so that nobody may remove what is being read. */
  readonly forgetsReaders?: boolean
}

/** One place for bytes. Keys are UUIDs, but for a store that is read only. */
export interface ImageStore extends StoreFacts {
  /** Begins to write under `key`, replacing what an unfinished write left there. */
  write(key: string): Promise<BlobWriter>
  /** The bytes, or a range of them. Who is reading when they are removed reads on, unless `forgetsReaders`. Throws Fault('notFound', 'glance.store.missing'). */
  read(key: string, range?: ByteRange): Promise<Readable>
  /** Removes bytes, finished or not; nothing when there are none. Throws Fault('conflict', 'glance.store.inUse') where somebody outside of Glance uses them. */
  remove(key: string): Promise<void>
  /** How many bytes there are under `key`; undefined when there are none. */
  size(key: string): Promise<number | undefined>
  /** The names of all that is kept, unfinished writes (`KEY.partial`) and strangers' files among them. */
  names(): AsyncIterable<string>
  /** The file of this machine that the bytes are in, which never changes; not there where they are in none. */
  pathOf?(key: string): string
  /** What outside of Glance uses the bytes, so that they cannot be removed; not there where nothing can. */
  usedBy?(key: string): Promise<string | undefined>
  /** The URL of bytes as administrators and other services know it: `file:///srv/images/KEY`. No secrets. */
  urlOf(key: string): string
}

/** The key itself: keys come from our own rows, and this keeps what is no UUID away from paths and URLs. Throws an Error. */
export function checkedKey(key: string): string {
  if (!isUuid(key)) throw new Error(`${key} is no key of a blob`)
  return key
}

/** What `read` throws where there are no bytes. */
export const MISSING = ['notFound', 'glance.store.missing', 'The data of the image could not be found.'] as const
/** What `write` throws where there is no room. */
export const FULL = ['tooLarge', 'glance.store.full', 'There is not enough disk space on the image storage media.'] as const

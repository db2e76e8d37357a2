// Blobs: the bytes of images in a store, and how a row speaks of them before they exist and until they are gone.
//
//   writing → staged → kept        (staged: uploaded for an import that has not come yet, made by one that has not ended, or at a location that is being compared)
//   writing → kept
//   any     → doomed → no row      (the bytes go after the row says so, and the row after the bytes)
//
// So bytes without a row are never ours to keep, and a crash at any point leaves a row that says what to sweep.

export type BlobState = 'writing' | 'staged' | 'kept' | 'doomed'

/** Bytes in a store. Its id is their name there. */
export interface Blob {
  id: string
  imageId: string
  store: string
  state: BlobState
  /** undefined while they are being written. */
  size: number | undefined
  /** The process that writes them: when it starts again, or gives no sign of life, what it was writing is doomed. */
  writer: string
  createdAt: number
  /** The URL of bytes that somebody else keeps; none for our own. */
  location?: string
  /** What a client said of the place. */
  metadata?: Readonly<Record<string, unknown>>
}

/** What is needed to find a blob's bytes. */
export type Whereabouts = Pick<Blob, 'id' | 'imageId' | 'store' | 'location'>

/** What a store knows the blob's bytes by. */
export function keyOf({ id, location }: Pick<Blob, 'id' | 'location'>): string {
  return location ?? id
}

// A place for disks on one host: what a driver does for the agent. Every call is safe to repeat and to interrupt; what was half made is made anew.
import type { ImageSource } from '@alto/kit/disk'
import type { DiskExport, DiskImage, VolumeConnection } from '../model/disks.ts'

/** The bytes of an image, as they come. */
export type ImageBytes = AsyncIterable<Uint8Array>

/** A copy of a disk to be read once; disposing of it removes it. */
export interface DiskCopy extends AsyncDisposable {
  readonly bytes: number
  read(): ImageBytes
}

/** Where disks are kept. Sizes are bytes. */
export interface DiskStore {
  /** `file`, `fake`. */
  readonly name: string
  /** The size of the disk, or undefined when there is none (a half-made one counts as none). */
  look(id: string): Promise<number | undefined>
  /** Makes a disk that reads zeros. Nothing happens where there is one already; so it is with the other two. */
  makeBlank(id: string, bytes: number): Promise<void>
  /**
   * Makes a disk of at least `bytes` with an image's content. `open` is called once the disk is really to be made.
   * Throws Fault badRequest: `cinder.disk.checksum`, `disk.formatMismatch`, `disk.unsafe`, and `cinder.disk.tooSmall` when the image's disk is larger than `bytes`.
   */
  makeFromImage(id: string, from: { image: DiskImage, bytes: number }, open: ImageSource, signal: AbortSignal): Promise<void>
  /** Makes a disk of at least `bytes` with the content of another, which nobody has open. Fault notFound `cinder.disk.noSource`; unavailable while a guest has it open. */
  makeCopy(id: string, from: { sourceId: string, bytes: number }, signal: AbortSignal): Promise<void>
  /** What follows when a disk that was made is not there: Fault conflict `cinder.disk.lost`. A store that forgets by its nature makes one of `bytes` instead. */
  replaceLost(id: string, bytes: number): Promise<void>
  /** Makes the disk at least `bytes` large. Nobody has it open. */
  grow(id: string, bytes: number): Promise<void>
  /** Ends its exports and removes all that is of the disk. */
  remove(id: string): Promise<void>
  /** How a guest on this host reaches it. */
  connection(id: string): VolumeConnection
  /** Where other hosts reach exports; undefined where there are none. */
  readonly dataAddress: string | undefined
  /**
   * Serves the disk to exactly these attachments of other hosts; one that ended is started again. With none, nothing of the disk is open when it resolves.
   * Fault unavailable when it cannot (the port is taken); conflict `cinder.disk.noExports` when this host has no data address.
   */
  serve(id: string, exports: readonly DiskExport[]): Promise<void>
  /** Disks that have an export which is to be served anew. */
  ailing(): Promise<string[]>
  /** `listener` is told the disk of an export that ended by itself; gives the way to end that. */
  watch(listener: (id: string) => void): () => void
  /** Ends all exports of this host. The disks stay. */
  endExports(): Promise<void>
  /** A copy in that format, for uploading. Nobody has the disk open. */
  copyFor(id: string, format: 'qcow2' | 'raw', signal: AbortSignal): Promise<DiskCopy>
  capacity(): Promise<{ totalBytes: number, freeBytes: number }>
  /** Everything here that carries the cloud's mark: directories, and the processes of exports. */
  marked(): Promise<{ diskId: string, name: string }[]>
  /** The agent's notes, kept beside the disks; about one disk, or about the host for undefined. They go with the disk. */
  readNotes(id: string | undefined): Promise<string | undefined>
  writeNotes(id: string | undefined, text: string): Promise<void>
}

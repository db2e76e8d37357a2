// What Cinder's controller and the agent on each volume host promise each other.
// As with guests (compute-agent.ts): the controller keeps one row per disk that says what should be true (WantedDisk), and rings. The agent reads the
// rows, makes them true however often it is asked and wherever it was interrupted, and reports what it sees. Only a tombstone destroys.
import { contract } from '@alto/kit/rpc'
import type { ReportSequence, VolumeConnection, WantedImage } from './compute-agent.ts'

/** What the agent on each volume host answers to. */
export interface VolumeAgent {
  /** Something about this disk changed: look at the desired rows. Lost or repeated: harmless. */
  look(req: { diskId: string, generation: number }): Promise<void>
  /** Every disk on this host that carries the cloud's mark, wanted or not. */
  audit(req: Record<string, never>): Promise<{ disks: readonly MarkedDisk[] }>
  /** Removes what `audit` named, for disks that the controller does not know. Wanted ones are refused with Fault conflict `cinder.agent.wanted`. */
  removeOrphan(req: { diskId: string }): Promise<void>
}

/** What Cinder answers to its agents. */
export interface VolumeControl {
  /**
   * What should be on `host` and changed since `cursor` (0: everything): wanted disks, and tombstones of those to destroy. Absence orders nothing.
   * A tombstone is repeated until the agent has reported the disk `absent` at the tombstone's generation.
   */
  desired(req: { host: string, incarnation: string, cursor: number }): Promise<{ disks: readonly WantedDisk[], tombstones: readonly DiskTombstone[], cursor: number }>
  /**
   * What the agent found, or how far it is. Repeated: harmless; a lower generation than was already reported is ignored, and so is (since 1.2), of one
   * generation, what has a lower `sequence` than the same life of the agent has said already.
   */
  report(req: { diskId: string, generation: number, epoch: number, observed: ObservedDisk, progress?: string, sequence?: ReportSequence }): Promise<void>
  /** The host lives and has this much. `databaseEpoch` never falls: an agent refuses a controller whose database is older than one that it has seen. */
  heartbeat(req: { host: string, incarnation: string, capacity: VolumeCapacity }): Promise<{ databaseEpoch: number }>
}

/** The controller's row for the disk of one volume or snapshot. */
export interface WantedDisk {
  /** The volume's or snapshot's id. */
  readonly id: string
  /** Grows with every change of this row. */
  readonly generation: number
  /** Of the lease that wrote the row; the agent refuses a lower one than it has seen for this disk. */
  readonly epoch: number
  readonly sizeGib: number
  /** What it is made from, once. Every disk stands for itself: nothing is linked to its source. */
  readonly source: DiskSource
  /** It was reported ready once. Should it be missing, it is lost: it must not be made anew, because nobody would know that its content is gone. */
  readonly made?: boolean
  /** A guest may have it open: it is made if it is missing, and otherwise left alone. */
  readonly attached: boolean
  /** Copies to upload, each once. The row keeps them until they were reported `done` or `failed`. */
  readonly uploads: readonly DiskUpload[]
  /** Since 1.1. Which attachments of other hosts reach the disk, each over a TCP port of the volume host's data address; exactly these are served, none when not given. */
  readonly exports?: readonly DiskExport[]
}

/** `disk`: another disk of this host, which nobody changes meanwhile. */
export type DiskSource =
  | { readonly kind: 'blank' }
  | { readonly kind: 'image', readonly image: WantedImage }
  | { readonly kind: 'disk', readonly diskId: string }

/** An upload of the disk's content; `imageId` is the queued image that its bytes go to. */
export interface DiskUpload {
  readonly imageId: string
  readonly diskFormat: 'qcow2' | 'raw'
}

/** An export to one attachment, or (by its id) one copy that another host makes into this disk: NBD named by the attachment's id, over TLS with the key that `volume/ATTACHMENT_ID` has of the site's data secret; one client at a time. */
export interface DiskExport {
  readonly attachmentId: string
  readonly port: number
  readonly readOnly?: boolean
}

/** A disk to destroy. */
export interface DiskTombstone {
  readonly diskId: string
  readonly generation: number
  readonly epoch: number
}

/** What the agent sees of a disk. */
export interface ObservedDisk {
  readonly state: 'absent' | 'making' | 'ready'
  /** True when everything that the row of this generation wants is so. */
  readonly converged: boolean
  /** Of the disk inside the file; 0 while there is none. */
  readonly sizeBytes: number
  /** How a guest on this host reaches it, once it is ready. */
  readonly connection?: VolumeConnection
  readonly uploads: readonly { readonly imageId: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  /** The step that fails at present; it is tried again unless `final`. The message is fit for users. */
  readonly fault?: { readonly step: string, readonly code: string, readonly message: string, readonly final: boolean }
}

/** What a volume host has, in bytes. */
export interface VolumeCapacity {
  readonly totalBytes: number
  readonly freeBytes: number
  /** `file` or `fake`. */
  readonly driver: string
  /** Since 1.1. Where other hosts reach the exports of this one; a host without it has none. */
  readonly dataAddress?: string
}

/** A disk on a host that carries the cloud's mark, or a process that exports it; `name` is a path or a pid. */
export interface MarkedDisk {
  readonly diskId: string
  readonly name: string
}

export const volumeAgent = contract<VolumeAgent>('volume-agent', '1.0', {
  look: { kind: 'cast', since: '1.0' },
  audit: { kind: 'call', since: '1.0' },
  removeOrphan: { kind: 'call', since: '1.0' },
})

export const volumeControl = contract<VolumeControl>('volume-control', '1.2', {
  desired: { kind: 'call', since: '1.0' },
  report: { kind: 'call', since: '1.0' },
  heartbeat: { kind: 'call', since: '1.0' },
})

// Disks: what a volume or snapshot is on its host, as the controller wants it and as the agent sees it (contracts/volume-agent.ts).

/** How a host reaches a disk; contracts/compute-agent.ts. */
export type VolumeConnection =
  | { readonly kind: 'file', readonly path: string, readonly format: 'qcow2' | 'raw' }
  | { readonly kind: 'nbd-tls', readonly address: string, readonly port: number, readonly exportName: string, readonly identity: string, readonly format: 'qcow2' | 'raw' }

/** An image to make a disk from. */
export interface DiskImage {
  readonly id: string
  readonly sha512: string
  readonly diskFormat: string
}

export type DiskSource = { readonly kind: 'blank' } | { readonly kind: 'image', readonly image: DiskImage } | { readonly kind: 'disk', readonly diskId: string }

export interface DiskUpload {
  readonly imageId: string
  readonly diskFormat: 'qcow2' | 'raw'
}

/** An export to an attachment of another host, or to one that writes a copy into the disk: then the copy's id stands for the attachment's; contracts/volume-agent.ts. */
export interface DiskExport {
  readonly attachmentId: string
  readonly port: number
  readonly readOnly?: boolean
}

/** What should be true of a disk. */
export interface Wanted {
  readonly sizeGib: number
  readonly source: DiskSource
  /** It was ready once: it is not made a second time. */
  readonly made?: boolean
  readonly attached: boolean
  readonly uploads: readonly DiskUpload[]
  readonly exports?: readonly DiskExport[]
}

/** What the agent saw last. */
export interface Observed {
  readonly state: 'absent' | 'making' | 'ready'
  readonly converged: boolean
  readonly sizeBytes: number
  readonly connection?: VolumeConnection
  readonly uploads: readonly { readonly imageId: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  readonly fault?: { readonly step: string, readonly code: string, readonly message: string, readonly final: boolean }
}

/** The row of one disk. */
export interface Disk {
  readonly id: string
  readonly host: string
  readonly generation: number
  readonly epoch: number
  readonly version: number
  readonly tombstone: boolean
  readonly wanted: Wanted
  readonly observed: Observed | null
  /** Of the row that was observed. */
  readonly observedGeneration: number
  readonly progress: string | null
}

export const GIB = 2 ** 30

// A server's volumes: those attached, and those that a request wants made or attached with it.

/** Where a volume of a new server comes from; `failure` says why Cinder would not make it. */
export type VolumeSource = (
  | { readonly kind: 'volume' }
  | { readonly kind: 'image', readonly imageId: string, readonly type?: string }
  | { readonly kind: 'snapshot', readonly snapshotId: string, readonly type?: string }
  | { readonly kind: 'blank', readonly type?: string }
) & { readonly failure?: string }

/** How a host reaches a volume; contracts/compute-agent.ts. */
export type Connection =
  | { readonly kind: 'file', readonly path: string, readonly format: 'qcow2' | 'raw' }
  | { readonly kind: 'nbd-tls', readonly address: string, readonly port: number, readonly exportName: string, readonly identity: string, readonly format: 'qcow2' | 'raw' }

export interface ServerVolume {
  /** Of the attachment in Nova: upstream's bdm_uuid. */
  readonly id: string
  readonly serverId: string
  /** Empty until the volume is made. */
  readonly volumeId: string
  /** Cinder's. */
  readonly attachmentId: string | null
  readonly source: VolumeSource
  /** 0 for the one that the server boots from. */
  readonly bootIndex: number | null
  readonly device: string
  /** GiB. */
  readonly size: number
  readonly tag: string | null
  readonly deleteOnTermination: boolean
  readonly multiattach: boolean
  readonly readOnly: boolean
  readonly connection: Connection | null
  readonly createdAt: number
}

/** The first free device name after those that are taken: `/dev/vdb`, …; `/dev/vda` is the root disk's. */
export function nextDevice(taken: readonly string[]): string | undefined {
  const letters = 'bcdefghijklmnopqrstuvwxyz'.split('')
  return letters.map(letter => `/dev/vd${letter}`).find(device => !taken.includes(device))
}

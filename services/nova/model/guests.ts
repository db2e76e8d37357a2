// A guest as its host knows it: what it is made from, and what can be seen of it. Ids are UUIDs, sizes bytes unless the name says otherwise.

/** What a guest's power should be. */
export type GuestPower = 'running' | 'stopped' | 'paused' | 'suspended'

/** The disk that a guest starts from; `diskGib: 0` is as large as the image's own. */
export type GuestRoot =
  | { readonly kind: 'image', readonly revision: number, readonly image: GuestImage, readonly diskGib: number }
  | { readonly kind: 'volume', readonly volumeId: string }

/** An image: its id, the sha512 of its bytes in hexadecimal, and the format that it is declared to have. */
export interface GuestImage {
  readonly id: string
  readonly sha512: string
  readonly diskFormat: string
}

export interface GuestPort {
  readonly id: string
  readonly mac: string
  readonly tap: string
  readonly mtu?: number
}

export interface GuestVolume {
  readonly id: string
  readonly attachmentId: string
  readonly device: string
  readonly sizeGib: number
  readonly readOnly?: boolean
  readonly multiattach?: boolean
  readonly connection: GuestVolumeConnection
}

export type GuestVolumeConnection =
  | { readonly kind: 'file', readonly path: string, readonly format: 'qcow2' | 'raw' }
  | { readonly kind: 'nbd-tls', readonly address: string, readonly port: number, readonly exportName: string, readonly identity: string, readonly format: 'qcow2' | 'raw' }

export interface GuestSnapshot {
  readonly imageId: string
  readonly diskFormat: 'qcow2' | 'raw'
}

/** A copy to make of a plugged volume, and how its target is reached. */
export interface GuestCopy {
  readonly id: string
  readonly attachmentId: string
  readonly to: GuestVolumeConnection
}

/** What a guest is started from. */
export interface GuestSpec {
  readonly id: string
  readonly name: string
  readonly flavor: { readonly vcpus: number, readonly ramMib: number }
  readonly root: GuestRoot
  readonly ports: readonly GuestPort[]
  readonly volumes: readonly GuestVolume[]
  readonly configDrive?: readonly { readonly path: string, readonly content: string }[]
}

/** Everything that should be true of a guest. */
export interface WantedGuest extends GuestSpec {
  readonly power: GuestPower
  readonly powerNonce: string
  readonly shutdownTimeoutMs: number
  readonly reboot?: { readonly nonce: string, readonly kind: 'soft' | 'hard' }
  readonly snapshots: readonly GuestSnapshot[]
  readonly copies?: readonly GuestCopy[]
}

/** What can be seen of a guest on its host at one moment. */
export interface GuestSight {
  /** `ended`: it shut itself down and its emulator waits; `crashed`: guest or emulator is in an error; `none`: no process. */
  readonly process: 'none' | 'running' | 'paused' | 'ended' | 'crashed'
  /** Its memory lies on disk, complete. */
  readonly suspended: boolean
  /** Its own root disk; undefined when it has none (yet). */
  readonly root: { readonly revision: number, readonly bytes: number } | undefined
  /** Ids of the plugged ports. */
  readonly ports: readonly string[]
  /** The plugged volumes. `half`: open on the host, but not seen by the guest; such a volume is neither attached nor free. `cut`: the link to its host is broken; the guest waits. */
  readonly volumes: readonly { readonly attachmentId: string, readonly bytes: number, readonly half?: true, readonly cut?: true }[]
}

/** What the agent must remember of a guest across its own restarts, because it cannot be seen. */
export interface GuestNotes {
  /** The highest lease epoch that was obeyed. */
  readonly epoch: number
  /** Under which powerNonce it was last started (or found running). */
  readonly startedNonce?: string
  /** Under which powerNonce it ended by itself. */
  readonly endedNonce?: string
  /** The last reboot that was carried out. */
  readonly rebootNonce?: string
  readonly snapshots: readonly SnapshotOutcome[]
  /** Of the copies that are wanted still. */
  readonly copies: readonly CopyOutcome[]
}

export interface SnapshotOutcome {
  readonly imageId: string
  readonly state: 'done' | 'failed'
  readonly reason?: string
}

export interface CopyOutcome {
  readonly id: string
  readonly state: 'done' | 'failed'
  readonly reason?: string
}

/** The notes of a guest that was never seen. */
export const NO_NOTES: GuestNotes = { epoch: 0, snapshots: [], copies: [] }

/** A host's capacity and what its guests take of it. */
export interface HypervisorResources {
  readonly vcpus: number
  readonly memoryMib: number
  readonly diskGib: number
  readonly usedMemoryMib: number
  readonly usedDiskGib: number
  readonly runningGuests: number
  readonly hypervisorType: string
  readonly hypervisorVersion: number
  readonly acceleration: 'kvm' | 'tcg' | 'none'
  readonly cpuModel: string
}

/** Something on a host that carries the cloud's mark; `name` is a pid or a path, `serverId` empty where the mark names none. */
export interface MarkedThing {
  readonly kind: 'process' | 'run-directory' | 'disk-directory' | 'cached-image'
  readonly serverId: string
  readonly name: string
}

export const GIB = 2 ** 30

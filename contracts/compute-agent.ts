// What Nova's controller and the agent on each hypervisor host promise each other.
// The controller never orders: it keeps one row per server that says what should be true (WantedServer), and rings. The agent reads the rows,
// makes them true however often it is asked and wherever it was interrupted, and reports what it sees. Only a tombstone destroys.
import { contract } from '@alto/kit/rpc'

/** What the agent on each hypervisor host answers to. */
export interface ComputeAgent {
  /** Something about this server changed: look at the desired rows. Lost or repeated: harmless. */
  look(req: { serverId: string, generation: number }): Promise<void>
  /** The last `lines` lines of the serial console's log (all that is kept when not given). Fault notFound `nova.guest.notFound` when the server is not on this host. */
  consoleLog(req: { serverId: string, lines?: number }): Promise<{ text: string }>
  /** Where a running guest's console is to be had. Fault conflict `nova.guest.notRunning` when it does not run. */
  console(req: { serverId: string, kind: ConsoleKind }): Promise<ConsoleEndpoint>
  /** Everything on this host that carries the cloud's mark, whoever it belongs to. */
  audit(req: Record<string, never>): Promise<{ things: readonly MarkedThing[] }>
  /** Removes what `audit` named, for servers that the controller does not know. Running guests of wanted servers are refused with Fault conflict `nova.agent.wanted`. */
  removeOrphan(req: { serverId: string }): Promise<void>
}

/** What Nova answers to its agents. */
export interface ComputeControl {
  /**
   * What should be on `host` and changed since `cursor` (0: everything): wanted servers, and tombstones of those to destroy. Absence orders nothing.
   * A tombstone is repeated until the agent has reported the server `absent` at the tombstone's generation.
   */
  desired(req: { host: string, incarnation: string, cursor: number }): Promise<{ servers: readonly WantedServer[], tombstones: readonly Tombstone[], cursor: number }>
  /**
   * What the agent found, or how far it is. Repeated: harmless; a lower generation than was already reported is ignored, and so is (since 1.2), of one
   * generation, what has a lower `sequence` than the same life of the agent has said already.
   */
  report(req: { serverId: string, generation: number, epoch: number, observed: ObservedServer, progress?: string, sequence?: ReportSequence }): Promise<void>
  /** The host lives and has this much. `databaseEpoch` never falls: an agent refuses a controller whose database is older than one that it has seen. */
  heartbeat(req: { host: string, incarnation: string, resources: HostResources }): Promise<{ databaseEpoch: number }>
}

/** The controller's row for one server: everything that the agent needs, and nothing that it has to ask for. */
export interface WantedServer {
  readonly id: string
  /** Grows with every change of this row. */
  readonly generation: number
  /** Of the lease that wrote the row; the agent refuses a lower one than it has seen for this server. */
  readonly epoch: number
  /** The display name: for logs and SMBIOS only. */
  readonly name: string
  readonly flavor: { readonly vcpus: number, readonly ramMib: number }
  readonly root: WantedRoot
  readonly ports: readonly WantedPort[]
  /** All attached volumes, a boot volume included. */
  readonly volumes: readonly WantedVolume[]
  readonly power: PowerState
  /** New with every request to start: a guest that ended by itself under this nonce stays off until there is a new one. */
  readonly powerNonce: string
  /** Milliseconds that a guest has to shut down by itself before it is cut off, in a stop and in a soft reboot; 0 cuts it off at once. */
  readonly shutdownTimeoutMs: number
  /** Done once for each nonce. `soft` becomes hard when the guest does not shut down in time. */
  readonly reboot?: { readonly nonce: string, readonly kind: 'soft' | 'hard' }
  /** Files of the config drive by path inside it; contents are base64 and may hold secrets: never logged. Read at every start. */
  readonly configDrive?: readonly { readonly path: string, readonly content: string }[]
  /** Snapshots of the root disk to make and upload, each once. The row keeps them until they were reported `done` or `failed`. */
  readonly snapshots: readonly WantedSnapshot[]
  /** Since 1.3 (an agent makes them since its 1.2). Copies to make of attached volumes, each once and each of one moment. The row keeps them until they were reported `done` or `failed`; one that it does not name any more is given up. */
  readonly copies?: readonly WantedCopy[]
}

/** What a server's power should be. `suspended` keeps its memory on disk. */
export type PowerState = 'running' | 'stopped' | 'paused' | 'suspended'

/** The disk that a server starts from. A higher `revision` (rebuild) replaces the disk, and what was on it is lost. */
export type WantedRoot =
  | { readonly kind: 'image', readonly revision: number, readonly image: WantedImage, readonly diskGib: number }
  | { readonly kind: 'volume', readonly volumeId: string }

/** An image as Glance has it. `diskGib: 0` of a root means: as large as the image's own disk. */
export interface WantedImage {
  readonly id: string
  /** Glance's `os_hash_value` with algorithm sha512, in hexadecimal; what is downloaded must match. */
  readonly sha512: string
  /** Glance's `disk_format`; content that is something else is refused. */
  readonly diskFormat: string
}

/** A port whose tap the network agent makes in the host's namespace, filters first. */
export interface WantedPort {
  readonly id: string
  readonly mac: string
  readonly tap: string
  readonly mtu?: number
}

/** A volume and how to reach it. */
export interface WantedVolume {
  readonly id: string
  readonly attachmentId: string
  /** As the API shows it: `/dev/vdb`. The guest finds the volume by its serial, the first 20 characters of its id. */
  readonly device: string
  /** The disk grows online when this does. */
  readonly sizeGib: number
  readonly readOnly?: boolean
  /** Others may have it open too (raw files only). */
  readonly multiattach?: boolean
  readonly connection: VolumeConnection
}

/**
 * How a host reaches a volume. The format is pinned here and never probed.
 * `nbd-tls` (since 1.1): the volume's file as raw bytes over NBD on TCP and TLS, at the volume host's data address. Both ends derive the key from the site's
 * data secret: HMAC-SHA256(secret, `volume/` + identity); `identity` is Cinder's attachment.
 */
export type VolumeConnection =
  | { readonly kind: 'file', readonly path: string, readonly format: 'qcow2' | 'raw' }
  | { readonly kind: 'nbd-tls', readonly address: string, readonly port: number, readonly exportName: string, readonly identity: string, readonly format: 'qcow2' | 'raw' }

/** A snapshot to make of the root disk; `imageId` is the queued image that its bytes go to. */
export interface WantedSnapshot {
  readonly imageId: string
  readonly diskFormat: 'qcow2' | 'raw'
}

/**
 * A copy to make of what an attached volume holds at one moment, while its guest goes on. `to` is how the host reaches a disk of the volume's size that nobody
 * else has open; all of it is written, whatever an earlier try left there.
 */
export interface WantedCopy {
  readonly id: string
  readonly attachmentId: string
  readonly to: VolumeConnection
}

/** A server to destroy: its guest, its disks, its logs. Volumes and ports are only let go of. */
export interface Tombstone {
  readonly serverId: string
  readonly generation: number
  readonly epoch: number
}

/** Since 1.2. Where a report stands among those of one life of an agent: a later one has a larger number. */
export interface ReportSequence { readonly incarnation: string, readonly number: number }

/** What the agent sees of a server. */
export interface ObservedServer {
  /** `crashed`: the guest or its emulator stopped in an error. `absent`: nothing of it is on this host. */
  readonly power: 'absent' | 'building' | 'running' | 'paused' | 'stopped' | 'suspended' | 'crashed'
  /** True when everything that the row of this generation wants is so; copies are told of one by one and do not count. */
  readonly converged: boolean
  /** The guest shut itself down under this nonce; the controller answers with power `stopped`. */
  readonly endedNonce?: string
  /** The last reboot that was carried out. */
  readonly rebootNonce?: string
  /** Ids of the ports that are plugged into the guest; none while it is off. */
  readonly ports: readonly string[]
  /** Attachment ids of the volumes that are plugged into the guest; none while it is off: the files are closed then. */
  readonly volumes: readonly string[]
  readonly snapshots: readonly { readonly imageId: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  /** Since 1.3. Copies that have ended. */
  readonly copies?: readonly { readonly id: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  /** The step that fails at present; it is tried again unless `final`. The message is fit for users. */
  readonly fault?: { readonly step: string, readonly code: string, readonly message: string, readonly final: boolean }
}

/** What a host offers, for Placement and os-hypervisors. */
export interface HostResources {
  readonly vcpus: number
  readonly memoryMib: number
  readonly diskGib: number
  readonly usedMemoryMib: number
  readonly usedDiskGib: number
  readonly runningGuests: number
  /** `QEMU` or `fake`; version as MAJOR * 1000000 + MINOR * 1000 + MICRO, as upstream's hypervisor_version. */
  readonly hypervisorType: string
  readonly hypervisorVersion: number
  readonly acceleration: 'kvm' | 'tcg' | 'none'
  readonly cpuModel: string
}

export type ConsoleKind = 'vnc' | 'serial'

/**
 * Where a console is. `unix`: a socket on the agent's own host; `text`: nothing to connect to (fake guests), this is all there is.
 * `data-link` (since 1.1): an invitation to the host's data listener (kit/data-link), for one connection within 30 s.
 */
export type ConsoleEndpoint =
  | { readonly kind: 'unix', readonly path: string }
  | { readonly kind: 'data-link', readonly address: string, readonly port: number, readonly ticket: string }
  | { readonly kind: 'text', readonly text: string }

/** Something on a host that carries the cloud's mark. `serverId` is empty where the mark names none (a cached image). */
export interface MarkedThing {
  readonly kind: 'process' | 'run-directory' | 'disk-directory' | 'cached-image'
  readonly serverId: string
  /** A pid or a path. */
  readonly name: string
}

export const computeAgent = contract<ComputeAgent>('compute-agent', '1.2', {
  look: { kind: 'cast', since: '1.0' },
  consoleLog: { kind: 'call', since: '1.0' },
  console: { kind: 'call', since: '1.0' },
  audit: { kind: 'call', since: '1.0' },
  removeOrphan: { kind: 'call', since: '1.0' },
})

export const computeControl = contract<ComputeControl>('compute-control', '1.3', {
  desired: { kind: 'call', since: '1.0' },
  report: { kind: 'call', since: '1.0' },
  heartbeat: { kind: 'call', since: '1.0' },
})

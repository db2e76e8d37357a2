// A server, its states, and what may be done in which of them (upstream's compute/vm_states, task_states and API guide).
import type { Flavor } from './flavors.ts'

export type VmState = 'building' | 'active' | 'paused' | 'suspended' | 'stopped' | 'error' | 'deleted'

/** What is being done to a server; null when nothing is. */
export type TaskState =
  | 'scheduling' | 'networking' | 'block_device_mapping' | 'spawning' | 'powering-off' | 'powering-on' | 'rebooting' | 'rebooting_hard'
  | 'pausing' | 'unpausing' | 'suspending' | 'resuming' | 'image_snapshot' | 'deleting'

/** Upstream's numbers. */
export const POWER = { pending: 0, running: 1, paused: 3, shutdown: 4, crashed: 6, suspended: 7 } as const

/** What an image was when the server was made from it. */
export interface ImageCopy {
  readonly sha512?: string
  readonly diskFormat?: string
  readonly minDisk?: number
  readonly minRam?: number
  readonly properties: Readonly<Record<string, string>>
}

export interface Server {
  readonly id: string
  readonly projectId: string
  readonly userId: string
  readonly name: string
  readonly description: string | null
  readonly hostname: string
  readonly vmState: VmState
  readonly taskState: TaskState | null
  readonly powerState: number
  readonly host: string | null
  /** The availability zone that was asked for. */
  readonly zone: string | null
  /** The flavor as it was when the server was made. */
  readonly flavor: Flavor
  readonly imageId: string | null
  readonly image: ImageCopy
  readonly keyName: string | null
  readonly publicKey: string | null
  /** Base64, as it was given. */
  readonly userData: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  /** Names, for servers that have no port yet. */
  readonly securityGroups: readonly string[]
  readonly configDrive: boolean
  readonly diskConfig: 'MANUAL' | 'AUTO'
  readonly accessIpV4: string | null
  readonly accessIpV6: string | null
  readonly reservationId: string
  readonly launchIndex: number
  readonly rootDevice: string
  readonly lockedBy: 'owner' | 'admin' | null
  readonly lockedReason: string | null
  readonly groupId: string | null
  readonly hints: Readonly<Record<string, unknown>>
  readonly idempotencyKey: string | null
  readonly generation: number
  /** Milliseconds, as all times. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly launchedAt: number | null
  readonly terminatedAt: number | null
  readonly deletedAt: number | null
}

/** Why a server is in its error state. */
export interface ServerFault {
  readonly code: number
  readonly message: string
  readonly details: string
  readonly createdAt: number
}

const STATUS: Readonly<Record<VmState, { otherwise: string } & Partial<Record<TaskState, string>>>> = {
  building: { otherwise: 'BUILD' },
  active: { otherwise: 'ACTIVE', rebooting: 'REBOOT', rebooting_hard: 'HARD_REBOOT' },
  paused: { otherwise: 'PAUSED', rebooting_hard: 'HARD_REBOOT' },
  suspended: { otherwise: 'SUSPENDED', rebooting_hard: 'HARD_REBOOT' },
  stopped: { otherwise: 'SHUTOFF', rebooting_hard: 'HARD_REBOOT' },
  error: { otherwise: 'ERROR', rebooting_hard: 'HARD_REBOOT' },
  deleted: { otherwise: 'DELETED' },
}

/** The status that clients see. */
export function statusOf(vmState: VmState, taskState: TaskState | null): string {
  const states = STATUS[vmState]
  return (taskState !== null ? states[taskState] : undefined) ?? states.otherwise
}

/** The states in which a server has the status, by upstream's case-insensitive name; empty for a status that no server has. */
export function statesOf(status: string): VmState[] {
  const wanted = status.toUpperCase()
  return (Object.keys(STATUS) as VmState[]).filter(vmState => Object.values(STATUS[vmState]).includes(wanted))
}

/** What a client may ask of a server that exists. */
export type Operation =
  | 'start' | 'stop' | 'reboot' | 'reboot_hard' | 'pause' | 'unpause' | 'suspend' | 'resume' | 'snapshot' | 'attach_volume' | 'detach_volume' | 'attach_interface' | 'detach_interface'
  | 'update_metadata' | 'add_security_group' | 'remove_security_group'

interface Rule { readonly from: readonly VmState[], readonly whileBusy?: readonly (TaskState | null)[], readonly taskState: TaskState | null, readonly upstreamName: string }

/** From which states each operation may begin (and during which tasks, when not only in none), and what the server does meanwhile. */
export const OPERATIONS: Readonly<Record<Operation, Rule>> = {
  start: { from: ['stopped'], taskState: 'powering-on', upstreamName: 'start' },
  stop: { from: ['active', 'error'], taskState: 'powering-off', upstreamName: 'stop' },
  reboot: { from: ['active'], taskState: 'rebooting', upstreamName: 'reboot' },
  reboot_hard: { from: ['active', 'stopped', 'paused', 'suspended', 'error'], whileBusy: [null, 'rebooting', 'powering-off', 'powering-on', 'pausing', 'unpausing', 'suspending', 'resuming'], taskState: 'rebooting_hard', upstreamName: 'reboot' },
  pause: { from: ['active'], taskState: 'pausing', upstreamName: 'pause' },
  unpause: { from: ['paused'], taskState: 'unpausing', upstreamName: 'unpause' },
  suspend: { from: ['active'], taskState: 'suspending', upstreamName: 'suspend' },
  resume: { from: ['suspended'], taskState: 'resuming', upstreamName: 'resume' },
  snapshot: { from: ['active', 'stopped', 'paused', 'suspended'], taskState: 'image_snapshot', upstreamName: 'createImage' },
  attach_volume: { from: ['active', 'paused', 'stopped'], whileBusy: [null], taskState: null, upstreamName: 'attach_volume' },
  detach_volume: { from: ['active', 'paused', 'stopped', 'suspended', 'error'], whileBusy: [null], taskState: null, upstreamName: 'detach_volume' },
  attach_interface: { from: ['active', 'paused', 'stopped'], taskState: null, upstreamName: 'attach_interface' },
  detach_interface: { from: ['active', 'paused', 'stopped'], taskState: null, upstreamName: 'detach_interface' },
  update_metadata: { from: ['active', 'paused', 'suspended', 'stopped'], whileBusy: [null, 'powering-off', 'powering-on', 'rebooting', 'rebooting_hard', 'pausing', 'unpausing', 'suspending', 'resuming', 'image_snapshot'], taskState: null, upstreamName: 'update_server_metadata' },
  add_security_group: { from: ['active', 'paused', 'suspended', 'stopped'], whileBusy: [null], taskState: null, upstreamName: 'add_security_group' },
  remove_security_group: { from: ['active', 'paused', 'suspended', 'stopped'], whileBusy: [null], taskState: null, upstreamName: 'remove_security_group' },
}

/** What stands in the operation's way: the attribute whose value forbids it, or undefined when nothing does. */
export function obstacle(operation: Operation, server: Pick<Server, 'vmState' | 'taskState'>): 'vm_state' | 'task_state' | undefined {
  const rule = OPERATIONS[operation]
  if (!rule.from.includes(server.vmState)) return 'vm_state'
  return (rule.whileBusy ?? [null]).includes(server.taskState) ? undefined : 'task_state'
}

/** A name as a host name: what is no letter, digit, dot or dash is left out, as upstream's sanitize_hostname does. */
export function hostnameOf(name: string, id: string): string {
  const clean = name.toLowerCase().replaceAll(/[ _]/g, '-').replaceAll(/[^a-z0-9.-]+/g, '').replace(/^[.-]+/, '').replaceAll('.', '-').slice(0, 63).replace(/[.-]+$/, '')
  return clean === '' ? `Server-${id}` : clean
}

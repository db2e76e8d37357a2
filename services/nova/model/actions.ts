// What was done to a server, and how it went: upstream's instance actions.

export interface ServerAction {
  readonly id: string
  readonly serverId: string
  readonly action: ActionName | (string & {})
  readonly requestId: string
  readonly userId: string
  readonly projectId: string
  readonly startedAt: number
  readonly updatedAt: number | null
  /** `Error` when it failed. */
  readonly message: string | null
}

export interface ActionEvent {
  readonly event: string
  readonly startedAt: number
  readonly finishedAt: number | null
  readonly result: string | null
  readonly traceback: string | null
  readonly host: string | null
}

/** Upstream's names of actions, and of the event in which each is carried out. */
export const ACTIONS = {
  create: 'compute__do_build_and_run_instance', delete: 'compute_terminate_instance', start: 'compute_start_instance', stop: 'compute_stop_instance', reboot: 'compute_reboot_instance',
  pause: 'compute_pause_instance', unpause: 'compute_unpause_instance', suspend: 'compute_suspend_instance', resume: 'compute_resume_instance', createImage: 'compute_snapshot_instance',
  attach_volume: 'compute_attach_volume', detach_volume: 'compute_detach_volume', attach_interface: 'compute_attach_interface', detach_interface: 'compute_detach_interface',
  extend_volume: 'compute_extend_volume', lock: undefined, unlock: undefined,
} as const

export type ActionName = keyof typeof ACTIONS

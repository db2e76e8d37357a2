// What a server's agent is to make true, as the controller keeps it: the parts of a WantedServer (contracts/compute-agent.ts) that are decided,
// not those that follow from the server's other rows.

export interface Want {
  readonly serverId: string
  readonly host: string
  readonly generation: number
  readonly epoch: number
  readonly tombstone: boolean
  readonly wanted: Wanted
  readonly reportedGeneration: number
  readonly observed: Observed | null
  readonly progress: string | null
}

export interface Wanted {
  readonly power: 'running' | 'stopped' | 'paused' | 'suspended'
  readonly powerNonce: string
  readonly shutdownTimeoutMs: number
  readonly reboot?: { readonly nonce: string, readonly kind: 'soft' | 'hard' }
  readonly rootRevision: number
  readonly portIds: readonly string[]
  /** Of server_volumes rows. */
  readonly volumeIds: readonly string[]
  readonly snapshots: readonly { readonly imageId: string, readonly diskFormat: 'qcow2' | 'raw' }[]
}

/** What the agent saw; the contract's ObservedServer. */
export interface Observed {
  readonly power: 'absent' | 'building' | 'running' | 'paused' | 'stopped' | 'suspended' | 'crashed'
  readonly converged: boolean
  readonly endedNonce?: string
  readonly rebootNonce?: string
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly snapshots: readonly { readonly imageId: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  readonly copies?: readonly { readonly id: string, readonly state: 'done' | 'failed', readonly reason?: string }[]
  readonly fault?: { readonly step: string, readonly code: string, readonly message: string, readonly final: boolean }
}

/** What the agent said of the row as it is now; undefined while it has only spoken of older ones. */
export function current(want: Want): Observed | undefined {
  return want.observed !== null && want.reportedGeneration >= want.generation ? want.observed : undefined
}

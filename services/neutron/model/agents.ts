// Agents: the one program on each host, shown as the four that upstream's books know.

/** The agents of a host. */
export const AGENT_KINDS = [
  { binary: 'neutron-linuxbridge-agent', type: 'Linux bridge agent' },
  { binary: 'neutron-dhcp-agent', type: 'DHCP agent' },
  { binary: 'neutron-l3-agent', type: 'L3 agent' },
  { binary: 'neutron-metadata-agent', type: 'Metadata agent' },
] as const

export type AgentType = typeof AGENT_KINDS[number]['type']

/** One of them. Times are milliseconds. */
export interface Agent {
  readonly id: string
  readonly host: string
  readonly binary: string
  readonly type: string
  readonly adminUp: boolean
  readonly description: string
  readonly startedAt: number
  readonly heartbeatAt: number
  readonly createdAt: number
  readonly incarnation: string
  readonly facts: HostFacts
}

/** What a host said of itself (the contract's NetworkHostFacts). */
export interface HostFacts {
  readonly driver: string
  readonly segments: readonly string[]
  readonly takenPrefixes: readonly string[]
  /** IPv4: where other hosts' tunnels reach it. */
  readonly tunnelAddress?: string
  /** Whether DHCP and routers may be placed there; true when not said. */
  readonly gateway?: boolean
}

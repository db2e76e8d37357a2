// What is counted per project, and how much of it a project may have when nobody set a limit.

/** Resources by upstream's names. */
export const COUNTED = ['network', 'subnet', 'port', 'router', 'floatingip', 'security_group', 'security_group_rule'] as const

export type Counted = typeof COUNTED[number]

/** Limits by resource; -1 is none. */
export type Limits = Readonly<Record<Counted, number>>

/** What a project has: used and allowed. */
export interface Usage {
  readonly resource: Counted
  readonly used: number
  readonly limit: number
}

// The options that rules depend on (options.ts declares them).

/** Limits are of a project; -1 is none. */
export interface Settings {
  readonly quotaNetwork: number
  readonly quotaSubnet: number
  readonly quotaPort: number
  readonly quotaRouter: number
  readonly quotaFloatingip: number
  readonly quotaSecurityGroup: number
  readonly quotaSecurityGroupRule: number
  /** Bytes. */
  readonly globalPhysnetMtu: number
  readonly maxFixedIpsPerPort: number
  readonly maxRoutes: number
  /** Seconds. */
  readonly agentDownTime: number
  readonly internet: boolean
  readonly externalRouted: boolean
}

// Nova's options as its rooms are given them; options.ts declares them with meanings and defaults.

export interface Settings {
  readonly cpuAllocationRatio: number
  readonly ramAllocationRatio: number
  readonly diskAllocationRatio: number
  readonly reservedHostMemoryMb: number
  readonly quotaInstances: number
  readonly quotaCores: number
  readonly quotaRam: number
  /** Seconds. */
  readonly vifPluggingTimeout: number
  readonly shutdownTimeout: number
  readonly serviceDownTime: number
  readonly defaultAvailabilityZone: string
  readonly dhcpDomain: string
  /** Seconds. */
  readonly consoleTokenTtl: number
  readonly consoleBaseUrl: string | null
}

// What a project may have. -1 is no limit.

/** The resources whose use is counted in rows, in the transaction that changes what they count. */
export const COUNTED = ['instances', 'cores', 'ram'] as const
export type Counted = typeof COUNTED[number]

/** Resources with a limit that is checked where they are used, with upstream's defaults. */
export const UNCOUNTED = {
  metadata_items: 128, key_pairs: 100, server_groups: 10, server_group_members: 10, injected_files: 5, injected_file_content_bytes: 10_240, injected_file_path_bytes: 255,
} as const

/** Resources that upstream's answers still have up to 2.35 and 2.56, without a limit. */
export const NETWORK_RESOURCES = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const

export type Limits = Readonly<Record<Counted | keyof typeof UNCOUNTED, number>>

/** The cloud's defaults, from the options. */
export function defaultLimits(options: { quotaInstances: number, quotaCores: number, quotaRam: number }): Limits {
  return { instances: options.quotaInstances, cores: options.quotaCores, ram: options.quotaRam, ...UNCOUNTED }
}

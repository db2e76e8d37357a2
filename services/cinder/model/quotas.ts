// Quotas: what a project may have, by resource, and per volume type.

export const DEFAULT_QUOTAS = { volumes: 10, snapshots: 10, gigabytes: 1000, backups: 10, backup_gigabytes: 1000, groups: 10, per_volume_gigabytes: -1 } as const

/** Resources of which use is counted, for every type too: `volumes_TYPE`. */
export const COUNTED = ['volumes', 'snapshots', 'gigabytes'] as const
export type Counted = typeof COUNTED[number]

/** A limit without end. */
export const UNLIMITED = -1

/** What a request takes of each counter: of the project, and of the type within it. */
export function amountsOf(taken: Partial<Record<Counted, number>>, typeName: string): [resource: string, amount: number][] {
  return COUNTED.filter(name => taken[name] !== undefined && taken[name] !== 0).flatMap((name): [string, number][] => [[name, taken[name]!], [`${name}_${typeName}`, taken[name]!]])
}

/** Upstream's words for a refusal. `limit` and `used` as they stand. */
export function refusal(resource: string, about: { asked: number, limit: number, used: number }): string {
  if (resource.startsWith('gigabytes')) return `Requested volume or snapshot exceeds allowed ${resource} quota. Requested ${about.asked}G, quota is ${about.limit}G and ${about.used}G has been consumed.`
  if (resource.startsWith('snapshots')) return `Maximum number of snapshots allowed (${about.limit}) exceeded`
  return `Maximum number of volumes allowed (${about.limit}) exceeded for quota '${resource}'.`
}

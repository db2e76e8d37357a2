// What every resource of Neutron has.

/** The standard attributes. Times are milliseconds. */
export interface Standard {
  readonly id: string
  readonly projectId: string
  readonly description: string
  readonly tags: readonly string[]
  /** Grows with every change that a client can see. */
  readonly revision: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** The standard attributes of something new. */
export function newStandard(from: { id: string, projectId: string, description?: string | undefined, tags?: readonly string[] | undefined }, now: number): Standard {
  return { id: from.id, projectId: from.projectId, description: from.description ?? '', tags: from.tags ?? [], revision: 1, createdAt: now, updatedAt: now }
}

/** The same after a change. */
export function revised<T extends Standard>(resource: T, changes: Partial<T>, now: number): T {
  return { ...resource, ...changes, revision: resource.revision + 1, updatedAt: now }
}

/** `2026-01-31T12:00:00Z`, of milliseconds. */
export function wireTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

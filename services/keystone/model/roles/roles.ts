// Roles, what they imply, and who has them where.

/** A role. */
export interface Role {
  id: string
  name: string
  /** Set for a role that only means something within a domain. */
  domainId: string | null
  description: string | null
  options: Readonly<Record<string, unknown>>
  /** Members that clients added of their own. */
  extra: Readonly<Record<string, unknown>>
}

/** Who holds a role. */
export type Actor = { kind: 'user' | 'group', id: string }

/** Where a role holds. */
export type ScopeTarget = { kind: 'project' | 'domain', id: string } | { kind: 'system', id: 'all' }

/** A role given to somebody somewhere; an inherited one holds in the projects below, not in the target itself. */
export interface Assignment {
  roleId: string
  actor: Actor
  target: ScopeTarget
  inherited: boolean
}

/** `prior` brings `implied` with it. */
export interface Inference {
  priorId: string
  impliedId: string
}

/**
 * The ids of `held` and of all that they imply, directly or not. Cycles are harmless.
 */
export function withImplied(held: Iterable<string>, inferences: readonly Inference[]): Set<string> {
  const all = new Set<string>()
  const open = [...held]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (all.has(id)) continue
    all.add(id)
    for (const rule of inferences) if (rule.priorId === id) open.push(rule.impliedId)
  }
  return all
}

/**
 * The role ids that assignments give in a scope: direct ones in the target itself, inherited ones from what stands above it.
 * `above` holds the ids of the target's parents, its domain included; empty for domains and the system.
 */
export function rolesIn(assignments: readonly Assignment[], target: ScopeTarget, above: readonly string[]): Set<string> {
  return new Set(assignments.filter(a => a.inherited
    ? target.kind === 'project' && a.target.kind !== 'system' && above.includes(a.target.id)
    : a.target.kind === target.kind && a.target.id === target.id).map(a => a.roleId))
}

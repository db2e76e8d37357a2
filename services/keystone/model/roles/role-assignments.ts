// What assignments amount to, user by user: groups opened, inheritance carried down, implications followed. Each row says how it came to be.
import type { Assignment, Inference, ScopeTarget } from './roles.ts'

/** An assignment as a list shows it; an effective one with what it came from. */
export interface ListedAssignment extends Assignment {
  /** Where it was given: a target above, when it is inherited. */
  givenIn: ScopeTarget
  /** The group that it came by. */
  through?: string
  /** The role that implies this one. */
  prior?: string
}

/** What is asked for; undefined: anything. `targetIds` are ids of projects, domains or `all`, the system. */
export interface Wanted {
  userId?: string | undefined
  roleId?: string | undefined
  targets?: { kind: ScopeTarget['kind'], ids: ReadonlySet<string> } | undefined
  inherited?: boolean | undefined
}

/** What the assignments are read against. */
export interface Surroundings {
  /** The users in a group. */
  members: ReadonlyMap<string, readonly string[]>
  /** The projects below a domain or project. */
  below: ReadonlyMap<string, readonly string[]>
  inferences: readonly Inference[]
  /** Roles that count; those of domains do so only by what they imply. */
  globalRoles: ReadonlySet<string>
}

/** The effective rows of `given` that are wanted: one for each way by which a user has a role somewhere. */
export function effective(given: readonly Assignment[], around: Surroundings, wanted: Wanted): ListedAssignment[] {
  const chains = new Map<string, readonly { roleId: string, prior?: string }[]>()
  const out: ListedAssignment[] = []
  const priors = Map.groupBy(around.inferences, rule => rule.priorId)
  const isWanted = (target: ScopeTarget) => !wanted.targets || wanted.targets.kind === target.kind && wanted.targets.ids.has(target.id)
  for (const a of given) {
    if (wanted.inherited !== undefined && wanted.inherited !== a.inherited) continue
    let chain = chains.get(a.roleId)
    if (!chain) chains.set(a.roleId, chain = chainOf(a.roleId, priors).filter(link => around.globalRoles.has(link.roleId) && (wanted.roleId === undefined || wanted.roleId === link.roleId)))
    if (chain.length === 0) continue
    const userIds = (a.actor.kind === 'user' ? [a.actor.id] : around.members.get(a.actor.id) ?? []).filter(id => wanted.userId === undefined || wanted.userId === id)
    const targets = (a.inherited ? (around.below.get(a.target.id) ?? []).map((id): ScopeTarget => ({ kind: 'project', id })) : [a.target]).filter(isWanted)
    const how = { inherited: a.inherited, givenIn: a.target, ...(a.actor.kind === 'group' && { through: a.actor.id }) }
    for (const id of userIds) for (const target of targets) for (const link of chain) out.push({ ...link, actor: { kind: 'user', id }, target, ...how })
  }
  return out
}

/** The projects below each of `ids`, by a map of parents. */
export function projectsBelow(parents: ReadonlyMap<string, string | null>, ids: ReadonlySet<string>): Map<string, string[]> {
  const below = new Map([...ids].map(id => [id, [] as string[]]))
  for (const id of parents.keys()) {
    for (let above = parents.get(id) ?? null; above !== null; above = parents.get(above) ?? null) below.get(above)?.push(id)
  }
  return below
}

/** The role and all that it implies, each with the role that brought it; once each, whatever circles there are. */
function chainOf(roleId: string, priors: ReadonlyMap<string, readonly Inference[]>): { roleId: string, prior?: string }[] {
  const chain: { roleId: string, prior?: string }[] = [{ roleId }]
  const seen = new Set([roleId])
  for (const { roleId: prior } of chain) {
    for (const { impliedId } of priors.get(prior) ?? []) {
      if (seen.has(impliedId)) continue
      seen.add(impliedId)
      chain.push({ roleId: impliedId, prior })
    }
  }
  return chain
}

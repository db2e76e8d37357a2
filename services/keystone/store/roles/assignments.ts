// SQL for who has which role where.
import type { Actor, Assignment, ScopeTarget } from '../../model/roles/roles.ts'
import type { Tables, Tx } from '../tables.ts'

/** Which assignments a list holds. */
export interface AssignmentFilter {
  actors?: readonly Actor[] | undefined
  target?: ScopeTarget | undefined
  roleId?: string | undefined
  inherited?: boolean | undefined
  /** Given in the target itself to hold there, or in one of the targets `above` it to hold below. */
  within?: { target: ScopeTarget, above: readonly string[] } | undefined
}

/** Assignments by filter. */
export async function list(tx: Tx, filter: AssignmentFilter): Promise<Assignment[]> {
  let query = tx.selectFrom('assignments').selectAll()
  const { actors, target, within } = filter
  if (actors) query = query.where(e => e.or([...Map.groupBy(actors, a => a.kind)].map(([kind, of]) => e.and([e('actor_kind', '=', kind), e('actor_id', 'in', of.map(a => a.id))]))))      // not one by one: SQLite nests no deeper than 1000
  if (target) query = query.where('target_kind', '=', target.kind).where('target_id', '=', target.id)
  if (filter.roleId !== undefined) query = query.where('role_id', '=', filter.roleId)
  if (within) {
    query = query.where(e => e.or([
      e.and([e('inherited', '=', 0), e('target_kind', '=', within.target.kind), e('target_id', '=', within.target.id)]),
      ...(within.above.length > 0 ? [e.and([e('inherited', '=', 1), e('target_kind', 'in', ['project', 'domain']), e('target_id', 'in', within.above)])] : []),
    ]))
  }
  if (filter.inherited !== undefined) query = query.where('inherited', '=', Number(filter.inherited))
  return (await query.orderBy('actor_kind').orderBy('actor_id').orderBy('target_kind').orderBy('target_id').orderBy('role_id').orderBy('inherited').execute()).map(fromRow)
}

/** True when just this assignment is there. */
export async function exists(tx: Tx, a: Assignment): Promise<boolean> {
  const found = await list(tx, { actors: [a.actor], target: a.target, roleId: a.roleId, inherited: a.inherited })
  return found.length > 0
}

/** Adds an assignment; nothing happens when it is there. */
export async function insert(tx: Tx, a: Assignment): Promise<void> {
  await tx.insertInto('assignments').values({
    role_id: a.roleId, actor_kind: a.actor.kind, actor_id: a.actor.id, target_kind: a.target.kind, target_id: a.target.id, inherited: Number(a.inherited),
  }).onConflict(c => c.doNothing()).execute()
}

/** Removes an assignment; false when it was not there. */
export async function remove(tx: Tx, a: Assignment): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('assignments').where('role_id', '=', a.roleId).where('actor_kind', '=', a.actor.kind).where('actor_id', '=', a.actor.id)
    .where('target_kind', '=', a.target.kind).where('target_id', '=', a.target.id).where('inherited', '=', Number(a.inherited)).executeTakeFirst()
  return numDeletedRows > 0n
}

/** Removes what an actor has, when it goes. */
export async function removeOfActor(tx: Tx, actor: Actor): Promise<void> {
  await tx.deleteFrom('assignments').where('actor_kind', '=', actor.kind).where('actor_id', '=', actor.id).execute()
}

/** Removes what was given in a scope, when it goes. */
export async function removeInTarget(tx: Tx, target: ScopeTarget): Promise<void> {
  await tx.deleteFrom('assignments').where('target_kind', '=', target.kind).where('target_id', '=', target.id).execute()
}

function fromRow(row: Tables['assignments']): Assignment {
  return {
    roleId: row.role_id, inherited: row.inherited === 1,
    actor: { kind: row.actor_kind as Actor['kind'], id: row.actor_id }, target: { kind: row.target_kind, id: row.target_id } as ScopeTarget,
  }
}

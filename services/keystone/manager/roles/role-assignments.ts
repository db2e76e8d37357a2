// Who has which role where: as it was given, or what it amounts to.
import type { Context } from '@alto/kit/context'
import { notFound } from '../../model/faults.ts'
import type { Project } from '../../model/projects/projects.ts'
import { effective, projectsBelow, type ListedAssignment } from '../../model/roles/role-assignments.ts'
import type { Actor, Assignment, ScopeTarget } from '../../model/roles/roles.ts'
import * as rules from '../../policy/roles/assignments.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import { namesOf, type NamedRow } from '../../store/names.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'

/** Which assignments a list holds; `effective` works groups, inheritance and implications out. */
export interface AssignmentQuery {
  userId?: string | undefined
  groupId?: string | undefined
  roleId?: string | undefined
  target?: ScopeTarget | undefined
  /** Only those that hold below their target, or only those that hold in it. */
  inherited?: boolean | undefined
  effective: boolean
  includeNames: boolean
  /** The projects below `target` too, which is a project. */
  includeSubtree: boolean
}

/** An assignment with the names that were asked for. */
export interface ShownAssignment extends ListedAssignment {
  names?: { role: InDomain, actor: InDomain, target?: InDomain }
}

/** A name as it is shown beside its id. */
export interface InDomain { name: string, domain?: { id: string, name: string } }

export type RoleAssignmentManager = ReturnType<typeof roleAssignmentManager>

/** The use cases of the list of assignments. */
export function roleAssignmentManager({ db }: Deps) {
  return {
    async list(ctx: Context, query: AssignmentQuery): Promise<ShownAssignment[]> {
      const { domainId } = ctx.credentials
      return db.read(async tx => {
        const project = query.target?.kind === 'project' ? await projects.find(tx, query.target.id) : undefined
        if (query.includeSubtree) ctx.authorize(rules.LIST_ROLE_ASSIGNMENTS_FOR_TREE, project ? { target: { project: { id: project.id, domain_id: project.domainId }, domain_id: project.domainId } } : {})
        else ctx.authorize(rules.LIST_ROLE_ASSIGNMENTS, { target: { domain_id: domainId } })
        if (query.target?.kind === 'project' && !project && (query.effective || query.includeSubtree)) throw notFound('project', query.target.id)
        const asked = { ...query, targets: await targetsOf(tx, query) }
        const found = query.effective ? await effectiveRows(tx, asked, project) : await givenRows(tx, asked)
        const seen = domainId === undefined ? found : await withinDomain(tx, found, domainId)
        return query.includeNames ? withNames(tx, seen) : seen
      })
    },
  }
}

type Asked = AssignmentQuery & { targets: { kind: ScopeTarget['kind'], ids: ReadonlySet<string> } | undefined }

async function targetsOf(tx: Tx, { target, includeSubtree }: AssignmentQuery): Promise<Asked['targets']> {
  if (!target) return undefined
  const below = includeSubtree ? projectsBelow(await projects.parents(tx), new Set([target.id])).get(target.id)! : []
  return { kind: target.kind, ids: new Set([target.id, ...below]) }
}

async function givenRows(tx: Tx, query: Asked): Promise<ListedAssignment[]> {
  const actors: Actor[] | undefined = query.userId !== undefined ? [{ kind: 'user', id: query.userId }] : query.groupId !== undefined ? [{ kind: 'group', id: query.groupId }] : undefined
  const given = await assignments.list(tx, { actors, roleId: query.roleId, inherited: query.inherited, ...(!query.includeSubtree && { target: query.target }) })
  const { targets } = query
  return given.filter(a => !targets || a.target.kind === targets.kind && targets.ids.has(a.target.id)).map(a => ({ ...a, givenIn: a.target }))
}

/** Only assignments that can matter are read: those of one user and its groups, those in one target and above it. */
async function effectiveRows(tx: Tx, query: Asked, project: Project | undefined): Promise<ListedAssignment[]> {
  const { userId, target, targets } = query
  if (userId !== undefined && !await users.find(tx, userId)) throw notFound('user', userId)
  const groupIds = userId === undefined ? undefined : await groups.idsOf(tx, userId)
  const actors: Actor[] | undefined = groupIds && [{ kind: 'user', id: userId! }, ...groupIds.map((id): Actor => ({ kind: 'group', id }))]
  const within = !target || query.includeSubtree ? undefined : { target, above: project ? await projects.idsAbove(tx, project) : [] }
  const given = await assignments.list(tx, { actors, inherited: query.inherited, within })
  return effective(given, {
    members: groupIds ? new Map(groupIds.map(id => [id, [userId!]])) : await groups.members(tx, new Set(given.flatMap(a => a.actor.kind === 'group' ? [a.actor.id] : []))),
    below: await belowOf(tx, given, target && !query.includeSubtree ? [target.id] : undefined),
    inferences: await roles.inferences(tx),
    globalRoles: new Set((await roles.list(tx, { domainId: null })).map(role => role.id)),
  }, { userId, roleId: query.roleId, targets })
}

/** What is below the targets of inherited assignments; `only` those projects, when they are known to be below all of them. */
async function belowOf(tx: Tx, given: readonly Assignment[], only: readonly string[] | undefined): Promise<Map<string, readonly string[]>> {
  const inherited = new Set(given.filter(a => a.inherited).map(a => a.target.id))
  if (only || inherited.size === 0) return new Map([...inherited].map(id => [id, only ?? []]))
  return projectsBelow(await projects.parents(tx), inherited)
}

async function withinDomain(tx: Tx, found: ListedAssignment[], domainId: string): Promise<ListedAssignment[]> {
  const own = new Set([domainId, ...(await projects.list(tx, { isDomain: false, domainId })).map(p => p.id)])
  return found.filter(a => own.has(a.target.id))
}

async function withNames(tx: Tx, found: readonly ListedAssignment[]): Promise<ShownAssignment[]> {
  const ids = (of: (a: ListedAssignment) => string | undefined) => new Set(found.flatMap(a => of(a) ?? []))
  const named = {
    role: await namesOf(tx, 'roles', ids(a => a.roleId)),
    user: await namesOf(tx, 'users', ids(a => a.actor.kind === 'user' ? a.actor.id : undefined)),
    group: await namesOf(tx, 'groups', ids(a => a.actor.kind === 'group' ? a.actor.id : undefined)),
    target: await namesOf(tx, 'projects', ids(a => a.target.kind === 'system' ? undefined : a.target.id)),
  }
  const domains = await namesOf(tx, 'projects', new Set(Object.values(named).flatMap(rows => [...rows.values()].flatMap(row => row.domainId ?? []))))
  const shown = (row: NamedRow | undefined): InDomain => ({ name: row?.name ?? '', ...(row && row.domainId !== null && { domain: { id: row.domainId, name: domains.get(row.domainId)?.name ?? '' } }) })
  return found.map(a => ({
    ...a, names: { role: shown(named.role.get(a.roleId)), actor: shown(named[a.actor.kind].get(a.actor.id)), ...(a.target.kind !== 'system' && { target: shown(named.target.get(a.target.id)) }) },
  }))
}

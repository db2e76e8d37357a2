// Projects and domains: what may be made, changed and removed, and by whom.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound, refused } from '../model/faults.ts'
import { DEFAULT_DOMAIN, MAX_DEPTH, type Project } from '../model/projects.ts'
import * as auth from '../policy/auth.ts'
import * as domainRules from '../policy/domains.ts'
import * as rules from '../policy/projects.ts'
import * as assignments from '../store/assignments.ts'
import * as groups from '../store/groups.ts'
import * as projects from '../store/projects.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users.ts'
import type { Deps } from './deps.ts'
import { scopesOf } from './scopes.ts'

/** What a client may say of a project or domain. */
export interface ProjectInput {
  name?: string | undefined
  domainId?: string | null | undefined
  parentId?: string | null | undefined
  isDomain?: boolean | undefined
  enabled?: boolean | undefined
  description?: string | undefined
  options?: Readonly<Record<string, unknown>> | undefined
  tags?: readonly string[] | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

/** A filter as the API has it. */
export interface ProjectQuery { name?: string | undefined, domainId?: string | undefined, parentId?: string | undefined, enabled?: boolean | undefined, isDomain?: boolean | undefined }

export type ProjectManager = ReturnType<typeof projectManager>

/** The use cases of projects (`noun: 'project'`) and of domains (`noun: 'domain'`): the same rows, different rules. */
export function projectManager(deps: Deps, noun: 'project' | 'domain') {
  const { db, ids } = deps
  const isDomain = noun === 'domain'
  const rule = isDomain
    ? { show: domainRules.GET_DOMAIN, list: domainRules.LIST_DOMAINS, create: domainRules.CREATE_DOMAIN, update: domainRules.UPDATE_DOMAIN, remove: domainRules.DELETE_DOMAIN }
    : { show: rules.GET_PROJECT, list: rules.LIST_PROJECTS, create: rules.CREATE_PROJECT, update: rules.UPDATE_PROJECT, remove: rules.DELETE_PROJECT }

  async function authorized(ctx: Context, tx: Tx, which: Rule, id: string): Promise<Project> {
    const found = await projects.find(tx, id)
    const project = found && (!isDomain || found.isDomain) ? found : undefined
    ctx.authorize(which, project ? targetOf(project) : {})
    if (!project) throw notFound(noun, id)
    return project
  }

  function targetOf(p: Pick<Project, 'id' | 'domainId'>) {
    return { target: isDomain ? { domain: { id: p.id } } : { project: { id: p.id, domain_id: p.domainId } } }
  }

  return {
    show: (ctx: Context, id: string) => db.read(tx => authorized(ctx, tx, rule.show, id)),

    async list(ctx: Context, query: ProjectQuery): Promise<Project[]> {
      const { credentials } = ctx
      const domainId = query.domainId ?? credentials.domainId
      ctx.authorize(rule.list, { target: isDomain ? { domain: { id: credentials.domainId } } : { domain_id: credentials.domainId } })
      const found = await db.read(tx => projects.list(tx, { ...query, isDomain: isDomain || query.isDomain === true, ...(!isDomain && { domainId: credentials.domainId ?? domainId }) }))
      return isDomain && credentials.domainId !== undefined && !ctx.allowed(rule.show, {}) ? found.filter(d => d.id === credentials.domainId) : found
    },

    /** The projects or domains that the caller could have a token for. */
    async listOwn(ctx: Context): Promise<Project[]> {
      ctx.authorize(isDomain ? auth.GET_AUTH_DOMAINS : auth.GET_AUTH_PROJECTS, {})
      return db.read(tx => scopesOf(tx, ctx.credentials.userId, noun))
    },

    /** The projects in which a user has some role. */
    async listOfUser(ctx: Context, userId: string): Promise<Project[]> {
      return db.read(async tx => {
        const user = await users.find(tx, userId)
        ctx.authorize(rules.LIST_USER_PROJECTS, user ? { target: { user: { id: user.id, domain_id: user.domainId } } } : {})
        if (!user) throw notFound('user', userId)
        return scopesOf(tx, userId, 'project')
      })
    },

    async create(ctx: Context, input: ProjectInput & { name: string }): Promise<Project> {
      const domain = isDomain || input.isDomain === true
      const domainId = domain ? null : input.domainId ?? ctx.credentials.domainId ?? ((input.parentId ?? null) === null ? ctx.credentials.projectDomainId ?? DEFAULT_DOMAIN : null)
      const project: Project = {
        id: ids.hex(), name: input.name.trim(), domainId, parentId: input.parentId ?? domainId, isDomain: domain, enabled: input.enabled ?? true,
        description: input.description ?? '', options: input.options ?? {}, tags: input.tags ?? [], extra: input.extra ?? {},
      }
      const created = await storing(noun, project, () => db.write(async tx => {
        const placed = domain ? project : await place(tx, project)
        ctx.authorize(rule.create, targetOf(placed))
        await projects.insert(tx, placed)
        await deps.changed(tx)
        return placed
      }))
      return created
    },

    async update(ctx: Context, id: string, input: ProjectInput): Promise<Project> {
      const changed = await storing(noun, input, () => db.write(async tx => {
        const project = await authorized(ctx, tx, rule.update, id)
        for (const [key, was] of [['domainId', project.domainId], ['parentId', project.parentId], ['isDomain', project.isDomain]] as const) {
          if (input[key] !== undefined && input[key] !== was) throw invalid(`${noun}.immutable`, `The ${noun}'s ${key === 'domainId' ? 'domain_id' : key === 'parentId' ? 'parent_id' : 'is_domain'} cannot be changed.`)
        }
        if (project.id === DEFAULT_DOMAIN && input.enabled === false) throw refused('domain.default', 'The default domain cannot be disabled: this cloud\'s own users live in it.')
        const next: Project = {
          ...project, name: input.name?.trim() ?? project.name, enabled: input.enabled ?? project.enabled, description: input.description ?? project.description,
          options: { ...project.options, ...input.options }, tags: input.tags ?? project.tags, extra: { ...project.extra, ...input.extra },
        }
        await projects.update(tx, next)
        await deps.changed(tx)
        return next
      }))
      return changed
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        const project = await authorized(ctx, tx, rule.remove, id)
        if (project.isDomain && project.enabled) throw refused('domain.enabled', 'Cannot delete a domain that is enabled, please disable it first.')
        await removeWithin(tx, project)
        await deps.changed(tx)
      })
    },
  }
}

/** The project with its parent and domain looked up and checked against each other. */
async function place(tx: Tx, project: Project): Promise<Project> {
  const parentId = project.parentId ?? project.domainId!
  const parent = await projects.find(tx, parentId)
  if (!parent) throw notFound('project', parentId)
  const domainId = parent.isDomain ? parent.id : parent.domainId!
  if (project.domainId !== null && project.domainId !== domainId) throw invalid('project.domain', 'Parent project must be in the same domain as the project itself.')
  if (!parent.enabled) throw invalid('project.parentDisabled', `Project ${parent.id} is disabled: nothing can be made in it.`)
  if ((await projects.idsAbove(tx, parent)).length >= MAX_DEPTH) throw refused('project.depth', `Max hierarchy depth reached: projects nest ${MAX_DEPTH} deep at most.`)
  return { ...project, parentId, domainId }
}

async function removeWithin(tx: Tx, project: Project): Promise<void> {
  const children = project.isDomain ? await projects.list(tx, { isDomain: false, domainId: project.id }) : await projects.list(tx, { isDomain: false, parentId: project.id })
  if (!project.isDomain && children.length) throw refused('project.notLeaf', `Cannot delete project ${project.id}: it has ${children.length} project(s) below it, the first is ${children[0]!.name}.`)
  if (project.isDomain) {
    for (const user of await users.list(tx, { domainId: project.id })) {
      await assignments.removeOfActor(tx, { kind: 'user', id: user.id })
      await users.remove(tx, user.id)
    }
    for (const group of await groups.list(tx, { domainId: project.id })) {
      await assignments.removeOfActor(tx, { kind: 'group', id: group.id })
      await groups.remove(tx, group.id)
    }
    let rest = children
    while (rest.length) {                             // leaves first
      const leaves = rest.filter(p => !rest.some(q => q.parentId === p.id))
      for (const leaf of leaves) await removeWithin(tx, leaf)
      rest = rest.filter(p => !leaves.includes(p))
    }
  }
  await assignments.removeInTarget(tx, { kind: project.isDomain ? 'domain' : 'project', id: project.id })
  await projects.remove(tx, project.id)
}

async function storing<T>(noun: string, input: { name?: string | undefined }, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict(noun, `it is not possible to create two ${noun}s of the name ${input.name}${noun === 'project' ? ' in one domain' : ''}`, error)
    if (isForeignKeyViolation(error)) throw invalid(`${noun}.reference`, `The ${noun} names a domain or parent that does not exist.`)
    throw error
  }
}

// Projects and domains: what may be made, changed and removed, and by whom.
//
// Rules over a tree (nothing is enabled in a disabled branch, no branch too deep, nothing below what goes) are held by order: every change says so first
// (`deps.changed`), so that of two changes the second waits and sees what the first did.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound, refused } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import { depthOf, type NamedLimit } from '../../model/limits.ts'
import { DEFAULT_DOMAIN, MOST_TAGS, nestedAbove, nestedBelow, reservedIn, type Nested, type Project, type TagFilter } from '../../model/projects/projects.ts'
import { isImmutable, onlyReleases, withOptions } from '../../model/resource-options.ts'
import * as auth from '../../policy/tokens/tokens.ts'
import * as domainRules from '../../policy/projects/domains.ts'
import * as rules from '../../policy/projects/projects.ts'
import * as assignments from '../../store/roles/assignments.ts'
import * as groups from '../../store/users/groups.ts'
import * as limits from '../../store/limits.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'
import { scopesOf } from '../roles/scopes.ts'

/** What a client may say of a project or domain. An option that is null is none. */
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

/** Which projects a list holds besides its filters. */
export interface ProjectQuery { isDomain: boolean, tags: TagFilter }

/** What is shown with a project of those around it. Lists hold the caller's own projects alone. */
export interface Around { parents?: 'list' | 'ids' | undefined, subtree?: 'list' | 'ids' | undefined, limits?: boolean | undefined }

/** A project of a list, with its limits when they were asked for. */
export interface Neighbour { project: Project, limits?: NamedLimit[] }

/** A project and what was asked for of those around it. */
export interface Surrounded { project: Project, parents?: Neighbour[] | Nested | null, subtree?: Neighbour[] | Nested | null }

export type ProjectManager = ReturnType<typeof projectManager>

/** The use cases of projects (`noun: 'project'`) and of domains (`noun: 'domain'`): the same rows, different rules. */
export function projectManager(deps: Deps, noun: 'project' | 'domain') {
  const { db, ids, options } = deps
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

  /** Throws when the name of a new or renamed project or domain may not be. */
  function named(p: Project): void {
    const reserved = (p.isDomain ? options.domainNameUrlSafe : options.projectNameUrlSafe) === 'off' ? '' : reservedIn(p.name)
    if (reserved) throw invalid(`${noun}.name`, `${p.isDomain ? 'Domain' : 'Project'} name cannot contain the following reserved characters: ${reserved}`)
  }

  /** Throws unless the project may stand where it says it does. */
  async function placed(tx: Tx, project: Project): Promise<void> {
    if (project.isDomain) {
      if (project.parentId !== null || project.domainId !== null) throw invalid('project.root', 'only root projects are allowed to act as domains.')
      return
    }
    const [domain, parent] = [await projects.find(tx, project.domainId!), await projects.find(tx, project.parentId!)]
    if (!domain?.isDomain) throw invalid('project.domain', `Could not find domain: ${project.domainId}.`)
    if (!parent) throw invalid('project.parent', `Could not find project: ${project.parentId}.`)
    if (parent.isDomain && parent.id !== domain.id) throw invalid('project.domain', `Cannot create project, the parent (${parent.id}) is acting as a domain, but this project's domain id (${domain.id}) does not match the parent's id.`)
    if (!parent.isDomain && parent.domainId !== domain.id) throw invalid('project.domain', `Cannot create project, since it specifies its domain_id ${domain.id}, but specifies a parent in a different domain (${parent.domainId}).`)
    const branch = await projects.idsAbove(tx, project)
    for (const id of branch) if (!(await projects.find(tx, id))!.enabled) throw invalid('project.branch', `cannot create a project in a branch containing a disabled project: ${id}`)
    if (branch.length > Math.min(options.maxProjectTreeDepth, depthOf(options.enforcementModel) ?? Infinity)) throw refused('project.depth', `Max hierarchy depth reached for ${parent.id} branch.`)
  }

  /** Writes other tags; `doing` says to whom it is refused what was tried. */
  function withTags<T>(ctx: Context, id: string, which: Rule, doing: string, change: (tags: readonly string[]) => { tags: readonly string[], result: T }): Promise<T> {
    return db.write(async tx => {
      await deps.changed(tx)
      const project = await authorized(ctx, tx, which, id)
      if (isImmutable(project)) throw refused('project.immutable', `Cannot ${doing} project tags for ${id}, project is immutable. Set "immutable" option to false before creating project tags.`)
      const { tags, result } = change(project.tags)
      await projects.update(tx, { ...project, tags })
      return result
    })
  }

  return {
    show: (ctx: Context, id: string) => db.read(tx => authorized(ctx, tx, rule.show, id)),

    /** The project with what was asked for of those around it. */
    showWith: (ctx: Context, id: string, around: Around): Promise<Surrounded> => db.read(async tx => {
      const project = await authorized(ctx, tx, rule.show, id)
      const [above, below] = [around.parents && await projects.idsAbove(tx, project), around.subtree && await projects.below(tx, id)]
      const own = around.parents === 'list' || around.subtree === 'list' ? new Map((await scopesOf(tx, ctx.credentials.userId, 'project')).map(p => [p.id, p])) : new Map<string, Project>()
      const list = async (ids: readonly string[]): Promise<Neighbour[]> => Promise.all(ids.flatMap(one => own.get(one) ?? []).map(async p => (
        { project: p, ...(around.limits && { limits: (await limits.list(tx, { projectId: p.id }, { filters: [] })).items }) }
      )))
      return {
        project,
        ...(above && { parents: around.parents === 'list' ? await list(above) : nestedAbove(above) }),
        ...(below && { subtree: around.subtree === 'list' ? await list(below.map(p => p.id)) : nestedBelow(below, id) }),
      }
    }),

    /** A domain-scoped caller sees its own domain and what is in it. */
    async list(ctx: Context, query: ProjectQuery, listing: Listing<projects.ProjectField>): Promise<Listed<Project>> {
      const { domainId } = ctx.credentials
      ctx.authorize(rule.list, { target: isDomain ? { domain: { id: domainId } } : { domain_id: domainId } })
      const own = isDomain && domainId !== undefined && !ctx.allowed(rule.show, {})
      return db.read(tx => projects.listPage(tx, bounded(listing, options), { isDomain: isDomain || query.isDomain, ids: own ? [domainId] : undefined, domainId: isDomain ? undefined : domainId, tags: query.tags }))
    },

    /** The projects or domains that the caller could have a token for. */
    async listOwn(ctx: Context): Promise<Project[]> {
      ctx.authorize(isDomain ? auth.GET_AUTH_DOMAINS : auth.GET_AUTH_PROJECTS, {})
      return db.read(tx => scopesOf(tx, ctx.credentials.userId, noun))
    },

    /** The projects in which a user has some role. */
    async listOfUser(ctx: Context, userId: string, listing: Listing<projects.ProjectField>): Promise<Listed<Project>> {
      return db.read(async tx => {
        const user = await users.find(tx, userId)
        ctx.authorize(rules.LIST_USER_PROJECTS, user ? { target: { user: { id: user.id, domain_id: user.domainId } } } : {})
        if (!user) throw notFound('user', userId)
        return projects.listPage(tx, bounded(listing, options), { isDomain: false, ids: (await scopesOf(tx, userId, 'project')).map(p => p.id) })
      })
    },

    /** `id` is for domains that are to have one that is known elsewhere. */
    async create(ctx: Context, input: ProjectInput & { name: string, id?: string | undefined }): Promise<Project> {
      const acts = isDomain || input.isDomain === true
      const id = input.id ?? ids.hex()
      return storing(input, { id, isDomain: acts }, () => db.write(async tx => {
        await deps.changed(tx)
        const parent = acts || typeof input.parentId !== 'string' ? undefined : await projects.find(tx, input.parentId)
        const domainId = input.domainId ?? (acts ? null : (parent && (parent.isDomain ? parent.id : parent.domainId)) ?? ctx.credentials.domainId ?? ctx.credentials.projectDomainId ?? DEFAULT_DOMAIN)
        const project: Project = {
          id, name: input.name.trim(), domainId, parentId: input.parentId ?? domainId, isDomain: acts, enabled: input.enabled ?? true,
          description: input.description ?? '', options: withOptions({}, input.options), tags: input.tags ?? [], extra: input.extra ?? {},
        }
        ctx.authorize(rule.create, targetOf(project))
        named(project)
        await placed(tx, project)
        await projects.insert(tx, project)
        return project
      }))
    },

    async update(ctx: Context, id: string, input: ProjectInput): Promise<Project> {
      return storing(input, { id, isDomain }, () => db.write(async tx => {
        await deps.changed(tx)
        const project = await authorized(ctx, tx, rule.update, id)
        if (isImmutable(project) && !onlyReleases(input)) throw refused(`${noun}.immutable`, `Unable to update immutable ${project.isDomain ? 'domain' : 'project'} resource: \`${id}. Set resource option "immutable" to false first.`)
        if (input.domainId !== undefined && input.domainId !== project.domainId) throw invalid(`${noun}.domain`, 'Cannot change Domain ID')
        if (input.parentId !== undefined && input.parentId !== project.parentId) throw refused(`${noun}.parent`, 'Update of `parent_id` is not allowed.')
        if (input.isDomain !== undefined && input.isDomain !== project.isDomain) throw invalid(`${noun}.isDomain`, 'Update of `is_domain` is not allowed.')
        const next: Project = {
          ...project, name: input.name?.trim() ?? project.name, enabled: input.enabled ?? project.enabled, description: input.description ?? project.description,
          options: withOptions(project.options, input.options), tags: input.tags ?? project.tags, extra: { ...project.extra, ...input.extra },
        }
        if (next.name !== project.name) named(next)
        if (next.enabled !== project.enabled) await switched(tx, next)
        await projects.update(tx, next)
        return next
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        const project = await authorized(ctx, tx, rule.remove, id)
        await removeWithin(tx, project)
      })
    },

    listTags: (ctx: Context, id: string): Promise<readonly string[]> => db.read(async tx => (await authorized(ctx, tx, rules.LIST_PROJECT_TAGS, id)).tags),

    async checkTag(ctx: Context, id: string, tag: string): Promise<void> {
      const { tags } = await db.read(tx => authorized(ctx, tx, rules.GET_PROJECT_TAG, id))
      if (!tags.includes(tag)) throw tagNotFound(tag)
    },

    setTags: (ctx: Context, id: string, tags: readonly string[]) => withTags(ctx, id, rules.UPDATE_PROJECT_TAGS, 'update', () => ({ tags, result: tags })),
    removeTags: (ctx: Context, id: string) => withTags(ctx, id, rules.DELETE_PROJECT_TAGS, 'update', () => ({ tags: [], result: undefined })),

    addTag: (ctx: Context, id: string, tag: string) => withTags(ctx, id, rules.CREATE_PROJECT_TAG, 'create', tags => {
      if (tags.includes(tag)) throw invalid('project.tag', `The project has the tag ${tag} already.`)
      if (tags.length >= MOST_TAGS) throw invalid('project.tags', `A project has ${MOST_TAGS} tags at most.`)
      return { tags: [...tags, tag], result: undefined }
    }),

    removeTag: (ctx: Context, id: string, tag: string) => withTags(ctx, id, rules.DELETE_PROJECT_TAG, 'delete', tags => {
      if (!tags.includes(tag)) throw tagNotFound(tag)
      return { tags: tags.filter(t => t !== tag), result: undefined }
    }),
  }
}

/** Throws when the project may not be enabled or disabled because of those around it. */
async function switched(tx: Tx, project: Project): Promise<void> {
  if (project.id === DEFAULT_DOMAIN) throw refused('domain.default', 'The default domain cannot be disabled: this cloud\'s own users live in it.')
  if (project.isDomain) return
  if (!project.enabled && (await projects.below(tx, project.id)).some(p => p.enabled)) throw refused('project.subtree', `Cannot disable project ${project.id} since its subtree contains enabled projects.`)
  if (project.enabled) for (const id of await projects.idsAbove(tx, project)) if (!(await projects.find(tx, id))!.enabled) throw refused('project.parents', `Cannot enable project ${project.id} since it has disabled parents`)
}

async function removeWithin(tx: Tx, project: Project): Promise<void> {
  const kind = project.isDomain ? 'domain' : 'project'
  if (isImmutable(project)) throw refused(`${kind}.immutable`, `Unable to delete immutable ${kind} resource: \`${project.id}. Set resource option "immutable" to false first.`)
  if (project.isDomain && project.enabled) throw refused('domain.enabled', 'Cannot delete a domain that is enabled, please disable it first.')
  const below = await projects.below(tx, project.id)
  if (!project.isDomain && below.length) throw refused('project.notLeaf', `Cannot delete the project ${project.id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`)
  if (project.isDomain) {
    for (const user of await users.list(tx, { domainId: project.id })) {
      await assignments.removeOfActor(tx, { kind: 'user', id: user.id })
      await users.remove(tx, user.id)
    }
    for (const group of await groups.list(tx, { domainId: project.id })) {
      await assignments.removeOfActor(tx, { kind: 'group', id: group.id })
      await groups.remove(tx, group.id)
    }
    for (const inner of below.toReversed()) await removeWithin(tx, inner)      // leaves first
    await roles.removeOfDomain(tx, project.id)
  }
  await users.forgetDefaultProject(tx, project.id)
  await assignments.removeInTarget(tx, { kind, id: project.id })
  await projects.remove(tx, project.id)
}

function tagNotFound(tag: string): Fault {
  return new Fault('notFound', 'keystone.projecttag.notFound', `Could not find project tag: ${tag}.`)
}

function storing<T>(input: { name?: string | undefined }, { id, isDomain }: { id: string, isDomain: boolean }, work: () => Promise<T>): Promise<T> {
  return orFault({
    unique: cause => conflict('project', isDomain
      ? `it is not permitted to have two projects acting as domains with the same name: ${input.name}`
      : `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${input.name}, project id ${id}`, cause),
    reference: () => invalid('project.reference', 'The project names a domain or parent that does not exist.'),
  }, work)
}

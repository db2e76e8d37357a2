// /projects and /domains.
import type { Context } from '@alto/kit/context'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { Around, ProjectInput, ProjectManager, Surrounded } from '../../manager/projects/projects.ts'
import { invalid } from '../../model/faults.ts'
import { MOST_TAGS, type Project } from '../../model/projects/projects.ts'
import * as domainRules from '../../policy/projects/domains.ts'
import * as rules from '../../policy/projects/projects.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { viewLimit } from '../limits.ts'
import { byId, changesOf, description, extraOf, flag, sameId, self, shortName } from '../links.ts'

const tag = t.string({ min: 1, max: 255, pattern: '^[^,/]*$' })
const tags = t.array(tag, { max: MOST_TAGS })
const fields = {
  description: t.optional(t.nullable(description)), enabled: t.optional(t.boolean()), options: t.optional(t.object({ immutable: t.optional(t.nullable(t.boolean())) })), tags: t.optional(tags),
}
const placed = { domain_id: t.optional(t.nullable(t.id())), parent_id: t.optional(t.nullable(t.id())), is_domain: t.optional(t.boolean()) }
const KNOWN = ['name', 'description', 'enabled', 'options', 'tags', 'domain_id', 'parent_id', 'is_domain']
const FIELDS = { name: 'text', domain_id: 'text', parent_id: 'text', enabled: 'flag' } as const
const USER_FIELDS = { name: 'text', domain_id: 'text', enabled: 'flag' } as const
const DOMAIN_FIELDS = { name: 'text', enabled: 'flag' } as const
const around = t.open({
  parents_as_list: t.optional(t.string()), parents_as_ids: t.optional(t.string()), subtree_as_list: t.optional(t.string()), subtree_as_ids: t.optional(t.string()), include_limits: t.optional(t.string()),
})
const byTag = t.object({ id: t.id(), tag })

/** The routes of projects. */
export function projectRoutes(projects: ProjectManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/projects', rule: rules.LIST_PROJECTS, status: 200, summary: 'List projects',
      query: t.open({ ...listQuery(FIELDS).properties, is_domain: t.optional(t.string()), tags: t.optional(t.string()), 'tags-any': t.optional(t.string()), 'not-tags': t.optional(t.string()), 'not-tags-any': t.optional(t.string()) }),
      handle: async ({ ctx, query: q, url }) => pageOf(ctx, url, 'projects', await projects.list(ctx, {
        isDomain: flag(q.is_domain) ?? false, tags: { all: tagsOf(q.tags), any: tagsOf(q['tags-any']), notAll: tagsOf(q['not-tags']), notAny: tagsOf(q['not-tags-any']) },
      }, listingOf(url, FIELDS)), p => viewProject(ctx, p)),
    }),
    route({
      method: 'POST', path: '/v3/projects', rule: rules.CREATE_PROJECT, status: 201, summary: 'Create project', body: t.open({ project: t.open({ name: shortName, ...fields, ...placed }) }),
      handle: async ({ ctx, body }) => ({ project: viewProject(ctx, await projects.create(ctx, { ...input(body.project), name: body.project.name })) }),
    }),
    route({
      method: 'GET', path: '/v3/projects/{id}', rule: rules.GET_PROJECT, status: 200, summary: 'Show project details', params: byId, query: around,
      handle: async ({ ctx, params, query }) => ({ project: viewSurrounded(ctx, await projects.showWith(ctx, params.id, aroundOf(query))) }),
    }),
    route({
      method: 'PATCH', path: '/v3/projects/{id}', rule: rules.UPDATE_PROJECT, status: 200, summary: 'Update project', params: byId,
      body: t.open({ project: t.open({ name: t.optional(shortName), ...fields, ...placed }) }),
      handle: async ({ ctx, params, body }) => ({ project: viewProject(ctx, await projects.update(ctx, params.id, input(sameId(body.project, params.id)))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/projects/{id}', rule: rules.DELETE_PROJECT, status: 204, summary: 'Delete project', params: byId,
      handle: async ({ ctx, params }) => projects.remove(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/users/{id}/projects', rule: rules.LIST_USER_PROJECTS, status: 200, summary: 'List projects for user', params: byId, query: listQuery(USER_FIELDS),
      handle: async ({ ctx, params, url }) => pageOf(ctx, url, 'projects', await projects.listOfUser(ctx, params.id, listingOf(url, USER_FIELDS)), p => viewProject(ctx, p)),
    }),
    route({
      method: 'GET', path: '/v3/projects/{id}/tags', rule: rules.LIST_PROJECT_TAGS, status: 200, summary: 'List tags for a project', params: byId,
      handle: async ({ ctx, params }) => viewTags(ctx, params.id, await projects.listTags(ctx, params.id)),
    }),
    route({
      method: 'PUT', path: '/v3/projects/{id}/tags', rule: rules.UPDATE_PROJECT_TAGS, status: 200, summary: 'Modify tag list for a project', params: byId, body: t.open({ tags }),
      handle: async ({ ctx, params, body }) => viewTags(ctx, params.id, await projects.setTags(ctx, params.id, distinct(body.tags))),
    }),
    route({
      method: 'DELETE', path: '/v3/projects/{id}/tags', rule: rules.DELETE_PROJECT_TAGS, status: 204, summary: 'Remove all tags from a project', params: byId,
      handle: async ({ ctx, params }) => projects.removeTags(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/projects/{id}/tags/{tag}', rule: rules.GET_PROJECT_TAG, status: 204, summary: 'Check if project contains tag', params: byTag,
      handle: async ({ ctx, params }) => projects.checkTag(ctx, params.id, params.tag),
    }),
    route({
      method: 'PUT', path: '/v3/projects/{id}/tags/{tag}', rule: rules.CREATE_PROJECT_TAG, status: 201, summary: 'Add single tag to a project', params: byTag,
      async handle({ ctx, params }) {
        await projects.addTag(ctx, params.id, params.tag)
        return answer(undefined, { headers: { location: self(ctx, `projects/${params.id}/tags/${encodeURIComponent(params.tag)}`).self } })
      },
    }),
    route({
      method: 'DELETE', path: '/v3/projects/{id}/tags/{tag}', rule: rules.DELETE_PROJECT_TAG, status: 204, summary: 'Delete single tag from project', params: byTag,
      handle: async ({ ctx, params }) => projects.removeTag(ctx, params.id, params.tag),
    }),
  ]
}

/** The routes of domains. */
export function domainRoutes(domains: ProjectManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/domains', rule: domainRules.LIST_DOMAINS, status: 200, summary: 'List domains', query: listQuery(DOMAIN_FIELDS),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'domains', await domains.list(ctx, { isDomain: true, tags: {} }, listingOf(url, DOMAIN_FIELDS)), d => viewDomain(ctx, d)),
    }),
    route({
      method: 'POST', path: '/v3/domains', rule: domainRules.CREATE_DOMAIN, status: 201, summary: 'Create domain', body: t.open({ domain: t.open({ name: shortName, explicit_domain_id: t.optional(t.string()), ...fields }) }),
      async handle({ ctx, body: { domain: { explicit_domain_id: id, ...d } } }) {
        if (id !== undefined && !/^[0-9a-f]{32}$/.test(id)) throw invalid('domain.id', 'Domain ID does not conform to required UUID format.')
        return { domain: viewDomain(ctx, await domains.create(ctx, { ...domainInput(d), name: d.name, id })) }
      },
    }),
    route({
      method: 'GET', path: '/v3/domains/{id}', rule: domainRules.GET_DOMAIN, status: 200, summary: 'Show domain details', params: byId,
      handle: async ({ ctx, params }) => ({ domain: viewDomain(ctx, await domains.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/domains/{id}', rule: domainRules.UPDATE_DOMAIN, status: 200, summary: 'Update domain', params: byId,
      body: t.open({ domain: t.open({ name: t.optional(shortName), ...fields }) }),
      handle: async ({ ctx, params, body }) => ({ domain: viewDomain(ctx, await domains.update(ctx, params.id, domainInput(changesOf('domain', body.domain, params.id)))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/domains/{id}', rule: domainRules.DELETE_DOMAIN, status: 204, summary: 'Delete domain', params: byId,
      handle: async ({ ctx, params }) => domains.remove(ctx, params.id),
    }),
  ]
}

/** A project as the API shows it. */
export function viewProject(ctx: Context, p: Project) {
  return {
    ...p.extra, id: p.id, name: p.name, domain_id: p.domainId, parent_id: p.parentId, is_domain: p.isDomain, enabled: p.enabled,
    description: p.description, options: p.options, tags: p.tags, links: self(ctx, `projects/${p.id}`),
  }
}

/** A domain as the API shows it. */
export function viewDomain(ctx: Context, d: Project) {
  return { ...d.extra, id: d.id, name: d.name, enabled: d.enabled, description: d.description, options: d.options, tags: d.tags, links: self(ctx, `domains/${d.id}`) }
}

function viewSurrounded(ctx: Context, { project, parents, subtree }: Surrounded) {
  const view = (around: Surrounded['parents']) => Array.isArray(around) ? around.map(({ project: p, limits }) => ({ project: { ...viewProject(ctx, p), ...(limits && { limits: limits.map(l => viewLimit(ctx, l)) }) } })) : around
  return { ...viewProject(ctx, project), ...(parents !== undefined && { parents: view(parents) }), ...(subtree !== undefined && { subtree: view(subtree) }) }
}

function viewTags(ctx: Context, id: string, list: readonly string[]) {
  return { tags: list, links: self(ctx, `projects/${id}/tags`) }
}

interface AroundQuery { parents_as_list?: string, parents_as_ids?: string, subtree_as_list?: string, subtree_as_ids?: string, include_limits?: string }

function aroundOf(q: AroundQuery): Around {
  const form = (what: string, list: string | undefined, ids: string | undefined) => {
    const [asList, asIds] = [flag(list) === true, flag(ids) === true]
    if (asList && asIds) throw invalid('project.around', `Cannot use ${what}_as_list and ${what}_as_ids query params at the same time.`)
    return asList ? 'list' : asIds ? 'ids' : undefined
  }
  return { parents: form('parents', q.parents_as_list, q.parents_as_ids), subtree: form('subtree', q.subtree_as_list, q.subtree_as_ids), limits: flag(q.include_limits) }
}

/** A comma-separated list; undefined when there is none. */
function tagsOf(value: string | undefined): string[] | undefined {
  return value === undefined ? undefined : value.split(',')
}

function distinct(list: readonly string[]): readonly string[] {
  if (new Set(list).size < list.length) throw invalid('project.tags', 'Invalid input for field/attribute tags: a tag stands in it twice.')
  return list
}

interface ProjectBody {
  name?: string, description?: string | null, enabled?: boolean, options?: { immutable?: boolean | null }, tags?: string[]
  domain_id?: string | null, parent_id?: string | null, is_domain?: boolean
}

function input(b: ProjectBody): ProjectInput {
  return {
    name: b.name, domainId: b.domain_id, parentId: b.parent_id, isDomain: b.is_domain, enabled: b.enabled, description: b.description === null ? '' : b.description,
    options: b.options, tags: b.tags && distinct(b.tags), extra: extraOf(b as Record<string, unknown>, KNOWN),
  }
}

/** What places a project says nothing of a domain: it is no member of its own either. */
function domainInput(b: ProjectBody): ProjectInput {
  return { ...input(b), domainId: undefined, parentId: undefined, isDomain: undefined }
}

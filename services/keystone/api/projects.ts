// /projects and /domains.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ProjectInput, ProjectManager } from '../manager/projects.ts'
import type { Project } from '../model/projects.ts'
import * as domainRules from '../policy/domains.ts'
import * as rules from '../policy/projects.ts'
import { byId, description, extraOf, flag, listOf, options, self, shortName } from './links.ts'

const fields = {
  description: t.optional(t.nullable(description)), enabled: t.optional(t.boolean()), options: t.optional(options),
  tags: t.optional(t.array(t.string({ min: 1, max: 255, pattern: '^[^,/]*$' }), { max: 80 })),
}
const placed = { domain_id: t.optional(t.nullable(t.id())), parent_id: t.optional(t.nullable(t.id())), is_domain: t.optional(t.boolean()) }
const KNOWN = ['name', 'description', 'enabled', 'options', 'tags', 'domain_id', 'parent_id', 'is_domain']
const query = t.open({ name: t.optional(t.string()), domain_id: t.optional(t.string()), parent_id: t.optional(t.string()), enabled: t.optional(t.string()), is_domain: t.optional(t.string()) })

/** The routes of projects. */
export function projectRoutes(projects: ProjectManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/projects', rule: rules.LIST_PROJECTS, status: 200, summary: 'List projects', query,
      handle: async ({ ctx, query: q }) => listOf(ctx, 'projects', 'projects', (await projects.list(ctx, {
        name: q.name, domainId: q.domain_id, parentId: q.parent_id, enabled: flag(q.enabled), isDomain: flag(q.is_domain) ?? false,
      })).map(p => viewProject(ctx, p))),
    }),
    route({
      method: 'POST', path: '/v3/projects', rule: rules.CREATE_PROJECT, status: 201, summary: 'Create project', body: t.open({ project: t.open({ name: shortName, ...fields, ...placed }) }),
      handle: async ({ ctx, body }) => ({ project: viewProject(ctx, await projects.create(ctx, { ...input(body.project), name: body.project.name })) }),
    }),
    route({
      method: 'GET', path: '/v3/projects/{id}', rule: rules.GET_PROJECT, status: 200, summary: 'Show project details', params: byId,
      handle: async ({ ctx, params }) => ({ project: viewProject(ctx, await projects.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/projects/{id}', rule: rules.UPDATE_PROJECT, status: 200, summary: 'Update project', params: byId,
      body: t.open({ project: t.open({ name: t.optional(shortName), ...fields, ...placed }) }),
      handle: async ({ ctx, params, body }) => ({ project: viewProject(ctx, await projects.update(ctx, params.id, input(body.project))) }),
    }),
    route({
      method: 'DELETE', path: '/v3/projects/{id}', rule: rules.DELETE_PROJECT, status: 204, summary: 'Delete project', params: byId,
      handle: async ({ ctx, params }) => projects.remove(ctx, params.id),
    }),
    route({
      method: 'GET', path: '/v3/users/{id}/projects', rule: rules.LIST_USER_PROJECTS, status: 200, summary: 'List projects for user', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'projects', `users/${params.id}/projects`, (await projects.listOfUser(ctx, params.id)).map(p => viewProject(ctx, p))),
    }),
  ]
}

/** The routes of domains. */
export function domainRoutes(domains: ProjectManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/domains', rule: domainRules.LIST_DOMAINS, status: 200, summary: 'List domains', query,
      handle: async ({ ctx, query: q }) => listOf(ctx, 'domains', 'domains', (await domains.list(ctx, { name: q.name, enabled: flag(q.enabled) })).map(d => viewDomain(ctx, d))),
    }),
    route({
      method: 'POST', path: '/v3/domains', rule: domainRules.CREATE_DOMAIN, status: 201, summary: 'Create domain', body: t.open({ domain: t.open({ name: shortName, ...fields }) }),
      handle: async ({ ctx, body }) => ({ domain: viewDomain(ctx, await domains.create(ctx, { ...input(body.domain), name: body.domain.name })) }),
    }),
    route({
      method: 'GET', path: '/v3/domains/{id}', rule: domainRules.GET_DOMAIN, status: 200, summary: 'Show domain details', params: byId,
      handle: async ({ ctx, params }) => ({ domain: viewDomain(ctx, await domains.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/domains/{id}', rule: domainRules.UPDATE_DOMAIN, status: 200, summary: 'Update domain', params: byId,
      body: t.open({ domain: t.open({ name: t.optional(shortName), ...fields }) }),
      handle: async ({ ctx, params, body }) => ({ domain: viewDomain(ctx, await domains.update(ctx, params.id, input(body.domain))) }),
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

interface ProjectBody {
  name?: string, description?: string | null, enabled?: boolean, options?: Record<string, unknown>, tags?: string[]
  domain_id?: string | null, parent_id?: string | null, is_domain?: boolean
}

function input(b: ProjectBody): ProjectInput {
  return {
    name: b.name, domainId: b.domain_id, parentId: b.parent_id, isDomain: b.is_domain, enabled: b.enabled, description: b.description ?? undefined,
    options: b.options, tags: b.tags, extra: extraOf(b as Record<string, unknown>, KNOWN),
  }
}

// /OS-EP-FILTER.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { EndpointFilterManager } from '../../manager/catalog/endpoint-filters.ts'
import type { EndpointGroup } from '../../model/catalog/catalog.ts'
import * as rules from '../../policy/catalog/endpoint-filters.ts'
import { interfaces, viewEndpoint } from './endpoints.ts'
import { listingOf, listQuery, pageOf } from '../filters.ts'
import { byId, listOf, name, self } from '../links.ts'
import { viewProject } from '../projects/projects.ts'

const PATH = 'OS-EP-FILTER'
const FIELDS = { name: 'text' } as const
const described = { description: t.optional(t.nullable(t.string({ max: 65_535 }))) }
const filters = t.open({ interface: t.optional(interfaces), service_id: t.optional(t.string()), region_id: t.optional(t.nullable(t.string())) })
const groupInProject = t.object({ group_id: t.id(), project_id: t.id() })
const endpointInProject = t.object({ project_id: t.id(), endpoint_id: t.id() })

/** The routes of endpoint groups and of what projects are given of the catalog. */
export function endpointFilterRoutes(given: EndpointFilterManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: `/v3/${PATH}/endpoint_groups`, rule: rules.LIST_ENDPOINT_GROUPS, status: 200, summary: 'List Endpoint Groups', query: listQuery(FIELDS),
      handle: async ({ ctx, url }) => pageOf(ctx, url, 'endpoint_groups', await given.listGroups(ctx, listingOf(url, FIELDS)), g => view(ctx, g)),
    }),
    route({
      method: 'POST', path: `/v3/${PATH}/endpoint_groups`, rule: rules.CREATE_ENDPOINT_GROUP, status: 201, summary: 'Create Endpoint Group', body: t.open({ endpoint_group: t.object({ name, filters, ...described }) }),
      handle: async ({ ctx, body: { endpoint_group: g } }) => ({ endpoint_group: view(ctx, await given.createGroup(ctx, g)) }),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/endpoint_groups/{id}`, rule: rules.GET_ENDPOINT_GROUP, status: 200, summary: 'Get Endpoint Group', params: byId,
      handle: async ({ ctx, params }) => ({ endpoint_group: view(ctx, await given.showGroup(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: `/v3/${PATH}/endpoint_groups/{id}`, rule: rules.UPDATE_ENDPOINT_GROUP, status: 200, summary: 'Update Endpoint Group', params: byId,
      body: t.open({ endpoint_group: t.object({ name: t.optional(name), filters: t.optional(filters), ...described }) }),
      handle: async ({ ctx, params, body: { endpoint_group: g } }) => ({ endpoint_group: view(ctx, await given.updateGroup(ctx, params.id, g)) }),
    }),
    route({
      method: 'DELETE', path: `/v3/${PATH}/endpoint_groups/{id}`, rule: rules.DELETE_ENDPOINT_GROUP, status: 204, summary: 'Delete Endpoint Group', params: byId,
      handle: async ({ ctx, params }) => given.removeGroup(ctx, params.id),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/endpoint_groups/{id}/endpoints`, rule: rules.LIST_ENDPOINTS_ASSOCIATED_WITH_ENDPOINT_GROUP, status: 200, summary: 'List Endpoints Associated with Endpoint Group', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'endpoints', `${PATH}/endpoint_groups/${params.id}/endpoints`, (await given.endpointsInGroup(ctx, params.id)).map(e => viewEndpoint(ctx, e))),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/endpoint_groups/{id}/projects`, rule: rules.LIST_PROJECTS_ASSOCIATED_WITH_ENDPOINT_GROUP, status: 200, summary: 'List Projects Associated with Endpoint Group', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'projects', `${PATH}/endpoint_groups/${params.id}/projects`, (await given.projectsOfGroup(ctx, params.id)).map(p => viewProject(ctx, p))),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/endpoint_groups/{group_id}/projects/{project_id}`, rule: rules.GET_ENDPOINT_GROUP_IN_PROJECT, status: 200, summary: 'Get Endpoint Group to Project Association', params: groupInProject,
      async handle({ ctx, params }) {
        await given.checkGroup(ctx, params.project_id, params.group_id)
        return { project_endpoint_group: { endpoint_group_id: params.group_id, project_id: params.project_id, links: self(ctx, `${PATH}/endpoint_groups/${params.group_id}/projects/${params.project_id}`) } }
      },
    }),
    route({
      method: 'PUT', path: `/v3/${PATH}/endpoint_groups/{group_id}/projects/{project_id}`, rule: rules.ADD_ENDPOINT_GROUP_TO_PROJECT, status: 204, summary: 'Create Endpoint Group to Project Association', params: groupInProject,
      handle: async ({ ctx, params }) => given.addGroup(ctx, params.project_id, params.group_id),
    }),
    route({
      method: 'DELETE', path: `/v3/${PATH}/endpoint_groups/{group_id}/projects/{project_id}`, rule: rules.REMOVE_ENDPOINT_GROUP_FROM_PROJECT, status: 204, summary: 'Delete Endpoint Group to Project Association', params: groupInProject,
      handle: async ({ ctx, params }) => given.takeGroup(ctx, params.project_id, params.group_id),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/projects/{id}/endpoint_groups`, rule: rules.LIST_ENDPOINT_GROUPS_FOR_PROJECT, status: 200, summary: 'List Endpoint Groups Associated with Project', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'endpoint_groups', `${PATH}/projects/${params.id}/endpoint_groups`, (await given.groupsOfProject(ctx, params.id)).map(g => view(ctx, g))),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/projects/{id}/endpoints`, rule: rules.LIST_ENDPOINTS_FOR_PROJECT, status: 200, summary: 'List Associations by Project', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'endpoints', `${PATH}/projects/${params.id}/endpoints`, (await given.endpointsOfProject(ctx, params.id)).map(e => viewEndpoint(ctx, e))),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/endpoints/{id}/projects`, rule: rules.LIST_PROJECTS_FOR_ENDPOINT, status: 200, summary: 'List Associations by Endpoint', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'projects', `${PATH}/endpoints/${params.id}/projects`, (await given.projectsOfEndpoint(ctx, params.id)).map(p => viewProject(ctx, p))),
    }),
    route({
      method: 'GET', path: `/v3/${PATH}/projects/{project_id}/endpoints/{endpoint_id}`, rule: rules.CHECK_ENDPOINT_IN_PROJECT, status: 204, summary: 'Check Association', params: endpointInProject,
      handle: async ({ ctx, params }) => given.checkEndpoint(ctx, params.project_id, params.endpoint_id),
    }),
    route({
      method: 'PUT', path: `/v3/${PATH}/projects/{project_id}/endpoints/{endpoint_id}`, rule: rules.ADD_ENDPOINT_TO_PROJECT, status: 204, summary: 'Create Association', params: endpointInProject,
      handle: async ({ ctx, params }) => given.addEndpoint(ctx, params.project_id, params.endpoint_id),
    }),
    route({
      method: 'DELETE', path: `/v3/${PATH}/projects/{project_id}/endpoints/{endpoint_id}`, rule: rules.REMOVE_ENDPOINT_FROM_PROJECT, status: 204, summary: 'Delete Association', params: endpointInProject,
      handle: async ({ ctx, params }) => given.removeEndpoint(ctx, params.project_id, params.endpoint_id),
    }),
  ]
}

function view(ctx: Context, g: EndpointGroup) {
  return { id: g.id, name: g.name, description: g.description, filters: g.filters, links: self(ctx, `${PATH}/endpoint_groups/${g.id}`) }
}

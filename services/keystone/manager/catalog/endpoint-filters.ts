// What projects see of the catalog: endpoint groups, and the endpoints and groups that projects are given. A project that was given none sees all.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { ENDPOINT_FILTER_KEYS, givenTo, isInGroup, type Endpoint, type EndpointGroup } from '../../model/catalog/catalog.ts'
import { conflict, expected, invalid, notFound } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import type { Project } from '../../model/projects/projects.ts'
import * as rules from '../../policy/catalog/endpoint-filters.ts'
import * as filters from '../../store/catalog/endpoint-filters.ts'
import * as endpoints from '../../store/catalog/endpoints.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of an endpoint group. */
export interface EndpointGroupInput { name?: string | undefined, description?: string | null | undefined, filters?: EndpointGroup['filters'] | undefined }

export type EndpointFilterManager = ReturnType<typeof endpointFilterManager>

/** The use cases of OS-EP-FILTER. */
export function endpointFilterManager({ db, ids, options, changed }: Deps) {
  return {
    async showGroup(ctx: Context, id: string): Promise<EndpointGroup> {
      ctx.authorize(rules.GET_ENDPOINT_GROUP, {})
      return db.read(tx => group(tx, id))
    },

    async listGroups(ctx: Context, listing: Listing<'name'>): Promise<Listed<EndpointGroup>> {
      ctx.authorize(rules.LIST_ENDPOINT_GROUPS, {})
      return db.read(tx => filters.listGroups(tx, bounded(listing, options)))
    },

    async createGroup(ctx: Context, input: EndpointGroupInput & { name: string, filters: EndpointGroup['filters'] }): Promise<EndpointGroup> {
      ctx.authorize(rules.CREATE_ENDPOINT_GROUP, {})
      if (Object.keys(input.filters).length === 0) throw invalid('endpointGroup.filters', 'filters field is required and cannot be empty')
      const made: EndpointGroup = { id: ids.hex(), name: input.name, description: input.description ?? null, filters: known(input.filters) }
      await db.write(tx => filters.insertGroup(tx, made))
      return made
    },

    async updateGroup(ctx: Context, id: string, input: EndpointGroupInput): Promise<EndpointGroup> {
      ctx.authorize(rules.UPDATE_ENDPOINT_GROUP, {})
      return db.write(async tx => {
        await changed(tx)
        const was = await group(tx, id)
        const next: EndpointGroup = { ...was, name: input.name ?? was.name, description: input.description === undefined ? was.description : input.description, filters: input.filters ? known(input.filters) : was.filters }
        await filters.updateGroup(tx, next)
        return next
      })
    },

    async removeGroup(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_ENDPOINT_GROUP, {})
      await db.write(async tx => {
        await changed(tx)
        await group(tx, id)
        await filters.removeGroup(tx, id)
      })
    },

    async endpointsInGroup(ctx: Context, id: string): Promise<Endpoint[]> {
      ctx.authorize(rules.LIST_ENDPOINTS_ASSOCIATED_WITH_ENDPOINT_GROUP, {})
      return db.read(async tx => {
        const asked = await group(tx, id)
        return (await endpoints.list(tx, {})).filter(e => isInGroup(asked, e))
      })
    },

    /** Nobody's, too, for a group that does not exist: as upstream. */
    async projectsOfGroup(ctx: Context, id: string): Promise<Project[]> {
      ctx.authorize(rules.LIST_PROJECTS_ASSOCIATED_WITH_ENDPOINT_GROUP, {})
      return db.read(async tx => byIds(tx, await filters.projectsOfGroup(tx, id)))
    },

    async groupsOfProject(ctx: Context, projectId: string): Promise<readonly EndpointGroup[]> {
      ctx.authorize(rules.LIST_ENDPOINT_GROUPS_FOR_PROJECT, {})
      return db.read(async tx => {
        await project(tx, projectId)
        return (await filters.ofProject(tx, projectId)).groups
      })
    },

    async checkGroup(ctx: Context, projectId: string, groupId: string): Promise<void> {
      await db.read(async tx => {
        await groupAndProject(ctx, tx, rules.GET_ENDPOINT_GROUP_IN_PROJECT, { projectId, groupId })
        if (!await filters.hasGroup(tx, projectId, groupId)) throw groupNotGiven()
      })
    },

    async addGroup(ctx: Context, projectId: string, groupId: string): Promise<void> {
      await giving('project_endpoint_group', () => db.write(async tx => {
        await changed(tx)
        await groupAndProject(ctx, tx, rules.ADD_ENDPOINT_GROUP_TO_PROJECT, { projectId, groupId })
        await filters.addGroup(tx, projectId, groupId)
      }))
    },

    async takeGroup(ctx: Context, projectId: string, groupId: string): Promise<void> {
      await db.write(async tx => {
        await changed(tx)
        await groupAndProject(ctx, tx, rules.REMOVE_ENDPOINT_GROUP_FROM_PROJECT, { projectId, groupId })
        if (!await filters.takeGroup(tx, projectId, groupId)) throw groupNotGiven()
      })
    },

    /** All that the project was given, by itself or by a group; disabled ones too. */
    async endpointsOfProject(ctx: Context, projectId: string): Promise<Endpoint[]> {
      ctx.authorize(rules.LIST_ENDPOINTS_FOR_PROJECT, {})
      return db.read(async tx => {
        await project(tx, projectId)
        return givenTo(await filters.ofProject(tx, projectId), await endpoints.list(tx, {}))
      })
    },

    async projectsOfEndpoint(ctx: Context, endpointId: string): Promise<Project[]> {
      ctx.authorize(rules.LIST_PROJECTS_FOR_ENDPOINT, {})
      return db.read(async tx => {
        await endpoint(tx, endpointId)
        return byIds(tx, await filters.projectsOfEndpoint(tx, endpointId))
      })
    },

    async checkEndpoint(ctx: Context, projectId: string, endpointId: string): Promise<void> {
      await db.read(async tx => {
        await endpointAndProject(ctx, tx, rules.CHECK_ENDPOINT_IN_PROJECT, { projectId, endpointId })
        if (!await filters.hasEndpoint(tx, projectId, endpointId)) throw endpointNotGiven(projectId, endpointId)
      })
    },

    async addEndpoint(ctx: Context, projectId: string, endpointId: string): Promise<void> {
      await giving('project_endpoint', () => db.write(async tx => {
        await changed(tx)
        await endpointAndProject(ctx, tx, rules.ADD_ENDPOINT_TO_PROJECT, { projectId, endpointId })
        await filters.addEndpoint(tx, projectId, endpointId)
      }))
    },

    async removeEndpoint(ctx: Context, projectId: string, endpointId: string): Promise<void> {
      ctx.authorize(rules.REMOVE_ENDPOINT_FROM_PROJECT, {})
      await db.write(async tx => {
        await changed(tx)
        if (!await filters.removeEndpoint(tx, projectId, endpointId)) throw endpointNotGiven(projectId, endpointId)
      })
    },
  }
}

function known(asked: EndpointGroup['filters']): EndpointGroup['filters'] {
  if (Object.keys(asked).some(key => !(ENDPOINT_FILTER_KEYS as readonly string[]).includes(key))) throw expected(ENDPOINT_FILTER_KEYS.join(' or '), 'endpoint_group')
  return asked
}

async function group(tx: Tx, id: string): Promise<EndpointGroup> {
  const found = await filters.findGroup(tx, id)
  if (!found) throw notFound('Endpoint Group', id)
  return found
}

async function project(tx: Tx, id: string): Promise<void> {
  if (!await projects.find(tx, id)) throw notFound('project', id)
}

async function endpoint(tx: Tx, id: string): Promise<void> {
  if (!await endpoints.find(tx, id)) throw notFound('endpoint', id)
}

async function groupAndProject(ctx: Context, tx: Tx, rule: Rule, { projectId, groupId }: { projectId: string, groupId: string }): Promise<void> {
  ctx.authorize(rule, {})
  await project(tx, projectId)
  await group(tx, groupId)
}

async function endpointAndProject(ctx: Context, tx: Tx, rule: Rule, { projectId, endpointId }: { projectId: string, endpointId: string }): Promise<void> {
  ctx.authorize(rule, {})
  await endpoint(tx, endpointId)
  await project(tx, projectId)
}

async function byIds(tx: Tx, ids: readonly string[]): Promise<Project[]> {
  return [...await projects.list(tx, { isDomain: false, ids }), ...await projects.list(tx, { isDomain: true, ids })]
}

function groupNotGiven(): Fault {
  return new Fault('notFound', 'keystone.endpointGroup.notGiven', 'Endpoint Group Project Association not found')
}

function endpointNotGiven(projectId: string, endpointId: string): Fault {
  return new Fault('notFound', 'keystone.endpoint.notGiven', `Endpoint ${endpointId} not found in project ${projectId}`)
}

function giving(what: string, work: () => Promise<void>): Promise<void> {
  return orFault({ unique: cause => conflict(what, 'Duplicate entry', cause), reference: cause => conflict(what, 'one of the two was removed meanwhile', cause) }, work)
}

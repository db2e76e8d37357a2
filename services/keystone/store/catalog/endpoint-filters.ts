// SQL for endpoint groups, and for the endpoints and groups that projects are given.
import { fromJson, toJson } from '@alto/kit/db'
import type { EndpointGroup, ProjectEndpoints } from '../../model/catalog/catalog.ts'
import type { Listed, Listing } from '../../model/filters.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The endpoint group, or undefined. */
export async function findGroup(tx: Tx, id: string): Promise<EndpointGroup | undefined> {
  const row = await tx.selectFrom('endpoint_groups').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** A page of endpoint groups, by name. */
export async function listGroups(tx: Tx, listing: Listing<'name'>): Promise<Listed<EndpointGroup>> {
  const { items, more } = await page(tx.selectFrom('endpoint_groups').selectAll(), listing, { name: 'name' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** Adds an endpoint group. */
export async function insertGroup(tx: Tx, group: EndpointGroup): Promise<void> {
  await tx.insertInto('endpoint_groups').values(toRow(group)).execute()
}

/** Writes all of the group's columns. */
export async function updateGroup(tx: Tx, group: EndpointGroup): Promise<void> {
  await tx.updateTable('endpoint_groups').set(toRow(group)).where('id', '=', group.id).execute()
}

/** Removes the group; projects lose it. */
export async function removeGroup(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('endpoint_groups').where('id', '=', id).execute()
}

/** What the project was given; both empty when nothing. */
export async function ofProject(tx: Tx, projectId: string): Promise<ProjectEndpoints> {
  const endpoints = await tx.selectFrom('project_endpoints').select('endpoint_id').where('project_id', '=', projectId).execute()
  const groups = await tx.selectFrom('endpoint_groups').innerJoin('project_endpoint_groups', 'endpoint_group_id', 'id').selectAll('endpoint_groups').where('project_id', '=', projectId).orderBy('name').orderBy('id').execute()
  return { endpointIds: new Set(endpoints.map(row => row.endpoint_id)), groups: groups.map(fromRow) }
}

/** The ids of the projects that were given the endpoint. */
export async function projectsOfEndpoint(tx: Tx, endpointId: string): Promise<string[]> {
  return (await tx.selectFrom('project_endpoints').select('project_id').where('endpoint_id', '=', endpointId).execute()).map(row => row.project_id)
}

/** The ids of the projects that were given the group. */
export async function projectsOfGroup(tx: Tx, groupId: string): Promise<string[]> {
  return (await tx.selectFrom('project_endpoint_groups').select('project_id').where('endpoint_group_id', '=', groupId).execute()).map(row => row.project_id)
}

/** Gives the project the endpoint. Breaks the primary key when it has it. */
export async function addEndpoint(tx: Tx, projectId: string, endpointId: string): Promise<void> {
  await tx.insertInto('project_endpoints').values({ project_id: projectId, endpoint_id: endpointId }).execute()
}

/** Whether the project was given the endpoint by itself, not by a group. */
export async function hasEndpoint(tx: Tx, projectId: string, endpointId: string): Promise<boolean> {
  return await tx.selectFrom('project_endpoints').select('endpoint_id').where('project_id', '=', projectId).where('endpoint_id', '=', endpointId).executeTakeFirst() !== undefined
}

/** Takes the endpoint from the project; false when it had not been given. */
export async function removeEndpoint(tx: Tx, projectId: string, endpointId: string): Promise<boolean> {
  return (await tx.deleteFrom('project_endpoints').where('project_id', '=', projectId).where('endpoint_id', '=', endpointId).executeTakeFirst()).numDeletedRows > 0n
}

/** Gives the project the group. Breaks the primary key when it has it. */
export async function addGroup(tx: Tx, projectId: string, groupId: string): Promise<void> {
  await tx.insertInto('project_endpoint_groups').values({ project_id: projectId, endpoint_group_id: groupId }).execute()
}

/** Whether the project was given the group. */
export async function hasGroup(tx: Tx, projectId: string, groupId: string): Promise<boolean> {
  return await tx.selectFrom('project_endpoint_groups').select('project_id').where('project_id', '=', projectId).where('endpoint_group_id', '=', groupId).executeTakeFirst() !== undefined
}

/** Takes the group from the project; false when it had not been given. */
export async function takeGroup(tx: Tx, projectId: string, groupId: string): Promise<boolean> {
  return (await tx.deleteFrom('project_endpoint_groups').where('project_id', '=', projectId).where('endpoint_group_id', '=', groupId).executeTakeFirst()).numDeletedRows > 0n
}

function fromRow(row: Tables['endpoint_groups']): EndpointGroup {
  return { ...row, filters: fromJson(row.filters, {}) }
}

function toRow(group: EndpointGroup): Tables['endpoint_groups'] {
  return { ...group, filters: toJson(group.filters) }
}

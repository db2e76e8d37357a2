// SQL for registered limits, and for the limits of projects and domains.
import { sql } from '@alto/kit/db'
import type { Limit, NamedLimit, RegisteredLimit } from '../model/limits.ts'
import type { Listed, Listing } from '../model/filters.ts'
import { page } from './filters.ts'
import type { Tables, Tx } from './tables.ts'

export type RegisteredLimitField = 'service_id' | 'region_id' | 'resource_name'
export type LimitField = RegisteredLimitField | 'project_id' | 'domain_id'

/** Whose limits a list holds: all, one project's, or a domain's and its projects'. */
export type LimitOwner = 'all' | { projectId: string } | { domainId: string }

type NamedRow = Tables['limits'] & Pick<Tables['registered_limits'], 'service_id' | 'region_id' | 'resource_name'>

/** The registered limit, or undefined. */
export async function findRegistered(tx: Tx, id: string): Promise<RegisteredLimit | undefined> {
  const row = await tx.selectFrom('registered_limits').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRegisteredRow(row)
}

/** The registered limit of that resource, or undefined; a null region means the one without. */
export async function findRegisteredFor(tx: Tx, resource: Pick<RegisteredLimit, 'serviceId' | 'regionId' | 'resourceName'>): Promise<RegisteredLimit | undefined> {
  const row = await tx.selectFrom('registered_limits').selectAll().where('service_id', '=', resource.serviceId)
    .where('region_id', resource.regionId === null ? 'is' : '=', resource.regionId).where('resource_name', '=', resource.resourceName).executeTakeFirst()
  return row && fromRegisteredRow(row)
}

/** A page of registered limits, by service and resource. */
export async function listRegistered(tx: Tx, listing: Listing<RegisteredLimitField>): Promise<Listed<RegisteredLimit>> {
  const { items, more } = await page(tx.selectFrom('registered_limits').selectAll(), listing, REGISTERED_COLUMNS, ['service_id', 'resource_name'])
  return { items: items.map(fromRegisteredRow), more }
}

/** Adds a registered limit. Breaks the unique index when the resource has one. */
export async function insertRegistered(tx: Tx, limit: RegisteredLimit): Promise<void> {
  await tx.insertInto('registered_limits').values({ ...toRegisteredRow(limit), revision: 0 }).execute()
}

/** Writes all of the registered limit's columns. */
export async function updateRegistered(tx: Tx, limit: RegisteredLimit): Promise<void> {
  await tx.updateTable('registered_limits').set(toRegisteredRow(limit)).where('id', '=', limit.id).execute()
}

/** Removes it. Breaks a foreign key while limits rest on it. */
export async function removeRegistered(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('registered_limits').where('id', '=', id).execute()
}

/** Makes whoever else judges the limits of this resource, or what rests on it, wait for this transaction. */
export async function claimRegistered(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('registered_limits').set({ revision: sql<number>`revision + 1` }).where('id', '=', id).execute()
}

/** Whether a limit rests on the registered limit. */
export async function isInUse(tx: Tx, registeredLimitId: string): Promise<boolean> {
  return await tx.selectFrom('limits').select('id').where('registered_limit_id', '=', registeredLimitId).limit(1).executeTakeFirst() !== undefined
}

/** The limit, or undefined. */
export async function find(tx: Tx, id: string): Promise<NamedLimit | undefined> {
  const row = await named(tx).where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The domain's own limit of the resource, or undefined. */
export async function findOfDomain(tx: Tx, registeredLimitId: string, domainId: string): Promise<number | undefined> {
  return (await tx.selectFrom('limits').select('resource_limit').where('registered_limit_id', '=', registeredLimitId).where('domain_id', '=', domainId).executeTakeFirst())?.resource_limit
}

/** What the projects of the domain have as limits of the resource. */
export async function valuesBelow(tx: Tx, registeredLimitId: string, domainId: string): Promise<number[]> {
  const rows = await tx.selectFrom('limits').innerJoin('projects', 'projects.id', 'limits.project_id').select('resource_limit')
    .where('registered_limit_id', '=', registeredLimitId).where('projects.domain_id', '=', domainId).execute()
  return rows.map(row => row.resource_limit)
}

/** A page of limits, by service and resource. */
export async function list(tx: Tx, owner: LimitOwner, listing: Listing<LimitField>): Promise<Listed<NamedLimit>> {
  let query = named(tx)
  if (typeof owner === 'object' && 'projectId' in owner) query = query.where('project_id', '=', owner.projectId)
  else if (typeof owner === 'object') query = query.where(eb => eb.or([eb('domain_id', '=', owner.domainId), eb('project_id', 'in', tx.selectFrom('projects').select('id').where('domain_id', '=', owner.domainId))]))
  const { items, more } = await page(query, listing, { ...REGISTERED_COLUMNS, project_id: 'project_id', domain_id: 'domain_id' }, ['service_id', 'resource_name'])
  return { items: items.map(fromRow), more }
}

/** Adds a limit. Breaks a unique index when the project or domain has one of the resource. */
export async function insert(tx: Tx, limit: Limit): Promise<void> {
  await tx.insertInto('limits').values({ id: limit.id, registered_limit_id: limit.registeredLimitId, project_id: limit.projectId, domain_id: limit.domainId, resource_limit: limit.resourceLimit, description: limit.description }).execute()
}

/** Writes what may change of a limit. */
export async function update(tx: Tx, limit: Limit): Promise<void> {
  await tx.updateTable('limits').set({ resource_limit: limit.resourceLimit, description: limit.description }).where('id', '=', limit.id).execute()
}

/** Removes the limit. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('limits').where('id', '=', id).execute()
}

/** Removes the limits of a service's or a region's resources, before the service or region goes and takes the registered limits along. */
export async function removeOf(tx: Tx, of: { serviceId: string } | { regionId: string }): Promise<void> {
  const [column, id] = 'serviceId' in of ? ['service_id', of.serviceId] as const : ['region_id', of.regionId] as const
  await tx.deleteFrom('limits').where('registered_limit_id', 'in', tx.selectFrom('registered_limits').select('id').where(column, '=', id)).execute()
}

const REGISTERED_COLUMNS = { service_id: 'service_id', region_id: 'region_id', resource_name: 'resource_name' } as const

/** Limits beside the columns of their registered ones, as if they were one table. */
function named(tx: Tx) {
  return tx.selectFrom(tx.selectFrom('limits').innerJoin('registered_limits', 'registered_limits.id', 'limits.registered_limit_id')
    .select(['limits.id', 'registered_limit_id', 'project_id', 'domain_id', 'resource_limit', 'limits.description', 'service_id', 'region_id', 'resource_name']).as('named')).selectAll()
}

function fromRegisteredRow(row: Tables['registered_limits']): RegisteredLimit {
  return { id: row.id, serviceId: row.service_id, regionId: row.region_id, resourceName: row.resource_name, defaultLimit: row.default_limit, description: row.description }
}

function toRegisteredRow(limit: RegisteredLimit): Omit<Tables['registered_limits'], 'revision'> {
  return { id: limit.id, service_id: limit.serviceId, region_id: limit.regionId, resource_name: limit.resourceName, default_limit: limit.defaultLimit, description: limit.description }
}

function fromRow(row: NamedRow): NamedLimit {
  return {
    id: row.id, registeredLimitId: row.registered_limit_id, projectId: row.project_id, domainId: row.domain_id, resourceLimit: row.resource_limit, description: row.description,
    serviceId: row.service_id, regionId: row.region_id, resourceName: row.resource_name,
  }
}

// SQL for endpoints.
import type { Endpoint } from '../model/catalog.ts'
import type { Tables, Tx } from './tables.ts'

/** Which endpoints a list holds. */
export interface EndpointFilter {
  serviceId?: string | undefined
  interface?: string | undefined
  regionId?: string | undefined
}

/** The endpoint, or undefined. */
export async function find(tx: Tx, id: string): Promise<Endpoint | undefined> {
  const row = await tx.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Endpoints by filter, by service. */
export async function list(tx: Tx, filter: EndpointFilter): Promise<Endpoint[]> {
  let query = tx.selectFrom('endpoints').selectAll()
  if (filter.serviceId !== undefined) query = query.where('service_id', '=', filter.serviceId)
  if (filter.interface !== undefined) query = query.where('interface', '=', filter.interface)
  if (filter.regionId !== undefined) query = query.where('region_id', '=', filter.regionId)
  return (await query.orderBy('service_id').orderBy('interface').orderBy('id').execute()).map(fromRow)
}

/** Adds an endpoint. */
export async function insert(tx: Tx, endpoint: Endpoint): Promise<void> {
  await tx.insertInto('endpoints').values(toRow(endpoint)).execute()
}

/** Writes all of the endpoint's columns. */
export async function update(tx: Tx, endpoint: Endpoint): Promise<void> {
  await tx.updateTable('endpoints').set(toRow(endpoint)).where('id', '=', endpoint.id).execute()
}

/** Removes the endpoint. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('endpoints').where('id', '=', id).execute()
}

function fromRow(row: Tables['endpoints']): Endpoint {
  return { id: row.id, serviceId: row.service_id, interface: row.interface as Endpoint['interface'], regionId: row.region_id, url: row.url, enabled: row.enabled === 1 }
}

function toRow(e: Endpoint): Tables['endpoints'] {
  return { id: e.id, service_id: e.serviceId, interface: e.interface, region_id: e.regionId, url: e.url, enabled: Number(e.enabled) }
}

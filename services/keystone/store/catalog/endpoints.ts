// SQL for endpoints.
import { fromJson, toJson } from '@alto/kit/db'
import type { Endpoint } from '../../model/catalog/catalog.ts'
import type { Listed, Listing } from '../../model/filters.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The fields that lists of endpoints are filtered by. */
export type EndpointField = 'service_id' | 'interface' | 'region_id'

/** The endpoint, or undefined. */
export async function find(tx: Tx, id: string): Promise<Endpoint | undefined> {
  const row = await tx.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** All endpoints, or those of a service, by service and interface. */
export async function list(tx: Tx, filter: { serviceId?: string } = {}): Promise<Endpoint[]> {
  let query = tx.selectFrom('endpoints').selectAll()
  if (filter.serviceId !== undefined) query = query.where('service_id', '=', filter.serviceId)
  return (await query.orderBy('service_id').orderBy('interface').orderBy('id').execute()).map(fromRow)
}

/** A page of endpoints, by service and interface. */
export async function listPage(tx: Tx, listing: Listing<EndpointField>): Promise<Listed<Endpoint>> {
  const { items, more } = await page(tx.selectFrom('endpoints').selectAll(), listing, { service_id: 'service_id', interface: 'interface', region_id: 'region_id' }, ['service_id', 'interface'])
  return { items: items.map(fromRow), more }
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
  return { id: row.id, serviceId: row.service_id, interface: row.interface as Endpoint['interface'], regionId: row.region_id, url: row.url, enabled: row.enabled === 1, extra: fromJson(row.extra, {}) }
}

function toRow(e: Endpoint): Tables['endpoints'] {
  return { id: e.id, service_id: e.serviceId, interface: e.interface, region_id: e.regionId, url: e.url, enabled: Number(e.enabled), extra: toJson(e.extra) }
}

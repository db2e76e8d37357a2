// SQL for the services of the catalog.
import { fromJson, toJson } from '@alto/kit/db'
import type { Service } from '../../model/catalog/catalog.ts'
import type { Listed, Listing } from '../../model/filters.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The fields that lists of services are filtered by. */
export type ServiceField = 'type' | 'name'

/** The service, or undefined. */
export async function find(tx: Tx, id: string): Promise<Service | undefined> {
  const row = await tx.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** All services, or those of a type and name, by type. */
export async function list(tx: Tx, filter: { type?: string, name?: string } = {}): Promise<Service[]> {
  let query = tx.selectFrom('services').selectAll()
  if (filter.type !== undefined) query = query.where('type', '=', filter.type)
  if (filter.name !== undefined) query = query.where('name', '=', filter.name)
  return (await query.orderBy('type').orderBy('id').execute()).map(fromRow)
}

/** A page of services, by type. */
export async function listPage(tx: Tx, listing: Listing<ServiceField>): Promise<Listed<Service>> {
  const { items, more } = await page(tx.selectFrom('services').selectAll(), listing, { type: 'type', name: 'name' }, ['type'])
  return { items: items.map(fromRow), more }
}

/** Adds a service. */
export async function insert(tx: Tx, service: Service): Promise<void> {
  await tx.insertInto('services').values(toRow(service)).execute()
}

/** Writes all of the service's columns. */
export async function update(tx: Tx, service: Service): Promise<void> {
  await tx.updateTable('services').set(toRow(service)).where('id', '=', service.id).execute()
}

/** Removes the service and its endpoints. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('services').where('id', '=', id).execute()
}

function fromRow(row: Tables['services']): Service {
  return { ...row, enabled: row.enabled === 1, extra: fromJson(row.extra, {}) }
}

function toRow(service: Service): Tables['services'] {
  return { ...service, enabled: Number(service.enabled), extra: toJson(service.extra) }
}

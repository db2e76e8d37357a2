// SQL for routers. Their interfaces are ports.
import { fromJson, sql, toJson } from '@alto/kit/db'
import type { Router } from '../model/routers.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { RouterRow, Tx } from './tables.ts'

/** What lists of routers may be filtered and sorted by. */
export const FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, name: { column: 'name', kind: 'text' }, admin_state_up: { column: 'admin_up', kind: 'boolean' }, status: { column: 'status', kind: 'text' },
}

/** The condition on rows that a project is shown: its own. */
export function seenBy(project: string): Condition {
  return sql<boolean>`project_id = ${project}`
}

/** The router, or undefined. */
export async function find(tx: Tx, id: string): Promise<Router | undefined> {
  return (await findAll(tx, [id]))[0]
}

/** The routers of the ids. */
export async function findAll(tx: Tx, ids: readonly string[]): Promise<Router[]> {
  if (ids.length === 0) return []
  return (await tx.selectFrom('routers').selectAll().where('id', 'in', ids).execute()).map(fromRow)
}

/** The router, held until the transaction ends: nobody else changes its interfaces meanwhile. Undefined when there is none. */
export async function lock(tx: Tx, id: string): Promise<Router | undefined> {
  const row = await tx.updateTable('routers').set({ generation: sql<number>`generation + 1` }).where('id', '=', id).returningAll().executeTakeFirst()
  return row && fromRow(row)
}

/** Routers that run nowhere yet, or on none of the hosts. */
export async function listNotOn(tx: Tx, hosts: readonly string[]): Promise<string[]> {
  let query = tx.selectFrom('routers').select('id')
  if (hosts.length) query = query.where(e => e.or([e('host', 'is', null), e('host', 'not in', hosts)]))
  return (await query.orderBy('id').execute()).map(row => row.id)
}

/** Adds a router. */
export async function insert(tx: Tx, router: Router): Promise<void> {
  await tx.insertInto('routers').values({ ...toRow(router), generation: 0 }).execute()
}

/** Writes all of the router's columns. */
export async function update(tx: Tx, router: Router): Promise<void> {
  await tx.updateTable('routers').set(toRow(router)).where('id', '=', router.id).execute()
}

/** Sets what its host said of it. */
export async function setStatus(tx: Tx, id: string, host: string, status: Router['status']): Promise<void> {
  await tx.updateTable('routers').set({ status }).where('id', '=', id).where('host', '=', host).where('status', '!=', status).execute()
}

/** Removes it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('routers').where('id', '=', id).execute()
}

/** The router of a row. */
export function fromRow(row: RouterRow): Router {
  return {
    ...standardOf(row), name: row.name, adminUp: row.admin_up === 1, status: row.status as Router['status'], routes: fromJson(row.routes, []), gatewayPortId: row.gateway_port_id,
    enableSnat: row.enable_snat === 1, host: row.host,
  }
}

function toRow(r: Router): Omit<RouterRow, 'generation'> {
  return {
    ...standardRow(r), name: r.name, admin_up: Number(r.adminUp), status: r.status, routes: toJson(r.routes), gateway_port_id: r.gatewayPortId, enable_snat: Number(r.enableSnat), host: r.host,
  }
}

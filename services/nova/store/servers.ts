// SQL for servers.
import { fromJson, keysetPage, sql, toJson, type Page, type PageRequest, type Updateable } from '@alto/kit/db'
import type { Flavor } from '../model/flavors.ts'
import type { ImageCopy, Server, ServerFault, TaskState, VmState } from '../model/servers.ts'
import type { ServersTable, Tx } from './tables.ts'

/** Which servers a list holds. Text fields are patterns: part of the value, `^` and `$` bind it to its ends. */
export interface ServerFilter {
  projectId?: string | undefined
  userId?: string | undefined
  ids?: readonly string[] | undefined
  vmStates?: readonly VmState[] | undefined
  taskStates?: readonly (string | null)[] | undefined
  powerState?: number | undefined
  name?: string | undefined
  description?: string | undefined
  hostname?: string | undefined
  imageId?: string | undefined
  flavorId?: string | undefined
  host?: string | undefined
  zone?: string | undefined
  keyName?: string | undefined
  reservationId?: string | undefined
  configDrive?: boolean | undefined
  locked?: boolean | undefined
  /** Part of an address of family 4 or 6. */
  ip?: string | undefined
  ip6?: string | undefined
  metadata?: Readonly<Record<string, string>> | undefined
  tags?: { all?: readonly string[], any?: readonly string[], notAll?: readonly string[], notAny?: readonly string[] } | undefined
  /** False: those that are there; true: those that are gone; undefined: both. */
  deleted?: boolean | undefined
  changedSince?: number | undefined
  changedBefore?: number | undefined
  createdAt?: number | undefined
  launchedAt?: number | undefined
}

/** The server, gone or not, or undefined. Who may see it is the manager's question. */
export async function find(tx: Tx, id: string, opts: { deleted?: true } = {}): Promise<Server | undefined> {
  let query = tx.selectFrom('servers').selectAll().where('id', '=', id)
  if (!opts.deleted) query = query.where('deleted_at', 'is', null)
  const row = await query.executeTakeFirst()
  return row && fromRow(row)
}

/** The servers that a creating call with this key has made, in order; none when there was no such call. */
export async function ofKey(tx: Tx, key: string): Promise<Server[]> {
  const first = await tx.selectFrom('servers').selectAll().where('idempotency_key', '=', key).executeTakeFirst()
  if (!first) return []
  return (await tx.selectFrom('servers').selectAll().where('reservation_id', '=', first.reservation_id).where('project_id', '=', first.project_id).orderBy('launch_index').execute()).map(fromRow)
}

/** One page of servers. */
export async function page(tx: Tx, filter: ServerFilter, request: PageRequest): Promise<Page<Server>> {
  const { rows, more } = await keysetPage(filtered(tx, filter), request)
  return { rows: rows.map(fromRow), more }
}

/** All servers that match, for hosts, groups and usage; at most `limit`. */
export async function list(tx: Tx, filter: ServerFilter, limit = 10_000): Promise<Server[]> {
  return (await filtered(tx, filter).orderBy('created_at').orderBy('id').limit(limit).execute()).map(fromRow)
}

/** The columns by which a page sorts, of the server with that id: where the next page begins. */
export async function sortValues(tx: Tx, id: string, columns: readonly string[]): Promise<(string | number | null)[] | undefined> {
  const row = await tx.selectFrom('servers').selectAll().where('id', '=', id).executeTakeFirst()
  return row && columns.map(column => (row as unknown as Record<string, string | number | null>)[column] ?? null)
}

/** Adds a server. */
export async function insert(tx: Tx, server: Server): Promise<void> {
  await tx.insertInto('servers').values(toRow(server)).execute()
}

/** What may change of a server. */
export type ServerChange = Partial<Omit<Server, 'id' | 'projectId' | 'generation' | 'createdAt'>>

/** Changes a server if nobody else has since it was read; false when somebody has. */
export async function change(tx: Tx, server: Server, changes: ServerChange): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('servers').set({ ...columns(changes), generation: server.generation + 1 })
    .where('id', '=', server.id).where('generation', '=', server.generation).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Changes columns that nobody decides on by reading the row: what an agent saw, what a task has come to. */
export async function set(tx: Tx, id: string, changes: ServerChange): Promise<void> {
  await tx.updateTable('servers').set({ ...columns(changes), generation: sql<number>`generation + 1` }).where('id', '=', id).execute()
}

/** The newest fault of each of the servers. */
export async function faultsOf(tx: Tx, ids: readonly string[]): Promise<Map<string, ServerFault>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.selectFrom('server_faults').selectAll().where('server_id', 'in', ids).execute()
  return new Map(rows.map(row => [row.server_id, { code: row.code, message: row.message, details: row.details, createdAt: row.created_at }]))
}

/** Notes why a server is in error; the newest counts. */
export async function setFault(tx: Tx, id: string, fault: ServerFault): Promise<void> {
  const row = { code: fault.code, message: fault.message, details: fault.details, created_at: fault.createdAt }
  await tx.insertInto('server_faults').values({ server_id: id, ...row }).onConflict(conflict => conflict.column('server_id').doUpdateSet(row)).execute()
}

function filtered(tx: Tx, filter: ServerFilter) {
  let query = tx.selectFrom('servers').selectAll()
  const equal = { project_id: filter.projectId, user_id: filter.userId, power_state: filter.powerState, image_id: filter.imageId, flavor_id: filter.flavorId, host: filter.host, zone: filter.zone, key_name: filter.keyName, reservation_id: filter.reservationId, config_drive: filter.configDrive === undefined ? undefined : Number(filter.configDrive), created_at: filter.createdAt, launched_at: filter.launchedAt }
  for (const [column, value] of Object.entries(equal)) if (value !== undefined) query = query.where(sql.ref(column), '=', value)
  const like = { name: filter.name, description: filter.description, hostname: filter.hostname }
  for (const [column, value] of Object.entries(like)) if (value !== undefined) query = query.where(sql<boolean>`${sql.ref(column)} like ${pattern(value)} escape '\\'`)
  if (filter.ids) query = query.where('id', 'in', filter.ids.length ? filter.ids : [''])
  if (filter.vmStates) query = query.where('vm_state', 'in', filter.vmStates.length ? filter.vmStates : [''])
  if (filter.taskStates) {
    const named = filter.taskStates.filter(state => state !== null)
    query = query.where(eb => eb.or([...(named.length ? [eb('task_state', 'in', named)] : []), ...(filter.taskStates!.includes(null) ? [eb('task_state', 'is', null)] : [])]))
  }
  if (filter.locked !== undefined) query = query.where('locked_by', filter.locked ? 'is not' : 'is', null)
  if (filter.deleted !== undefined) query = query.where('deleted_at', filter.deleted ? 'is not' : 'is', null)
  if (filter.changedSince !== undefined) query = query.where('updated_at', '>=', filter.changedSince)
  if (filter.changedBefore !== undefined) query = query.where('updated_at', '<=', filter.changedBefore)
  for (const address of [filter.ip, filter.ip6]) {
    if (address !== undefined) query = query.where(sql<boolean>`exists (select 1 from server_ports p where p.server_id = servers.id and (p.fixed_ips like ${`%"${part(address)}%`} escape '\\' or p.floating_ips like ${`%"${part(address)}%`} escape '\\'))`)
  }
  for (const [key, value] of Object.entries(filter.metadata ?? {})) query = query.where(sql<boolean>`metadata like ${`%${escaped(`${JSON.stringify(key)}:${JSON.stringify(value)}`)}%`} escape '\\'`)
  const tagged = (tag: string) => sql<boolean>`tags like ${`%${escaped(JSON.stringify(tag))}%`} escape '\\'`
  const any = (tags: readonly string[]) => sql<boolean>`(${sql.join(tags.map(tagged), sql` or `)})`
  const all = (tags: readonly string[]) => sql<boolean>`(${sql.join(tags.map(tagged), sql` and `)})`
  const { tags } = filter
  if (tags?.all?.length) query = query.where(all(tags.all))
  if (tags?.any?.length) query = query.where(any(tags.any))
  if (tags?.notAll?.length) query = query.where(sql<boolean>`not ${all(tags.notAll)}`)
  if (tags?.notAny?.length) query = query.where(sql<boolean>`not ${any(tags.notAny)}`)
  return query
}

function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, c => `\\${c}`)
}

/** The part of an address that a pattern names, without its anchors. */
function part(address: string): string {
  return escaped(address.replace(/^\^/, '').replaceAll('\\.', '.').replace(/\.?[*$]+$/, ''))
}

/** Upstream matches by regular expression; anchors, `.*` and escaped dots are what clients send. */
function pattern(text: string): string {
  const [start, end] = [text.startsWith('^'), text.endsWith('$')]
  const inner = text.slice(start ? 1 : 0, end ? -1 : undefined).split('.*').map(piece => escaped(piece.replaceAll(/\\(.)/g, '$1'))).join('%')
  return `${start ? '' : '%'}${inner}${end ? '' : '%'}`
}

function fromRow(row: ServersTable): Server {
  return {
    id: row.id, projectId: row.project_id, userId: row.user_id, name: row.name, description: row.description, hostname: row.hostname,
    vmState: row.vm_state as VmState, taskState: row.task_state as TaskState | null, powerState: row.power_state, host: row.host, zone: row.zone,
    flavor: fromJson<Flavor>(row.flavor, {} as Flavor), imageId: row.image_id, image: fromJson<ImageCopy>(row.image, { properties: {} }), keyName: row.key_name, publicKey: row.public_key,
    userData: row.user_data, metadata: fromJson<Record<string, string>>(row.metadata, {}), tags: fromJson<string[]>(row.tags, []), securityGroups: fromJson<string[]>(row.security_groups, []),
    configDrive: row.config_drive === 1, diskConfig: row.disk_config as Server['diskConfig'], accessIpV4: row.access_ip_v4, accessIpV6: row.access_ip_v6, reservationId: row.reservation_id,
    launchIndex: row.launch_index, rootDevice: row.root_device, lockedBy: row.locked_by as Server['lockedBy'], lockedReason: row.locked_reason, groupId: row.group_id,
    hints: fromJson<Record<string, unknown>>(row.hints, {}), idempotencyKey: row.idempotency_key, generation: row.generation,
    createdAt: row.created_at, updatedAt: row.updated_at, launchedAt: row.launched_at, terminatedAt: row.terminated_at, deletedAt: row.deleted_at,
  }
}

function toRow(server: Server): ServersTable {
  return { ...columns(server), id: server.id, project_id: server.projectId, generation: server.generation, created_at: server.createdAt } as ServersTable
}

function columns(c: ServerChange): Updateable<ServersTable> {
  const all = {
    user_id: c.userId, name: c.name, description: c.description, hostname: c.hostname, vm_state: c.vmState, task_state: c.taskState, power_state: c.powerState, host: c.host, zone: c.zone,
    flavor_id: c.flavor?.id, flavor: c.flavor && toJson(c.flavor), image_id: c.imageId, image: c.image && toJson(c.image), key_name: c.keyName, public_key: c.publicKey, user_data: c.userData,
    metadata: c.metadata && toJson(c.metadata), tags: c.tags && toJson(c.tags), security_groups: c.securityGroups && toJson(c.securityGroups),
    config_drive: c.configDrive === undefined ? undefined : Number(c.configDrive), disk_config: c.diskConfig, access_ip_v4: c.accessIpV4, access_ip_v6: c.accessIpV6,
    reservation_id: c.reservationId, launch_index: c.launchIndex, root_device: c.rootDevice, locked_by: c.lockedBy, locked_reason: c.lockedReason, group_id: c.groupId,
    hints: c.hints && toJson(c.hints), idempotency_key: c.idempotencyKey,
    updated_at: c.updatedAt, launched_at: c.launchedAt, terminated_at: c.terminatedAt, deleted_at: c.deletedAt,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Updateable<ServersTable>
}

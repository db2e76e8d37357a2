// GET /servers and /servers/detail: filters, order, pages.
import type { Context } from '@alto/kit/context'
import { pageLimit, sortKeys } from '@alto/kit/openstack'
import type { ServerFilter, ServerManager } from '../manager/servers.ts'
import { invalid } from '../model/faults.ts'
import { statesOf, type VmState } from '../model/servers.ts'
import * as rules from '../policy/servers.ts'
import { atLeast, flag, nextLink, timeIn, type Version } from './parts.ts'
import { viewBrief, viewServer } from './server-view.ts'

const COLUMNS: Readonly<Record<string, string>> = {
  uuid: 'id', id: 'id', display_name: 'name', name: 'name', created_at: 'created_at', updated_at: 'updated_at', launched_at: 'launched_at', terminated_at: 'terminated_at', host: 'host', image_ref: 'image_id',
  instance_type_id: 'flavor_id', key_name: 'key_name', power_state: 'power_state', project_id: 'project_id', tenant_id: 'project_id', user_id: 'user_id', vm_state: 'vm_state', task_state: 'task_state',
  display_description: 'description', availability_zone: 'zone', locked: 'locked_by', root_device_name: 'root_device', progress: 'id', config_drive: 'config_drive',
}

/** The page that the query asks for. */
export async function listServers(servers: ServerManager, ctx: Context, url: URL, version: Version, detailed: boolean): Promise<Record<string, unknown>> {
  const q = url.searchParams
  const limit = pageLimit(q.get('limit') ?? undefined)
  const allProjects = flag(q.get('all_tenants') ?? undefined, 'all_tenants') ?? false
  const admin = ctx.allowed(rules.ALLOW_ALL_FILTERS, { project_id: ctx.credentials.projectId })
  const filter = filterOf(q, version, admin)
  const asked = q.getAll('sort_key')
  const sort = sortKeys(asked.length ? { sort_key: asked, sort_dir: q.getAll('sort_dir') } : {}, COLUMNS, [{ column: 'created_at', direction: 'desc' }])
  const found = await servers.list(ctx, { filter, sort, limit, marker: q.get('marker') ?? undefined, allProjects, deleted: filter?.deleted === true }, detailed)
  const views = found.servers.map(one => detailed ? viewServer(ctx, one, version, 'listed') : viewBrief(ctx, one.server))
  return { servers: views, ...nextLink(ctx, 'servers_links', url, { more: found.more, marker: found.servers.at(-1)?.server.id }) }
}

/** The query's filters; undefined when nothing can match. Names that the caller may not filter by are ignored, as upstream. */
function filterOf(q: URLSearchParams, version: Version, admin: boolean): ServerFilter | undefined {
  const one = (name: string) => q.get(name) ?? undefined
  const since = timeIn(one('changes-since'), 'changes-since')
  const before = atLeast(version, 2, 66) ? timeIn(one('changes-before'), 'changes-before') : undefined
  if (since !== undefined && before !== undefined && since > before) throw invalid('time', 'The value of changes-since must be less than or equal to changes-before.')
  const statuses = q.getAll('status')
  const vmStates = statuses.flatMap(statesOf)
  if (statuses.length > 0 && vmStates.length === 0) return undefined
  if (vmStates.includes('deleted') && !admin) throw invalid('status', 'Only administrators may list deleted instances')
  const deleted = admin ? flag(one('deleted'), 'deleted') : undefined
  const users = atLeast(version, 2, 83) || admin
  const tags = (name: string) => one(name)?.split(',').filter(text => text !== '')
  const given = {
    name: one('name'), imageId: one('image')?.split('/').at(-1), flavorId: one('flavor')?.split('/').at(-1), reservationId: one('reservation_id'), ip: one('ip'), ip6: admin || atLeast(version, 2, 5) ? one('ip6') : undefined,
    ...(users && {
      zone: one('availability_zone'), configDrive: flag(one('config_drive'), 'config_drive'), keyName: one('key_name'), userId: one('user_id'), powerState: one('power_state') === undefined ? undefined : Number(one('power_state')),
      taskStates: one('task_state') === undefined ? undefined : q.getAll('task_state').map(state => state === 'None' ? null : state), createdAt: timeIn(one('created_at'), 'created_at'), launchedAt: timeIn(one('launched_at'), 'launched_at'),
      description: one('description') ?? one('display_description'), hostname: one('hostname'),
    }),
    ...(admin && { host: one('host') ?? one('node'), projectId: one('project_id') ?? one('tenant_id'), ids: one('uuid') === undefined ? undefined : q.getAll('uuid') }),
    locked: atLeast(version, 2, 73) ? flag(one('locked'), 'locked') : undefined,
    metadata: metadataFilter(q.getAll('metadata')),
    tags: atLeast(version, 2, 26) ? { all: tags('tags') ?? [], any: tags('tags-any') ?? [], notAll: tags('not-tags') ?? [], notAny: tags('not-tags-any') ?? [] } : undefined,
  }
  const states = one('vm_state') !== undefined && users ? q.getAll('vm_state') as VmState[] : vmStates.length ? vmStates : undefined
  return {
    ...given, vmStates: states, changedSince: since, changedBefore: before,
    // What changed since a time includes what went since.
    deleted: deleted ?? (vmStates.includes('deleted') ? true : since !== undefined ? undefined : false),
  }
}

function metadataFilter(texts: readonly string[]): Record<string, string> | undefined {
  if (texts.length === 0) return undefined
  const pairs = texts.map(text => { try { return JSON.parse(text.replaceAll("'", '"')) as Record<string, string> } catch { throw invalid('metadata', `Malformed metadata filter: ${text}`) } })
  return Object.assign({}, ...pairs) as Record<string, string>
}

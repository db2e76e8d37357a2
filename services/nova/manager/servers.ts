// Servers as such: shown, listed, renamed, deleted; their metadata and tags.
import type { Context } from '@alto/kit/context'
import type { PageRequest } from '@alto/kit/db'
import type { Rule } from '@alto/kit/policy'
import { originOf } from '@alto/kit/task'
import { conflict, invalid, overQuota } from '../model/faults.ts'
import type { ServerGroup } from '../model/hosts.ts'
import { isUp, zoneOf } from '../model/hosts.ts'
import type { Interface } from '../model/interfaces.ts'
import { UNCOUNTED } from '../model/quotas.ts'
import type { Server, ServerFault } from '../model/servers.ts'
import type { ServerVolume } from '../model/volumes.ts'
import * as actionRules from '../policy/server-actions.ts'
import * as rules from '../policy/servers.ts'
import * as aggregates from '../store/aggregates.ts'
import * as hosts from '../store/hosts.ts'
import * as interfaces from '../store/interfaces.ts'
import * as quotas from '../store/quotas.ts'
import * as serverGroups from '../store/server-groups.ts'
import * as servers from '../store/servers.ts'
import type { ServerFilter } from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { authorized, beginOperation, noteAction, refuseLocked } from './access.ts'
import type { Deps } from './deps.ts'
import { SERVER_DELETE } from './kinds.ts'

export type { ServerFilter }

/** A server with what belongs to it. */
export interface ServerDetails {
  readonly server: Server
  readonly ports: readonly Interface[]
  readonly disks: readonly ServerVolume[]
  readonly fault: ServerFault | undefined
  readonly group: ServerGroup | undefined
  /** `UP`, `DOWN`, `MAINTENANCE`, `UNKNOWN`, or '' without a host. */
  readonly hostStatus: string
  /** The availability zone of its host. */
  readonly hostZone: string | undefined
}

/** What a client may change of a server. */
export interface ServerUpdate { readonly name?: string | undefined, readonly description?: string | null | undefined, readonly hostname?: string | undefined, readonly accessIpV4?: string | null | undefined, readonly accessIpV6?: string | null | undefined, readonly diskConfig?: 'MANUAL' | 'AUTO' | undefined }

/** A list that a client asks for. */
export interface ServerQuery { /** Undefined: nothing can match. */ readonly filter: ServerFilter | undefined, readonly sort: PageRequest['sort'], readonly limit: number, readonly marker: string | undefined, readonly allProjects: boolean, readonly deleted: boolean }

/** The use cases of servers. */
export function serverManager(deps: Deps) {
  const { db, clock, queue, options } = deps

  async function details(tx: Tx, found: readonly Server[]): Promise<ServerDetails[]> {
    const ids = found.map(server => server.id)
    const [ports, disks] = [await interfaces.ofServers(tx, ids), await volumes.ofServers(tx, ids)]
    const faults = await servers.faultsOf(tx, found.filter(server => server.vmState === 'error' || server.vmState === 'deleted').map(server => server.id))
    const placed = found.some(server => server.host !== null) ? await hosts.list(tx) : []
    const zoned = placed.length ? await aggregates.list(tx) : []
    const status = (name: string | null) => {
      const host = placed.find(one => one.name === name)
      if (!host) return name === null ? '' : 'UNKNOWN'
      return !isUp(host, deps.silentSince()) ? host.forcedDown ? 'DOWN' : 'UNKNOWN' : host.disabled ? 'MAINTENANCE' : 'UP'
    }
    return found.map(server => ({
      server, ports: ports.filter(one => one.serverId === server.id), disks: disks.filter(one => one.serverId === server.id), fault: faults.get(server.id), group: undefined, hostStatus: status(server.host),
      hostZone: server.host === null ? undefined : zoneOf(server.host, zoned, options.defaultAvailabilityZone),
    }))
  }

  /** Changes a server's rows by a function of what it was; refuses when it is locked or busy with something that forbids it. */
  async function edit(ctx: Context, rule: Rule, id: string, change: (server: Server) => servers.ServerChange): Promise<ServerDetails> {
    return db.write(async tx => {
      const server = await authorized(ctx, tx, rule, id)
      refuseLocked(ctx, server)
      if (!await servers.change(tx, server, { ...change(server), updatedAt: clock.now() })) throw conflict('server.changed', `Instance ${id} was changed by another request at the same time. Try again.`)
      return (await details(tx, [(await servers.find(tx, id))!]))[0]!
    })
  }

  return {
    edit,

    async show(ctx: Context, id: string): Promise<ServerDetails> {
      return db.read(async tx => {
        const server = await authorized(ctx, tx, rules.SHOW, id)
        const [found] = await details(tx, [server])
        return { ...found!, group: server.groupId === null ? undefined : await serverGroups.find(tx, server.groupId) }
      })
    },

    /** One page of the servers that the caller may list, of every project when an admin asks for it. */
    async list(ctx: Context, query: ServerQuery, detailed: boolean): Promise<{ servers: ServerDetails[], more: boolean }> {
      const own = ctx.credentials.projectId
      ctx.authorize(detailed ? rules.DETAIL : rules.INDEX, { project_id: own, user_id: ctx.credentials.userId })
      if (query.allProjects) ctx.authorize(detailed ? rules.DETAIL_ALL_TENANTS : rules.INDEX_ALL_TENANTS, { project_id: own })
      const { filter: wanted } = query
      if (!wanted) return { servers: [], more: false }
      const all = query.allProjects || query.deleted ? query.allProjects : false
      return db.read(async tx => {
        const columns = query.sort.map(key => key.column)
        const after = query.marker === undefined ? undefined : await servers.sortValues(tx, query.marker, columns)
        if (query.marker !== undefined && !after) throw invalid('marker.notFound', `marker [${query.marker}] not found`)
        const filter = { ...wanted, ...(!all && { projectId: own ?? '' }) }
        const { rows, more } = await servers.page(tx, filter, { limit: query.limit, sort: query.sort, after })
        return { servers: detailed ? await details(tx, rows) : rows.map(server => ({ server, ports: [], disks: [], fault: undefined, group: undefined, hostStatus: '', hostZone: undefined })), more }
      })
    },

    async update(ctx: Context, id: string, input: ServerUpdate): Promise<ServerDetails> {
      return edit(ctx, rules.UPDATE, id, () => Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)))
    },

    /** Begins to delete a server, whatever it is doing; `force`: as `forceDelete` asks. A server that is being deleted already stays so. */
    async remove(ctx: Context, id: string, force = false): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, force ? actionRules.FORCE : rules.DELETE, id)
        refuseLocked(ctx, server)
        if (server.taskState === 'deleting' && (await queue.open(tx, id)).some(one => one.kind === SERVER_DELETE.name)) return
        await servers.set(tx, id, { taskState: 'deleting', updatedAt: clock.now() })
        const actionId = await noteAction(deps, ctx, tx, server, 'delete')
        await queue.enqueue(tx, SERVER_DELETE, { resourceId: id, input: { actionId }, origin: originOf(ctx) })
      })
    },

    /** A server's metadata, or a change of it. `change` gives the whole of it anew. Throws Fault overQuota beyond the limit of items. */
    async metadata(ctx: Context, rule: Rule, id: string, change?: (metadata: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
      if (!change) return (await db.read(tx => authorized(ctx, tx, rule, id))).metadata
      return db.write(async tx => {
        const server = await authorized(ctx, tx, rule, id)
        await beginOperation(ctx, tx, server, 'update_metadata', clock.now())
        const metadata = change(server.metadata)
        const limit = (await quotas.limits(tx, server.projectId, { instances: 0, cores: 0, ram: 0, ...UNCOUNTED })).metadata_items
        const count = Object.keys(metadata).length
        if (limit >= 0 && count > limit) throw overQuota([{ resource: 'metadata_items', requested: count, used: 0, limit }])
        await servers.set(tx, id, { metadata, updatedAt: clock.now() })
        return metadata
      })
    },

    /** A server's tags, or a change of them; 50 at most. */
    async tags(ctx: Context, rule: Rule, id: string, change?: (tags: readonly string[]) => readonly string[]): Promise<{ tags: readonly string[], before: readonly string[] }> {
      if (!change) { const { tags } = await db.read(tx => authorized(ctx, tx, rule, id)); return { tags, before: tags } }
      let before: readonly string[] = []
      const { server } = await edit(ctx, rule, id, found => {
        before = found.tags
        const tags = [...new Set(change(found.tags))].toSorted()
        if (tags.length > 50) throw invalid('tags.tooMany', 'The number of tags exceeded the per-server limit 50')
        return { tags }
      })
      return { tags: server.tags, before }
    },

    /** The addresses of a server, as Nova last knew them. */
    async addresses(ctx: Context, rule: Rule, id: string): Promise<readonly Interface[]> {
      return db.read(async tx => interfaces.ofServers(tx, [(await authorized(ctx, tx, rule, id)).id]))
    },
  }
}

export type ServerManager = ReturnType<typeof serverManager>

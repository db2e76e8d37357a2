// Server groups.
import type { Context } from '@alto/kit/context'
import { notFound, overQuota } from '../model/faults.ts'
import type { ServerGroup } from '../model/hosts.ts'
import { UNCOUNTED } from '../model/quotas.ts'
import * as rules from '../policy/server-groups.ts'
import * as serverGroups from '../store/server-groups.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** A server group with its living servers. */
export interface GroupMembers { readonly group: ServerGroup, readonly members: readonly string[] }

/** The use cases of server groups. */
export function groupManager({ db, ids }: Pick<Deps, 'db' | 'ids'>) {
  async function withMembers(tx: Tx, groups: readonly ServerGroup[]): Promise<GroupMembers[]> {
    const members = await serverGroups.membersOf(tx, groups.map(group => group.id))
    return groups.map(group => ({ group, members: members.filter(one => one.groupId === group.id).map(one => one.serverId) }))
  }
  const missing = (id: string) => notFound('serverGroup', `Instance group ${id} could not be found.`)
  async function get(ctx: Context, tx: Tx, rule: typeof rules.SHOW, id: string): Promise<ServerGroup> {
    const group = await serverGroups.find(tx, id)
    ctx.authorize(rule, { project_id: group?.projectId ?? ctx.credentials.projectId, user_id: ctx.credentials.userId }, { hiddenAs: missing(id) })
    if (!group) throw missing(id)
    return group
  }

  return {
    async list(ctx: Context, query: { all: boolean, limit: number, offset: number }): Promise<GroupMembers[]> {
      ctx.authorize(rules.INDEX, { project_id: ctx.credentials.projectId })
      const all = query.all && ctx.allowed(rules.ALL_PROJECTS, { project_id: ctx.credentials.projectId })
      return db.read(async tx => withMembers(tx, await serverGroups.list(tx, all ? undefined : ctx.credentials.projectId ?? '', query)))
    },

    async show(ctx: Context, id: string): Promise<GroupMembers> {
      return db.read(async tx => (await withMembers(tx, [await get(ctx, tx, rules.SHOW, id)]))[0]!)
    },

    async create(ctx: Context, input: Pick<ServerGroup, 'name' | 'policy' | 'rules'>): Promise<GroupMembers> {
      ctx.authorize(rules.CREATE, { project_id: ctx.credentials.projectId })
      const group: ServerGroup = { ...input, id: ids.uuid(), projectId: ctx.credentials.projectId ?? '', userId: ctx.credentials.userId, generation: 0 }
      await db.write(async tx => {
        const used = (await serverGroups.list(tx, group.projectId, { limit: 1000, offset: 0 })).length
        if (used >= UNCOUNTED.server_groups) throw overQuota([{ resource: 'server_groups', requested: 1, used, limit: UNCOUNTED.server_groups }])
        await serverGroups.insert(tx, group)
      })
      return { group, members: [] }
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => serverGroups.remove(tx, (await get(ctx, tx, rules.DELETE, id)).id))
    },
  }
}

export type GroupManager = ReturnType<typeof groupManager>

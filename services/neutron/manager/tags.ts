// Tags of any resource (upstream's standard-attr-tag).
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { neutronFault, notFound, type Noun } from '../model/faults.ts'
import type { Standard } from '../model/standard.ts'
import * as floatingIpRules from '../policy/floating-ips.ts'
import * as networkRules from '../policy/networks.ts'
import * as portRules from '../policy/ports.ts'
import * as routerRules from '../policy/routers.ts'
import * as securityGroupRules from '../policy/security-groups.ts'
import * as subnetRules from '../policy/subnets.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as routers from '../store/routers.ts'
import * as securityGroups from '../store/security-groups.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import * as tags from '../store/tags.ts'
import { onNetwork, type Target } from './access.ts'
import type { Deps } from './deps.ts'

/** The rules on a resource's tags. */
export interface TagRules {
  readonly get: Rule
  readonly update: Rule
  readonly remove: Rule
}

interface Plan extends TagRules {
  readonly noun: Noun
  readonly find: (tx: Tx, id: string) => Promise<{ resource: Standard, target: Target } | undefined>
}

const MOST = 50

const owned = async (resource: Standard | undefined) => resource && { resource, target: { project_id: resource.projectId, tenant_id: resource.projectId, shared: false } }
const networked = async (tx: Tx, resource: Standard & { networkId: string } | undefined) => {
  const network = resource && await networks.find(tx, resource.networkId)
  return network && { resource, target: onNetwork(network, resource.projectId) }
}

const PLANS: Readonly<Record<tags.Tagged, Plan>> = {
  networks: {
    noun: 'network', get: networkRules.GET_NETWORK_TAGS, update: networkRules.UPDATE_NETWORK_TAGS, remove: networkRules.DELETE_NETWORK_TAGS,
    async find(tx, id) {
      const network = await networks.find(tx, id)
      return network && { resource: network, target: { ...onNetwork(network, network.projectId) } }
    },
  },
  subnets: { noun: 'subnet', get: subnetRules.GET_SUBNET_TAGS, update: subnetRules.UPDATE_SUBNET_TAGS, remove: subnetRules.DELETE_SUBNET_TAGS, find: async (tx, id) => networked(tx, await subnets.find(tx, id)) },
  ports: { noun: 'port', get: portRules.GET_PORT_TAGS, update: portRules.UPDATE_PORT_TAGS, remove: portRules.DELETE_PORT_TAGS, find: async (tx, id) => networked(tx, await ports.find(tx, id)) },
  routers: { noun: 'router', get: routerRules.GET_ROUTER_TAGS, update: routerRules.UPDATE_ROUTER_TAGS, remove: routerRules.DELETE_ROUTER_TAGS, find: async (tx, id) => owned(await routers.find(tx, id)) },
  floatingips: {
    noun: 'floatingip', get: floatingIpRules.GET_FLOATINGIP_TAGS, update: floatingIpRules.UPDATE_FLOATINGIP_TAGS, remove: floatingIpRules.DELETE_FLOATINGIP_TAGS,
    find: async (tx, id) => owned(await floatingIps.find(tx, id)),
  },
  security_groups: {
    noun: 'security_group', get: securityGroupRules.GET_SECURITY_GROUP_TAGS, update: securityGroupRules.UPDATE_SECURITY_GROUP_TAGS, remove: securityGroupRules.DELETE_SECURITY_GROUP_TAGS,
    find: async (tx, id) => owned(await securityGroups.find(tx, id)),
  },
}

export type TagManager = ReturnType<typeof tagManager>

/** The rules on the tags of a table's resources. */
export function tagRules(table: tags.Tagged): TagRules {
  return PLANS[table]
}

/** The use cases of tags. */
export function tagManager(deps: Deps) {
  const { db, clock } = deps

  async function reached(ctx: Context, tx: Tx, table: tags.Tagged, id: string, which: keyof TagRules): Promise<Standard> {
    const plan = PLANS[table]
    const found = await plan.find(tx, id)
    if (!found || !ctx.allowed(plan.get, found.target)) throw notFound(plan.noun, id)
    ctx.authorize(plan[which], found.target)
    return found.resource
  }

  function change(ctx: Context, table: tags.Tagged, id: string, which: 'update' | 'remove', make: (had: readonly string[]) => readonly string[]): Promise<readonly string[]> {
    return db.write(async tx => {
      const { tags: had } = await reached(ctx, tx, table, id, which)
      const next = make(had)
      if (next.length > MOST) throw neutronFault('badRequest', 'HTTPBadRequest', `A resource has ${MOST} tags at most.`)
      await tags.change(tx, table, id, make, clock.now())
      return next
    })
  }

  return {
    list: (ctx: Context, table: tags.Tagged, id: string): Promise<readonly string[]> => db.read(async tx => (await reached(ctx, tx, table, id, 'get')).tags),

    /** Throws Fault('notFound', 'neutron.TagNotFound'). */
    confirm: (ctx: Context, table: tags.Tagged, id: string, tag: string): Promise<void> => db.read(async tx => {
      if (!(await reached(ctx, tx, table, id, 'get')).tags.includes(tag)) throw tagNotFound(tag)
    }),

    add: (ctx: Context, table: tags.Tagged, id: string, added: readonly string[]) => change(ctx, table, id, 'update', had => [...new Set([...had, ...added])]),
    replace: (ctx: Context, table: tags.Tagged, id: string, wanted: readonly string[]) => change(ctx, table, id, 'update', () => wanted),
    remove: (ctx: Context, table: tags.Tagged, id: string, tag: string) => change(ctx, table, id, 'remove', had => {
      if (!had.includes(tag)) throw tagNotFound(tag)
      return had.filter(one => one !== tag)
    }),
    clear: (ctx: Context, table: tags.Tagged, id: string) => change(ctx, table, id, 'remove', () => []),
  }
}

function tagNotFound(tag: string): Error {
  return neutronFault('notFound', 'TagNotFound', `Tag ${tag} could not be found.`)
}

// Agents, availability zones, and how full networks are.
import type { Context } from '@alto/kit/context'
import type { Agent } from '../model/agents.ts'
import { neutronFault, notFound } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import { sizeOf, type Subnet } from '../model/subnets.ts'
import * as rules from '../policy/agents.ts'
import * as addresses from '../store/addresses.ts'
import * as agents from '../store/agents.ts'
import * as networks from '../store/networks.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import type { Listing } from './access.ts'
import type { Deps } from './deps.ts'
import { asks, listVisible } from './lists.ts'

/** An agent, and whether it spoke lately. */
export type AgentWithState = Agent & { readonly alive: boolean }

/** How full a network is. */
export interface Availability {
  readonly network: Network
  readonly subnets: readonly { readonly subnet: Subnet, readonly total: bigint, readonly used: number }[]
}

export type AgentManager = ReturnType<typeof agentManager>

/** The use cases of agents. */
export function agentManager(deps: Deps) {
  const { db, clock } = deps
  const withState = (agent: Agent): AgentWithState => ({ ...agent, alive: agent.heartbeatAt >= clock.now() - deps.options.agentDownTime * 1000 })

  async function existing(tx: Tx, id: string): Promise<Agent> {
    const agent = await agents.find(tx, id)
    if (!agent) throw notFound('agent', id)
    return agent
  }

  async function fullness(tx: Tx, list: readonly Network[]): Promise<Availability[]> {
    const on = await subnets.listOn(tx, list.map(network => network.id))
    const used = await addresses.countBySubnet(tx, on.map(subnet => subnet.id))
    return list.map(network => ({ network, subnets: on.filter(subnet => subnet.networkId === network.id).map(subnet => ({ subnet, total: sizeOf(subnet.pools), used: used.get(subnet.id) ?? 0 })) }))
  }

  return {
    async list(ctx: Context): Promise<AgentWithState[]> {
      if (!asks(ctx, rules.GET_AGENT, {})) return []
      return (await db.read(tx => agents.list(tx))).map(withState)
    },

    async show(ctx: Context, id: string): Promise<AgentWithState> {
      ctx.authorize(rules.GET_AGENT, {}, { hiddenAs: notFound('agent', id) })
      return withState(await db.read(tx => existing(tx, id)))
    },

    async update(ctx: Context, id: string, said: { adminUp?: boolean | undefined, description?: string | undefined }): Promise<AgentWithState> {
      ctx.authorize(rules.UPDATE_AGENT, {})
      return db.write(async tx => {
        const agent = await existing(tx, id)
        const next = { ...agent, adminUp: said.adminUp ?? agent.adminUp, description: said.description ?? agent.description }
        await agents.update(tx, next)
        return withState(next)
      })
    },

    /** An agent that lives is not forgotten: it would be back with its next word. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_AGENT, {})
      await db.write(async tx => {
        const agent = withState(await existing(tx, id))
        if (agent.alive) throw neutronFault('conflict', 'AgentInUse', `Agent ${id} on host ${agent.host} is alive.`)
        await agents.remove(tx, id)
      })
    },

    /** `available` while a host lives. */
    async zones(ctx: Context): Promise<{ name: string, state: 'available' | 'unavailable', resource: 'network' | 'router' }[]> {
      ctx.authorize(rules.GET_AVAILABILITY_ZONE, {})
      const live = await db.read(tx => agents.liveHosts(tx, clock.now() - deps.options.agentDownTime * 1000))
      const state = live.length ? 'available' : 'unavailable'
      return [{ name: 'nova', state, resource: 'network' }, { name: 'nova', state, resource: 'router' }]
    },

    listAvailability: (ctx: Context, request: Listing): Promise<Availability[]> => db.read(async tx => {
      const named = new Map([...request.filters].map(([name, values]) => [name === 'network_id' ? 'id' : name === 'network_name' ? 'name' : name, values]))
      const plan = { table: 'networks', noun: 'network', rule: rules.GET_NETWORK_IP_AVAILABILITY, columns: networks.FILTERS, mine: networks.seenBy } as const
      return fullness(tx, (await listVisible(ctx, tx, plan, { ...request, filters: named })).rows.map(networks.fromRow))
    }),

    showAvailability: (ctx: Context, networkId: string): Promise<Availability> => db.read(async tx => {
      ctx.authorize(rules.GET_NETWORK_IP_AVAILABILITY, {})
      const network = await networks.find(tx, networkId)
      if (!network) throw notFound('network', networkId)
      return (await fullness(tx, [network]))[0]!
    }),
  }
}

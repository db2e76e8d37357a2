// Agents, availability zones, and how full networks are.
import type { Context } from '@alto/kit/context'
import type { Agent, AgentType } from '../model/agents.ts'
import { neutronFault, notFound } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import { sizeOf, type Subnet } from '../model/subnets.ts'
import * as rules from '../policy/agents.ts'
import * as addresses from '../store/addresses.ts'
import * as agents from '../store/agents.ts'
import * as hostRows from '../store/host-rows.ts'
import * as networks from '../store/networks.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import type { Listing } from './access.ts'
import { ringAfter, type Deps } from './deps.ts'
import { pickHost } from './hosts.ts'
import { asks, listVisible } from './lists.ts'
import { settle } from './placement.ts'

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
  const { db } = deps
  const withState = (agent: Agent): AgentWithState => ({ ...agent, alive: agent.heartbeatAt >= deps.silentSince() })

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
      const changed = await db.write(async tx => {
        const agent = await existing(tx, id)
        const next = { ...agent, adminUp: said.adminUp ?? agent.adminUp, description: said.description ?? agent.description }
        await agents.update(tx, next)
        return withState(next)
      })
      await settle(deps)
      return changed
    },

    /** An agent that lives is not forgotten: it would be back with its next word. With the one that makes bridges, the host's tunnels are forgotten. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_AGENT, {})
      await db.write(async tx => {
        const agent = withState(await existing(tx, id))
        if (agent.alive) throw neutronFault('conflict', 'AgentInUse', `Agent ${id} on host ${agent.host} is alive.`)
        await agents.remove(tx, id)
        if (await agents.factsOf(tx, agent.host) === undefined) ringAfter(tx, deps, await hostRows.touched(tx, 'network', await hostRows.networksOf(tx, agent.host)))
      })
      await settle(deps)
    },

    /** `available` while a host lives that takes the work. */
    async zones(ctx: Context): Promise<{ name: string, state: 'available' | 'unavailable', resource: 'network' | 'router' }[]> {
      ctx.authorize(rules.GET_AVAILABILITY_ZONE, {})
      return db.read(async tx => {
        const state = async (type: AgentType) => await pickHost(tx, deps, type) === undefined ? 'unavailable' : 'available'
        return [{ name: 'nova', state: await state('DHCP agent'), resource: 'network' }, { name: 'nova', state: await state('L3 agent'), resource: 'router' }]
      })
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

// SQL for agents: what hosts said of themselves.
import { fromJson, toJson } from '@alto/kit/db'
import { AGENT_KINDS, type Agent, type AgentType, type HostFacts } from '../model/agents.ts'
import type { Tables, Tx } from './tables.ts'

/** The agent that stands for the host itself. */
const BRIDGES: AgentType = 'Linux bridge agent'

/** All agents, or those of a host. */
export async function list(tx: Tx, host?: string): Promise<Agent[]> {
  let query = tx.selectFrom('agents').selectAll()
  if (host !== undefined) query = query.where('host', '=', host)
  return (await query.orderBy('host').orderBy('agent_type').execute()).map(fromRow)
}

/** The agent, or undefined. */
export async function find(tx: Tx, id: string): Promise<Agent | undefined> {
  const row = await tx.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Hosts, by name, that take such work: they say that they do, and no administrator took that agent out of service or forgot it. `heartbeatAt`: when they last spoke. */
export async function inService(tx: Tx, type: AgentType): Promise<{ host: string, heartbeatAt: number }[]> {
  const rows = await tx.selectFrom('agents').select(['host', 'heartbeat_at', 'facts']).where('agent_type', '=', type).where('admin_up', '=', 1).orderBy('host').execute()
  return rows.filter(row => factsIn(row.facts).gateway !== false).map(row => ({ host: row.host, heartbeatAt: Number(row.heartbeat_at) }))
}

/** What the host said of itself, or undefined when it never spoke or was forgotten. */
export async function factsOf(tx: Tx, host: string): Promise<HostFacts | undefined> {
  const row = await tx.selectFrom('agents').select('facts').where('host', '=', host).where('agent_type', '=', BRIDGES).executeTakeFirst()
  return row && factsIn(row.facts)
}

/** The tunnel addresses of those hosts that have one. */
export async function tunnelAddresses(tx: Tx, hosts: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (hosts.length === 0) return new Map()
  const rows = await tx.selectFrom('agents').select(['host', 'facts']).where('agent_type', '=', BRIDGES).where('host', 'in', hosts).orderBy('host').execute()
  return new Map(rows.flatMap(row => {
    const { tunnelAddress } = factsIn(row.facts)
    return tunnelAddress === undefined ? [] : [[row.host, tunnelAddress] as const]
  }))
}

/** The host lives. `newId` gives ids for agents that are not known (any more). */
export async function beat(tx: Tx, said: { host: string, incarnation: string, facts: HostFacts }, now: number, newId: () => string): Promise<void> {
  const { numUpdatedRows } = await tx.updateTable('agents').set(e => ({
    heartbeat_at: now, facts: toJson(said.facts), started_at: e.case().when('incarnation', '=', said.incarnation).then(e.ref('started_at')).else(now).end(), incarnation: said.incarnation,
  })).where('host', '=', said.host).executeTakeFirst()
  if (numUpdatedRows === BigInt(AGENT_KINDS.length)) return
  await tx.insertInto('agents').values(AGENT_KINDS.map(kind => ({
    id: newId(), host: said.host, binary: kind.binary, agent_type: kind.type, admin_up: 1, description: '', started_at: now, heartbeat_at: now, created_at: now,
    incarnation: said.incarnation, facts: toJson(said.facts),
  }))).onConflict(c => c.doNothing()).execute()
}

/** What an administrator may change. */
export async function update(tx: Tx, agent: Pick<Agent, 'id' | 'adminUp' | 'description'>): Promise<void> {
  await tx.updateTable('agents').set({ admin_up: Number(agent.adminUp), description: agent.description }).where('id', '=', agent.id).execute()
}

/** Forgets an agent. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('agents').where('id', '=', id).execute()
}

function fromRow(row: Tables['agents']): Agent {
  return {
    id: row.id, host: row.host, binary: row.binary, type: row.agent_type, adminUp: row.admin_up === 1, description: row.description, startedAt: Number(row.started_at),
    heartbeatAt: Number(row.heartbeat_at), createdAt: Number(row.created_at), incarnation: row.incarnation, facts: factsIn(row.facts),
  }
}

function factsIn(text: string): HostFacts {
  return fromJson<HostFacts>(text, { driver: '', segments: [], takenPrefixes: [] })
}

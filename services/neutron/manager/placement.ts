// When DHCP and routers move from host to host.
//
// - They stay where they are while that host takes such work, whether or not its agent is heard: its data plane goes on without the agent, and a host that
//   is only cut off from us would serve beside another. An administrator who disables or deletes the agent says that the host is to be relieved.
// - What runs on no host that takes such work moves to a live one, by whoever notices first: the change of the agent, or any host's next word. So a
//   controller that dies between the two loses nothing; and two controllers move a thing once, for it is locked, and looked at again under the lock.
import { messageOf } from '@alto/kit/errors'
import * as agents from '../store/agents.ts'
import * as hostRows from '../store/host-rows.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as routers from '../store/routers.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { ringAfter, type Deps } from './deps.ts'
import { serveDhcp } from './dhcp.ts'
import { liveHosts } from './hosts.ts'
import { settleRouter } from './routers.ts'

/** Places what runs nowhere, or on hosts that do not take such work (any more). Each in a transaction of its own; one that cannot move is logged, and holds nobody up. */
export async function settle(deps: Deps): Promise<void> {
  const stray = await deps.db.read(async tx => ({ routers: await strayRouters(tx, deps), networks: await strayNetworks(tx, deps) }))
  for (const id of stray.routers) await tryTo(deps, id, tx => settleRouter(tx, deps, id))
  for (const id of stray.networks) await tryTo(deps, id, tx => settleDhcp(tx, deps, id))
}

async function strayRouters(tx: Tx, deps: Deps): Promise<string[]> {
  if ((await liveHosts(tx, deps, 'L3 agent')).length === 0) return []
  return routers.listNotOn(tx, namesOf(await agents.inService(tx, 'L3 agent')))
}

async function strayNetworks(tx: Tx, deps: Deps): Promise<string[]> {
  if ((await liveHosts(tx, deps, 'DHCP agent')).length === 0) return []
  return [...await subnets.unservedNetworks(tx), ...await ports.networksServedNotOn(tx, namesOf(await agents.inService(tx, 'DHCP agent')))]
}

async function settleDhcp(tx: Tx, deps: Deps, networkId: string): Promise<void> {
  const network = await networks.lock(tx, networkId)
  if (!network) return
  if (await serveDhcp(tx, deps, network, await subnets.listOn(tx, [networkId]))) ringAfter(tx, deps, await hostRows.touched(tx, 'network', [networkId]))
}

async function tryTo(deps: Deps, id: string, work: (tx: Tx) => Promise<void>): Promise<void> {
  try {
    await deps.db.write(work)
  } catch (error) {
    deps.log.warn({ id, error: messageOf(error) }, 'a router or a network\'s DHCP could not be placed; it is tried again')
  }
}

function namesOf(hosts: readonly { host: string }[]): string[] {
  return hosts.map(({ host }) => host)
}

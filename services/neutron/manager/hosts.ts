// Which host takes on DHCP or a router.
import type { AgentType } from '../model/agents.ts'
import * as agents from '../store/agents.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** Hosts that take such work and were heard lately. */
export async function liveHosts(tx: Tx, deps: Deps, type: AgentType): Promise<string[]> {
  const since = deps.silentSince()
  return (await agents.inService(tx, type)).filter(({ heartbeatAt }) => heartbeatAt >= since).map(({ host }) => host)
}

/** True when the host takes such work, whether or not it is heard. */
export async function takes(tx: Tx, type: AgentType, host: string | null): Promise<boolean> {
  return (await agents.inService(tx, type)).some(one => one.host === host)
}

/**
 * The host for such work, or undefined when there is none: the first of the `preferred` that lives; else `current` while it takes such work, whether or not it is
 * heard; else any that lives.
 */
export async function pickHost(tx: Tx, deps: Deps, type: AgentType, { preferred = [], current = null }: { preferred?: readonly string[], current?: string | null } = {}): Promise<string | undefined> {
  const live = await liveHosts(tx, deps, type)
  const chosen = preferred.find(host => live.includes(host))
  if (chosen !== undefined) return chosen
  return current !== null && await takes(tx, type, current) ? current : live[deps.ids.below(Math.max(1, live.length))]
}

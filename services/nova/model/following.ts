// What a server's row follows from its guest: power, and that one which ended by itself is a stopped server. Asked whenever the agent reports, and when a task
// of the server ends: what the agent reported while the task was at work was not followed.
import { POWER, type Server } from './servers.ts'
import type { Observed, Want, Wanted } from './wants.ts'

const POWER_STATES: Readonly<Record<Observed['power'], number>> = {
  absent: POWER.pending, building: POWER.pending, running: POWER.running, paused: POWER.paused, stopped: POWER.shutdown, suspended: POWER.suspended, crashed: POWER.crashed,
}

/** What changes in a server, and in what is wanted of its guest. */
export interface Following { readonly server: Partial<Pick<Server, 'vmState' | 'powerState'>>, readonly wanted?: Partial<Wanted> }

/** What follows for a server that is as `server` says when its guest is seen so; undefined for nothing, as while a task is at work. A guest that ended by itself, or crashed, is wanted stopped from then on. */
export function followed(server: Pick<Server, 'vmState' | 'taskState' | 'powerState'>, { wanted }: Pick<Want, 'wanted'>, observed: Observed): Following | undefined {
  if (server.taskState !== null || (server.vmState !== 'active' && server.vmState !== 'paused')) return undefined
  if (wanted.power !== 'stopped' && (observed.endedNonce === wanted.powerNonce || observed.power === 'crashed')) {
    return { server: { vmState: 'stopped', powerState: observed.power === 'crashed' ? POWER.crashed : POWER.shutdown }, wanted: { power: 'stopped', shutdownTimeoutMs: 0 } }
  }
  const powerState = POWER_STATES[observed.power]
  return observed.power !== 'building' && server.powerState !== powerState ? { server: { powerState } } : undefined
}

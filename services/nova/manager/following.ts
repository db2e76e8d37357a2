// What a server's row follows from its guest: power, and that one which ended by itself is a stopped server. Asked whenever the agent reports, and when a task
// of the server ends: what the agent reported while the task was at work was not followed, and is not reported again.
import { POWER, type Server } from '../model/servers.ts'
import type { Observed, Want } from '../model/wants.ts'
import type { ServerChange } from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as wants from '../store/wants.ts'

const POWER_STATES: Readonly<Record<Observed['power'], number>> = {
  absent: POWER.pending, building: POWER.pending, running: POWER.running, paused: POWER.paused, stopped: POWER.shutdown, suspended: POWER.suspended, crashed: POWER.crashed,
}

/** What is to change in a server that is as `server` says when its guest is seen so; nothing while a task is at work. A guest that ended by itself, or crashed, is wanted stopped from then on. */
export async function followed(tx: Tx, server: Pick<Server, 'id' | 'vmState' | 'taskState' | 'powerState'>, want: Want, observed: Observed): Promise<ServerChange> {
  if (server.taskState !== null || (server.vmState !== 'active' && server.vmState !== 'paused')) return {}
  const powerState = POWER_STATES[observed.power]
  if (want.wanted.power !== 'stopped' && (observed.endedNonce === want.wanted.powerNonce || observed.power === 'crashed')) {
    await wants.change(tx, server.id, want.epoch, { power: 'stopped', shutdownTimeoutMs: 0 })
    return { vmState: 'stopped', powerState: observed.power === 'crashed' ? POWER.crashed : POWER.shutdown }
  }
  return observed.power !== 'building' && server.powerState !== powerState ? { powerState } : {}
}

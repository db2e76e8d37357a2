// Power: start, stop, reboot, pause, suspend and their opposites. The wanted row is changed once, then the agent's answer is waited for.
import { task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { SERVER_POWER, type PowerAction } from '../manager/kinds.ts'
import { POWER, type VmState } from '../model/servers.ts'
import type { Wanted } from '../model/wants.ts'
import type { Tables } from '../store/tables.ts'
import { fail, succeed } from './endings.ts'
import { settled, wanting } from './guest.ts'

interface Power extends TaskShape {
  tables: Tables
  input: { actionId: string, action: PowerAction }
  got: { wanted: void, settled: void }
}

const AFTER: Readonly<Record<PowerAction, { vmState: VmState, powerState: number, done: string }>> = {
  start: { vmState: 'active', powerState: POWER.running, done: 'started the guest' },
  stop: { vmState: 'stopped', powerState: POWER.shutdown, done: 'stopped the guest' },
  reboot: { vmState: 'active', powerState: POWER.running, done: 'rebooted the guest' },
  reboot_hard: { vmState: 'active', powerState: POWER.running, done: 'rebooted the guest' },
  pause: { vmState: 'paused', powerState: POWER.paused, done: 'paused the guest' },
  unpause: { vmState: 'active', powerState: POWER.running, done: 'let the guest go on' },
  suspend: { vmState: 'suspended', powerState: POWER.shutdown, done: 'suspended the guest' },
  resume: { vmState: 'active', powerState: POWER.running, done: 'resumed the guest' },
}

/** The task that changes a server's power. */
export function serverPower(deps: Deps) {
  return task<Power>({
    kind: SERVER_POWER,
    deadlineMs: 300_000,
    forwardOnly: true,
    handsOver: true,
    steps: [
      { name: 'wanted', do: t => wanting(deps, t, wanted => changeFor(t.input.action, t.taskId, wanted, deps.options.shutdownTimeout * 1000)) },
      {
        name: 'settled',
        async do(t): Promise<void | Waiting> {
          const observed = await settled(deps, t, AFTER[t.input.action].done, (seen, want) => seen.converged && (seen.power === want.wanted.power || seen.endedNonce === want.wanted.powerNonce))
          return 'reason' in observed ? observed : undefined
        },
      },
    ],
    async onDone(tx, ended) {
      const { vmState, powerState } = AFTER[ended.input.action]
      await succeed(deps, tx, ended, { vmState, powerState, taskState: null })
    },
    onFailed: (tx, failed) => fail(deps, tx, failed),
  })
}

/** What an action changes in the wanted row; undefined when an earlier try has done it. */
function changeFor(action: PowerAction, nonce: string, was: Wanted, shutdownTimeoutMs: number): Partial<Wanted> | undefined {
  switch (action) {
    case 'start': return was.powerNonce === nonce ? undefined : { power: 'running', powerNonce: nonce, shutdownTimeoutMs }
    case 'stop': return was.power === 'stopped' ? undefined : { power: 'stopped', shutdownTimeoutMs }
    case 'reboot': case 'reboot_hard':
      return was.reboot?.nonce === nonce ? undefined : { power: 'running', powerNonce: nonce, shutdownTimeoutMs, reboot: { nonce, kind: action === 'reboot' ? 'soft' : 'hard' } }
    case 'pause': return was.power === 'paused' ? undefined : { power: 'paused' }
    case 'suspend': return was.power === 'suspended' ? undefined : { power: 'suspended' }
    case 'unpause': case 'resume': return was.power === 'running' ? undefined : { power: 'running' }
  }
}

// The bells of tasks among the controllers of one service: what one writes, the others' runners and waiting requests look at without waiting for their next poll.
import type { Ids } from '../ids/index.ts'
import { client, contract, type Serving, type Transport } from '../rpc/index.ts'
import type { TaskQueue } from './queue.ts'

/** What controllers of one service tell each other. */
export interface TaskBell {
  /** Something that a task of the resource may wait for has changed. `from` names the queue where it was rung. */
  rang(bell: { resourceId: string, from: string }): Promise<void>
}

/** Served for each, under the name of the service. */
export const taskBell = contract<TaskBell>('task-bell', '1.0', { rang: { kind: 'cast', since: '1.0' } })

/**
 * Carries every bell that is rung on `queue` to the queues of all others who share bells under `service`, and theirs here, until closed. A bell that was
 * brought is not carried on. One that the transport loses costs the others a poll.
 */
export function shareBells({ queue, transport, service, ids }: { queue: TaskQueue, transport: Transport, service: string, ids: Ids }): Serving {
  const from = ids.uuid()
  const others = client(taskBell, transport, service)
  const serving = transport.serve(taskBell, service, {
    async rang(bell) { if (bell.from !== from) queue.heard(bell.resourceId) },
  }, { each: true })
  const cancel = queue.onOwnRing(resourceId => { void others.rang({ resourceId, from }) })
  return {
    close() {
      cancel()
      return serving.close()
    },
  }
}

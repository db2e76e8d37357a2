// Waiting for a task within a request: for the few calls that upstream answers with the result.
import { Fault } from '@alto/kit/errors'
import type { Deps } from './deps.ts'

const PATIENCE = 60_000
const POLL = 250

/** Resolves when the task has ended well. Throws the Fault that it failed with; `unavailable` `nova.task.slow` when it takes longer than `patience`, milliseconds. */
export async function outcomeOf({ db, queue, clock }: Pick<Deps, 'db' | 'queue' | 'clock'>, resourceId: string, taskId: string, patience = PATIENCE): Promise<void> {
  const until = clock.now() + patience
  while (clock.now() < until) {
    const ended = (await db.read(tx => queue.history(tx, resourceId))).find(one => one.id === taskId)
    if (ended?.outcome === 'done') return
    if (ended) throw new Fault(ended.failure?.kind ?? 'conflict', ended.failure?.code ?? 'nova.task.stopped', ended.failure?.message ?? 'The server is being deleted.')
    const rung = new AbortController()
    const cancel = queue.onRing(id => { if (id === resourceId) rung.abort(new Error('rung')) })
    await clock.sleep(POLL, rung.signal).catch(() => {})
    cancel()
  }
  throw new Fault('unavailable', 'nova.task.slow', 'It was begun, but has not ended yet; look at the server\'s actions.')
}

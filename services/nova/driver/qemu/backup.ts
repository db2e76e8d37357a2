// A backup job of QEMU: what one block node holds when the job begins, copied into another.
import type { Clock } from '@alto/kit/clock'
import { Fault, isFault } from '@alto/kit/errors'
import type { Qmp } from './qmp.ts'

/** Which job copies what: its id, and the names of two block nodes of one size. */
export interface Backup { readonly job: string, readonly source: string, readonly target: string }

interface Job { readonly id: string, readonly status: string, readonly error?: string, readonly 'current-progress': number }

const POLL = 100
const STALLED = 30_000

/** Copies all of `source` into `target`; resolves when it is done, and the job is to be ended. Throws Fault unavailable with `code` when it fails or makes no progress for 30 s. */
export async function runBackup(qmp: Qmp, { job, source, target }: Backup, code: string, clock: Clock, signal: AbortSignal): Promise<void> {
  await qmp.execute('blockdev-backup', { 'job-id': job, 'device': source, target, 'sync': 'full', 'auto-dismiss': false })
  let last = { progress: -1, at: clock.now() }
  for (;;) {
    signal.throwIfAborted()                        // also when it is done meanwhile: nobody wants it
    const now = await jobOf(qmp, job)
    if (now?.status === 'concluded') {
      if (now.error !== undefined) throw new Fault('unavailable', code, `the disk could not be copied: ${now.error}`)
      return
    }
    const progress = now?.['current-progress'] ?? 0
    if (progress !== last.progress) last = { progress, at: clock.now() }
    if (clock.now() - last.at > STALLED) throw new Fault('unavailable', code, `the disk could not be copied: nothing was written for ${STALLED / 1000} s`)
    await clock.sleep(POLL, signal)
  }
}

/** Ends the job, if there is one. */
export async function endBackup(qmp: Qmp, job: string, clock: Clock): Promise<void> {
  for (let now = await jobOf(qmp, job); now; now = await jobOf(qmp, job)) {
    await qmp.execute(now.status === 'concluded' ? 'job-dismiss' : 'job-cancel', { id: job }).catch(ignoreRefusal)
    if (now.status !== 'concluded') await clock.sleep(POLL)
  }
}

/** Lets QEMU say no: what is asked for is so already. */
export function ignoreRefusal(error: unknown): void {
  if (!isFault(error, 'nova.qmp.refused')) throw error
}

async function jobOf(qmp: Qmp, job: string): Promise<Job | undefined> {
  return (await qmp.execute('query-jobs') as Job[]).find(({ id }) => id === job)
}

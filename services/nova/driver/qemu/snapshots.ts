// A copy of a guest's root disk at one moment, in a file of its own: by a backup job in QEMU while it runs, by qemu-img when it does not.
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import type { QemuImg } from '@alto/kit/disk'
import { Fault, isFault } from '@alto/kit/errors'
import type { SnapshotFile } from '../hypervisor.ts'
import { ROOT_DEVICE } from './arguments.ts'
import type { GuestFiles } from './files.ts'
import type { Qmp } from './qmp.ts'

const JOB = 'snapshot'
const POLL = 100
const SLACK = 64 * 1024 * 1024

/** Copies the root disk of `bytes` to a file beside it. One at a time for each guest; the remains of an interrupted one are cleared first. */
export async function snapshotRoot(
  guest: { files: GuestFiles, revision: number, bytes: number, qmp: Qmp | undefined }, format: 'qcow2' | 'raw', img: QemuImg, clock: Clock, signal: AbortSignal,
): Promise<SnapshotFile> {
  const path = join(guest.files.dir, 'snapshot.part')
  await using undo = new AsyncDisposableStack()
  if (guest.qmp) await clear(guest.qmp, clock)
  await rm(path, { force: true })
  undo.defer(() => rm(path, { force: true }))
  if (guest.qmp) await backup(guest.qmp, { path, format, bytes: guest.bytes }, img, clock, signal)
  else await img.convert({ path: guest.files.root(guest.revision), format: 'qcow2' }, { path, format }, guest.bytes + SLACK, signal)
  const { size } = await stat(path)
  undo.move()
  return {
    bytes: size,
    read: () => createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>,
    async [Symbol.asyncDispose]() { await rm(path, { force: true }) },
  }
}

async function backup(qmp: Qmp, target: { path: string, format: 'qcow2' | 'raw', bytes: number }, img: QemuImg, clock: Clock, signal: AbortSignal): Promise<void> {
  await img.create(target)
  await qmp.execute('blockdev-add', { 'driver': target.format, 'node-name': JOB, 'discard': 'unmap', 'detect-zeroes': 'unmap', 'file': { driver: 'file', filename: target.path, discard: 'unmap' } })
  try {
    await qmp.execute('blockdev-backup', { 'job-id': JOB, 'device': ROOT_DEVICE, 'target': JOB, 'sync': 'full', 'auto-dismiss': false })
    for (;;) {
      const job = await jobOf(qmp)
      if (job?.status === 'concluded') {
        if (job.error !== undefined) throw new Fault('unavailable', 'nova.guest.snapshotFailed', `the disk could not be copied: ${job.error}`)
        return
      }
      await clock.sleep(POLL, signal)
    }
  } finally {
    await clear(qmp, clock)
  }
}

/** Ends a backup job, if there is one, and closes its file. */
async function clear(qmp: Qmp, clock: Clock): Promise<void> {
  for (;;) {
    const job = await jobOf(qmp)
    if (!job) break
    await qmp.execute(job.status === 'concluded' ? 'job-dismiss' : 'job-cancel', { id: JOB }).catch(ignoreRefusal)
    if (job.status !== 'concluded') await clock.sleep(POLL)
  }
  await qmp.execute('blockdev-del', { 'node-name': JOB }).catch(ignoreRefusal)
}

async function jobOf(qmp: Qmp): Promise<{ status: string, error?: string } | undefined> {
  return (await qmp.execute('query-jobs') as { id: string, status: string, error?: string }[]).find(({ id }) => id === JOB)
}

function ignoreRefusal(error: unknown): void {
  if (!isFault(error, 'nova.qmp.refused')) throw error
}

// A copy of a guest's root disk at one moment, in a file of its own: by a backup job in QEMU while it runs, by qemu-img when it does not.
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import type { QemuImg } from '@alto/kit/disk'
import type { SnapshotFile } from '../hypervisor.ts'
import { ROOT_DEVICE } from './arguments.ts'
import { endBackup, ignoreRefusal, runBackup } from './backup.ts'
import type { GuestFiles } from './files.ts'
import type { Qmp } from './qmp.ts'

const JOB = 'snapshot'
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
    async* read() { yield* createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array> },       // opened when it is read, so that nothing is open that nobody reads
    async [Symbol.asyncDispose]() { await rm(path, { force: true }) },
  }
}

async function backup(qmp: Qmp, target: { path: string, format: 'qcow2' | 'raw', bytes: number }, img: QemuImg, clock: Clock, signal: AbortSignal): Promise<void> {
  await img.create(target)
  await qmp.execute('blockdev-add', { 'driver': target.format, 'node-name': JOB, 'discard': 'unmap', 'detect-zeroes': 'unmap', 'file': { driver: 'file', filename: target.path, discard: 'unmap' } })
  try {
    await runBackup(qmp, { job: JOB, source: ROOT_DEVICE, target: JOB }, 'nova.guest.snapshotFailed', clock, signal)
  } finally {
    await clear(qmp, clock)
  }
}

/** Ends a backup job, if there is one, and closes its file. */
async function clear(qmp: Qmp, clock: Clock): Promise<void> {
  await endBackup(qmp, JOB, clock)
  await qmp.execute('blockdev-del', { 'node-name': JOB }).catch(ignoreRefusal)
}

// Suspend and resume: QEMU migrates the guest's memory into a unix socket whose other end we write to a file, and back. (Its sandbox forbids `exec:`.)
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import type { GuestFiles } from './files.ts'
import type { Qmp } from './qmp.ts'
import { statusOf } from './sight.ts'

const POLL = 100

/** Writes the guest's memory to `files.memory`, which has its name only when it is complete. The guest is stopped meanwhile and goes on when this fails. */
export async function saveMemory(qmp: Qmp, files: GuestFiles, clock: Clock, signal: AbortSignal): Promise<void> {
  const part = `${files.memory}.part`
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(files.migration, { force: true }))
  await rm(files.migration, { force: true })
  const arrived = Promise.withResolvers<Socket>()
  const server = createServer(socket => arrived.resolve(socket))
  undo.defer(() => { server.close() })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(files.migration, resolve))
  await qmp.execute('stop')
  try {
    await qmp.execute('migrate', { uri: `unix:${files.migration}` })
    const written = arrived.promise.then(socket => pipeline(socket, createWriteStream(part, { mode: 0o600 }), { signal }))
    await Promise.all([written, migrated(qmp, clock, signal)])
    await rename(part, files.memory)
  } catch (error) {
    arrived.reject(error)
    await qmp.execute('migrate_cancel').catch(() => {})
    await qmp.execute('cont').catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}

/** Gives saved memory to a QEMU that waits for it, and lets the guest run. */
export async function restoreMemory(qmp: Qmp, files: GuestFiles, clock: Clock, signal: AbortSignal): Promise<void> {
  await pipeline(createReadStream(files.memory, { highWaterMark: 1024 * 1024 }), connect({ path: files.migration }), { signal })
  while (await statusOf(qmp) === 'inmigrate') await clock.sleep(POLL, signal)
  await qmp.execute('cont')
}

async function migrated(qmp: Qmp, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status, 'error-desc': why } = await qmp.execute('query-migrate') as { status?: string, 'error-desc'?: string }
    if (status === 'completed') return
    if (status === 'failed' || status === 'cancelled') throw new Fault('unavailable', 'nova.guest.suspendFailed', `the guest's memory could not be saved: ${why ?? status}`)
    await clock.sleep(POLL, signal)
  }
}

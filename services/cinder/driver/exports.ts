// Exports of disks to other hosts: a storage daemon for each attachment, which serves the qcow2 file as raw bytes over NBD and TLS. The guest's side opens the qcow2,
// so that it grows and flushes as a local one does; QEMU's plain export cannot grow, so the file is made large first, which costs nothing where there are holes.
//
// A daemon outlives the agent and is found again (kit/disk). It lets one client in. A client whose machine went down without a word would keep its place for ever;
// so an export at which somebody waits, at two looks in a row, is started anew: the one who lives comes back, and nothing that was acknowledged is lost.
import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import { attachmentKey, clientWaitsAt, endStorageDaemons, keepStorageDaemon, storageDaemonIn, storageDaemonsOf } from '@alto/kit/disk'
import type { DiskExport } from '../model/disks.ts'

/** What a host needs for exports. */
export interface ExportOptions {
  readonly clock: Clock
  /** Pidfiles and keys, gone after a reboot of the machine: `RUN/DISK/ATTACHMENT/`. */
  readonly run: string
  /** Stands in the arguments of every daemon: `alto-CLOUD-HOST`. */
  readonly mark: string
  /** Where daemons listen: this host's address among the volume and compute hosts. */
  readonly address: string
  /** The site's data secret; keys derive from it. */
  readonly secret: string
}

/** The exports of one host. */
export interface DiskExports {
  readonly address: string
  /** Serves `file`, the disk's, to exactly these attachments. Throws Fault unavailable when one cannot be (its port is taken). */
  serve(id: string, file: { path: string, bytes: number }, exports: readonly DiskExport[]): Promise<void>
  /** Ends those of a disk. */
  end(id: string): Promise<void>
  /** Ends all of this host. */
  endAll(): Promise<void>
  /** Disks that have an export which ended or at which somebody waits in vain. */
  ailing(): Promise<string[]>
  /** `listener` is told the disk of an export that ended by itself; gives the way to end that. */
  watch(listener: (id: string) => void): () => void
  /** The daemons that run, whoever they belong to. */
  running(): Promise<{ diskId: string, pid: number }[]>
}

/** How large a file is made for its export: no volume grows beyond that while it is attached. The largest of ext4 has 16 TiB. */
const ROOM = 8 * 2 ** 40
const TOO_OFTEN = 2

/** The exports of a host. */
export function diskExports({ clock, run, mark, address, secret }: ExportOptions): DiskExports {
  const prefix = `${mark}.export.`
  const nameOf = (id: string, attachmentId: string) => `${prefix}${id}.${attachmentId}`
  const listeners = new Set<(id: string) => void>()
  /** At how many looks in a row somebody waited, by the export's directory. */
  const waitedAt = new Map<string, number>()
  const attachmentsOf = (id: string) => readdir(join(run, id)).catch((): string[] => [])

  async function end(id: string, attachmentId: string): Promise<void> {
    await endStorageDaemons(nameOf(id, attachmentId), clock)
    await rm(join(run, id, attachmentId), { recursive: true, force: true })
    waitedAt.delete(join(run, id, attachmentId))
  }

  return {
    address,
    async serve(id, file, exports) {
      for (const attachmentId of await attachmentsOf(id)) if (!exports.some(wanted => wanted.attachmentId === attachmentId)) await end(id, attachmentId)
      if (exports.length === 0) { await rm(join(run, id), { recursive: true, force: true }); return }
      const room = Math.max(ROOM, file.bytes * 2)
      if ((await stat(file.path)).size < room) await truncate(file.path, room)
      for (const { attachmentId, port, readOnly } of exports) {
        const directory = join(run, id, attachmentId)
        if ((waitedAt.get(directory) ?? 0) >= TOO_OFTEN) await end(id, attachmentId)
        waitedAt.delete(directory)
        await keepStorageDaemon({
          name: nameOf(id, attachmentId), directory, exportName: attachmentId, readOnly: readOnly ?? false,
          tls: { endpoint: 'server', identity: attachmentId, key: attachmentKey(secret, attachmentId) },
          blockdev: { driver: 'file', filename: file.path }, listen: { type: 'inet', host: address, port: String(port) },
        }, clock, () => { for (const listener of listeners) listener(id) })
      }
    },
    async end(id) {
      for (const attachmentId of await attachmentsOf(id)) waitedAt.delete(join(run, id, attachmentId))
      await endStorageDaemons(nameOf(id, ''), clock)
      await rm(join(run, id), { recursive: true, force: true })
    },
    async endAll() {
      await endStorageDaemons(prefix, clock)
      await rm(run, { recursive: true, force: true })
    },
    async ailing() {
      const ids: string[] = []
      for (const id of await readdir(run).catch((): string[] => [])) {
        for (const attachmentId of await attachmentsOf(id)) {
          const directory = join(run, id, attachmentId)
          const waited = await clientWaitsAt(directory) ? (waitedAt.get(directory) ?? 0) + 1 : 0
          waitedAt.set(directory, waited)
          if (waited >= TOO_OFTEN || await storageDaemonIn(directory) === undefined) ids.push(id)
        }
      }
      return ids
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async running() {
      return (await storageDaemonsOf(prefix)).map(({ name, process: { pid } }) => ({ diskId: name.slice(prefix.length).split('.')[0]!, pid }))
    },
  }
}

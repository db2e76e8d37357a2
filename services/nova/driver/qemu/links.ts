// The way of a guest to a volume of another host. QEMU runs in the cloud's network namespace, which reaches no other host, and shall not: so a storage daemon in the
// host's own namespace speaks to the volume's host, over TLS, and QEMU reaches that daemon by a unix socket. The daemon lives as long as the volume is plugged,
// not as long as the agent; while it (or the volume's host) is away, the guest's reads and writes wait and are lost by nobody.
import { mkdir, readdir, rm } from 'node:fs/promises'
import type { Clock } from '@alto/kit/clock'
import { attachmentKey, endStorageDaemons, keepStorageDaemon, storageDaemonIn, storageDaemonsOf } from '@alto/kit/disk'
import { Fault } from '@alto/kit/errors'
import type { GuestVolume } from '../../model/guests.ts'
import { RECONNECT } from './arguments.ts'
import { attachmentOf, linkDirectory, linkSocket, volumeNode, type GuestFiles, type Places } from './files.ts'

/** The links of the guests of one cloud on this host. */
export interface VolumeLinks {
  /** Makes the link of a volume that needs one, or finds it; resolves when the volume can be opened. Fault unavailable while its host does not answer; badRequest `nova.volume.noSecret`, notImplemented `nova.volume.unknownConnection`. */
  make(files: GuestFiles, volume: GuestVolume): Promise<void>
  /** Ends the link of an attachment, if it has one. The volume is closed. */
  end(files: GuestFiles, attachmentId: string): Promise<void>
  /** Ends all links of a guest that does not run. */
  endAll(files: GuestFiles): Promise<void>
  /** The attachments of a guest that have a link, and whether it is there. */
  look(files: GuestFiles): Promise<{ attachmentId: string, whole: boolean }[]>
  /** The links that run, whoever they belong to: the guest's id and the pid. */
  running(): Promise<{ serverId: string, pid: number }[]>
}

/** Links with keys of the site's data secret; `onEnd` is told whose link ended. */
export function volumeLinks(places: Places, parts: { clock: Clock, dataSecret: string | undefined, onEnd: (serverId: string) => void }): VolumeLinks {
  const { clock, dataSecret } = parts
  const mark = `${places.mark}.link.`
  const nameOf = (files: GuestFiles, attachmentId: string) => `${mark}${files.id}.${attachmentId}`
  return {
    async make(files, { id, attachmentId, connection, readOnly }) {
      if (connection.kind === 'file') return
      if (connection.kind !== 'nbd-tls') throw new Fault('notImplemented', 'nova.volume.unknownConnection', `volume ${id} is to be reached in a way that this host does not know (${(connection satisfies never as { kind: string }).kind}): the controllers are newer, upgrade the host`)
      if (dataSecret === undefined) throw new Fault('badRequest', 'nova.volume.noSecret', 'the volume is on another host, and this host was not given the data secret of the site')
      const directory = linkDirectory(files, attachmentId)
      await mkdir(files.run, { recursive: true, mode: 0o700 })
      const { identity, address, port, exportName } = connection
      await keepStorageDaemon({
        name: nameOf(files, attachmentId), directory, exportName, readOnly: readOnly ?? false,
        tls: { endpoint: 'client', identity, key: attachmentKey(dataSecret, identity) },
        blockdev: { 'driver': 'nbd', 'server': { type: 'inet', host: address, port: String(port) }, 'export': exportName, 'reconnect-delay': RECONNECT },
        listen: { type: 'unix', path: linkSocket(files, attachmentId) },
      }, clock, () => parts.onEnd(files.id))
    },
    async end(files, attachmentId) {
      const directory = linkDirectory(files, attachmentId)
      if (!(await readdir(files.run).catch((): string[] => [])).includes(volumeNode(attachmentId))) return
      await endStorageDaemons(nameOf(files, attachmentId), clock)
      await rm(directory, { recursive: true, force: true })
    },
    endAll: files => endStorageDaemons(`${mark}${files.id}.`, clock),
    async look(files) {
      const attachments = (await readdir(files.run).catch(() => [])).map(attachmentOf).filter(id => id !== undefined)
      return Promise.all(attachments.map(async attachmentId => ({ attachmentId, whole: await storageDaemonIn(linkDirectory(files, attachmentId)) !== undefined })))
    },
    async running() {
      return (await storageDaemonsOf(mark)).map(({ name, process: { pid } }) => ({ serverId: name.slice(mark.length).split('.')[0]!, pid }))
    },
  }
}

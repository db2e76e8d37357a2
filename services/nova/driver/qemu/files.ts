// Where a guest's things lie on the host, and how they are marked. Sockets have short names: a unix socket's path may have 107 bytes.
import { join } from 'node:path'
import { Fault } from '@alto/kit/errors'

/** The directories and marks of one cloud on one host. */
export interface Places {
  /** Root disks, console logs, notes: `DATA/instances/ID/`; cached images: `DATA/images/`. */
  readonly data: string
  /** Sockets and pidfiles, gone after a reboot: `RUN/ID/`. */
  readonly run: string
  /** Stands in the arguments of every process of the cloud: `alto-CLOUD-HOST`. */
  readonly mark: string
}

/** Where one guest's things lie. */
export interface GuestFiles {
  readonly id: string
  readonly dir: string
  readonly run: string
  readonly consoleLog: string
  readonly notes: string
  readonly configDrive: string
  readonly memory: string
  readonly machine: string
  /** What a guest has overwritten of a volume since a copy of that began. */
  readonly copyBefore: string
  readonly pidfile: string
  /** What QEMU said while it started. */
  readonly words: string
  readonly monitor: string
  /** A second monitor, for whoever looks at a guest by hand. */
  readonly spareMonitor: string
  readonly serial: string
  readonly vnc: string
  readonly migration: string
  root(revision: number): string
}

const MAX_SOCKET = 107
const ROOT = /^root-(\d+)\.qcow2$/

/** Throws a plain Error when sockets under `run` would have too long a name: a wrong configuration, seen at start. */
export function placesOf(places: Places): Places {
  const id = '00000000-0000-0000-0000-000000000000'
  const longest = Buffer.byteLength(linkSocket(filesOf(places, id), id))
  if (longest > MAX_SOCKET) throw new Error(`the run directory ${places.run} is ${longest - MAX_SOCKET} bytes too long for unix sockets`)
  return places
}

/** The files of guest `id`. Throws Fault badRequest `nova.guest.badId` for what is no id, so that no path is ever built from it. */
export function filesOf(places: Places, id: string): GuestFiles {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new Fault('badRequest', 'nova.guest.badId', `${JSON.stringify(id)} is not a server's id`)
  const dir = join(places.data, 'instances', id)
  const run = join(places.run, id)
  return {
    id, dir, run,
    consoleLog: join(dir, 'console.log'), notes: join(dir, 'notes.json'), configDrive: join(dir, 'config.iso'), memory: join(dir, 'memory'), machine: join(dir, 'machine.json'), copyBefore: join(dir, 'copy-before.part'),
    pidfile: join(run, 'pid'), words: join(run, 'words'), monitor: join(run, 'qmp'), spareMonitor: join(run, 'qmp2'), serial: join(run, 'ser'), vnc: join(run, 'vnc'), migration: join(run, 'mig'),
    root: revision => join(dir, `root-${revision}.qcow2`),
  }
}

/** The revision that a root disk's file name tells; undefined for any other name. */
export function revisionOf(fileName: string): number | undefined {
  const digits = ROOT.exec(fileName)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The block node of an attachment, and the directory of its link: a node's name has at most 31 characters, so the id is in base64. */
export const volumeNode = (attachmentId: string) => `v-${Buffer.from(attachmentId.replaceAll('-', ''), 'hex').toString('base64url')}`
/** The attachment that a block node is of; undefined for any other node. */
export function attachmentOf(node: string): string | undefined {
  return /^v-[\w-]{22}$/.test(node) ? Buffer.from(node.slice(2), 'base64url').toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : undefined
}

/** The directory of the link to a volume of another host; it is named as the volume's block node. */
export function linkDirectory(files: GuestFiles, attachmentId: string): string {
  return join(files.run, volumeNode(attachmentId))
}

/** Where QEMU reaches the link. */
export function linkSocket(files: GuestFiles, attachmentId: string): string {
  return join(linkDirectory(files, attachmentId), 's')
}

/** What stands after `-name` for a guest: the cloud's mark and the server's id. */
export function guestName(places: Places, id: string): string {
  return `${places.mark}/${id}`
}

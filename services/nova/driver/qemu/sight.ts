// What can be seen of a QEMU guest: its process and status, its devices, its disks. Everything is asked for; nothing is remembered.
import { open, readdir, stat } from 'node:fs/promises'
import type { GuestSight } from '../../model/guests.ts'
import { ROOT_DEVICE, volumeDevice } from './arguments.ts'
import { attachmentOf, revisionOf, type GuestFiles } from './files.ts'
import type { Live } from './monitors.ts'
import type { Qmp } from './qmp.ts'

const CRASHED = ['internal-error', 'io-error', 'guest-panicked', 'watchdog']

/** Looks at a guest; `live` is its process, when it has one. A process that only waits for saved memory (a restore that was interrupted) counts as none. */
export async function sightOf(files: GuestFiles, live: Live | undefined): Promise<GuestSight> {
  const suspended = await stat(files.memory).then(() => true, () => false)
  const revision = await rootRevision(files)
  const status = live && await statusOf(live.qmp)
  if (!live || status === 'inmigrate') {
    const root = revision === undefined ? undefined : { revision, bytes: await qcow2Bytes(files.root(revision)) }
    return { process: 'none', suspended, root, ports: [], volumes: [] }
  }
  const [devices, nodes] = await Promise.all([devicesOf(live.qmp), nodesOf(live.qmp)])
  return {
    process: status === 'shutdown' ? 'ended' : status === 'running' || status === 'suspended' ? 'running' : CRASHED.includes(status!) ? 'crashed' : 'paused',
    suspended,
    root: revision === undefined ? undefined : { revision, bytes: nodes.get(ROOT_DEVICE) ?? 0 },
    ports: devices.filter(device => device.startsWith('nic-')).map(device => device.slice(4)),
    volumes: [...nodes].flatMap(([node, bytes]) => {
      const attachmentId = attachmentOf(node)
      return attachmentId === undefined ? [] : [{ attachmentId, bytes, ...(!devices.includes(volumeDevice(attachmentId)) && { half: true as const }) }]
    }),
  }
}

/** The newest root disk that is complete (it has its name only then), or undefined. */
export async function rootRevision(files: GuestFiles): Promise<number | undefined> {
  const names = await readdir(files.dir).catch(() => [])
  const revisions = names.map(revisionOf).filter(revision => revision !== undefined)
  return revisions.length ? Math.max(...revisions) : undefined
}

/** QEMU's run state, as `query-status` says. */
export async function statusOf(qmp: Qmp): Promise<string> {
  return (await qmp.execute('query-status') as { status: string }).status
}

/** The ids of the devices that are plugged. */
export async function devicesOf(qmp: Qmp): Promise<string[]> {
  return (await qmp.execute('qom-list', { path: '/machine/peripheral' }) as { name: string, type: string }[])
    .filter(({ type }) => type.startsWith('child<')).map(({ name }) => name)
}

/** The block nodes with names of ours, and the bytes of each one's disk. */
export async function nodesOf(qmp: Qmp): Promise<Map<string, number>> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true }) as { 'node-name'?: string, 'image': { 'virtual-size': number } }[]
  return new Map(nodes.map(node => [node['node-name'] ?? '', node.image['virtual-size']]))
}

/** The path of the base that a guest's root disk stands on, as the header of the overlay that we made says; undefined when there is no disk. */
export async function baseOf(files: GuestFiles): Promise<string | undefined> {
  const revision = await rootRevision(files)
  if (revision === undefined) return undefined
  await using file = await open(files.root(revision), 'r')
  const { buffer: header } = await file.read(Buffer.alloc(20), 0, 20, 0)
  const { buffer: path } = await file.read(Buffer.alloc(header.readUInt32BE(16)), 0, header.readUInt32BE(16), Number(header.readBigUInt64BE(8)))
  return path.toString()
}

/** The size in the header of a qcow2 that we made ourselves. */
async function qcow2Bytes(path: string): Promise<number> {
  await using file = await open(path, 'r')
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 24)
  return Number(buffer.readBigUInt64BE())
}

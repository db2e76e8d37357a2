// A copy of a plugged volume, of one moment, into a disk that Cinder gave for it, on this host or another.
//
// While the guest runs, a filter is put under its disk: what the guest overwrites is kept in a file of this host first (`before`), and a backup job reads the disk through
// the filter as it was, and writes the target. So the guest waits for the file of its own host at most, never for the target: a backup job alone would let the guest's
// writes wait for the target, and fail with it. When the file cannot take more (the host's disk is full), the copy breaks and the guest goes on.
// (The filter's `cbw-timeout` is not used: with a volume behind a link, QEMU 7.2 breaks copies by it that were not late.)
// A guest without a process has nothing open: qemu-img copies then, from where the disk lies.
//
// Nodes and job have names of their own, one copy at a time for each guest; the target's node and link are named as a volume's of the copy's id, so that they are seen as
// a volume that is plugged half and unwanted, should we die. `endCopies` makes all of it undone, in the order in which nothing waits for a target that does not answer.
import { rm } from 'node:fs/promises'
import type { Clock } from '@alto/kit/clock'
import type { QemuImg, ReachedDisk } from '@alto/kit/disk'
import { Fault } from '@alto/kit/errors'
import type { GuestCopy, GuestVolume } from '../../model/guests.ts'
import { volumeBlockdev, volumeDevice } from './arguments.ts'
import { endBackup, ignoreRefusal, runBackup } from './backup.ts'
import { linkSocket, volumeNode, type GuestFiles } from './files.ts'
import type { VolumeLinks } from './links.ts'
import type { Qmp } from './qmp.ts'
import { devicesOf, nodesOf } from './sight.ts'

/** What copies are made with. */
export interface CopyTools { readonly img: QemuImg, readonly links: VolumeLinks, readonly clock: Clock }

const [BEFORE, FILTER, AS_IT_WAS] = ['copy-before', 'copy-filter', 'copy-as-it-was']
const JOB = 'copy-of-'

/** Copies the volume of a guest with a process into `copy.to`; what another copy left is cleared first. See `Hypervisor.copyVolume`. */
export async function copyPlugged(guest: { files: GuestFiles, qmp: Qmp }, volume: GuestVolume, copy: GuestCopy, tools: CopyTools, signal: AbortSignal): Promise<void> {
  const { files, qmp } = guest
  const { img, links, clock } = tools
  const target = targetOf(volume, copy)
  const [source, job] = [volumeNode(volume.attachmentId), `${JOB}${copy.id}`]
  const clear = async () => {
    await endCopies(guest, tools)
    await qmp.execute('blockdev-del', { 'node-name': volumeNode(copy.id) }).catch(ignoreRefusal)
    await links.end(files, copy.id)
  }
  await clear()
  const bytes = (await nodesOf(qmp)).get(source)
  if (bytes === undefined) throw failed(`volume ${volume.id} is not plugged`)
  try {
    await links.make(files, target)
    await qmp.execute('blockdev-add', targetBlockdev(files, target))
    await keepBefore(guest, volume, bytes, img)
    await runBackup(qmp, { job, source: AS_IT_WAS, target: volumeNode(copy.id) }, 'nova.guest.copyFailed', clock, signal)
    await endBackup(qmp, job, clock)
    await qmp.execute('blockdev-reopen', { options: [{ ...targetBlockdev(files, target), 'read-only': true }] })       // writes out what is not written yet, and says when it cannot; closing would not
  } finally {
    await clear()
  }
}

/** Copies the volume of a guest without a process into `copy.to`. */
export async function copyUnplugged(files: GuestFiles, volume: GuestVolume, copy: GuestCopy, { img, links }: CopyTools, signal: AbortSignal): Promise<void> {
  const target = targetOf(volume, copy)
  try {
    for (const one of [volume, target]) await links.make(files, one)
    await img.overwrite(reached(files, volume), reached(files, target), volume.sizeGib * 2 ** 30, signal)
  } finally {
    await links.endAll(files)
    await rm(files.run, { recursive: true, force: true })
  }
}

/** Ends the copying of a guest's volumes, whatever it was interrupted at; targets stay open, unless the job was at work: its target is given up. */
export async function endCopies({ files, qmp }: { files: GuestFiles, qmp: Qmp }, { links, clock }: Pick<CopyTools, 'links' | 'clock'>): Promise<void> {
  const jobs = (await qmp.execute('query-jobs') as { id: string, status: string }[]).filter(({ id }) => id.startsWith(JOB))
  for (const { id, status } of jobs) {
    if (status !== 'concluded') await links.end(files, id.slice(JOB.length))      // a job whose target does not answer could not be ended
    await endBackup(qmp, id, clock)
  }
  if ((await nodesOf(qmp)).has(BEFORE)) {
    await qmp.execute('blockdev-del', { 'node-name': AS_IT_WAS }).catch(ignoreRefusal)
    for (const device of await devicesOf(qmp)) {
      const path = `/machine/peripheral/${device}`
      const attachmentId = /^vol-(.+)$/.exec(device)?.[1]
      if (attachmentId === undefined || await qmp.execute('qom-get', { path, property: 'drive' }) !== FILTER) continue
      await qmp.execute('qom-set', { path, property: 'drive', value: volumeNode(attachmentId) })
    }
    for (const node of [FILTER, BEFORE]) await qmp.execute('blockdev-del', { 'node-name': node }).catch(ignoreRefusal)
  }
  await rm(files.copyBefore, { force: true })
}

/** From now on the disk can be read as it is now, at the node AS_IT_WAS. */
async function keepBefore({ files, qmp }: { files: GuestFiles, qmp: Qmp }, { attachmentId }: GuestVolume, bytes: number, img: QemuImg): Promise<void> {
  await img.create({ path: files.copyBefore, format: 'qcow2', bytes })
  await qmp.execute('blockdev-add', { 'driver': 'qcow2', 'node-name': BEFORE, 'discard': 'unmap', 'file': { driver: 'file', filename: files.copyBefore, discard: 'unmap' } })
  await qmp.execute('blockdev-add', { 'driver': 'copy-before-write', 'node-name': FILTER, 'file': volumeNode(attachmentId), 'target': BEFORE, 'on-cbw-error': 'break-snapshot' })
  await qmp.execute('qom-set', { path: `/machine/peripheral/${volumeDevice(attachmentId)}`, property: 'drive', value: FILTER })
  await qmp.execute('blockdev-add', { 'driver': 'snapshot-access', 'node-name': AS_IT_WAS, 'file': FILTER })
}

/** The target as a volume, whose attachment is the copy. */
function targetOf({ id, device, sizeGib }: GuestVolume, copy: GuestCopy): GuestVolume {
  return { id, device, sizeGib, attachmentId: copy.id, connection: copy.to }
}

/** The node of the target: as a volume's, but it waits for nobody, and takes no room for zeros. */
function targetBlockdev(files: GuestFiles, target: GuestVolume): Record<string, unknown> {
  const { file, ...node } = volumeBlockdev(files, target)
  return { ...node, 'detect-zeroes': 'unmap', 'file': { ...file as Record<string, unknown>, ...(target.connection.kind !== 'file' && { 'reconnect-delay': 0 }) } }
}

function reached(files: GuestFiles, { attachmentId, connection }: GuestVolume): ReachedDisk {
  const { format } = connection
  return connection.kind === 'file' ? { path: connection.path, format } : { socket: linkSocket(files, attachmentId), exportName: connection.exportName, format }
}

function failed(why: string): Fault {
  return new Fault('unavailable', 'nova.guest.copyFailed', `the volume could not be copied: ${why}`)
}

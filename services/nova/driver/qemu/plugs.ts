// Hot plug and unplug by QMP. Each function looks first and does what is missing, so that it may be repeated after an interruption anywhere.
import { Fault, isFault } from '@alto/kit/errors'
import type { Clock } from '@alto/kit/clock'
import type { GuestPort, GuestVolume } from '../../model/guests.ts'
import { portBackend, portDevice, portFrontend, portNetdev, volumeBlockdev, volumeDevice, volumeFrontend } from './arguments.ts'
import { volumeNode, type GuestFiles } from './files.ts'
import type { Qmp } from './qmp.ts'
import { devicesOf, nodesOf } from './sight.ts'

/** How long a guest gets to let go of a device before the caller is told that it is busy; the request stays pending in the guest. */
const LET_GO = 5000

/** Plugs a NIC on a tap that exists. */
export async function plugPort(qmp: Qmp, port: GuestPort): Promise<void> {
  if ((await devicesOf(qmp)).includes(portDevice(port.id))) return
  await qmp.execute('netdev_del', { id: portNetdev(port.id) }).catch(ignoreRefusal)      // left by an interrupted plug or unplug
  await qmp.execute('netdev_add', portBackend(port))
  await qmp.execute('device_add', portFrontend(port))
}

/** Takes a NIC out. Throws Fault unavailable `nova.guest.deviceBusy`. */
export async function unplugPort(qmp: Qmp, clock: Clock, portId: string): Promise<void> {
  await unplugDevice(qmp, clock, portDevice(portId))
  await qmp.execute('netdev_del', { id: portNetdev(portId) }).catch(ignoreRefusal)
}

/** Opens a volume and plugs it as a disk. */
export async function plugVolume(qmp: Qmp, files: GuestFiles, volume: GuestVolume): Promise<void> {
  if (!(await nodesOf(qmp)).has(volumeNode(volume.attachmentId))) await qmp.execute('blockdev-add', volumeBlockdev(files, volume))
  if ((await devicesOf(qmp)).includes(volumeDevice(volume.attachmentId))) return
  await qmp.execute('device_add', volumeFrontend(volume)).catch(async (error: unknown) => {
    await qmp.execute('blockdev-del', { 'node-name': volumeNode(volume.attachmentId) })
    throw error
  })
}

/** Takes a volume out and closes its file. Throws Fault unavailable `nova.guest.deviceBusy`. */
export async function unplugVolume(qmp: Qmp, clock: Clock, attachmentId: string): Promise<void> {
  await unplugDevice(qmp, clock, volumeDevice(attachmentId))
  // QEMU lets go of the node a moment after the device has gone
  for (const until = clock.now() + LET_GO; (await nodesOf(qmp)).has(volumeNode(attachmentId)); await clock.sleep(20)) {
    await qmp.execute('blockdev-del', { 'node-name': volumeNode(attachmentId) }).catch(ignoreRefusal)
    if (clock.now() >= until) throw new Fault('unavailable', 'nova.guest.deviceBusy', `the file of attachment ${attachmentId} is still open`)
  }
}

/** Grows a plugged volume and its file; the guest is told. */
export async function growVolume(qmp: Qmp, attachmentId: string, bytes: number): Promise<void> {
  await qmp.execute('block_resize', { 'node-name': volumeNode(attachmentId), 'size': bytes })
}

async function unplugDevice(qmp: Qmp, clock: Clock, device: string): Promise<void> {
  const until = clock.now() + LET_GO
  if (!(await devicesOf(qmp)).includes(device)) return
  await qmp.execute('device_del', { id: device }).catch(ignoreRefusal)                   // refused: an earlier request is still pending
  while ((await devicesOf(qmp)).includes(device)) {
    if (clock.now() >= until) throw new Fault('unavailable', 'nova.guest.deviceBusy', `the guest has not let go of ${device}`)
    await qmp.event(({ event, data }) => event === 'DEVICE_DELETED' && data?.['device'] === device, 250).catch((error: unknown) => {
      if (!isFault(error, 'nova.qmp.deadline')) throw error
    })
  }
}

function ignoreRefusal(error: unknown): void {
  if (!isFault(error, 'nova.qmp.refused')) throw error
}

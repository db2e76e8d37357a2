// A guest's QEMU command line, as a pure function. Devices and disks are given as JSON, so no value can end one option and begin another.
// Machine `pc`: hot plug without prepared root ports, an IDE CD-ROM for the config drive; measured as fast as q35 or faster.
import { Fault } from '@alto/kit/errors'
import type { GuestPort, GuestSpec, GuestVolume } from '../../model/guests.ts'
import { guestName, linkSocket, volumeNode, type GuestFiles, type Places } from './files.ts'

/** How guests are run on this host. */
export interface Emulation {
  readonly acceleration: 'kvm' | 'tcg'
  /** A QEMU CPU model: `host` or `max` unless configured. */
  readonly cpu: string
}

/** The id of the root disk's device, and the name of its block node. */
export const ROOT_DEVICE = 'root'
/** The id of a port's device; the sight of a guest reads it back. */
export const portDevice = (portId: string) => `nic-${portId}`
/** The id of a volume's device; the sight of a guest reads it back. */
export const volumeDevice = (attachmentId: string) => `vol-${attachmentId}`

/** Seconds that reads and writes wait for a volume that cannot be reached at present, as those of its link do: a day. */
export const RECONNECT = 86_400
/** The id of the host's side of a port. */
export const portNetdev = (portId: string) => `n-${portId}`

/** The arguments of QEMU for a guest. `incoming`: it waits for saved memory instead of starting; `slots`: where its devices were then, by id. Throws Fault badRequest `nova.guest.badPort` for a malformed MAC or tap name. */
export function qemuArguments(places: Places, files: GuestFiles, spec: GuestSpec, how: Emulation & { incoming: boolean, slots: Readonly<Record<string, number>>, rootRevision: number }): [string, ...string[]] {
  const device = (properties: Record<string, unknown>) => ['-device', JSON.stringify(placed(properties, how.slots))]
  const boot = spec.root.kind === 'volume' ? spec.root.volumeId : undefined
  return [
    'qemu-system-x86_64',
    '-name', `guest=${guestName(places, spec.id)}`, '-uuid', spec.id,
    '-machine', 'pc,hpet=off', '-accel', how.acceleration === 'tcg' ? 'tcg,thread=multi,tb-size=32' : 'kvm',
    '-cpu', how.cpu, '-smp', String(spec.flavor.vcpus), '-m', String(spec.flavor.ramMib),
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-shutdown', '-pidfile', files.pidfile,
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-smbios', `type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,serial=${spec.id},uuid=${spec.id},family=Virtual Machine`,
    ...[files.monitor, files.spareMonitor].flatMap((path, i) => ['-chardev', `socket,id=mon${i},path=${path},server=on,wait=off`, '-mon', `chardev=mon${i},mode=control`]),
    '-chardev', `socket,id=ser0,path=${files.serial},server=on,wait=off,logfile=${files.consoleLog},logappend=on`, '-serial', 'chardev:ser0',
    '-vnc', `unix:${files.vnc}`, ...device({ driver: 'VGA', id: 'vga', vgamem_mb: 8 }), ...device({ driver: 'virtio-rng-pci', id: 'rng' }),
    ...(boot === undefined ? [
      '-blockdev', JSON.stringify({ 'driver': 'qcow2', 'node-name': ROOT_DEVICE, 'discard': 'unmap', 'file': { driver: 'file', filename: files.root(how.rootRevision), discard: 'unmap' } }),
      ...device({ driver: 'virtio-blk-pci', id: ROOT_DEVICE, drive: ROOT_DEVICE, bootindex: 1 }),
    ] : []),
    ...spec.volumes.toSorted((a, b) => Number(b.id === boot) - Number(a.id === boot) || (a.device < b.device ? -1 : 1)).flatMap(volume => [
      '-blockdev', JSON.stringify(volumeBlockdev(files, volume)), ...device({ ...volumeFrontend(volume), ...(volume.id === boot && { bootindex: 1 }) }),
    ]),
    ...(spec.configDrive ? [
      '-blockdev', JSON.stringify({ 'driver': 'raw', 'node-name': 'config', 'read-only': true, 'file': { driver: 'file', filename: files.configDrive } }),
      ...device({ driver: 'ide-cd', id: 'config', drive: 'config' }),
    ] : []),
    ...spec.ports.flatMap(port => ['-netdev', JSON.stringify(portBackend(port)), ...device(portFrontend(port))]),
    ...(how.incoming ? ['-incoming', `unix:${files.migration}`] : []),
  ]
}

/** The block node of a volume: what `-blockdev` and `blockdev-add` take; one of another host is reached by its link. The format is the controller's word, never probed. */
export function volumeBlockdev(files: GuestFiles, { attachmentId, connection, readOnly }: GuestVolume): Record<string, unknown> {
  const file = connection.kind === 'file'
    ? { driver: 'file', filename: connection.path, discard: 'unmap' }
    : { 'driver': 'nbd', 'server': { type: 'unix', path: linkSocket(files, attachmentId) }, 'export': connection.exportName, 'reconnect-delay': RECONNECT }
  return { 'driver': connection.format, 'node-name': volumeNode(attachmentId), 'discard': 'unmap', 'read-only': readOnly ?? false, file }
}

/** The disk that the guest sees of a volume: what `-device` and `device_add` take. */
export function volumeFrontend({ id, attachmentId, multiattach }: GuestVolume): Record<string, unknown> {
  return { 'driver': 'virtio-blk-pci', 'id': volumeDevice(attachmentId), 'drive': volumeNode(attachmentId), 'serial': id.slice(0, 20), 'share-rw': multiattach ?? false }
}

/** The host's side of a NIC. */
export function portBackend({ id, tap }: GuestPort): Record<string, unknown> {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(tap)) throw new Fault('badRequest', 'nova.guest.badPort', `${JSON.stringify(tap)} is not the name of a tap`)
  return { type: 'tap', id: portNetdev(id), ifname: tap, script: 'no', downscript: 'no' }
}

/** The NIC that the guest sees. */
export function portFrontend({ id, mac, mtu }: GuestPort): Record<string, unknown> {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new Fault('badRequest', 'nova.guest.badPort', `${JSON.stringify(mac)} is not a MAC address`)
  return { driver: 'virtio-net-pci', id: portDevice(id), netdev: portNetdev(id), mac, ...(mtu !== undefined && { host_mtu: mtu }), romfile: '' }
}

function placed(properties: Record<string, unknown>, slots: Readonly<Record<string, number>>): Record<string, unknown> {
  const slot = slots[String(properties['id'])]
  return slot === undefined ? properties : { ...properties, addr: `0x${slot.toString(16)}` }
}

// A hypervisor that keeps guests in memory and pretends to take time, by its clock. For tests, the simulation, and clouds without root.
// It passes the same conformance suite as the real one; images are not downloaded, because nothing is done with their bytes.
import type { Clock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import { GIB, type GuestImage, type GuestPort, type GuestSight, type GuestSpec, type GuestVolume, type HypervisorResources, type MarkedThing } from '../model/guests.ts'
import type { Hypervisor, SnapshotFile } from './hypervisor.ts'

/** What a fake host has and how long things take on it, in milliseconds. */
export interface FakeOptions {
  readonly clock: Clock
  readonly vcpus?: number
  readonly memoryMib?: number
  readonly diskGib?: number
  /** From image to disk. */
  readonly diskMs?: number
  /** From start to a process. */
  readonly startMs?: number
  /** From a process to the login prompt. */
  readonly bootMs?: number
  /** From the power button to the end; Infinity for guests that do not heed it. */
  readonly shutdownMs?: number
}

/** The fake, and what tests may do to its guests. */
export interface FakeHypervisor extends Hypervisor {
  /** The guest shuts itself down. */
  endByItself(id: string): void
  /** The guest's process vanishes, as after `kill -9` or a power cut. */
  vanish(id: string): void
  /** The guest hits an error that stops it. */
  crash(id: string): void
}

interface FakeGuest {
  root: { revision: number, bytes: number } | undefined
  process: GuestSight['process']
  suspended: boolean
  notes: string | undefined
  spec: GuestSpec | undefined
  bootedAt: number
  log: string[]
  ports: Map<string, GuestPort>
  volumes: Map<string, { volume: GuestVolume, bytes: number }>
}

/** A fake host without guests. */
export function fakeHypervisor(options: FakeOptions): FakeHypervisor {
  const { clock, vcpus = 64, memoryMib = 256 * 1024, diskGib = 4096, diskMs = 20, startMs = 20, bootMs = 2000, shutdownMs = 1000 } = options
  const guests = new Map<string, FakeGuest>()
  const listeners = new Set<(id: string) => void>()
  const hostNotes: { text?: string } = {}

  const hint = (id: string) => { for (const listener of listeners) listener(id) }
  const of = (id: string): FakeGuest => {
    const known = guests.get(id)
    if (known) return known
    const fresh: FakeGuest = { root: undefined, process: 'none', suspended: false, notes: undefined, spec: undefined, bootedAt: 0, log: [], ports: new Map(), volumes: new Map() }
    guests.set(id, fresh)
    return fresh
  }
  const live = (id: string): FakeGuest => {
    const guest = guests.get(id)
    if (!guest || guest.process === 'none') throw new Fault('conflict', 'nova.guest.notRunning', `server ${id} does not run`)
    return guest
  }
  const end = (id: string, process: GuestSight['process']) => {
    const guest = guests.get(id)
    if (!guest) return
    guest.process = process
    if (process === 'none') { guest.ports.clear(); guest.volumes.clear() }
    hint(id)
  }
  const boot = (guest: FakeGuest) => {
    guest.process = 'running'
    guest.bootedAt = clock.now() + bootMs
    guest.log.push('=== boot')
  }
  const text = (guest: FakeGuest): string => {
    const host = guest.spec?.name ?? 'guest'
    const up = guest.bootedAt > 0 && clock.now() >= guest.bootedAt
    return [...guest.log, ...(up ? [`${host} login: `] : [])].join('\n')
  }
  const plugged = ({ volume, bytes }: { volume: GuestVolume, bytes: number }) => ({ attachmentId: volume.attachmentId, bytes })

  return {
    async resources(): Promise<HypervisorResources> {
      const used = [...guests.values()]
      const alive = used.filter(({ process }) => process !== 'none')
      return {
        vcpus, memoryMib, diskGib, runningGuests: alive.length, hypervisorType: 'fake', hypervisorVersion: 1_000_000, acceleration: 'none', cpuModel: 'fake',
        usedMemoryMib: alive.reduce((sum, { spec }) => sum + (spec?.flavor.ramMib ?? 0), 0),
        usedDiskGib: Math.ceil(used.reduce((sum, { root }) => sum + (root?.bytes ?? 0), 0) / GIB),
      }
    },
    async marked(): Promise<MarkedThing[]> {
      return [...guests].flatMap(([id, { process }]): MarkedThing[] => [
        ...(process === 'none' ? [] : [{ kind: 'process', serverId: id, name: `fake:${id}` } as const]), { kind: 'disk-directory', serverId: id, name: `fake:${id}` }])
    },
    async look(id): Promise<GuestSight> {
      const guest = guests.get(id)
      if (!guest) return { process: 'none', suspended: false, root: undefined, ports: [], volumes: [] }
      return { process: guest.process, suspended: guest.suspended, root: guest.root, ports: [...guest.ports.keys()], volumes: [...guest.volumes.values()].map(plugged) }
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async readNotes(id) { return guests.get(id)?.notes },
    async writeNotes(id, notes) { of(id).notes = notes },
    async readHostNotes() { return hostNotes.text },
    async writeHostNotes(text) { hostNotes.text = text },
    async tapReady() { return true },

    async makeRoot(id, root: { image: GuestImage, revision: number, bytes: number }, _open, signal) {
      await clock.sleep(diskMs, signal)
      const guest = of(id)
      guest.root = { revision: root.revision, bytes: root.bytes || GIB }
      guest.suspended = false
    },
    async growRoot(id, bytes) {
      const guest = of(id)
      if (guest.root) guest.root = { ...guest.root, bytes }
    },
    async start(spec) {
      const guest = of(spec.id)
      if (guest.process !== 'none') return
      await clock.sleep(startMs)
      if (guests.get(spec.id) !== guest || guest.process !== 'none') return
      guest.spec = spec
      guest.ports = new Map(spec.ports.map(port => [port.id, port]))
      guest.volumes = new Map(spec.volumes.map(volume => [volume.attachmentId, { volume, bytes: volume.sizeGib * GIB }]))
      if (guest.suspended) guest.process = 'running'
      else boot(guest)
      guest.suspended = false
    },
    async powerButton(id) {
      const guest = live(id)
      if (Number.isFinite(shutdownMs)) clock.after(shutdownMs, () => { if (guest.process === 'running') end(id, 'ended') })
    },
    async reset(id) { boot(live(id)) },
    async kill(id) { end(id, 'none') },
    async pause(id) { live(id).process = 'paused' },
    async resume(id) { live(id).process = 'running' },
    async suspend(id) {
      live(id).suspended = true
      end(id, 'none')
    },
    async forgetMemory(id) { of(id).suspended = false },

    async plugPort(id, port) { live(id).ports.set(port.id, port) },
    async unplugPort(id, portId) { live(id).ports.delete(portId) },
    async plugVolume(id, volume) { live(id).volumes.set(volume.attachmentId, { volume, bytes: volume.sizeGib * GIB }) },
    async unplugVolume(id, attachmentId) { live(id).volumes.delete(attachmentId) },
    async growVolume(id, attachmentId, bytes) {
      const volume = live(id).volumes.get(attachmentId)
      if (volume) volume.bytes = bytes
    },

    async snapshot(id, format): Promise<SnapshotFile> {
      if (!guests.get(id)?.root) throw new Fault('conflict', 'nova.guest.noRoot', `server ${id} has no root disk on this host`)
      const bytes = fakeDisk(format)
      return { bytes: bytes.length, async * read() { yield bytes }, async [Symbol.asyncDispose]() {} }
    },
    async copyVolume(id, { attachmentId }, _copy, signal) {
      await clock.sleep(diskMs, signal)
      const guest = guests.get(id)
      if (guest && guest.process !== 'none' && !guest.volumes.has(attachmentId)) throw new Fault('unavailable', 'nova.guest.copyFailed', `attachment ${attachmentId} is not plugged into server ${id}`)
    },
    async consoleLog(id, lines) {
      const guest = guests.get(id)
      const all = guest ? text(guest) : ''
      return lines === undefined ? all : lines === 0 ? '' : all.split('\n').slice(-lines).join('\n')
    },
    async console(id) { return { kind: 'text', text: text(live(id)) } },
    async tidy() {},
    async destroy(id) {
      end(id, 'none')
      guests.delete(id)
    },
    async close() { listeners.clear() },

    endByItself(id) { if (live(id).process === 'running') end(id, 'ended') },
    vanish(id) { end(id, 'none') },
    crash(id) { live(id); end(id, 'crashed') },
  }
}

/** The smallest image that Glance takes for what it is declared to be: an empty qcow2 header, or a sector of zeros. */
function fakeDisk(format: 'qcow2' | 'raw'): Uint8Array {
  const disk = Buffer.alloc(512)
  if (format === 'qcow2') {
    disk.write('QFI\xfb', 0, 'latin1')
    disk.writeUInt32BE(3, 4)
    disk.writeUInt32BE(16, 20)
    disk.writeBigUInt64BE(BigInt(GIB), 24)
    disk.writeUInt32BE(104, 100)
  }
  return disk
}

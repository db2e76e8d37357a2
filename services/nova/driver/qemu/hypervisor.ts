// Guests as QEMU processes that we start and that outlive us: found again by pidfile, spoken to by QMP, marked with the cloud's id in their arguments.
import { mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import { qemuImg } from '@alto/kit/disk'
import { Fault, messageOf } from '@alto/kit/errors'
import { endProcess, listNamespaces, processesWith, startDaemon, type Host } from '@alto/kit/host'
import { GIB, type GuestSight, type GuestSpec, type MarkedThing } from '../../model/guests.ts'
import type { Hypervisor } from '../hypervisor.ts'
import { detectEmulation, qemuVersion } from './acceleration.ts'
import { qemuArguments, type Emulation } from './arguments.ts'
import { writeConfigDrive } from './config-drive.ts'
import { readConsoleLog, touchConsoleLog, trimConsoleLog } from './console-log.ts'
import { filesOf, guestName, placesOf, revisionOf, type GuestFiles } from './files.ts'
import { copyPlugged, copyUnplugged, endCopies } from './copies.ts'
import { imageCache } from './images.ts'
import { volumeLinks } from './links.ts'
import { keepMachine, keepPlugs, keepSlots, readMachine } from './machine.ts'
import { restoreMemory, saveMemory } from './memory.ts'
import { monitors, type Live } from './monitors.ts'
import { growVolume, plugPort, plugVolume, unplugPort, unplugVolume } from './plugs.ts'
import { baseOf, rootRevision, sightOf, statusOf } from './sight.ts'
import { snapshotRoot } from './snapshots.ts'

/** What the driver is made from. */
export interface QemuOptions {
  readonly host: Host
  readonly clock: Clock
  /** Disks, logs, cached images. On a file system that has room for them. */
  readonly data: string
  /** Sockets and pidfiles: a short path on a file system that a reboot empties. */
  readonly run: string
  /** The cloud's mark, `alto-CLOUD-HOST`. */
  readonly mark: string
  /** The network namespace that holds the taps and that guests run in; ours when not given. */
  readonly netns?: string
  /** What to emulate with; found out when not given. */
  readonly emulation?: Emulation
  /** The site's: keys of volumes that are on other hosts derive from it. Without it they cannot be reached. */
  readonly dataSecret?: string
}

const RESTORE_DEADLINE = 120_000
const START_DEADLINE = 60_000
const START_POLL = 20

/** The guests of one cloud on this host. Throws Fault unavailable `host.commandMissing` when QEMU is not installed, and an Error for a run directory with too long a name. */
export async function qemuHypervisor(options: QemuOptions): Promise<Hypervisor> {
  const { host, clock, netns } = options
  const places = placesOf(options)
  const emulation = options.emulation ?? await detectEmulation(host)
  const version = await qemuVersion(host)
  const img = qemuImg(host)
  const images = imageCache(join(places.data, 'images'), img, clock)
  const guests = monitors(clock)
  const links = volumeLinks(places, { clock, dataSecret: options.dataSecret, onEnd: guests.hint })
  const hostNotes = join(places.data, 'agent.json')

  const at = async (id: string): Promise<{ files: GuestFiles, live: Live | undefined }> => {
    const files = filesOf(places, id)
    return { files, live: await guests.live(files) }
  }
  const running = async (id: string): Promise<Live & { files: GuestFiles }> => {
    const { files, live } = await at(id)
    if (!live) throw new Fault('conflict', 'nova.guest.notRunning', `server ${id} does not run`)
    return { ...live, files }
  }
  const kill = async (id: string): Promise<void> => {
    const name = `guest=${guestName(places, id)}`
    for (const process of await processesWith(name)) if (process.argv.includes(name)) await endProcess(process, clock)
    await links.endAll(filesOf(places, id))
    for (const path of [filesOf(places, id).run, filesOf(places, id).copyBefore]) await rm(path, { recursive: true, force: true })
  }
  /** Starts QEMU and waits until its monitor answers, which it does when the whole machine is made. */
  const launched = async (argv: [string, ...string[]], files: GuestFiles): Promise<Live> => {
    const daemon = await startDaemon(argv, { words: files.words, ...(netns !== undefined && { netns }) })
    const end: { fault?: Fault } = {}
    void daemon.ended.then(fault => { end.fault = fault })
    for (const until = clock.now() + START_DEADLINE; ; await clock.sleep(START_POLL)) {
      const live = await guests.live(files).catch(() => undefined)
      if (live) return live
      if (end.fault) throw end.fault
      if (clock.now() > until) throw new Fault('unavailable', 'host.deadline', `QEMU was not ready within ${START_DEADLINE} ms`)
    }
  }
  const start = async (spec: GuestSpec): Promise<void> => {
    const { files, live } = await at(spec.id)
    if (live && await statusOf(live.qmp) !== 'inmigrate') return
    await kill(spec.id)                                        // a restore that was interrupted, or a process that has not written its pidfile
    await mkdir(files.run, { recursive: true, mode: 0o700 })
    await mkdir(files.dir, { recursive: true, mode: 0o700 })
    await touchConsoleLog(files.consoleLog)
    const { suspended } = await sightOf(files, undefined)
    if (!suspended) {
      if (spec.configDrive) await writeConfigDrive(host, files, spec.configDrive)
      await keepMachine(files, spec)
    }
    const machine = await readMachine(files) ?? { spec, slots: {} }
    const argv = qemuArguments(places, files, machine.spec, { ...emulation, incoming: suspended, slots: machine.slots, rootRevision: await rootRevision(files) ?? 0 })
    const niced: [string, ...string[]] = emulation.acceleration === 'tcg' ? ['nice', '-n', '10', ...argv] : argv     // an emulated guest that boots must not starve the cloud
    try {
      for (const volume of machine.spec.volumes) await links.make(files, volume)
      const { qmp } = await launched(niced, files)
      if (suspended) {
        await restoreMemory(qmp, files, clock, AbortSignal.timeout(RESTORE_DEADLINE))
        await rm(files.memory, { force: true })
      }
    } catch (error) {
      await kill(spec.id)
      throw new Fault('unavailable', 'nova.guest.startFailed', `the guest could not be started: ${messageOf(error)}`, { cause: error })
    }
  }

  return {
    async resources() {
      const disk = await mkdir(places.data, { recursive: true }).then(() => statfs(places.data))
      const processes = await processesWith(`guest=${places.mark}/`)
      const memory = { total: totalmem(), free: freemem() }
      return {
        vcpus: availableParallelism(), memoryMib: Math.floor(memory.total / 2 ** 20), usedMemoryMib: Math.floor((memory.total - memory.free) / 2 ** 20),
        diskGib: Math.floor(disk.blocks * disk.bsize / GIB), usedDiskGib: Math.floor((disk.blocks - disk.bavail) * disk.bsize / GIB),
        runningGuests: processes.length, hypervisorType: 'QEMU', hypervisorVersion: version, acceleration: emulation.acceleration, cpuModel: emulation.cpu,
      }
    },
    async marked() {
      const processes = (await processesWith(`guest=${places.mark}/`)).map(({ pid, argv }): MarkedThing => (
        { kind: 'process', serverId: argv.find(word => word.startsWith('guest='))?.split('/').at(-1) ?? '', name: String(pid) }))
      const directories = async (kind: MarkedThing['kind'], dir: string) => (await readdir(dir).catch(() => [])).map((name): MarkedThing => ({ kind, serverId: name, name: join(dir, name) }))
      return [
        ...processes, ...(await links.running()).map(({ serverId, pid }): MarkedThing => ({ kind: 'process', serverId, name: String(pid) })), ...await directories('run-directory', places.run), ...await directories('disk-directory', join(places.data, 'instances')),
        ...(await images.list()).map((name): MarkedThing => ({ kind: 'cached-image', serverId: '', name })),
      ]
    },
    async look(id) {
      const { files, live } = await at(id)
      if (live) await trimConsoleLog(files.consoleLog)
      return linked(await sightOf(files, live), await links.look(files))
    },
    watch: guests.watch,
    async readNotes(id) {
      return await readFile(filesOf(places, id).notes, 'utf8').catch(() => undefined)
    },
    async writeNotes(id, text) {
      await replace(filesOf(places, id).notes, text)
    },
    async readHostNotes() {
      return await readFile(hostNotes, 'utf8').catch(() => undefined)
    },
    writeHostNotes: text => replace(hostNotes, text),
    async tapReady(tap) {
      if (netns !== undefined && !(await listNamespaces()).includes(netns)) return false
      return (await host.run(['ip', 'link', 'show', 'dev', tap], { accept: [0, 1], ...(netns !== undefined && { netns }) })).code === 0
    },

    async makeRoot(id, { image, revision, bytes }, open, signal) {
      const files = filesOf(places, id)
      const base = await images.base(image, bytes, open, signal)
      await mkdir(files.dir, { recursive: true, mode: 0o700 })
      const part = `${files.root(revision)}.part`
      await rm(part, { force: true })
      await img.createOverlay({ path: part, bytes: Math.max(bytes, base.bytes), base: base.path, baseFormat: 'raw' })
      await rename(part, files.root(revision))
      const others = (await readdir(files.dir)).filter(name => (revisionOf(name) ?? revision) !== revision)
      for (const name of [...others, basename(files.memory)]) await rm(join(files.dir, name), { force: true })
    },
    async growRoot(id, bytes) {
      const files = filesOf(places, id)
      const revision = await rootRevision(files)
      if (revision !== undefined) await img.resize({ path: files.root(revision), format: 'qcow2' }, bytes)
    },
    start, kill,
    async powerButton(id) { await (await running(id)).qmp.execute('system_powerdown') },
    async reset(id) {
      const { qmp } = await running(id)
      await qmp.execute('system_reset')
      await qmp.execute('cont')
    },
    async pause(id) { await (await running(id)).qmp.execute('stop') },
    async resume(id) { await (await running(id)).qmp.execute('cont') },
    async suspend(id, signal) {
      const { qmp, files } = await running(id)
      await endCopies({ files, qmp }, { links, clock })
      await keepSlots(files, qmp)
      if (!(await sightOf(files, undefined)).suspended) await saveMemory(qmp, files, clock, signal)
      await kill(id)
    },
    async forgetMemory(id) { await rm(filesOf(places, id).memory, { force: true }) },

    async plugPort(id, port) {
      const { qmp, files } = await running(id)
      await plugPort(qmp, port)
      await keepPlugs(files, ({ ports }) => ({ ports: [...ports.filter(other => other.id !== port.id), port] }))
    },
    async unplugPort(id, portId) {
      const { qmp, files } = await running(id)
      await unplugPort(qmp, clock, portId)
      await keepPlugs(files, ({ ports }) => ({ ports: ports.filter(other => other.id !== portId) }))
    },
    async plugVolume(id, volume) {
      const { qmp, files } = await running(id)
      await links.make(files, volume)
      await plugVolume(qmp, files, volume)
      await keepPlugs(files, ({ volumes }) => ({ volumes: [...volumes.filter(other => other.attachmentId !== volume.attachmentId), volume] }))
    },
    async unplugVolume(id, attachmentId) {
      const { qmp, files } = await running(id)
      await endCopies({ files, qmp }, { links, clock })
      await unplugVolume(qmp, clock, attachmentId)
      await links.end(files, attachmentId)
      await keepPlugs(files, ({ volumes }) => ({ volumes: volumes.filter(other => other.attachmentId !== attachmentId) }))
    },
    async growVolume(id, attachmentId, bytes) { await growVolume((await running(id)).qmp, attachmentId, bytes) },

    async snapshot(id, format, signal) {
      const { files, live } = await at(id)
      const { root } = await sightOf(files, live)
      if (!root) throw new Fault('conflict', 'nova.guest.noRoot', `server ${id} has no root disk on this host`)
      return await snapshotRoot({ files, revision: root.revision, bytes: root.bytes, qmp: live?.qmp }, format, img, clock, signal)
    },
    async copyVolume(id, volume, copy, signal) {
      const { files, live } = await at(id)
      if (live && await statusOf(live.qmp) !== 'inmigrate') return await copyPlugged({ files, qmp: live.qmp }, volume, copy, { img, links, clock }, signal)
      await kill(id)                                             // a restore that was interrupted has the volume open
      await copyUnplugged(files, volume, copy, { img, links, clock }, signal)
    },
    consoleLog: (id, lines) => readConsoleLog(filesOf(places, id).consoleLog, lines),
    async console(id, kind) {
      const { files } = await running(id)
      return { kind: 'unix', path: kind === 'vnc' ? files.vnc : files.serial }
    },
    async tidy(unusedMs) {
      const ids = await readdir(join(places.data, 'instances')).catch(() => [])
      const used = await Promise.all(ids.map(id => baseOf(filesOf(places, id))))
      await images.prune(new Set(used.filter(path => path !== undefined)), unusedMs)
    },
    async destroy(id) {
      await kill(id)
      await rm(filesOf(places, id).dir, { recursive: true, force: true })
    },
    async close() { guests.close() },
  }
}

/** What is seen of a guest and of its links: a volume with a broken link is cut off, a link without a volume is the rest of one that was not plugged or unplugged to the end, or of a guest that vanished. */
function linked(sight: GuestSight, links: readonly { attachmentId: string, whole: boolean }[]): GuestSight {
  if (links.length === 0) return sight
  const cut = new Set(links.filter(({ whole }) => !whole).map(({ attachmentId }) => attachmentId))
  const rests = links.filter(({ attachmentId }) => !sight.volumes.some(volume => volume.attachmentId === attachmentId))
  return { ...sight, volumes: [...sight.volumes.map(volume => cut.has(volume.attachmentId) ? { ...volume, cut: true as const } : volume), ...rests.map(({ attachmentId }) => ({ attachmentId, bytes: 0, half: true as const }))] }
}

/** Writes `text` to `path` at once or not at all. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.part`, text, { mode: 0o600 })
  await rename(`${path}.part`, path)
}

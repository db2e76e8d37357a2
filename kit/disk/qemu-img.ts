// The one place that runs qemu-img. Every call names its formats, so nothing is ever probed, and runs under limits of CPU, memory, file size and time.
import { Fault } from '../errors/index.ts'
import type { CommandLimits, Host } from '../host/index.ts'

/** Formats that the cloud itself writes. */
export type WritableFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vpc' | 'vhdx'

/** A disk that is there: a qcow2 or raw file, or its bytes as a unix socket of our own serves them over NBD, under the name of an export that is a UUID. */
export type ReachedDisk = { readonly path: string, readonly format: 'qcow2' | 'raw' } | { readonly socket: string, readonly exportName: string, readonly format: 'qcow2' | 'raw' }

/** qemu-img, as far as the cloud needs it. Paths are absolute; sizes are bytes. Each call throws what Host.run throws, and Fault('badRequest', 'disk.badPath') for a relative path. */
export interface QemuImg {
  /** Makes an empty disk. */
  create(file: { path: string, format: 'qcow2' | 'raw', bytes: number }): Promise<void>
  /** Makes a copy-on-write disk of `bytes` over `base`, which must never change again. */
  createOverlay(file: { path: string, bytes: number, base: string, baseFormat: 'qcow2' | 'raw' }): Promise<void>
  /** Writes the content of `from` (its backing files included) into a new file. `maxBytes` bounds what is written. */
  convert(from: { path: string, format: string }, to: { path: string, format: WritableFormat, compress?: boolean }, maxBytes: number, signal?: AbortSignal): Promise<void>
  /** Writes the content of `from` over that of `to`, a disk that is there, at least as large, and opened by nobody else. `bytes` of `from` bound what is written. Fault badRequest `disk.badExport` too. */
  overwrite(from: ReachedDisk, to: ReachedDisk, bytes: number, signal?: AbortSignal): Promise<void>
  /** Grows a disk that nobody has open; shrinking is refused by qemu-img. */
  resize(file: { path: string, format: 'qcow2' | 'raw' }, bytes: number): Promise<void>
  /** What a file of a known format says of itself. `diskBytes` is what it takes on the host. */
  info(file: { path: string, format: string }): Promise<{ virtualSize: number, diskBytes: number, backing: string | undefined }>
}

const GIB = 2 ** 30
const QUICK: CommandLimits = { cpuSeconds: 8, memoryBytes: 2 * GIB }
const CONVERT_DEADLINE = 20 * 60_000
/** Room for what a format writes beside the content, bytes. */
const SLACK = 64 * 1024 * 1024

/** The sandboxed qemu-img on `host`. */
export function qemuImg(host: Host): QemuImg {
  return {
    async create({ path, format, bytes }) {
      await host.run(['qemu-img', 'create', '-q', '-f', format, absolute(path), String(bytes)], { limits: QUICK })
    },
    async createOverlay({ path, bytes, base, baseFormat }) {
      await host.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', baseFormat, '-b', absolute(base), absolute(path), String(bytes)], { limits: QUICK })
    },
    async convert(from, to, maxBytes, signal) {
      await host.run(['qemu-img', 'convert', '-q', '-f', from.format, '-O', to.format, ...(to.compress ? ['-c'] : []), absolute(from.path), absolute(to.path)],
        { deadline: CONVERT_DEADLINE, limits: { cpuSeconds: 600, memoryBytes: 2 * GIB, fileBytes: maxBytes }, ...(signal && { signal }) })
    },
    async overwrite(from, to, bytes, signal) {
      await host.run(['qemu-img', 'convert', '-q', '-n', '-f', from.format, '-O', to.format, reached(from), reached(to)],
        { deadline: CONVERT_DEADLINE, limits: { cpuSeconds: 600, memoryBytes: 2 * GIB, fileBytes: Math.ceil(bytes * 1.01) + SLACK }, ...(signal && { signal }) })
    },
    async resize({ path, format }, bytes) {
      await host.run(['qemu-img', 'resize', '-q', '-f', format, absolute(path), String(bytes)], { limits: QUICK })
    },
    async info({ path, format }) {
      const { stdout } = await host.run(['qemu-img', 'info', '--force-share', '--output=json', '-f', format, absolute(path)], { limits: QUICK })
      const found = JSON.parse(stdout) as { 'virtual-size': number, 'actual-size'?: number, 'backing-filename'?: string }
      return { virtualSize: found['virtual-size'], diskBytes: found['actual-size'] ?? 0, backing: found['backing-filename'] }
    },
  }
}

/** A path that qemu-img cannot take for an option, a protocol (`nbd:…`) or a `json:` description. */
function absolute(path: string): string {
  if (!path.startsWith('/') || path.includes('\0')) throw new Fault('badRequest', 'disk.badPath', `a disk's path must be absolute, not ${JSON.stringify(path)}`)
  return path
}

/** A file's path, or the one form of a URL that qemu-img is given. */
function reached(disk: ReachedDisk): string {
  if ('path' in disk) return absolute(disk.path)
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(disk.exportName)) throw new Fault('badRequest', 'disk.badExport', `an export's name must be a UUID, not ${JSON.stringify(disk.exportName)}`)
  return `nbd+unix:///${disk.exportName}?socket=${encodeURIComponent(absolute(disk.socket))}`
}

// Base images on a host: opened once, verified, inspected, made raw, and kept by the sha512 of what Glance has. Guests' disks are overlays over them.
// A base never changes once it has its name: it is written beside it and renamed. Two guests that want the same image wait for one that opens it.
// Of a file that Glance keeps on this machine a raw image is a second name where the file system has such, and any other is converted from where it lies.
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import { declaredAs, fileOf, HeldFile, inspectFile, type ImageSource, type QemuImg } from '@alto/kit/disk'
import { Fault } from '@alto/kit/errors'
import type { GuestImage } from '../../model/guests.ts'

/** The images that a host keeps. */
export interface ImageCache {
  /**
   * The path of the image as a raw file that no other may write. `maxBytes`: the root disk that it must fit into (0: any).
   * Throws Fault badRequest `nova.image.checksum`, `nova.image.tooLarge`, `disk.formatMismatch`, `disk.unsafe`.
   */
  base(image: GuestImage, maxBytes: number, open: ImageSource, signal: AbortSignal): Promise<{ path: string, bytes: number }>
  /** The paths of everything in the cache. */
  list(): Promise<string[]>
  /** Removes the images that are not in `used` (paths) and were not asked for in the last `unusedMs`. */
  prune(used: ReadonlySet<string>, unusedMs: number): Promise<void>
}

const SLACK = 64 * 1024 * 1024
/** Formats whose bytes are the disk itself. */
const AS_IT_IS = ['raw', 'iso']

/** The cache in `dir`. */
export function imageCache(dir: string, img: QemuImg, clock: Clock): ImageCache {
  const underway = new Map<string, Promise<unknown>>()
  return {
    async base(image, maxBytes, open, signal) {
      if (!/^[0-9a-f]{128}$/.test(image.sha512)) throw new Fault('badRequest', 'nova.image.checksum', `image ${image.id} has no sha512 to verify it with`)
      const path = join(dir, `${image.sha512}-${image.diskFormat === 'iso' ? 'raw' : image.diskFormat}`)
      if (!/^[a-z0-9]+$/.test(image.diskFormat)) throw new Fault('badRequest', 'disk.formatMismatch', `disk format ${JSON.stringify(image.diskFormat)} is not known`)
      while (!await exists(path)) {
        const other = underway.get(path)
        if (other) { await other.catch(() => {}); continue }
        const fetching = fetchBase(image, { dir, path, maxBytes }, img, open, signal).finally(() => underway.delete(path))
        underway.set(path, fetching)
        await fetching
      }
      const bytes = (await stat(path)).size
      fits(image, bytes, maxBytes)
      await utimes(path, clock.now() / 1000, clock.now() / 1000)
      return { path, bytes }
    },
    async list() {
      return (await readdir(dir).catch(() => [])).map(name => join(dir, name))
    },
    async prune(used, unusedMs) {
      for (const path of await this.list()) {
        if (used.has(path) || underway.has(path.replace(/\.(part|raw)$/, ''))) continue
        if ((await stat(path)).mtimeMs <= clock.now() - unusedMs) await rm(path, { force: true })
      }
    },
  }
}

async function fetchBase(image: GuestImage, to: { dir: string, path: string, maxBytes: number }, img: QemuImg, open: ImageSource, signal: AbortSignal): Promise<void> {
  await mkdir(to.dir, { recursive: true })
  const isDisk = AS_IT_IS.includes(image.diskFormat)
  const [fetched, converted] = [`${to.path}.part`, `${to.path}.raw`]
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(fetched, { force: true }))
  undo.defer(() => rm(converted, { force: true }))
  const opened = await open()
  if (opened instanceof HeldFile) undo.use(opened)
  const { path, sha512 } = await fileOf(opened, { to: fetched, keep: isDisk }, signal)
  if (sha512 !== image.sha512) throw new Fault('badRequest', 'nova.image.checksum', `image ${image.id} was read with sha512 ${sha512.slice(0, 16)}…, it should be ${image.sha512.slice(0, 16)}…`)
  const bytes = declaredAs(image.diskFormat, await inspectFile(path))
  fits(image, bytes, to.maxBytes)
  if (isDisk) await rename(path, to.path)
  else {
    await rm(converted, { force: true })
    await img.convert({ path, format: image.diskFormat === 'vhd' ? 'vpc' : image.diskFormat }, { path: converted, format: 'raw' }, bytes + SLACK, signal)
    await rename(converted, to.path)
  }
}

function fits(image: GuestImage, bytes: number, maxBytes: number): void {
  if (maxBytes > 0 && bytes > maxBytes) throw new Fault('badRequest', 'nova.image.tooLarge', `image ${image.id} is a disk of ${bytes} bytes; the flavor's has ${maxBytes}`)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false)
}

// Disks as qcow2 files: DIR/CLOUD/ID/disk.qcow2, each in a directory of its own with the agent's notes beside it.
//
// Properties: a file named disk.qcow2 is whole (it was made under another name, synced, and renamed); every file stands for itself, so that a
// guest that writes to one volume can never touch what another reads; nothing that a user brought is opened before its header was inspected
// and its format pinned. A new disk reads zeros, because an empty qcow2 has no clusters, wherever its file's blocks were before.
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { declaredAs, fileOf, HeldFile, inspectFile, type QemuImg } from '@alto/kit/disk'
import { Fault } from '@alto/kit/errors'
import { isUuid } from '@alto/kit/ids'
import type { DiskStore, ImageBytes } from './disks.ts'
import { diskExports, type ExportOptions } from './exports.ts'

/** Where files are kept, and with what they are made. */
export interface FileDiskOptions {
  /** An absolute path; made when it is missing. */
  readonly directory: string
  /** The cloud's id: the mark of everything that is ours. */
  readonly cloud: string
  readonly images: QemuImg
  /** With what disks are served to other hosts; not at all when not given. */
  readonly exporting?: ExportOptions
}

const DISK = 'disk.qcow2'
const PARTIAL = 'disk.partial'
const DOWNLOAD = 'download.partial'
const UPLOAD = 'upload.partial'
const NOTES = 'notes.json'
const HOST_NOTES = 'host.json'
/** Room for qcow2's own tables beside the content. */
const OVERHEAD = 64 * 2 ** 20

/** A store of qcow2 files below `directory`. */
export function fileDisks({ directory, cloud, images, exporting }: FileDiskOptions): DiskStore {
  const home = join(directory, cloud)
  const exported = exporting && diskExports(exporting)
  const of = (id: string, file = '') => {
    if (!isUuid(id)) throw new Error(`${id} is no disk's id`)
    return join(home, id, file)
  }

  async function look(id: string): Promise<number | undefined> {
    if (!await isThere(of(id, DISK))) return undefined
    return (await images.info({ path: of(id, DISK), format: 'qcow2' })).virtualSize
  }

  /** Makes the disk with `make`, which writes to the path that it is given, unless there is one. */
  async function making(id: string, make: (partial: string) => Promise<void>): Promise<void> {
    if (await isThere(of(id, DISK))) return
    await mkdir(of(id), { recursive: true, mode: 0o700 })
    await rm(of(id, PARTIAL), { force: true })
    await make(of(id, PARTIAL))
    await synced(of(id, PARTIAL))
    await rename(of(id, PARTIAL), of(id, DISK))
    await synced(of(id))
  }

  /** Grows a file that is too small. */
  async function atLeast(path: string, bytes: number): Promise<void> {
    const { virtualSize } = await images.info({ path, format: 'qcow2' })
    if (virtualSize < bytes) await images.resize({ path, format: 'qcow2' }, bytes)
  }

  return {
    name: 'file',
    look,
    makeBlank: (id, bytes) => making(id, path => images.create({ path, format: 'qcow2', bytes })),
    async makeFromImage(id, { image, bytes }, openImage, signal) {
      await making(id, async path => {
        const download = of(id, DOWNLOAD)
        await using undo = new AsyncDisposableStack()
        undo.defer(() => rm(download, { force: true }))
        const opened = await openImage()
        if (opened instanceof HeldFile) undo.use(opened)
        const content = await fileOf(opened, { to: download, keep: false }, signal)
        if (content.sha512 !== image.sha512) throw new Fault('badRequest', 'cinder.disk.checksum', `The content of image ${image.id} is not what the image service says it is.`)
        const needed = declaredAs(image.diskFormat, await inspectFile(content.path))
        if (needed > bytes) throw new Fault('badRequest', 'cinder.disk.tooSmall', `Image ${image.id} holds a disk of ${needed} bytes; the volume has only ${bytes}.`)
        await images.convert({ path: content.path, format: formatName(image.diskFormat) }, { path, format: 'qcow2' }, bytes + OVERHEAD, signal)
        await atLeast(path, bytes)
      })
    },
    async makeCopy(id, { sourceId, bytes }, signal) {
      await making(id, async path => {
        const size = await look(sourceId)
        if (size === undefined) throw new Fault('notFound', 'cinder.disk.noSource', `There is no disk ${sourceId} to copy.`)
        await images.convert({ path: of(sourceId, DISK), format: 'qcow2' }, { path, format: 'qcow2' }, size + OVERHEAD, signal)
        await atLeast(path, bytes)
      })
    },
    async replaceLost(id) { throw new Fault('conflict', 'cinder.disk.lost', `The file ${of(id, DISK)} is gone, and with it the content of the disk.`) },
    grow: (id, bytes) => atLeast(of(id, DISK), bytes),
    async remove(id) {
      await exported?.end(id)
      await rm(of(id, DISK), { force: true })
      await rm(of(id), { recursive: true, force: true })
    },
    connection: id => ({ kind: 'file', path: of(id, DISK), format: 'qcow2' }),
    dataAddress: exported?.address,
    async serve(id, exports) {
      if (exported) await exported.serve(id, { path: of(id, DISK), bytes: exports.length === 0 ? 0 : await look(id) ?? 0 }, exports)
      else if (exports.length > 0) throw new Fault('conflict', 'cinder.disk.noExports', `This volume host has no data address any more: nobody reaches disk ${id} from another host.`)
    },
    ailing: async () => await exported?.ailing() ?? [],
    watch: listener => exported?.watch(listener) ?? (() => {}),
    async endExports() { await exported?.endAll() },
    async copyFor(id, format, signal) {
      const path = of(id, UPLOAD)
      await rm(path, { force: true })
      await images.convert({ path: of(id, DISK), format: 'qcow2' }, { path, format }, (await look(id) ?? 0) + OVERHEAD, signal)
      return { bytes: (await stat(path)).size, read: () => contentOf(path), [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    },
    async capacity() {
      await mkdir(home, { recursive: true, mode: 0o700 })
      const { bsize, blocks, bavail } = await statfs(home)
      return { totalBytes: bsize * blocks, freeBytes: bsize * bavail }
    },
    async marked() {
      const names = await readdir(home).catch(() => [])
      const processes = await exported?.running() ?? []
      return [...names.filter(isUuid).map(diskId => ({ diskId, name: join(home, diskId) })), ...processes.map(({ diskId, pid }) => ({ diskId, name: String(pid) }))]
    },
    readNotes: id => readFile(id === undefined ? join(home, HOST_NOTES) : of(id, NOTES), 'utf8').catch(() => undefined),
    async writeNotes(id, text) {
      const path = id === undefined ? join(home, HOST_NOTES) : of(id, NOTES)
      await mkdir(id === undefined ? home : of(id), { recursive: true, mode: 0o700 })
      await writeFile(`${path}.new`, text, { mode: 0o600 })
      await synced(`${path}.new`)
      await rename(`${path}.new`, path)
    },
  }
}

async function* contentOf(path: string): ImageBytes {
  await using file = await open(path, 'r')
  yield* file.createReadStream({ autoClose: false, highWaterMark: 131_072 }) as AsyncIterable<Uint8Array>
}

async function synced(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(() => true, (error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return false; throw error })
}

/** What qemu-img calls a Glance disk format. */
function formatName(diskFormat: string): string {
  return diskFormat === 'iso' ? 'raw' : diskFormat === 'vhd' ? 'vpc' : diskFormat
}

// Disks that are only remembered: for clouds without root, without packages, anywhere Node runs. They survive as long as the process.
import { createHash } from 'node:crypto'
import { bytesOf } from '@alto/kit/disk'
import { Fault } from '@alto/kit/errors'
import type { DiskStore } from './disks.ts'

const TIB = 2 ** 40

/** A store of remembered disks; their content is remembered as long as it came from a small image. */
export function fakeDisks(): DiskStore {
  const disks = new Map<string, { bytes: number, content: Buffer }>()
  const notes = new Map<string, string>()
  const key = (id: string | undefined) => id ?? ''
  return {
    name: 'fake',
    look: async id => disks.get(id)?.bytes,
    async makeBlank(id, bytes) { if (!disks.has(id)) disks.set(id, { bytes, content: Buffer.alloc(0) }) },
    async makeFromImage(id, { image, bytes }, open, signal) {
      if (disks.has(id)) return
      const hash = createHash('sha512')
      const chunks: Uint8Array[] = []
      let size = 0
      for await (const chunk of bytesOf(await open(), signal)) {
        hash.update(chunk)
        if ((size += chunk.length) <= 65_536) chunks.push(chunk)
      }
      if (hash.digest('hex') !== image.sha512) throw new Fault('badRequest', 'cinder.disk.checksum', `The content of image ${image.id} is not what the image service says it is.`)
      disks.set(id, { bytes, content: Buffer.concat(chunks) })
    },
    async makeCopy(id, { sourceId, bytes }) {
      if (disks.has(id)) return
      const source = disks.get(sourceId)
      if (!source) throw new Fault('notFound', 'cinder.disk.noSource', `There is no disk ${sourceId} to copy.`)
      disks.set(id, { bytes: Math.max(bytes, source.bytes), content: source.content })
    },
    async replaceLost(id, bytes) { disks.set(id, { bytes, content: Buffer.alloc(0) }) },
    async grow(id, bytes) {
      const disk = disks.get(id)
      if (disk && disk.bytes < bytes) disks.set(id, { ...disk, bytes })
    },
    async remove(id) {
      disks.delete(id)
      notes.delete(id)
    },
    dataAddress: undefined,
    async serve() {},
    ailing: async () => [],
    watch: () => () => {},
    async endExports() {},
    connection: id => ({ kind: 'file', path: `/fake/${id}/disk.qcow2`, format: 'qcow2' }),
    async copyFor(id) {
      const content = disks.get(id)?.content ?? Buffer.alloc(0)
      return { bytes: content.length, async *read() { yield content }, async [Symbol.asyncDispose]() {} }
    },
    capacity: async () => ({ totalBytes: TIB, freeBytes: TIB - [...disks.values()].reduce((sum, d) => sum + d.bytes, 0) }),
    marked: async () => [...disks.keys()].map(diskId => ({ diskId, name: `/fake/${diskId}` })),
    readNotes: async id => notes.get(key(id)),
    async writeNotes(id, text) { notes.set(key(id), text) },
  }
}

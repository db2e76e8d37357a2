// A directory of whole images' bytes, beside stores that are far away: DIR/IMAGE; what is being fetched is DIR/IMAGE.partial, and DIR/IMAGE.queued says that it is wanted.
// It holds nothing that cannot be fetched again, and belongs to one process. How often an image was read counts from the start of the process.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import type { Clock } from '@alto/kit/clock'
import type { ByteRange } from '../model/ranges.ts'

/** A cached image. Times are milliseconds. */
export interface CachedImage { imageId: string, hits: number, size: number, readAt: number, writtenAt: number }

const PARTIAL = '.partial', QUEUED = '.queued'

/** See above. Images are named by their ids, which are UUIDs. */
export class ImageCache {
  readonly #directory: string
  readonly #mostBytes: number
  readonly #clock: Clock
  readonly #images = new Map<string, CachedImage>()
  readonly #queue = new Set<string>()

  private constructor(directory: string, { mostBytes, clock }: { mostBytes: number, clock: Clock }) {
    this.#directory = directory
    this.#mostBytes = mostBytes
    this.#clock = clock
  }

  /** Opens the directory, made when it is missing, with what an earlier process left there; partial bytes go. */
  static async open(directory: string, opts: { mostBytes: number, clock: Clock }): Promise<ImageCache> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const cache = new ImageCache(directory, opts)
    for (const name of await readdir(directory)) {
      if (name.endsWith(QUEUED)) cache.#queue.add(name.slice(0, -QUEUED.length))
      else if (!name.endsWith(PARTIAL)) {
        const { size, mtimeMs, atimeMs } = await stat(join(directory, name))
        cache.#images.set(name, { imageId: name, hits: 0, size, readAt: Math.floor(atimeMs), writtenAt: Math.floor(mtimeMs) })
      }
    }
    await cache.clean(() => false)
    return cache
  }

  get images(): readonly CachedImage[] { return [...this.#images.values()] }
  get queued(): readonly string[] { return [...this.#queue] }

  /** The bytes of a cached image, which count as a hit; undefined when it is not cached. They stay readable when the image is taken out meanwhile. */
  async read(imageId: string, range?: ByteRange): Promise<Readable | undefined> {
    const image = this.#images.get(imageId)
    if (!image) return undefined
    const file = await open(join(this.#directory, imageId)).catch(() => undefined)
    if (!file) {
      this.#images.delete(imageId)                                   // somebody emptied the directory
      return undefined
    }
    image.hits++
    image.readAt = this.#clock.now()
    return createReadStream('', { fd: file, ...range, autoClose: true })
  }

  async enqueue(imageId: string): Promise<void> {
    if (this.#images.has(imageId)) return
    await writeFile(join(this.#directory, imageId + QUEUED), '')
    this.#queue.add(imageId)
  }

  /** Keeps the bytes, unless the image was taken off the queue meanwhile; makes room for it. Throws what `bytes` throws, and keeps nothing then. */
  async fill(imageId: string, bytes: Readable): Promise<void> {
    const partial = join(this.#directory, imageId + PARTIAL)
    try {
      await pipeline(bytes, createWriteStream(partial, { mode: 0o600 }))
      const { size } = await stat(partial)
      if (!this.#queue.has(imageId)) return
      await rename(partial, join(this.#directory, imageId))
      this.#images.set(imageId, { imageId, hits: 0, size, readAt: this.#clock.now(), writtenAt: this.#clock.now() })
      await this.dequeue(imageId)
      await this.prune()
    } finally {
      await rm(partial, { force: true })
    }
  }

  /** Takes an image off the queue; false when it was not on it. */
  async dequeue(imageId: string): Promise<boolean> {
    const was = this.#queue.delete(imageId)
    if (was) await rm(join(this.#directory, imageId + QUEUED), { force: true })
    return was
  }

  /** Takes an image out; false when it was not in. */
  async remove(imageId: string): Promise<boolean> {
    const was = this.#images.delete(imageId)
    if (was) await rm(join(this.#directory, imageId), { force: true })
    return was
  }

  /** Removes the images that were read longest ago, until the rest fit; gives how many files and bytes went. */
  async prune(): Promise<{ files: number, bytes: number }> {
    const gone = { files: 0, bytes: 0 }
    let left = this.images.reduce((sum, image) => sum + image.size, 0)
    for (const image of this.images.toSorted((a, b) => a.readAt - b.readAt)) {
      if (left <= this.#mostBytes) break
      await this.remove(image.imageId)
      left -= image.size
      gone.files++
      gone.bytes += image.size
    }
    return gone
  }

  /** Removes partial bytes but of images that are `being` fetched. */
  async clean(being: (imageId: string) => boolean): Promise<void> {
    for (const name of await readdir(this.#directory)) if (name.endsWith(PARTIAL) && !being(name.slice(0, -PARTIAL.length))) await rm(join(this.#directory, name), { force: true })
  }
}

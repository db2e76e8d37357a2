// An image on its way to a host: its bytes as they come, or the file that they are in, where Glance keeps it on the same machine.
//
// - A file that is handed over never changes, and nobody removes it before it was disposed of: an image may be deleted meanwhile.
// - Nobody believes a file more than a stream. Its bytes are hashed on this host, beside the event loop (hashing.ts): as they are copied, or, where
//   none is copied, where they lie. So what a disk has spoilt is found before a guest stands on it.
import { constants } from 'node:fs'
import { copyFile, link, open, rm } from 'node:fs/promises'
import { hashing } from './hashing.ts'

/** A whole file of this machine that is kept as it is until this is disposed of. */
export class HeldFile implements AsyncDisposable {
  readonly path: string
  readonly #release: () => Promise<void>

  /** `release`: lets go of the file; called once. */
  constructor(path: string, release: () => Promise<void>) {
    this.path = path
    let released: Promise<void> | undefined
    this.#release = () => released ??= release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#release()
  }
}

/** An image that was opened. Whoever opened it disposes of a file. */
export type OpenedImage = AsyncIterable<Uint8Array> | HeldFile

/** Opens one image. Throws Fault notFound when it is gone. */
export type ImageSource = () => Promise<OpenedImage>

/** Bytes in one read from a disk. */
const READ_SIZE = 512 * 1024

/** The bytes of an image, and after the last one the end of its file's being held. */
export async function* bytesOf(image: OpenedImage, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!(image instanceof HeldFile)) return yield* image
  await using held = image
  await using file = await open(held.path, 'r')
  yield* file.createReadStream({ autoClose: false, highWaterMark: READ_SIZE, signal }) as AsyncIterable<Uint8Array>
}

/**
 * The image as a file whose sha512 was found by reading it: `path`, which is `to`, or the held file itself when `to` need not be (`keep` false).
 * What is to be kept takes no room of its own where the file system can give the file a second name, or share its blocks. An earlier `to` is replaced.
 */
export async function fileOf(image: OpenedImage, { to, keep }: { to: string, keep: boolean }, signal: AbortSignal): Promise<{ path: string, sha512: string }> {
  if (!(image instanceof HeldFile)) return { path: to, sha512: await written(to, image, signal) }
  if (!keep) return { path: image.path, sha512: await hashed(image.path, signal) }
  await rm(to, { force: true })
  if (await linked(image.path, to)) return { path: to, sha512: await hashed(to, signal) }
  await using source = await open(image.path, 'r')
  return { path: to, sha512: await written(to, source.createReadStream({ autoClose: false, highWaterMark: READ_SIZE }) as AsyncIterable<Uint8Array>, signal) }
}

/** Gives the file a second name, or a copy that shares its blocks; false where the file system can do neither. */
async function linked(from: string, to: string): Promise<boolean> {
  for (const make of [() => link(from, to), () => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)]) {
    try {
      await make()
      return true
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && CANNOT.includes(String(error.code)))) throw error
    }
  }
  return false
}

/** How file systems say that they cannot: another one, no such thing, not for this user, as many names as there may be. */
const CANNOT = ['EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'ENOTTY', 'EPERM', 'EMLINK']

/** Writes bytes to a new file and gives their sha512. */
async function written(path: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  await using file = await open(path, 'w', 0o600)
  return await sha512(bytes, signal, chunk => file.writeFile(chunk))
}

async function hashed(path: string, signal: AbortSignal): Promise<string> {
  await using file = await open(path, 'r')
  return await sha512(file.createReadStream({ autoClose: false, highWaterMark: READ_SIZE }) as AsyncIterable<Uint8Array>, signal, async () => {})
}

async function sha512(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal, each: (chunk: Uint8Array) => Promise<void>): Promise<string> {
  using hashes = hashing(['sha512'])
  for await (const chunk of bytes) {
    signal.throwIfAborted()
    await Promise.all([hashes.update(chunk), each(chunk)])
  }
  return (await hashes.digest())['sha512']!
}

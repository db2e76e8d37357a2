// A store in a directory: one file a blob. Written to KEY.partial, made durable, then renamed, so that KEY is whole or not there.
import { constants } from 'node:fs'
import { mkdir, open, opendir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'
import { checkedKey, FULL, MISSING, type BlobWriter, type ImageStore, type StoreFacts } from './store.ts'

/** Bytes in one read from the disk. */
const READ_SIZE = 512 * 1024

/** The store in `directory`, which is made when it is missing. Throws what the file system throws. */
export async function fileStore(directory: string, facts: Pick<StoreFacts, 'id' | 'description' | 'weight'> = { id: 'file' }): Promise<ImageStore> {
  await mkdir(directory, { recursive: true, mode: 0o700 })

  const pathOf = (key: string) => join(directory, checkedKey(key))

  return {
    ...facts, kind: 'file', properties: { data_dir: directory, chunk_size: READ_SIZE, thin_provisioning: false },
    async write(key) {
      const partial = `${pathOf(key)}.partial`
      const { O_CREAT, O_WRONLY, O_TRUNC, O_NOFOLLOW } = constants
      return writer(await full(open(partial, O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW, 0o600)), partial, pathOf(key), directory)
    },
    async read(key, range) {
      const file = await opened(pathOf(key))
      return file.createReadStream({ highWaterMark: READ_SIZE, ...range }) as Readable
    },
    async remove(key) {
      await rm(`${pathOf(key)}.partial`, { force: true })      // first: what is not there any more cannot become KEY
      await rm(pathOf(key), { force: true })
    },
    async size(key) {
      try {
        return (await stat(pathOf(key))).size
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async* names() {
      for await (const entry of await opendir(directory)) yield entry.name
    },
    pathOf,
    urlOf: key => `file://${encodeURI(pathOf(key))}`,
  }
}

function writer(file: FileHandle, partial: string, path: string, directory: string): BlobWriter {
  let open = true
  const close = async () => {
    if (!open) return
    open = false
    await file.close()
  }
  let committed = false
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += (await full(file.write(bytes, at))).bytesWritten
    },
    async commit() {
      await full(file.sync())
      await close()
      await rename(partial, path)
      await syncDirectory(directory)
      committed = true
    },
    async abort() {
      await close()
      if (!committed) await rm(partial, { force: true })
    },
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    if (isMissing(cause)) throw new Fault(...MISSING, { cause })
    throw cause
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}

/** The result, with a full disk told as the client's 413. */
async function full<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')) throw new Fault(...FULL, { cause })
    throw cause
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

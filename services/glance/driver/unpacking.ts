// Unpacking images that were sent compressed: gzip and zip while they stream, xz and bzip2 by the system's programs in a directory of their own.
// How much comes out is whoever reads it to bound: nothing here keeps more than a chunk in memory, and the programs run under limits of CPU, memory and file size.
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { crc32, createGunzip, createInflateRaw } from 'node:zlib'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'

export type Packing = 'gzip' | 'zip' | 'xz' | 'bzip2'

const MAGIC: readonly [Packing, readonly number[]][] = [['zip', [0x50, 0x4b, 0x03, 0x04]], ['gzip', [0x1f, 0x8b, 0x08]], ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]], ['bzip2', [0x42, 0x5a, 0x68]]]

/** How the image that begins with `head` is packed; undefined when it is not. */
export function packingOf(head: Uint8Array): Packing | undefined {
  return MAGIC.find(([, bytes]) => bytes.every((byte, at) => head[at] === byte))?.[0]
}

/** A packed image: its size, and any part of it, both ends included. */
export interface Packed { size: number, read(start: number, end: number): Promise<Readable> }

/**
 * What is in a gzip file (all of its members) or in a zip archive of one file. Throws Fault('badRequest', 'glance.unpack') at once or while it is read, for what is
 * broken, encrypted, or more than one file.
 */
export async function unpackedStream(packing: 'gzip' | 'zip', packed: Packed): Promise<AsyncIterable<Uint8Array>> {
  if (packing === 'gzip') return through(await packed.read(0, packed.size - 1), createGunzip())
  return unzipped(packed)
}

/**
 * What is in an xz or bzip2 file, by the program of that name. `bytes` are written into `directory`, where the result lies until it is removed with it; `most` bounds it, in bytes.
 * Throws Fault('badRequest', 'glance.unpack').
 */
export async function unpackedFile(packing: 'xz' | 'bzip2', bytes: AsyncIterable<Uint8Array>, { directory, most, host, signal }: { directory: string, most: number, host: Host, signal: AbortSignal }): Promise<AsyncIterable<Uint8Array>> {
  const result = join(directory, 'unpacked')
  const source = `${result}.${packing === 'xz' ? 'xz' : 'bz2'}`
  await written(bytes, source)
  try {
    await host.run([packing, '--decompress', '--force', source], { deadline: 20 * 60_000, limits: { cpuSeconds: 1_200, memoryBytes: 512 * 2 ** 20, fileBytes: Math.min(most + 1, Number.MAX_SAFE_INTEGER) }, signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw broken(`it cannot be unpacked, or is larger than it may be: ${messageOf(cause)}`, cause)
  }
  return createReadStream(result) as AsyncIterable<Uint8Array>
}

/** Writes bytes into a new file at `path`. */
export async function written(bytes: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  await using file = await open(path, 'w', 0o600)
  for await (const chunk of bytes) for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

async function* through(source: Readable, unpacker: ReturnType<typeof createGunzip>): AsyncGenerator<Uint8Array> {
  source.on('error', error => unpacker.destroy(error))
  try {
    yield* source.pipe(unpacker) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw broken(messageOf(cause), cause)
  } finally {
    source.destroy()
    unpacker.destroy()
  }
}

// The zip format (APPNOTE 6.3.9): the directory is at the end, and says of each file where it is, how it is packed and what it should be.
const END = 0x06054b50
const END64_AT = 0x07064b50
const END64 = 0x06064b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
const ALL32 = 0xffffffff

interface Entry { at: number, method: number, size: number, packedSize: number, crc: number }

async function unzipped(packed: Packed): Promise<AsyncIterable<Uint8Array>> {
  const entry = await onlyEntry(packed)
  const local = await part(packed, entry.at, 30)
  if (local.readUInt32LE(0) !== LOCAL) throw broken('its directory points to no file')
  const start = entry.at + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  if (entry.packedSize === 0) return checkedSum(empty(), entry)
  if (start + entry.packedSize > packed.size) throw broken('its file is cut short')
  const bytes = await packed.read(start, start + entry.packedSize - 1)
  if (entry.method === 0) return checkedSum(bytes as AsyncIterable<Uint8Array>, entry)
  if (entry.method === 8) return checkedSum(through(bytes, createInflateRaw() as ReturnType<typeof createGunzip>), entry)
  bytes.destroy()
  throw broken(`its file is packed by method ${entry.method}: only stored and deflated ones are unpacked`)
}

async function onlyEntry(packed: Packed): Promise<Entry> {
  const tailSize = Math.min(packed.size, 65_557 + 20)
  const tail = await part(packed, packed.size - tailSize, tailSize)
  let end = tail.length - 22
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--
  if (end < 0) throw broken('it has no directory')
  let [count, at] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 16)]
  if (at === ALL32 && end >= 20 && tail.readUInt32LE(end - 20) === END64_AT) {
    const record = await part(packed, Number(tail.readBigUInt64LE(end - 12)), 56)
    if (record.readUInt32LE(0) !== END64) throw broken('it has no directory')
    ;[count, at] = [Number(record.readBigUInt64LE(32)), Number(record.readBigUInt64LE(48))]
  }
  if (count !== 1) throw broken('Archive contains more than one file.')
  const head = await part(packed, at, 46)
  if (head.readUInt32LE(0) !== ENTRY) throw broken('it has no directory')
  if (head.readUInt16LE(8) & 1) throw broken('its file is encrypted')
  const nameSize = head.readUInt16LE(28)
  const extra = await part(packed, at + 46 + nameSize, head.readUInt16LE(30))
  const [size, packedSize, local] = wide([head.readUInt32LE(24), head.readUInt32LE(20), head.readUInt32LE(42)], extra)
  return { at: local!, method: head.readUInt16LE(10), size: size!, packedSize: packedSize!, crc: head.readUInt32LE(16) }
}

/** The numbers, those that do not fit into 32 bits taken from the zip64 field, which has them in this order. */
function wide(numbers: readonly number[], extra: Buffer): number[] {
  let from = 0
  for (let at = 0; at + 4 <= extra.length && from === 0; at += 4 + extra.readUInt16LE(at + 2)) if (extra.readUInt16LE(at) === 1) from = at + 4
  return numbers.map(number => {
    if (number !== ALL32) return number
    if (from === 0 || from + 8 > extra.length) throw broken('its sizes are missing')
    from += 8
    return Number(extra.readBigUInt64LE(from - 8))
  })
}

async function part(packed: Packed, start: number, length: number): Promise<Buffer> {
  if (start < 0 || start + length > packed.size) throw broken('it is cut short')
  if (length === 0) return Buffer.alloc(0)
  return Buffer.concat(await Array.fromAsync(await packed.read(start, start + length - 1) as AsyncIterable<Buffer>))
}

async function* checkedSum(bytes: AsyncIterable<Uint8Array>, entry: Entry): AsyncGenerator<Uint8Array> {
  let [size, sum] = [0, 0]
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > entry.size) throw broken('its file is larger than its directory says')
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (size !== entry.size || sum !== entry.crc) throw broken('its file is not what its directory says')
}

async function* empty(): AsyncGenerator<Uint8Array> {}

function broken(why: string, cause?: unknown): Fault {
  return new Fault('badRequest', 'glance.unpack', `The compressed image cannot be unpacked: ${why}`, { cause })
}

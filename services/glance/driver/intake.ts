// Bytes coming in: counted, hashed, looked at and written in one pass, in memory that does not grow with them.
//
// - Slices of at most 128 KiB, each hashed (kit/disk/hashing.ts) while it is being written.
// - The writer is waited for before more is read: the sender feels the disk.
// - The head is inspected as soon as it is complete, so that a wrong image is refused before it has all been sent; again at the end, when the length was not known.
import { DiskHead, declaredAs, hashing, inspectDisk, type DiskInspection } from '@alto/kit/disk'
import { Fault, isFault } from '@alto/kit/errors'
import type { Content } from '../model/images.ts'
import type { BlobWriter } from './store.ts'
import type { Verifier } from './verifier.ts'

const SLICE = 128 * 1024
/** Bytes of the largest disk that the inspector believes in. */
const LONGEST = 2 ** 46

/** What the bytes were declared to be. */
export interface Declared {
  diskFormat: string
  containerFormat: string
  /** False: bytes of another format than was declared are let in, unless they are unsafe to open. */
  formatMustMatch: boolean
}

/** What is known beforehand of the bytes. Those that nothing was declared of are not looked into: whoever uses them does that first. */
export interface Expected extends Partial<Declared> {
  /** Bytes that the sender promised; undefined when it did not say. */
  size: number | undefined
  /** Bytes at most. */
  most: number
  /** Verifies their signature; images that are not signed have none. */
  verifier?: Verifier | undefined
  /** Why more than `most` is too much: the cap on one image, or what is left of the project's quota. */
  tooMuch(): Fault
}

/**
 * Writes `source` to `writer` and says what it was; the caller commits or aborts.
 * Throws Fault('tooLarge'), Fault('badRequest', 'glance.data.size'), Fault('unsupportedMediaType', 'glance.data.refused'), what the verifier throws, and what the source throws when it breaks off.
 */
export async function takeIn(source: AsyncIterable<Uint8Array>, writer: BlobWriter, expected: Expected): Promise<Content> {
  if (expected.size !== undefined && expected.size > expected.most) throw expected.tooMuch()
  using hashes = hashing(['md5', 'sha512'])
  let head: DiskHead | undefined = new DiskHead(expected.size)
  let virtualSize: number | null = null
  let looked = false
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > expected.most) throw expected.tooMuch()
    if (expected.size !== undefined && size > expected.size) throw sizeMismatch(expected.size)
    for (let at = 0; at < chunk.length; at += SLICE) {
      const slice = chunk.subarray(at, at + SLICE)
      head?.take(slice)
      expected.verifier?.update(slice)
      await Promise.all([writer.write(slice), hashes.update(slice)])
    }
    if (head && !looked && head.isWhole) {
      looked = true
      virtualSize = inspected(head.bytes, expected.size ?? Math.min(expected.most, LONGEST), expected)        // as long as it may turn out to be
      if (expected.size !== undefined) head = undefined      // all is known of it
    }
  }
  if (expected.size !== undefined && size !== expected.size) throw sizeMismatch(expected.size)
  if (head) virtualSize = inspected(head.bytes, size, expected)
  expected.verifier?.finish()
  const { md5, sha512 } = await hashes.digest()
  return { size, virtualSize, checksum: md5!, hashAlgo: 'sha512', hashValue: sha512! }
}

/** Kernels and ramdisks, and a file system without a partition table: bytes without a header that says what they are. */
const BARE_BYTES = ['ami', 'ari', 'aki']

/**
 * Looks at the head of an image of `length` bytes (DiskHead, or the first INSPECT_BYTES), and gives its disk's bytes; null when they are not known, or nothing was declared.
 * Throws Fault('unsupportedMediaType', 'glance.data.refused') when it is not what was declared, or not safe to open.
 */
export function inspected(head: Uint8Array, length: number, { diskFormat, containerFormat, formatMustMatch = true }: Partial<Declared>): number | null {
  if (diskFormat === undefined || containerFormat === undefined) return null
  try {
    return checked(inspectDisk(head, length), { diskFormat, containerFormat, formatMustMatch })
  } catch (cause) {
    throw isFault(cause) ? new Fault('unsupportedMediaType', 'glance.data.refused', cause.message, { cause }) : cause      // upstream's status for it
  }
}

function checked(found: DiskInspection, expected: Declared): number | null {
  if (expected.containerFormat !== 'bare' && !BARE_BYTES.includes(expected.containerFormat)) return null      // an archive: the disk is inside
  if (expected.diskFormat === 'ploop') {
    if (found.format !== 'parallels' && found.format !== 'raw') declaredAs('ploop', found)
    return null
  }
  const declared = BARE_BYTES.includes(expected.diskFormat) ? 'raw' : expected.diskFormat
  return declaredAs(expected.formatMustMatch || declared === 'raw' ? declared : found.format, found)
}

function sizeMismatch(promised: number): Fault {
  return new Fault('badRequest', 'glance.data.size', `The size of the data is not the ${promised} bytes that were announced.`)
}

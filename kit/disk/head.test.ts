// The head of a stream says the same as the first bytes of the file, however the stream is cut, and is no larger than it must be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HARMLESS_IMAGES, HOSTILE_IMAGES, qcow2Header } from '../testing/index.ts'
import { DiskHead, INSPECT_BYTES, inspectDisk } from './index.ts'

const KIB = 1024
const PADDED = 5 * KIB * KIB

function headOf(bytes: Buffer, cut: number, length: number | undefined = bytes.length): DiskHead {
  const head = new DiskHead(length)
  for (let at = 0; at < bytes.length; at += cut) head.take(bytes.subarray(at, at + cut))
  return head
}

for (const { name, bytes } of [...HOSTILE_IMAGES, ...HARMLESS_IMAGES]) {
  test(`what is found in a stream is what is found in the file: ${name}`, () => {
    const long = bytes.length < PADDED ? [Buffer.concat([bytes, Buffer.alloc(PADDED - bytes.length)])] : []
    for (const file of [bytes, ...long]) for (const length of [file.length, undefined]) for (const cut of [1000, 64 * KIB, INSPECT_BYTES + 1]) {
      assert.deepEqual(inspectDisk(headOf(file, cut, length).bytes, file.length), inspectDisk(file.subarray(0, INSPECT_BYTES), file.length))
    }
  })
}

test('nothing that is refused in a file is let through in a stream, whatever its header says', () => {
  const at = fc.oneof(fc.nat(160), fc.constantFrom(510, 0x8001, 64 * KIB - 4, 64 * KIB, 128 * KIB))
  const word = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 0x44415441, 0x43443030, 64 * KIB - 112, 64 * KIB - 120)).map(value => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(value); return bytes })
  fc.assert(fc.property(fc.constantFrom(...HOSTILE_IMAGES, ...HARMLESS_IMAGES), fc.array(fc.tuple(at, word), { maxLength: 5 }), fc.nat(300 * KIB), fc.boolean(), ({ bytes }, changes, length, known) => {
    const file = Buffer.alloc(length)
    bytes.copy(file)
    for (const [offset, value] of changes) value.copy(file, Math.min(offset, length))
    const isLetIn = (head: Uint8Array) => inspectDisk(head, length).refusals.length === 0
    assert.equal(isLetIn(headOf(file, 50 * KIB, known ? length : undefined).bytes), isLetIn(file))
  }), { numRuns: 500 })
})

test('a disk without a header, and a qcow2 of common clusters, need 64 KiB; larger clusters need one of theirs, and what may lie anywhere needs all', () => {
  const kept = (bytes: Buffer) => {
    const head = headOf(Buffer.concat([bytes, Buffer.alloc(PADDED - bytes.length)]), 100 * KIB)
    assert.equal(head.isWhole, true)
    return head.bytes.length
  }
  assert.deepEqual([
    kept(Buffer.alloc(512, 'x')), kept(qcow2Header()), kept(qcow2Header(header => header.writeUInt32BE(21, 20))), kept(qcow2Header(header => header.writeUInt32BE(31, 20))), kept(Buffer.from('vhdxfile')),
  ], [64 * KIB, 64 * KIB, 2048 * KIB, 64 * KIB, INSPECT_BYTES])
})

test('a stream that is shorter than a head is whole at its end when its length was known', () => {
  assert.deepEqual([headOf(Buffer.alloc(10), 3).isWhole, headOf(Buffer.alloc(10), 3, undefined).bytes.length], [true, 10])
})

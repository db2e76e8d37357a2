// The head of a stream says the same as the first bytes of the file, however the stream is cut, and is no larger than it must be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
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

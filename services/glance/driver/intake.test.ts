// What is said of an image does not depend on whether its length was known beforehand, on how it was cut, or on how long it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { qcow2Header } from '@alto/kit/testing'
import { takeIn } from './intake.ts'
import { memoryStore } from './memory-store.ts'

const MIB = 2 ** 20

async function takenIn(bytes: Buffer, cut: number, size: number | undefined, diskFormat: string) {
  const store = memoryStore({ id: 'file' })
  const writer = await store.write(systemIds.uuid())
  const pieces = (async function* () { for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut) })()
  return takeIn(pieces, writer, { size, most: 100 * MIB, diskFormat, containerFormat: 'bare', formatMustMatch: true, tooMuch: () => { throw new Error('too much') } })
}

for (const length of [512, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 6 * MIB]) {
  test(`a disk of ${length} bytes is as large as its header says, a raw one as its bytes are, whether its length was known or not`, async () => {
    const qcow2 = Buffer.concat([qcow2Header(), Buffer.alloc(length - 512)])
    for (const size of [length, undefined]) for (const cut of [64 * 1024, 3 * MIB, 8 * MIB]) {
      assert.equal((await takenIn(qcow2, cut, size, 'qcow2')).virtualSize, MIB)
      assert.equal((await takenIn(Buffer.alloc(length, 'x'), cut, size, 'raw')).virtualSize, length)
      await assert.rejects(takenIn(qcow2, cut, size, 'raw'), error => isFault(error, 'glance.data.refused'))
    }
  })
}

// Hashes are those of the bytes, however long a stream is and however it is cut, many at once, and one that nobody ends holds nothing.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { systemIds } from '../ids/index.ts'
import { until } from '../testing/index.ts'
import { hashing } from './hashing.ts'

const MIB = 2 ** 20
const ALGORITHMS = ['md5', 'sha512']

const threads = () => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length

async function hashed(bytes: Uint8Array, cut: number): Promise<Readonly<Record<string, string>>> {
  using hashes = hashing(ALGORITHMS)
  for (let at = 0; at < bytes.length; at += cut) {
    const lent = Buffer.from(bytes.subarray(at, at + cut))
    await hashes.update(lent)
    lent.fill(0)                                  // whoever brings bytes may use their buffer again
  }
  return await hashes.digest()
}

function right(bytes: Uint8Array): Readonly<Record<string, string>> {
  return Object.fromEntries(ALGORITHMS.map(algorithm => [algorithm, createHash(algorithm).update(bytes).digest('hex')]))
}

test('a stream of any length, cut in any way, has the hashes of its bytes', async () => {
  for (const size of [0, 1, MIB / 8, MIB / 2 - 1, MIB / 2, MIB / 2 + 1, 9 * MIB + 7]) {
    const bytes = systemIds.bytes(size)
    for (const cut of [64 * 1024, 512 * 1024, 700_001, 4 * MIB]) assert.deepEqual(await hashed(bytes, cut), right(bytes), `${size} bytes, ${cut} at a time`)
  }
})

test('twenty long streams at once do not mix', async () => {
  const all = Array.from({ length: 20 }, (_, i) => systemIds.bytes(3 * MIB + i))
  assert.deepEqual(await Promise.all(all.map(bytes => hashed(bytes, 100_000))), all.map(right))
})

test('streams that are broken off leave the others alone, and no thread when the last has gone', async () => {
  const before = threads()
  const bytes = systemIds.bytes(8 * MIB)
  const whole = hashed(bytes, 64 * 1024)
  for (let i = 0; i < 5; i++) {
    using broken = hashing(ALGORITHMS)
    for (let at = 0; at < 4; at++) await broken.update(bytes.subarray(0, MIB))
  }
  assert.deepEqual(await whole, right(bytes))
  await until('the thread has ended', () => threads() <= before)
})

test('who waits for the hashes of a stream that was given up is told so', async () => {
  const hashes = hashing(ALGORITHMS)
  await hashes.update(systemIds.bytes(3 * MIB))
  const waiting = hashes.digest()
  hashes[Symbol.dispose]()
  await assert.rejects(waiting, /given up/)
})

test('a long stream that nobody ends keeps no process alive', async () => {
  const program = `import { hashing } from ${JSON.stringify(import.meta.resolve('./hashing.ts'))}
    await Promise.race([hashing(['md5']).update(Buffer.alloc(4 * 2 ** 20)), new Promise(settle => { setTimeout(settle, 1_000) })])
    process.stdout.write('end of the program')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 60_000 })
  assert.equal(stdout, 'end of the program')
})

test('an algorithm that there is not is refused at once', () => {
  assert.throws(() => hashing(['sha512', 'sha-nothing']))
})

// Compressed images: what comes out is what went in, and what is broken, too much or not one file is refused.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { isFault } from '@alto/kit/errors'
import { commandHost } from '@alto/kit/host'
import { packingOf, unpackedFile, unpackedStream, type Packed } from './unpacking.ts'

const CONTENT = Buffer.from('an image '.repeat(20_000))
const asPacked = (bytes: Buffer): Packed => ({ size: bytes.length, read: async (start, end) => Readable.from([bytes.subarray(start, end + 1)]) })
const unpack = async (packing: 'gzip' | 'zip', bytes: Buffer) => Buffer.concat(await Array.fromAsync(await unpackedStream(packing, asPacked(bytes))))

/** A zip archive of the files, as zip writes it; `zip64` puts the sizes where large files have them. */
function zip(files: readonly Buffer[], { method = 8, zip64 = false, flags = 0 } = {}): Buffer {
  const out: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const file of files) {
    const packed = method === 8 ? deflateRawSync(file) : file
    const head = Buffer.alloc(26)
    head.writeUInt16LE(flags, 2); head.writeUInt16LE(method, 4); head.writeUInt32LE(crc32(file), 10); head.writeUInt32LE(packed.length, 14); head.writeUInt32LE(file.length, 18); head.writeUInt16LE(1, 22)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0); head.copy(entry, 6, 0, 24); entry.writeUInt32LE(at, 42)
    const extra = Buffer.alloc(zip64 ? 20 : 0)
    if (zip64) {
      extra.writeUInt16LE(1, 0); extra.writeUInt16LE(16, 2); extra.writeBigUInt64LE(BigInt(file.length), 4); extra.writeBigUInt64LE(BigInt(packed.length), 12)
      entry.writeUInt32LE(0xffffffff, 20); entry.writeUInt32LE(0xffffffff, 24); entry.writeUInt16LE(20, 30)
    }
    entries.push(entry, Buffer.from('x'), extra)
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), head, Buffer.from('x'), packed])
    out.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0); end.writeUInt16LE(files.length, 8); end.writeUInt16LE(files.length, 10); end.writeUInt32LE(directory.length, 12); end.writeUInt32LE(at, 16)
  return Buffer.concat([...out, directory, end])
}

test('gzip files and zip archives of one file are unpacked as they stream', async () => {
  for (const [packing, bytes] of [['gzip', gzipSync(CONTENT)], ['gzip', Buffer.concat([gzipSync(CONTENT.subarray(0, 7)), gzipSync(CONTENT.subarray(7))])], ['zip', zip([CONTENT])], ['zip', zip([CONTENT], { method: 0 })], ['zip', zip([CONTENT], { zip64: true })]] as const) {
    assert.equal(packingOf(bytes), packing)
    assert.ok((await unpack(packing, bytes)).equals(CONTENT))
  }
  assert.deepEqual([...await unpack('zip', zip([Buffer.alloc(0)], { method: 0 }))], [])
  assert.deepEqual([packingOf(Buffer.from('plain')), packingOf(Buffer.alloc(0))], [undefined, undefined])
})

test('what is cut short, changed, encrypted, packed otherwise or more than one file is refused', async () => {
  const whole = zip([CONTENT])
  const changed = zip([CONTENT], { method: 0 })
  changed[1_000] = changed[1_000]! ^ 1
  const bad: ['gzip' | 'zip', Buffer][] = [
    ['gzip', gzipSync(CONTENT).subarray(0, 100)], ['gzip', Buffer.from([0x1f, 0x8b, 8, 1, 2, 3])], ['zip', whole.subarray(0, 200)], ['zip', whole.subarray(0, whole.length - 30)], ['zip', changed], ['zip', zip([CONTENT, CONTENT])], ['zip', zip([])],
    ['zip', zip([CONTENT], { flags: 1 })], ['zip', zip([CONTENT], { method: 12 })], ['zip', Buffer.from('PK')],
  ]
  for (const [at, [packing, bytes]] of bad.entries()) await assert.rejects(unpack(packing, bytes), error => isFault(error, 'glance.unpack'), `case ${at}`)
})

test('a zip archive whose numbers lie never gives more than it says, and never ends in a bug', async () => {
  const whole = zip([CONTENT.subarray(0, 50)])
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0xff, whole[at]! ^ 1]) {
      const bent = Buffer.from(whole)
      bent[at] = value
      const got = await unpack('zip', bent).catch((error: unknown) => error)
      if (got instanceof Buffer) assert.ok(got.length <= 50)
      else assert.ok(isFault(got, 'glance.unpack'), `byte ${at} as ${value}: ${String(got)}`)
    }
  }
})

test('xz and bzip2 files are unpacked by their programs, and not beyond what they may be', async () => {
  for (const packing of ['xz', 'bzip2'] as const) {
    const directory = await mkdtemp(join(tmpdir(), 'alto-unpack-'))
    try {
      const source = join(directory, 'in')
      await writeFile(source, CONTENT)
      await commandHost.run([packing, '-z', source])
      const packed = await readFile(`${source}.${packing === 'xz' ? 'xz' : 'bz2'}`)
      assert.equal(packingOf(packed), packing)
      const at = { directory, host: commandHost, signal: new AbortController().signal }
      const bytes = async (from: Buffer, most: number) => Buffer.concat(await Array.fromAsync(await unpackedFile(packing, Readable.from([from]) as AsyncIterable<Buffer>, { ...at, most })))
      assert.ok((await bytes(packed, 1_000_000)).equals(CONTENT))
      await assert.rejects(bytes(packed, 1_000), error => isFault(error, 'glance.unpack'))
      await assert.rejects(bytes(packed.subarray(0, packed.length - 20), 1_000_000), error => isFault(error, 'glance.unpack'))
    } finally {
      await rm(directory, { recursive: true })
    }
  }
})

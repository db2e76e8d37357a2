// Images on their way to a host: as streams, and as files that lie on this machine.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bytesOf, fileOf, HeldFile } from './image-source.ts'

const CONTENT = Buffer.from(Array.from({ length: 700_001 }, (_, i) => (i * 7) % 251))
const SHA512 = createHash('sha512').update(CONTENT).digest('hex')
const { signal } = new AbortController()

/** A directory with a file in it, held; `other` is one of another file system. */
async function bench() {
  const dir = await mkdtemp(join(tmpdir(), 'alto-held-'))
  const other = await mkdtemp('/dev/shm/alto-held-')
  const source = join(dir, 'blob')
  await writeFile(source, CONTENT)
  const releases = { count: 0 }
  return {
    dir, other, source, releases, held: new HeldFile(source, async () => { releases.count++ }),
    async [Symbol.asyncDispose]() { for (const path of [dir, other]) await rm(path, { recursive: true }) },
  }
}

test('a file that is to be kept gets a second name: no byte is copied, and it outlives the first one', async () => {
  await using b = await bench()
  const to = join(b.dir, 'base.part')
  await writeFile(to, 'left by a crash')
  assert.deepEqual(await fileOf(b.held, { to, keep: true }, signal), { path: to, sha512: SHA512 })
  assert.equal((await stat(to)).ino, (await stat(b.source)).ino)
  await rm(b.source)
  assert.ok((await readFile(to)).equals(CONTENT))
})

test('on another file system a file that is to be kept is copied and hashed on its way', async () => {
  await using b = await bench()
  assert.notEqual((await stat(b.dir)).dev, (await stat(b.other)).dev, 'this machine has one file system for both')
  const to = join(b.other, 'base.part')
  assert.deepEqual(await fileOf(b.held, { to, keep: true }, signal), { path: to, sha512: SHA512 })
  assert.ok((await readFile(to)).equals(CONTENT))
})

test('a file that is only read stays where it is, and a stream becomes a file', async () => {
  await using b = await bench()
  const to = join(b.dir, 'download')
  assert.deepEqual(await fileOf(b.held, { to, keep: false }, signal), { path: b.source, sha512: SHA512 })
  await assert.rejects(stat(to), { code: 'ENOENT' })
  assert.deepEqual(await fileOf(bytesOf(b.held), { to, keep: false }, signal), { path: to, sha512: SHA512 })
  assert.equal(b.releases.count, 1, 'the file is let go after its last byte')
  assert.ok((await readFile(to)).equals(CONTENT))
})

test('what a disk spoilt is seen in the hash, linked, copied or only read', async () => {
  await using b = await bench()
  await writeFile(b.source, Buffer.concat([CONTENT.subarray(0, 500_000), Buffer.from('x'), CONTENT.subarray(500_001)]))
  for (const [to, keep] of [[join(b.dir, 'a'), true], [join(b.other, 'a'), true], [join(b.dir, 'b'), false]] as const) assert.notEqual((await fileOf(b.held, { to, keep }, signal)).sha512, SHA512)
})

test('a file is let go once, however often its holder does so, and reading ends when nobody wants it any more', async () => {
  await using b = await bench()
  await assert.rejects(fileOf(b.held, { to: join(b.dir, 'a'), keep: true }, AbortSignal.abort(new Error('enough'))), /enough/)
  await assert.rejects(fileOf(b.held, { to: join(b.other, 'a'), keep: true }, AbortSignal.abort(new Error('enough'))), /enough/)
  for (let i = 0; i < 2; i++) await b.held[Symbol.asyncDispose]()
  assert.equal(b.releases.count, 1)
})

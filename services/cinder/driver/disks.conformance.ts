// What every store of disks promises the agent, run against the fake and the real one.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { DiskStore } from './disks.ts'

/** A store to test, and an image that it can take: a raw disk of 1 MiB. */
export interface Bench extends AsyncDisposable {
  readonly store: DiskStore
}

const [A, B, C] = ['aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000003'] as const
const MIB = 2 ** 20
const signal = new AbortController().signal
const content = Buffer.alloc(MIB, 'alto')
const image = { id: 'img', sha512: createHash('sha512').update(content).digest('hex'), diskFormat: 'raw' }
const download = async () => (async function* () { yield content.subarray(0, 1000); yield content.subarray(1000) })()

/** Defines the suite for the store that `open` gives. */
export function diskStoreConformance(name: string, open: () => Promise<Bench>): void {
  test(`${name}: a disk is made once, grows, and goes without a trace`, async () => {
    await using bench = await open()
    const { store } = bench
    assert.equal(await store.look(A), undefined)
    await store.makeBlank(A, 4 * MIB)
    await store.makeBlank(A, 9 * MIB)
    assert.equal(await store.look(A), 4 * MIB)
    await store.grow(A, 8 * MIB)
    await store.grow(A, 8 * MIB)
    await store.grow(A, 2 * MIB)
    assert.equal(await store.look(A), 8 * MIB)
    assert.deepEqual((await store.marked()).map(m => m.diskId), [A])
    await store.remove(A)
    await store.remove(A)
    assert.deepEqual([await store.look(A), await store.marked()], [undefined, []])
  })

  test(`${name}: a disk has the image's content, at its own size, and its copy has it too`, async () => {
    await using bench = await open()
    const { store } = bench
    await store.makeFromImage(A, { image, bytes: 3 * MIB }, download, signal)
    await store.makeCopy(B, { sourceId: A, bytes: 5 * MIB }, signal)
    await store.remove(A)
    assert.equal(await store.look(B), 5 * MIB)
    await using copy = await store.copyFor(B, 'raw', signal)
    const chunks: Uint8Array[] = []
    for await (const chunk of copy.read()) chunks.push(chunk)
    assert.deepEqual(Buffer.concat(chunks).subarray(0, 65_536).subarray(0, 1000), content.subarray(0, 1000))
  })

  test(`${name}: an image that is not what it should be makes no disk, and the next try may`, async () => {
    await using bench = await open()
    const { store } = bench
    await assert.rejects(store.makeFromImage(A, { image: { ...image, sha512: '00' }, bytes: 3 * MIB }, download, signal), { code: 'cinder.disk.checksum' })
    assert.equal(await store.look(A), undefined)
    await store.makeFromImage(A, { image, bytes: 3 * MIB }, download, signal)
    assert.equal(await store.look(A), 3 * MIB)
    await assert.rejects(store.makeCopy(B, { sourceId: C, bytes: MIB }, signal), { code: 'cinder.disk.noSource' })
  })

  test(`${name}: notes are kept beside the disk and go with it; the host's stay`, async () => {
    await using bench = await open()
    const { store } = bench
    assert.equal(await store.readNotes(A), undefined)
    await store.makeBlank(A, MIB)
    await store.writeNotes(A, 'one')
    await store.writeNotes(undefined, 'host')
    assert.deepEqual([await store.readNotes(A), await store.readNotes(undefined)], ['one', 'host'])
    await store.remove(A)
    assert.deepEqual([await store.readNotes(A), await store.readNotes(undefined)], [undefined, 'host'])
  })

  test(`${name}: a store tells how much it holds and how a guest reaches a disk`, async () => {
    await using bench = await open()
    const { store } = bench
    const { totalBytes, freeBytes } = await store.capacity()
    assert.ok(totalBytes > 0 && freeBytes > 0 && freeBytes <= totalBytes)
    const connection = store.connection(A)
    assert.ok(connection.kind === 'file' && connection.path.includes(A) && connection.format === 'qcow2')
  })
}

// What every store does, the one in memory and the real ones alike.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import { seededIds } from '@alto/kit/ids'
import type { ImageStore } from './store.ts'

const ids = seededIds('stores')

/** The suite, for a store that `open` makes; it is disposed of after each test. */
export function storeConformance(name: string, open: () => Promise<{ store: ImageStore } & AsyncDisposable>): void {
  test(`${name}: bytes are read back as they were written, whole and in part`, async () => {
    await using opened = await open()
    const { store } = opened
    const key = ids.uuid()
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))
    const writer = await store.write(key)
    for (let at = 0; at < bytes.length; at += 100_000) {
      const piece = Buffer.from(bytes.subarray(at, at + 100_000))
      await writer.write(piece)
      piece.fill(0)                                             // whoever wrote it has its memory again
    }
    await writer.commit()
    await writer.abort()
    assert.deepEqual(await all(await store.read(key)), bytes)
    assert.deepEqual(await all(await store.read(key, { start: 65_530, end: 131_080 })), bytes.subarray(65_530, 131_081))
    assert.equal(await store.size(key), 300_000)
    assert.deepEqual(await Array.fromAsync(store.names()), [key])
    if (store.pathOf) assert.deepEqual(await readFile(store.pathOf(key)), bytes)
  })

  test(`${name}: nobody reads bytes that are not complete, and an aborted write leaves nothing`, async () => {
    await using opened = await open()
    const { store } = opened
    const key = ids.uuid()
    const writer = await store.write(key)
    await writer.write(Buffer.from('half'))
    assert.equal(await store.size(key), undefined)
    await assert.rejects(store.read(key), error => isFault(error, 'glance.store.missing'))
    assert.deepEqual((await Array.fromAsync(store.names())).filter(name => name !== `${key}.partial`), [])
    await writer.abort()
    await writer.abort()
    assert.deepEqual(await Array.fromAsync(store.names()), [])
  })

  test(`${name}: what a dead process was writing is removed by its key, and removing twice is harmless`, async () => {
    await using opened = await open()
    const { store } = opened
    const key = ids.uuid()
    const dead = await store.write(key)
    await dead.write(Buffer.from('x'))
    await store.remove(key)
    await store.remove(key)
    assert.deepEqual(await Array.fromAsync(store.names()), [])
    await dead.abort()
  })

  test(`${name}: a blob of many parts is one blob, and half of it is found by its name and goes by its key`, async () => {
    await using opened = await open()
    const { store } = opened
    const [whole, half] = [ids.uuid(), ids.uuid()]
    const bytes = Buffer.from(Array.from({ length: 1_000_003 }, (_, i) => (i * 7) % 251))
    const all12 = Buffer.concat(Array<Buffer>(12).fill(bytes))
    const dead = await store.write(half)
    const writer = await store.write(whole)
    for (let i = 0; i < 12; i++) {
      await dead.write(bytes)
      await writer.write(bytes)
    }
    await writer.commit()
    assert.deepEqual((await Array.fromAsync(store.names())).toSorted(), [whole, `${half}.partial`].toSorted())
    assert.deepEqual([await store.size(whole), await store.size(half)], [all12.length, undefined])
    assert.ok((await all(await store.read(whole))).equals(all12))
    assert.deepEqual(await all(await store.read(whole, { start: 5_242_870, end: 10_485_770 })), all12.subarray(5_242_870, 10_485_771))
    const again = await store.write(half)                     // a second write under the same key takes nothing of the first
    await again.write(Buffer.from('again'))
    await again.commit()
    assert.equal((await all(await store.read(half))).toString(), 'again')
    for (const key of [whole, half]) await store.remove(key)
    assert.deepEqual(await Array.fromAsync(store.names()), [])
    await dead.abort()                                        // a dead process's files close; ours would be closed by the garbage collection, loudly
    await assert.rejects(store.read(whole), error => isFault(error, 'glance.store.missing'))
  })

  test(`${name}: a name that is no key reaches nothing`, async () => {
    await using opened = await open()
    const { store } = opened
    for (const key of ['../secret', '', '.', 'a/b', '?x']) {
      await assert.rejects(store.read(key))
      await assert.rejects(store.write(key))
      await assert.rejects(store.remove(key))
      await assert.rejects(store.size(key))
      if (store.pathOf) assert.throws(() => store.pathOf!(key))
    }
  })

  test(`${name}: a reader goes on while the bytes are removed`, async () => {
    await using opened = await open()
    const { store } = opened
    const key = ids.uuid()
    const writer = await store.write(key)
    await writer.write(Buffer.alloc(2_000_000, 1))
    await writer.commit()
    const reader = await store.read(key)
    if (store.forgetsReaders) assert.equal((await all(reader)).length, 2_000_000)       // then nobody removes it meanwhile
    await store.remove(key)
    if (!store.forgetsReaders) assert.equal((await all(reader)).length, 2_000_000)
    assert.equal(await store.size(key), undefined)
  })

  test(`${name}: an empty blob is a blob`, async () => {
    await using opened = await open()
    const { store } = opened
    const key = ids.uuid()
    await (await store.write(key)).commit()
    assert.equal(await store.size(key), 0)
    assert.equal((await all(await store.read(key))).length, 0)
  })
}

async function all(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray() as Buffer[])
}

// Both stores under the same suite, and what only the one on disk must do.
import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileStore } from './file-store.ts'
import { memoryStore } from './memory-store.ts'
import { storeConformance } from './store.conformance.ts'

async function onDisk() {
  const directory = await mkdtemp(join(tmpdir(), 'alto-images-'))
  return { directory, store: await fileStore(join(directory, 'images')), [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) }
}

storeConformance('the store in memory', async () => ({ store: memoryStore(), async [Symbol.asyncDispose]() {} }))
storeConformance('the store in a directory', onDisk)

test('a link in the directory is not followed', async () => {
  await using opened = await onDisk()
  const { store, directory } = opened
  await writeFile(join(directory, 'secret'), 'x')
  const key = '5e1b0c3a-0000-4000-8000-000000000001'
  await symlink(join(directory, 'secret'), join(directory, 'images', key))
  await assert.rejects(store.read(key))
})

test('a store without room refuses with the words that clients know', async () => {
  const writer = await memoryStore({ room: 10 }).write('5e1b0c3a-0000-4000-8000-000000000001')
  await assert.rejects(writer.write(Buffer.alloc(11)), { code: 'glance.store.full' })
})

// A controller that dies at each call of a store, on every kind of store: its next life leaves no byte without a row and no row without bytes. With ALTO_TEST_SWIFT.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '@alto/kit/clock'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { fileStore, memoryStore, migrations, type ImageStore, type Tables } from '../index.ts'
import type { BlobWriter } from '../driver/store.ts'
import { glanceAlone, type Cloud } from './cloud.ts'
import { inS3, inSwift, type Emptied } from './object-stores.ts'

const member = 'p1:member'
const admin = 'p1:admin'
const BYTES = Buffer.alloc(6_000_000, 'bytes of an image ')
/** Of the calls that write bytes these are points: before a part of the blob was sent, and after. */
const WRITES = [1, 45]

async function inDirectory(): Promise<Emptied> {
  const path = await mkdtemp(join(tmpdir(), 'alto-glance-'))
  return { store: await fileStore(path), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** A store as a process sees it that dies at the call `at`, counted from 1: from then on nothing is answered. */
function mortal(store: ImageStore, at: number) {
  let calls = 0
  const { promise: died, resolve: die } = Promise.withResolvers<undefined>()
  /** The call before it is made, then the call after it was. */
  const point = async <T>(call: () => Promise<T>): Promise<T> => {
    if (++calls >= at) return dead()
    const result = await call()
    return ++calls >= at ? dead() : result
  }
  const dead = () => {
    die(undefined)
    return new Promise<never>(() => {})
  }
  const writers: BlobWriter[] = []
  const seen: ImageStore = {
    ...store,
    async write(key) {
      const writer = await point(async () => {
        const opened = await store.write(key)
        writers.push(opened)
        return opened
      })
      let writes = 0
      return {
        write: bytes => WRITES.includes(++writes) ? point(() => writer.write(bytes)) : writer.write(bytes),
        commit: () => point(() => writer.commit()),
        abort: () => point(() => writer.abort()),
      }
    },
    remove: key => point(() => store.remove(key)),
  }
  /** Closes what a process closes by dying, once nobody looks any more. */
  const bury = async () => { for (const writer of writers) await writer.abort() }
  return { store: seen, died, bury }
}

interface Work { from: 'queued' | 'one store' | 'two stores', do(cloud: Cloud, id: string): Promise<unknown>, may: readonly string[] }
const WORK: Readonly<Record<string, Work>> = {
  upload: { from: 'queued', do: (cloud, id) => cloud.as(member)('PUT', `/v2/images/${id}/file`, { bytes: BYTES }), may: ['queued', 'active'] },
  copy: {
    from: 'one store', may: ['active'],
    async do(cloud, id) {
      await cloud.as(admin)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'copy-image' }, stores: ['other'] } })
      await cloud.glance.idle()
    },
  },
  delete: { from: 'two stores', do: (cloud, id) => cloud.as(member)('DELETE', `/v2/images/${id}`), may: ['gone'] },
  'removal from a store': { from: 'two stores', do: (cloud, id) => cloud.as(admin)('DELETE', `/v2/stores/other/${id}`), may: ['active'] },
}

async function prepared(cloud: Cloud, from: Work['from']): Promise<string> {
  if (from === 'queued') return (await cloud.as(member)('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id as string
  const { id } = await cloud.uploaded(member, BYTES)
  if (from === 'two stores') await WORK['copy']!.do(cloud, id)
  return id
}

async function database(): Promise<{ db: Database<Tables> } & AsyncDisposable> {
  const db = openSqlite<Tables>(':memory:')
  await migrate(db, migrations, new ManualClock())
  return { db, [Symbol.asyncDispose]: () => db.close() }
}

/** Does `work` in a process that dies at the point `at`, and looks at what its next life finds; false when it never came so far. */
async function survives(other: ImageStore, work: Work, at: number): Promise<boolean> {
  const file = memoryStore({ id: 'file' })
  await using opened = await database()
  const { db } = opened
  const named = (store: ImageStore) => ({ ...store, id: 'other' })
  await using before = await glanceAlone({ db, store: file, more: [named(other)], seed: 'before' })
  const id = await prepared(before, work.from)
  const main = mortal(named(other), at)
  // The bytes of an upload go to the store that dies; it is the second one where two are needed.
  const stores = work.from === 'queued' ? { store: main.store } : { store: file, more: [main.store] }
  const dying = await glanceAlone({ db, ...stores, seed: 'dying' })
  const ended = await Promise.race([work.do(dying, id).then(() => true), main.died.then(() => false)])
  const again = work.from === 'queued' ? { store: named(other), more: [file] } : { store: file, more: [named(other)] }
  await using after = await glanceAlone({ db, ...again, seed: `after ${at}` })
  await after.glance.idle()
  assert.deepEqual(await after.glance.audit({ repair: false }), [], `point ${at}`)
  const { status, body } = await after.as(member)('GET', `/v2/images/${id}`)
  const state = status === 404 ? 'gone' : body.status as string
  assert.ok(work.may.includes(state), `point ${at}: ${state}`)
  if (state === 'active') assert.ok((await after.as(member)('GET', `/v2/images/${id}/file`)).body.equals(BYTES), `point ${at}`)
  if (state !== 'gone') await after.as(member)('DELETE', `/v2/images/${id}`)
  assert.deepEqual([await Array.fromAsync(other.names()), await Array.fromAsync(file.names())], [[], []], `point ${at}`)
  await main.bury()
  if (ended) await dying[Symbol.asyncDispose]()
  return !ended
}

for (const [name, open] of Object.entries({ 'in a directory': inDirectory, 'in Swift': () => inSwift('slo'), 'in S3': inS3 })) {
  for (const [what, work] of Object.entries(WORK)) {
    test(`a controller dies at any point of the ${what} of an image whose store is ${name}, and nothing is lost or left`, { timeout: 110_000 }, async () => {
      await using opened = await open()
      let points = 0
      while (await survives(opened.store, work, points + 1)) points++
      assert.ok(points >= (what === 'upload' || what === 'copy' ? 8 : 2), `${points} points`)
    })
  }
}

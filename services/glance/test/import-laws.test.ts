// The laws of Glance's tasks: whatever is done twice, dies or fails, an image has all of its bytes where it says, or none, and its task says which.
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { openSqlite } from '@alto/kit/db'
import { seededIds } from '@alto/kit/ids'
import { TaskQueue, type Definition } from '@alto/kit/task'
import { TASK_LAWS, testTaskLaws, type TaskWorld } from '@alto/kit/testing'
import { memoryStore, type Tables } from '../index.ts'
import type { Fetcher } from '../driver/fetcher.ts'
import type { Deps } from '../manager/deps.ts'
import { IMAGE_FORGET } from '../manager/kinds.ts'
import { USUAL_SCHEMA } from '../model/image-schema.ts'
import { Stores } from '../model/stores.ts'
import { imageForget, imageImport } from '../task/imports.ts'
import { glanceAlone, OPTIONS, type Cloud } from './cloud.ts'

const BYTES = 'the bytes of an image'
const WEB: Fetcher = { check: async () => {}, size: async () => BYTES.length, get: async () => ({ size: BYTES.length, bytes: Readable.from([Buffer.from(BYTES)]) as AsyncIterable<Uint8Array> }) }

/** An image that is ready to be imported, and the import that `begin` asks for. */
type Story = { prepare(cloud: Cloud): Promise<string>, body: Record<string, unknown>, token?: string }

const STORIES: Readonly<Record<string, Story>> = {
  'a staged image, to two stores': {
    body: { method: { name: 'glance-direct' }, all_stores: true },
    async prepare(cloud) {
      const id = await made(cloud)
      await cloud.as('p1:member')('PUT', `/v2/images/${id}/stage`, { bytes: BYTES })
      return id
    },
  },
  'an image of the web, to another store than the default one': { prepare: made, body: { method: { name: 'web-download', uri: 'http://127.0.0.1/image' }, stores: ['cheap'], all_stores_must_succeed: false } },
  'a copy to one more store': { prepare: async cloud => (await cloud.uploaded('p1:member', BYTES)).id, body: { method: { name: 'copy-image' }, stores: ['cheap'] }, token: 'px:admin' },
}

async function made(cloud: Cloud): Promise<string> {
  return (await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id
}

async function open(story: Story, define: (deps: Deps) => Definition<Tables>): Promise<TaskWorld<Tables> & { deps: Deps, cloud: Cloud, imageId: string }> {
  const db = openSqlite<Tables>(':memory:')
  const [store, cheap] = [memoryStore({ id: 'file' }), memoryStore({ id: 'cheap' })]
  const cloud = await glanceAlone({ db, store, more: [cheap], asleep: true })
  const ids = seededIds('law')
  const queue = new TaskQueue({ clock: cloud.clock, ids })
  const deps: Deps = { db, clock: cloud.clock, ids, log: cloud.log, host: 'law', queue, fetcher: WEB, stores: new Stores([store, cheap]), options: OPTIONS, schema: USUAL_SCHEMA }
  const imageId = await story.prepare(cloud)

  /** The image and its whole bytes: those that are doomed are on their way out. */
  async function seen() {
    const { id: _, updated_at: __, self: ___, file: ____, ...image } = (await cloud.as('p1:member')('GET', `/v2/images/${imageId}`)).body
    const rows = await db.read(tx => tx.selectFrom('blobs').selectAll().where('state', '<>', 'doomed').orderBy('store').orderBy('state').execute())
    const bytes = await Promise.all(rows.map(async row => [row.store, row.state, Buffer.concat(await (await deps.stores.find(row.store)!.read(row.id)).toArray() as Buffer[]).toString()]))
    const records = await db.read(tx => tx.selectFrom('image_tasks').select(['status', 'message', 'expires_at']).execute())
    return { image, bytes, records: records.map(({ expires_at, ...record }) => ({ ...record, ended: expires_at !== null })) }
  }

  return {
    db, clock: cloud.clock, ids, queue, definition: define(deps), deps, cloud, imageId, seen, left: async () => ({}),
    async begin() {
      const { status } = await cloud.as(story.token ?? 'p1:member')('POST', `/v2/images/${imageId}/import`, { body: story.body })
      if (status !== 202) throw new Error(`the import began with ${status}`)
      return imageId
    },
    async reason() {
      const records = await db.read(tx => tx.selectFrom('image_tasks').selectAll().where('status', '=', 'failure').execute())
      return records[0]?.message
    },
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]()
      await db.close()
    },
  }
}

for (const [name, story] of Object.entries(STORIES)) testTaskLaws(`importing ${name}`, () => open(story, imageImport))

// Forgetting doomed bytes fails without a word: nobody waits for it, and what it left is tried again by signs.ts. So only what it does is held to the laws.
for (const law of TASK_LAWS.slice(0, 2)) {
  test(`forgetting doomed bytes: ${law.title}`, () => law.holds(async () => {
    const world = await open({ prepare: async cloud => (await cloud.uploaded('p1:member', BYTES)).id, body: {} }, deps => imageForget(deps)[0]!)
    return {
      ...world,
      async begin() {
        await world.db.write(async tx => {
          await tx.updateTable('blobs').set({ state: 'doomed' }).execute()
          await world.queue.enqueue(tx, IMAGE_FORGET, { resourceId: 'record', input: { imageId: world.imageId } })
        })
        return 'record'
      },
      seen: async () => [await world.db.read(tx => tx.selectFrom('blobs').selectAll().execute()), await Array.fromAsync(world.deps.stores.main.names())],
    }
  }))
}

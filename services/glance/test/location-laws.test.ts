// The laws of the task that adds a location: whatever is done twice, dies or fails, the image has its location and says what its task came to.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { openSqlite } from '@alto/kit/db'
import { seededIds } from '@alto/kit/ids'
import { TaskQueue } from '@alto/kit/task'
import { testTaskLaws, type TaskWorld } from '@alto/kit/testing'
import type { Fetcher } from '../driver/fetcher.ts'
import { httpStore } from '../driver/http-store.ts'
import { memoryStore, type Tables } from '../index.ts'
import type { Deps } from '../manager/deps.ts'
import { USUAL_SCHEMA } from '../model/image-schema.ts'
import { Stores } from '../model/stores.ts'
import { locationAdd } from '../task/locations.ts'
import { glanceAlone, OPTIONS } from './cloud.ts'

const BYTES = Buffer.from('bytes that somebody else keeps')
const WEB: Fetcher = { check: async () => {}, size: async () => BYTES.length, get: async () => ({ size: BYTES.length, bytes: Readable.from([BYTES]) as AsyncIterable<Uint8Array> }) }
const HASH = createHash('sha256').update(BYTES).digest('hex')

const STORIES: Readonly<Record<string, Record<string, unknown>>> = {
  'of which nothing was said': {},
  'of which the hash was said': { validation_data: { os_hash_algo: 'sha256', os_hash_value: HASH } },
}

async function open(said: Record<string, unknown>): Promise<TaskWorld<Tables>> {
  const db = openSqlite<Tables>(':memory:')
  const [store, web] = [memoryStore({ id: 'file' }), httpStore({ id: 'web' }, WEB)]
  const cloud = await glanceAlone({ db, store, more: [web], asleep: true })
  const ids = seededIds('law')
  const queue = new TaskQueue({ clock: cloud.clock, ids })
  const deps: Deps = { db, clock: cloud.clock, ids, log: cloud.log, host: 'law', queue, fetcher: WEB, stores: new Stores([store, web]), options: OPTIONS, schema: USUAL_SCHEMA }
  const imageId: string = (await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id

  return {
    db, clock: cloud.clock, ids, queue, definition: locationAdd(deps), left: async () => ({}),
    async begin() {
      const { status } = await cloud.as('p1:member')('POST', `/v2/images/${imageId}/locations`, { body: { url: 'http://127.0.0.1/image', ...said } })
      if (status !== 202) throw new Error(`the adding began with ${status}`)
      return imageId
    },
    async seen() {
      const { updated_at: _, ...image } = (await cloud.as('p1:member')('GET', `/v2/images/${imageId}`)).body
      const places = await db.read(tx => tx.selectFrom('blobs').select(['store', 'state', 'location', 'size']).where('state', '<>', 'doomed').execute())
      const records = await db.read(tx => tx.selectFrom('image_tasks').select(['status', 'message', 'expires_at']).execute())
      return { image, places, records: records.map(({ expires_at, ...record }) => ({ ...record, ended: expires_at !== null })) }
    },
    async reason() {
      return (await db.read(tx => tx.selectFrom('image_tasks').selectAll().where('status', '=', 'failure').execute()))[0]?.message
    },
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]()
      await db.close()
    },
  }
}

for (const [name, said] of Object.entries(STORIES)) testTaskLaws(`adding a location ${name}`, () => open(said))

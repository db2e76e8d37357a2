// PostgreSQL dies and comes back under a service, or freezes: what had not begun waits for it, what was cut off says so, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { loadConfig } from '@alto/kit/config'
import { openPostgres, sql } from '@alto/kit/db'
import { isFault } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { LocalTransport } from '@alto/kit/rpc'
import { stayAlive } from '@alto/kit/testing'
import { sections, startController } from '@alto/site'
import { privatePostgres } from '@alto/tools/private-postgres'

interface Tables { things: { id: number } }

test('reads and transactions wait for a database that restarts; one that was cut off is unavailable and has written nothing', async () => {
  using _alive = stayAlive()
  await using server = await privatePostgres({ durable: true })
  assert.ok(server, 'this machine has no PostgreSQL (package postgresql)')
  const db = await openPostgres<Tables>({ url: server.url, schema: 'outage' })
  await using undo = new AsyncDisposableStack()
  undo.defer(() => db.close())
  const insert = (id: number) => db.write(tx => tx.insertInto('things').values({ id }).execute())
  const ids = async () => (await db.read(tx => tx.selectFrom('things').select('id').orderBy('id').execute())).map(row => row.id)
  await db.write(tx => sql`create table things (id integer primary key)`.execute(tx))
  await insert(1)

  await assert.rejects(db.write(async tx => {
    await tx.insertInto('things').values({ id: 2 }).execute()
    await server.kill()
    await tx.insertInto('things').values({ id: 3 }).execute()
  }), error => isFault(error, 'db.unavailable') && error.kind === 'unavailable')

  const waiting = [ids(), insert(4)] as const
  await server.start()
  await Promise.all(waiting)
  assert.deepEqual(await ids(), [1, 4])
})

/** A server with the table of things, and a way to its rows that waits half a second for an answer. */
async function frozenSoon(undo: AsyncDisposableStack) {
  const server = await privatePostgres()
  assert.ok(server, 'this machine has no PostgreSQL (package postgresql)')
  undo.use(server)
  const db = await openPostgres<Tables>({ url: server.url, schema: 'outage', connections: 3, answerMs: 500 })
  undo.defer(() => db.close())
  await db.write(tx => sql`create table things (id integer primary key)`.execute(tx))
  const insert = (id: number) => db.write(tx => tx.insertInto('things').values({ id }).execute())
  return { server, db, insert, ids: async () => (await db.read(tx => tx.selectFrom('things').select('id').orderBy('id').execute())).map(row => row.id) }
}

const isUnavailable = (error: unknown) => isFault(error, 'db.unavailable') && error.kind === 'unavailable'

async function seconds(what: () => Promise<unknown>): Promise<number> {
  const began = systemClock.now()
  await what()
  return (systemClock.now() - began) / 1000
}

test('a database that freezes in the middle of a transaction, and before others, keeps nobody waiting; when it goes on all is as it was, and what was cut off has written nothing', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { server, db, insert, ids } = await frozenSoon(undo)
  await insert(1)
  const cut = await seconds(() => assert.rejects(db.write(async tx => {
    await tx.insertInto('things').values({ id: 2 }).execute()
    server.freeze()
    await tx.insertInto('things').values({ id: 3 }).execute()
  }), isUnavailable))
  assert.ok(cut < 3, `cut off after ${cut} s`)
  const others = await seconds(() => Promise.all([1, 2, 3, 4, 5, 6].map(id => assert.rejects(id % 2 ? ids() : insert(10 + id), isUnavailable))))
  assert.ok(others < 9, `the others heard after ${others} s`)
  server.thaw()
  await insert(4)
  assert.deepEqual(await ids(), [1, 4])
})

test('a database is closed although its server has frozen', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { server, db, ids } = await frozenSoon(undo)
  await ids()
  server.freeze()
  const took = await seconds(() => db.close())
  assert.ok(took < 3, `closed after ${took} s`)
})

test('a statement that waits too long for another is cut off, and its connection stays of use; a change of the schema may wait', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { db, insert, ids } = await frozenSoon(undo)
  const [held, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holder = db.write(async tx => {
    await tx.insertInto('things').values({ id: 1 }).execute()
    held.resolve()
    await go.promise
  })
  await held.promise
  let isDone = false
  const patient = db.write(tx => sql`insert into things values (1) on conflict do nothing`.execute(tx), { mayTakeLong: true }).then(() => { isDone = true })
  for (let tries = 0; tries < 4; tries++) await assert.rejects(insert(1), isUnavailable)
  assert.equal(isDone, false)
  go.resolve()
  await Promise.all([holder, patient])
  assert.deepEqual(await ids(), [1])
})

test('a request to a service whose database is frozen is answered with 503, and with what it asked for when the database goes on', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { server } = await frozenSoon(undo)
  const data = await mkdtemp(join(tmpdir(), 'alto-frozen-'))
  undo.defer(() => rm(data, { recursive: true }))
  const controller = await startController({
    services: ['keystone'], name: 'controller1', config: loadConfig(sections, { file: 'none', text: '', environment: {} }), transport: new LocalTransport({ clock: systemClock }), listen: undefined, publicUrl: undefined,
    directories: { keys: join(data, 'keys'), images: join(data, 'images') }, secrets: { servicePasswords: {}, metadataSecret: '' }, users: { admin: 'admin-secret', demo: undefined, services: {} },
    async open<Own>(service: string) {
      const db = await openPostgres<Own>({ url: server.url, schema: service, answerMs: 500 })
      undo.defer(() => db.close())
      return db
    },
    clock: systemClock, ids: systemIds, log: silentLog,
  })
  undo.defer(() => controller.stop())
  const login = async () => (await controller.fetch({
    method: 'POST', url: '/identity/v3/auth/tokens', headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'admin-secret' } } } } })),
  })).status
  assert.equal(await login(), 201)
  server.freeze()
  const took = await seconds(async () => assert.equal(await login(), 503))
  assert.ok(took < 9, `answered after ${took} s`)
  server.thaw()
  assert.equal(await login(), 201)
})

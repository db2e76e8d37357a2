// PostgreSQL dies and comes back under a service: what had not begun waits for it, what was cut off says so, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPostgres, sql } from '@alto/kit/db'
import { isFault } from '@alto/kit/errors'
import { stayAlive } from '@alto/kit/testing'
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

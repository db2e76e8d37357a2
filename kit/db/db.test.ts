// The database behaves alike on SQLite in a file, in memory, and (with ALTO_TEST_POSTGRES) on PostgreSQL.
import { after, test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../clock/index.ts'
import { systemIds } from '../ids/index.ts'
import { databasesUnderTest, freshPostgres } from '../testing/databases.ts'
import { twoControllers } from '../testing/interleave.ts'
import { afterCommit, brokenInvariants, isForeignKeyViolation, isUniqueViolation, keysetPage, migrate, openPostgres, openSqlite, sql, type Migration } from './index.ts'

interface Tables { nets: { id: string, name: string | null }, ports: { id: string, net_id: string } }
const HISTORY: Migration[] = [
  { id: '0001-nets', up: ['create table nets (id text primary key, name text)'] },
  { id: '0002-ports', up: ['create table ports (id text primary key, net_id text not null references nets(id) on delete restrict)'] },
]
const dir = mkdtempSync(join(tmpdir(), 'alto-db-'))
after(() => rmSync(dir, { recursive: true }))

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: a schema is brought up to date once, and a newer one is refused`, async () => {
    await using db = await open()
    assert.deepEqual(await migrate(db.db, HISTORY, systemClock), ['0001-nets', '0002-ports'])
    assert.deepEqual(await migrate(db.db, HISTORY, systemClock), [])
    await assert.rejects(migrate(db.db, HISTORY.slice(0, 1), systemClock), { code: 'db.newer' })
  })

  test(`${name}: a broken invariant names each place where it does not hold; one that holds names none`, async () => {
    await using db = await open(HISTORY)
    await db.db.write(tx => tx.insertInto('nets').values([{ id: 'n1', name: null }, { id: 'n2', name: 'b' }, { id: 'n3', name: null }]).execute())
    const named = { invariant: 'a net has a name', query: 'select id as at from nets where name is null order by id' }
    const wired = { invariant: 'a port is of a net', query: 'select id as at from ports where net_id not in (select id from nets)' }
    assert.deepEqual(await db.db.read(tx => brokenInvariants(tx, [wired, named])), [{ invariant: named.invariant, where: 'n1' }, { invariant: named.invariant, where: 'n3' }])
  })

  test(`${name}: a transaction that throws leaves nothing and rings no bell`, async () => {
    await using db = await open(HISTORY)
    let rung = 0
    await assert.rejects(db.db.write(async tx => {
      afterCommit(tx, () => { rung++ })
      await tx.insertInto('nets').values({ id: 'a', name: 'x' }).execute()
      throw new Error('no')
    }), /no/)
    assert.deepEqual(await db.db.read(tx => tx.selectFrom('nets').selectAll().execute()), [])
    await db.db.write(async tx => { afterCommit(tx, () => { rung += 10 }) })
    assert.equal(rung, 10)
  })

  test(`${name}: broken rules of the schema are told apart`, async () => {
    await using db = await open(HISTORY)
    await db.db.write(tx => tx.insertInto('nets').values({ id: 'a', name: null }).execute())
    await assert.rejects(db.db.write(tx => tx.insertInto('nets').values({ id: 'a', name: null }).execute()), e => isUniqueViolation(e) && !isForeignKeyViolation(e))
    await assert.rejects(db.db.write(tx => tx.insertInto('ports').values({ id: 'p', net_id: 'none' }).execute()), isForeignKeyViolation)
    await db.db.write(tx => tx.insertInto('ports').values({ id: 'p', net_id: 'a' }).execute())
    await assert.rejects(db.db.write(tx => tx.deleteFrom('nets').where('id', '=', 'a').execute()), isForeignKeyViolation)
  })

  test(`${name}: the outer database inside a transaction is refused`, async () => {
    await using db = await open(HISTORY)
    await assert.rejects(db.db.write(() => db.db.read(async () => 1)), /pass tx on/)
  })

  test(`${name}: pages follow each other without gap or repeat, nulls first`, async () => {
    await using db = await open(HISTORY)
    const names = ['c', null, 'a', 'b', null, 'a', 'c']
    await db.db.write(tx => tx.insertInto('nets').values(names.map((n, i) => ({ id: `n${i}`, name: n }))).execute())
    for (const direction of ['asc', 'desc'] as const) {
      const sort = [{ column: 'name', direction }, { column: 'id', direction }]
      const all = (await db.db.read(tx => keysetPage(tx.selectFrom('nets').selectAll(), { limit: 100, sort }))).rows
      const seen: typeof all = []
      for (let marker: typeof all[number] | undefined; ;) {
        const page = await db.db.read(tx => keysetPage(tx.selectFrom('nets').selectAll(), { limit: 2, sort, ...(marker && { after: [marker.name, marker.id] }) }))
        seen.push(...page.rows)
        marker = page.rows.at(-1)
        if (!page.more) break
      }
      assert.deepEqual(seen, all)
      assert.equal(all[direction === 'asc' ? 0 : 6]!.name, null)
    }
  })
}

test('two processes that bring one schema up to date at once both end, and each step is made once', async () => {
  await using two = await twoControllers<Tables>([])
  const [one, other] = two.databases
  await two.walk<void, string[]>({
    prepare: () => one.write(async tx => { for (const table of ['ports', 'nets', 'schema_migrations']) await tx.schema.dropTable(table).ifExists().execute() }),
    first: () => migrate(one, HISTORY, systemClock),
    second: () => migrate(other, HISTORY, systemClock),
    async holds(_, ended) {
      for (const each of ended) if ('error' in each) throw each.error
      assert.deepEqual(await migrate(one, HISTORY, systemClock), [])
    },
    orders: 60,
  })
})

test('processes that open one schema at once all have it', async () => {
  const url = process.env['ALTO_TEST_POSTGRES']
  assert.ok(url, 'this needs PostgreSQL: run it by tools/test.ts')
  await using own = await freshPostgres(url)
  for (let round = 0; round < 10; round++) {
    const opened = await Promise.allSettled(Array.from({ length: 4 }, () => openPostgres({ url: own.url, schema: `new${round}`, connections: 1 })))
    for (const one of opened) if (one.status === 'fulfilled') await one.value.close()
    assert.deepEqual(opened.flatMap(one => one.status === 'rejected' ? [one.reason] : []), [])
  }
})

test('a server that has no connection left is waited for, like one that restarts', async () => {
  const base = process.env['ALTO_TEST_POSTGRES']
  assert.ok(base, 'this needs PostgreSQL: run it by tools/test.ts')
  const admin = await openPostgres<Tables>({ url: base, schema: 'public', connections: 1 })
  await using undo = new AsyncDisposableStack()
  undo.defer(() => admin.close())
  const run = (statement: string) => admin.read(tx => sql.raw(statement).execute(tx))
  const role = `narrow_${systemIds.hex()}`
  await run(`create role ${role} login`)
  undo.defer(async () => { await run(`drop role ${role}`) })
  const own = undo.use(await freshPostgres(base))
  const url = new URL(own.url)
  await run(`grant create on database ${url.pathname.slice(1)} to ${role}`)
  url.username = role
  const db = await openPostgres<Tables>({ url: url.href, schema: 'narrow', connections: 2 })
  undo.defer(() => db.close())
  await run(`alter role ${role} connection limit 1`)

  const begun = Promise.withResolvers<void>()
  const refused = Promise.withResolvers<void>()
  const first = db.write(async tx => {
    await sql`select 1`.execute(tx)
    begun.resolve()
    await refused.promise
  })
  await begun.promise
  const second = db.read(tx => sql<{ one: number }>`select 1 as one`.execute(tx))
  await assert.rejects(openPostgres({ url: url.href, schema: 'narrow', connections: 1 }), { code: '53300' })
  refused.resolve()
  await first
  assert.deepEqual((await second).rows, [{ one: 1 }])
})

test('sqlite: readers do not wait for a writer and see only what it committed', async () => {
  const db = openSqlite<Tables>(join(dir, 'a.sqlite'))
  await migrate(db, HISTORY, systemClock)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const writing = db.write(async tx => {
    await tx.insertInto('nets').values({ id: 'a', name: 'x' }).execute()
    await gate
  })
  assert.equal((await db.read(tx => tx.selectFrom('nets').selectAll().execute())).length, 0)
  open()
  await writing
  assert.equal((await db.read(tx => tx.selectFrom('nets').selectAll().execute())).length, 1)
  await db.close()
})

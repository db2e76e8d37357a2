// Passwords on both databases.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ManualClock } from '@alto/kit/clock'
import { migrate, sql } from '@alto/kit/db'
import { databasesUnderTest } from '@alto/kit/testing'
import * as passwords from './passwords.ts'
import { migrations, type Tables } from '../tables.ts'
import * as users from './users.ts'

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`users of a cloud from before passwords had a table keep theirs (${name})`, async () => {
    await using opened = await open(migrations.filter(m => m.id < '0003'))
    const { db } = opened
    await db.write(async tx => {
      await sql`insert into projects values ('default', 'Default', null, null, 1, 1, '', '{}', '[]', '{}')`.execute(tx)
      for (const [id, hash] of [['ann', 'her hash'], ['bob', null]]) {
        await sql`insert into users (id, name, domain_id, enabled, default_project_id, options, extra, tokens_from, password_hash, created_at) values (${id}, ${id}, 'default', 1, null, '{}', '{}', 0, ${hash}, 7)`.execute(tx)
      }
    })
    await migrate(db, migrations, new ManualClock())
    assert.deepEqual(await db.read(tx => passwords.find(tx, 'ann')), { number: 1, hash: 'her hash', createdAt: 7, expiresAt: null, selfService: false })
    assert.equal(await db.read(tx => passwords.find(tx, 'bob')), undefined)
    assert.equal((await db.read(tx => users.find(tx, 'bob')))!.activeAt, 7)
  })

  test(`a new password ends the one before it, and only so many are kept (${name})`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    await db.write(async tx => {
      await sql`insert into projects (id, name, is_domain, enabled, description, options, tags, extra) values ('default', 'Default', 1, 1, '', '{}', '[]', '{}')`.execute(tx)
      await users.insert(tx, { id: 'ann', name: 'ann', domainId: 'default', enabled: true, defaultProjectId: null, options: {}, extra: {}, tokensFrom: 0, passwordExpiresAt: null, activeAt: 0 })
      for (const at of [1, 2, 3]) await passwords.insert(tx, 'ann', { hash: `hash ${at}`, createdAt: at, expiresAt: 100, selfService: true }, { tokensFrom: at, keep: 1 })
    })
    assert.deepEqual(await db.read(tx => passwords.list(tx, 'ann', 10)), [
      { number: 3, hash: 'hash 3', createdAt: 3, expiresAt: 100, selfService: true }, { number: 2, hash: 'hash 2', createdAt: 2, expiresAt: 3, selfService: true },
    ])
    const ann = await db.read(tx => users.find(tx, 'ann'))
    assert.deepEqual([ann!.passwordExpiresAt, ann!.tokensFrom], [100, 3])
  })
}

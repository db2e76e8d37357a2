// A whole cloud on PostgreSQL: the same programs, a schema for each service.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshPostgres, stayAlive } from '@alto/kit/testing'
import { wholeCloud } from './whole-cloud.ts'

const database = process.env['ALTO_TEST_POSTGRES']

test('a cloud keeps its rows in PostgreSQL, and every service answers its lists from there', { skip: database === undefined && 'the test runner starts PostgreSQL; this run was without' }, async () => {
  using _alive = stayAlive()
  await using own = await freshPostgres(database!)
  await using whole = await wholeCloud({ database: own.url, bare: true })
  const token = await whole.login('admin')
  for (const path of ['/identity/v3/users', '/placement/resource_providers', '/image/v2/images']) assert.equal((await whole.ask('GET', path, { token })).status, 200, path)
})

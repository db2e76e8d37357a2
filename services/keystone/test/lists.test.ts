// Filters and pages of lists, through the API.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Database } from '@alto/kit/db'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { keystoneAlone } from './cloud.ts'

async function withUsers(options = {}, db?: Database<Tables>) {
  const cloud = await keystoneAlone({ options, ...(db && { db }) })
  const { token } = await cloud.login('admin')
  const list = async (path: string) => {
    const { status, body } = await cloud.ask('GET', `/v3${path}`, { token })
    return { status, body, names: (Object.values(body).find(Array.isArray) ?? []).map((item: { name: string }) => item.name) as string[] }
  }
  for (const name of ['Anna', 'anton', 'b_b', 'bxb']) await cloud.ask('POST', '/v3/users', { token, body: { user: { name, enabled: name !== 'bxb' } } })
  return Object.assign(cloud, { list, token })
}

for (const { name, open } of databasesUnderTest<Tables>()) test(`users are found by what their names hold, begin or end with, with or without their case (${name})`, async () => {
  await using opened = await open(migrations)
  await using cloud = await withUsers({}, opened.db)
  for (const [query, names] of [
    ['name=anton', ['anton']], ['name__contains=nn', ['Anna']], ['name__icontains=AN', ['Anna', 'anton']], ['name__contains=AN', []], ['name__startswith=An', ['Anna']], ['name__istartswith=an', ['Anna', 'anton']],
    ['name__endswith=ton', ['anton']], ['name__iendswith=A', ['Anna', 'nova']], ['name__contains=b_b', ['b_b']], ['name__icontains=%25', []], ['name__endswith=a-name-that-is-longer-than-any', []],
    ['enabled=false', ['bxb']], ['enabled=0&domain_id=default', ['bxb']], ['enabled&name__istartswith=b', ['b_b']], ['name=Anna&name=anton', []], ['domain_id=none', []], ['idp_id=x', []],
  ] as const) assert.deepEqual((await cloud.list(`/users?${query}`)).names, names, query)
})

test('a list ignores filters that it does not know, and refuses values that make no sense', async () => {
  await using cloud = await withUsers()
  const all = (await cloud.list('/users')).names
  for (const query of ['colour=red', 'name__like=x', 'name__=x', '__proto__=x', '__proto____contains=x', 'sort_key=age&sort_dir=desc']) assert.deepEqual((await cloud.list(`/users?${query}`)).names, all, query)
  for (const query of ['name=', 'domain_id=', 'enabled=maybe', 'limit=many', 'limit=-1', 'sort_dir=up', 'enabled__contains=x']) assert.equal((await cloud.list(`/users?${query}`)).status, 400, query)
})

test('a list comes in pages that follow each other, and says when it was cut', async () => {
  await using cloud = await withUsers()
  const all = (await cloud.list('/users')).names
  const seen: string[] = []
  let path = '/users?limit=3&enabled=true'
  for (let pages = 0; path !== ''; pages++) {
    assert.ok(pages < 5)
    const { body, names } = await cloud.list(path)
    seen.push(...names)
    assert.equal(body.truncated, body.links.next === null ? undefined : true)
    assert.equal(body.links.self, `http://cloud/v3${path}`)
    path = body.links.next?.slice('http://cloud/v3'.length) ?? ''
  }
  assert.deepEqual(seen, all.filter(name => name !== 'bxb'))
  assert.deepEqual((await cloud.list('/users?marker=none')).body, { error: { code: 404, title: 'Not Found', message: 'Marker none could not be found.' } })
})

test('an operator\'s limit holds where the client has none, and its bound where the client has', async () => {
  await using cloud = await withUsers({ listLimit: 2, maxDbLimit: 3 })
  for (const [query, length] of [['', 2], ['?limit=1', 1], ['?limit=9', 3]] as const) {
    const { body, names } = await cloud.list(`/users${query}`)
    assert.deepEqual([names.length, body.truncated], [length, true], query)
  }
})

test('a marker that the caller may not see is none', async () => {
  await using cloud = await withUsers()
  const made = async (path: string, body: unknown) => Object.values((await cloud.ask('POST', `/v3${path}`, { token: cloud.token, body })).body)[0] as { id: string }
  const domain = await made('/domains', { domain: { name: 'acme' } })
  const eve = await made('/users', { user: { name: 'eve', password: 'eve-secret', domain_id: domain.id } })
  const { body: { users: [anna] } } = await cloud.list('/users?name=Anna')
  const { body: { roles: [reader] } } = await cloud.list('/roles?name=reader')
  await cloud.ask('PUT', `/v3/domains/${domain.id}/users/${eve.id}/roles/${reader.id}`, { token: cloud.token })
  const login = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: eve.id, password: 'eve-secret' } } }, scope: { domain: { id: domain.id } } } } })
  const asEve = (path: string) => cloud.ask('GET', `/v3${path}`, { token: login.headers['x-subject-token']! })
  assert.deepEqual((await asEve('/users')).body.users.map((u: { name: string }) => u.name), ['eve'])
  assert.deepEqual((await asEve('/users?domain_id=default')).body.users, [])
  assert.equal((await asEve(`/users?marker=${anna.id}`)).status, 404)
})

test('groups and roles are filtered as users are, roles by domain too', async () => {
  await using cloud = await withUsers()
  const post = (path: string, body: unknown) => cloud.ask('POST', `/v3${path}`, { token: cloud.token, body })
  for (const name of ['ops', 'opera']) await post('/groups', { group: { name } })
  await post('/roles', { role: { name: 'operator', domain_id: 'default' } })
  assert.deepEqual((await cloud.list('/groups?name__startswith=ope')).names, ['opera'])
  assert.deepEqual((await cloud.list('/groups?limit=1')).names, ['opera'])
  assert.deepEqual((await cloud.list('/roles?name__icontains=ADM')).names, ['admin'])
  assert.deepEqual((await cloud.list('/roles?name__icontains=oper')).names, [])
  assert.deepEqual((await cloud.list('/roles?domain_id=default')).names, ['operator'])
})

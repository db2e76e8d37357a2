// Tokens as clients see them: who gets one, what is in it, and what ends it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone, type Cloud } from './cloud.ts'

const REFUSED = { error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' } }

async function validate(cloud: Cloud, token: string, asker = token) {
  return cloud.ask('GET', '/identity/v3/auth/tokens', { token: asker, headers: { 'x-subject-token': token } })
}

test('a password gives a project token with roles, their implications, and the catalog as the caller reaches it', async () => {
  await using cloud = await keystoneAlone()
  const { status, body: { token }, token: id } = await cloud.login('demo')
  assert.equal(status, 201)
  assert.deepEqual(token.roles.map((r: { name: string }) => r.name), ['member', 'reader'])
  assert.deepEqual([token.methods, token.user.name, token.user.domain, token.project.name, token.is_domain], [['password'], 'demo', { id: 'default', name: 'Default' }, 'demo', false])
  assert.deepEqual([token.issued_at, token.expires_at], ['2026-01-01T00:00:00.000000Z', '2026-01-01T01:00:00.000000Z'])
  assert.deepEqual(token.catalog.map((s: { type: string, endpoints: { interface: string, url: string }[] }) => [s.type, s.endpoints.length, s.endpoints[0]!.url]), [
    ['identity', 3, 'http://cloud/identity'], ['object-store', 3, `http://cloud/object-store/v1/AUTH_${token.project.id}`],
  ])
  const shown = await validate(cloud, id)
  assert.deepEqual([shown.status, shown.body.token], [200, token])
  assert.equal((await cloud.ask('GET', '/v3/auth/tokens', { token: id, headers: { 'x-subject-token': id } })).status, 200)
})

test('whatever does not prove who asks is answered alike', async () => {
  await using cloud = await keystoneAlone()
  for (const [name, password] of [['demo', 'wrong'], ['nobody', 'demo-secret'], ['demo', '']] as const) {
    const { status, body } = await cloud.login(name, password)
    assert.deepEqual([status, body], [401, REFUSED])
  }
  const foreign = await cloud.login('demo', 'demo-secret', { project: { name: 'admin', domain: { id: 'default' } } })
  assert.deepEqual([foreign.status, foreign.body], [401, REFUSED])
  assert.equal((await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: {} } })).status, 400)
  assert.equal((await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['magic'] } } } })).status, 401)
})

test('a token is rescoped along an audit chain and keeps its end', async () => {
  await using cloud = await keystoneAlone()
  const first = await cloud.login('admin', 'admin-secret', 'unscoped')
  assert.equal(first.body.token.project, undefined)
  await cloud.clock.advance(60_000)
  const rescope = async (id: string, scope: unknown) => cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id } }, scope } } })
  const system = await rescope(first.token, { system: { all: true } })
  assert.deepEqual([system.status, system.body.token.system, system.body.token.methods.toSorted()], [201, { all: true }, ['password', 'token']])
  assert.equal(system.body.token.expires_at, first.body.token.expires_at)
  assert.equal(system.body.token.audit_ids[1], first.body.token.audit_ids[0])
  const third = await rescope(system.headers['x-subject-token']!, { project: { name: 'admin', domain: { name: 'Default' } } })
  assert.equal(third.body.token.audit_ids[1], first.body.token.audit_ids[0])
})

test('a token ends at its time, and when it is revoked', async () => {
  await using cloud = await keystoneAlone()
  const admin = await cloud.login('admin')
  const demo = await cloud.login('demo')
  assert.equal((await cloud.ask('DELETE', '/v3/auth/tokens', { token: demo.token, headers: { 'x-subject-token': demo.token } })).status, 204)
  assert.equal((await validate(cloud, demo.token, admin.token)).status, 404)
  const again = await cloud.login('demo')
  await cloud.clock.advance(3_600_000)
  assert.equal((await validate(cloud, again.token)).status, 401)
})

test('a change of role, user, project or password ends what it carried at once', async () => {
  await using cloud = await keystoneAlone()
  const admin = await cloud.login('admin', 'admin-secret', { system: { all: true } })
  const { body: { token: demo } } = await cloud.login('demo')
  const [user, project, member] = [demo.user.id as string, demo.project.id as string, demo.roles[0].id as string]
  const can = async (token: string) => (await cloud.ask('GET', `/v3/projects/${project}`, { token })).status
  const as = ([method, path, body]: readonly [string, string, unknown]) => cloud.ask(method, `/v3${path}`, { token: admin.token, body })
  for (const [what, change, back] of [
    ['role', ['DELETE', `/projects/${project}/users/${user}/roles/${member}`, undefined], ['PUT', `/projects/${project}/users/${user}/roles/${member}`, undefined]],
    ['project', ['PATCH', `/projects/${project}`, { project: { enabled: false } }], ['PATCH', `/projects/${project}`, { project: { enabled: true } }]],
    ['user', ['PATCH', `/users/${user}`, { user: { enabled: false } }], ['PATCH', `/users/${user}`, { user: { enabled: true } }]],
    ['password', ['PATCH', `/users/${user}`, { user: { password: 'next' } }], ['PATCH', `/users/${user}`, { user: { password: 'demo-secret' } }]],
  ] as const) {
    await cloud.clock.advance(1000)
    const { token } = await cloud.login('demo')
    assert.equal(await can(token), 200, what)
    await cloud.clock.advance(1000)
    assert.ok((await as(change)).status < 300, what)
    assert.equal(await can(token), 401, what)
    await as(back)
  }
})

test('only its subject, services and administrators may look at a token', async () => {
  await using cloud = await keystoneAlone()
  const [admin, demo, nova] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('nova')]
  assert.equal((await validate(cloud, demo.token, nova.token)).status, 200)
  assert.equal((await validate(cloud, demo.token, admin.token)).status, 200)
  assert.equal((await validate(cloud, admin.token, demo.token)).status, 403)
  assert.equal((await cloud.ask('HEAD', '/v3/auth/tokens', { token: demo.token, headers: { 'x-subject-token': demo.token } })).status, 200)
})

test('a token that has ended is not found, whoever asks', async () => {
  await using cloud = await keystoneAlone()
  const [ended, demo] = [await cloud.login('demo'), await cloud.login('demo')]
  assert.equal((await cloud.ask('DELETE', '/v3/auth/tokens', { token: demo.token, headers: { 'x-subject-token': ended.token } })).status, 204)
  for (const method of ['GET', 'HEAD', 'DELETE']) assert.equal((await cloud.ask(method, '/v3/auth/tokens', { token: demo.token, headers: { 'x-subject-token': ended.token } })).status, 404, method)
})

test('no password or token is written to the log', async () => {
  await using cloud = await keystoneAlone()
  const { token } = await cloud.login('demo')
  await cloud.login('demo', 'a-wrong-canary')
  await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { name: 7, password: 'a-bad-canary' } } } } } })
  const text = JSON.stringify(cloud.log.lines)
  for (const secret of [token, 'demo-secret', 'a-wrong-canary', 'a-bad-canary']) assert.ok(!text.includes(secret), secret)
})

test('a token shows the catalog as it is now, under the name by which its listener was reached', async () => {
  await using cloud = await keystoneAlone()
  const admin = await cloud.login('admin')
  const catalogNow = async () => (await cloud.ask('GET', '/identity/v3/auth/tokens', { token: admin.token, headers: { 'x-subject-token': admin.token } })).body.token.catalog as { type: string, endpoints: { url: string }[] }[]
  const types = async () => (await catalogNow()).filter(s => s.endpoints.length > 0).map(s => s.type).toSorted()
  assert.deepEqual(await types(), ['identity', 'object-store'])
  const service = await cloud.ask('POST', '/identity/v3/services', { token: admin.token, body: { service: { type: 'dns', name: 'designate' } } })
  assert.deepEqual((await catalogNow()).find(s => s.type === 'dns')?.endpoints, [], 'a service without endpoints is in it')
  const endpoint = await cloud.ask('POST', '/identity/v3/endpoints', { token: admin.token, body: { endpoint: { service_id: service.body.service.id, interface: 'public', url: 'http://dns' } } })
  assert.deepEqual(await types(), ['dns', 'identity', 'object-store'])
  await cloud.ask('PATCH', `/identity/v3/endpoints/${endpoint.body.endpoint.id}`, { token: admin.token, body: { endpoint: { url: 'http://names' } } })
  assert.equal((await catalogNow()).find(s => s.type === 'dns')?.endpoints[0]?.url, 'http://names')
  await cloud.ask('DELETE', `/identity/v3/services/${service.body.service.id}`, { token: admin.token })
  assert.deepEqual(await types(), ['identity', 'object-store'])
})

test('a token that has ended makes no other: it is not found, by which clients know that they must log in anew', async () => {
  await using cloud = await keystoneAlone()
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  assert.equal((await cloud.ask('DELETE', '/identity/v3/auth/tokens', { token: admin.token, headers: { 'x-subject-token': demo.token } })).status, 204)
  for (const id of [demo.token, 'nonsense']) {
    const again = await cloud.ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id } } } } })
    assert.deepEqual([again.status, again.body.error.message], [404, 'Failed to validate token'])
  }
})

// Application credentials and access rules as clients see them: what they are made of, what their tokens are worth, and what ends them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { remoteAuthenticator, restClient, serviceSession } from '@alto/kit/openstack'
import { keystoneAlone } from './cloud.ts'
import { delegates, rolesIn } from './delegates.ts'

const REFUSED = { error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' } }

test('a credential shows its secret once, and itself to its user and administrators', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const made = await d.credential(token, { description: 'for the nightly run', expires_at: '2027-01-01T00:00:00.123456', secret: 'a-canary', unrestricted: true, roles: [{ name: 'reader' }] })
  const { id } = made.body.application_credential
  const shown = {
    id, name: 'robot', description: 'for the nightly run', user_id: d.alice, project_id: d.project, system: null, expires_at: '2027-01-01T00:00:00.123456', unrestricted: true,
    roles: [{ id: d.role('reader'), name: 'reader', domain_id: null, description: null, options: { immutable: true } }], links: { self: `http://cloud/v3/users/${d.alice}/application_credentials/${id}` },
  }
  assert.deepEqual([made.status, made.body], [201, { application_credential: { ...shown, secret: 'a-canary' } }])
  const path = `/v3/users/${d.alice}/application_credentials`
  assert.deepEqual((await cloud.ask('GET', `${path}/${id}`, { token })).body, { application_credential: shown })
  const plain = (await d.credential(token, { name: 'plain', description: null, expires_at: null, secret: null, unrestricted: null })).body.application_credential
  assert.deepEqual([plain.description, plain.expires_at, plain.unrestricted, plain.secret.length, plain.roles.map((r: { name: string }) => r.name).toSorted()], [null, null, null, 86, ['member', 'reader']])
  assert.deepEqual((await cloud.ask('GET', path, { token })).body.application_credentials.map((c: { name: string }) => c.name), ['plain', 'robot'])
  assert.deepEqual((await cloud.ask('GET', `${path}?name=robot`, { token })).body, { application_credentials: [shown], links: { self: `http://cloud${path}?name=robot`, previous: null, next: null } })

  const others = { bob: await d.tokenOf('bob'), admin: d.admin }
  const statuses = async (method: string, where: string, body?: unknown) => Object.fromEntries(await Promise.all(Object.entries(others).map(async ([name, other]) => [name, (await cloud.ask(method, where, { token: other, body })).status])))
  assert.deepEqual(await statuses('GET', path), { bob: 403, admin: 200 })
  assert.deepEqual(await statuses('GET', `${path}/${id}`), { bob: 403, admin: 200 })
  assert.deepEqual(await statuses('GET', `/v3/users/${d.bob}/application_credentials/${id}`), { bob: 403, admin: 200 }, 'whose it is decides, not the path')
  assert.deepEqual(await statuses('POST', path, { application_credential: { name: 'x' } }), { bob: 403, admin: 403 })
  assert.deepEqual(await statuses('DELETE', `${path}/${id}`), { bob: 403, admin: 204 })
  assert.equal((await cloud.ask('GET', `${path}/${id}`, { token })).body.error.message, `Could not find Application Credential: ${id}.`)
  assert.equal((await cloud.ask('DELETE', `${path}/${id}`, { token })).status, 404)
  assert.equal((await cloud.ask('DELETE', `${path}/${plain.id}`, { token })).status, 204)
  assert.ok(!JSON.stringify(cloud.log.lines).includes('a-canary'))
})

test('a credential is refused that has no name or another\'s, roles that the token has not, or an end that is none', async () => {
  await using cloud = await keystoneAlone({ options: { applicationCredentialsPerUser: 2 } })
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  assert.equal((await d.credential(token)).status, 201)
  const twice = await d.credential(token)
  assert.deepEqual([twice.status, twice.body.error.message], [409, 'Conflict occurred attempting to store application_credential - Duplicate entry found with name robot.'])
  for (const [status, given] of [
    [400, { name: undefined }], [400, { name: '' }], [400, { foo: 1 }], [400, { roles: [{ name: 'admin' }] }], [400, { roles: [{ id: 'none' }] }], [404, { roles: [{ name: 'none' }] }],
    [400, { roles: [{ id: d.role('reader'), name: 'reader' }] }], [400, { expires_at: 'soon' }], [400, { expires_at: '2001-01-01T00:00:00' }], [400, { expires_at: '2027-01-01T00:00:00+02:00' }], [400, { unrestricted: 'yes' }],
    [404, { access_rules: [{ id: 'none' }] }], [400, { access_rules: [{ service: 'compute', path: '/v2.1/servers' }] }], [400, { access_rules: [{ service: 'compute', path: 'v2.1', method: 'GET' }] }],
    [400, { access_rules: [{ service: 'compute', path: '/v2.1', method: 'TRACE' }] }], [400, { access_rules: [{}] }], [400, { access_rules: [{ service: 'compute', path: '/v2.1', method: 'GET', more: 1 }] }],
  ] as const) assert.equal((await d.credential(token, { name: 'x', ...given })).status, status, JSON.stringify(given))
  assert.equal((await d.credential(await d.tokenOf('alice', 'unscoped'), { name: 'x' })).status, 400, 'it would be for no project')
  assert.equal((await d.credential(token, { name: 'second' })).status, 201)
  assert.equal((await d.credential(token, { name: 'third' })).status, 403, 'one more than a user may have')
})

test('a credential gives a token of its project with its roles, by id or by name, and never of a scope that was asked for', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['manager'])
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), { roles: [{ name: 'member' }], expires_at: '2026-01-01T00:10:00.500000' })
  const { status, body, token } = await d.byCredential(made)
  assert.equal(status, 201)
  const { token: t } = body
  assert.deepEqual([t.methods, t.user.id, t.project.id, t.expires_at, t.application_credential], [['application_credential'], d.alice, d.project, '2026-01-01T00:10:00.000000Z', { id: made.id, name: 'robot', restricted: true }])
  assert.deepEqual(rolesIn(body), ['member', 'reader'])
  assert.deepEqual((await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).body, body)

  const by = (given: unknown, scope?: unknown) => d.authenticate({ methods: ['application_credential'], application_credential: given }, scope)
  assert.equal((await by({ name: 'robot', user: { id: d.alice }, secret: made.secret })).status, 201)
  assert.equal((await by({ name: 'robot', user: { name: 'alice', domain: { id: 'default' } }, secret: made.secret })).status, 201)
  for (const given of [
    { id: 'none', secret: made.secret }, { id: made.id, secret: 'wrong' }, { id: made.id }, { name: 'none', user: { id: d.alice }, secret: made.secret }, { name: 'robot', user: { id: 'nobody' }, secret: made.secret },
    { name: 'robot', user: { id: d.bob }, secret: made.secret },
  ]) assert.deepEqual((await by(given)).body, REFUSED, JSON.stringify(given))
  for (const given of [{ secret: made.secret }, { name: 'robot', secret: made.secret }, undefined]) assert.equal((await by(given)).status, 400, JSON.stringify(given))
  for (const scope of [{ project: { id: d.project } }, { system: { all: true } }, 'unscoped']) {
    const asked = await d.byCredential(made, scope)
    assert.deepEqual([asked.status, asked.body.error.message], [401, 'Error authenticating with application credential: Application credentials cannot request a scope.'])
  }
  const both = { ...d.byPassword('alice'), methods: ['password', 'application_credential'], application_credential: { id: made.id, secret: made.secret } }
  assert.deepEqual(rolesIn((await d.authenticate(both)).body), ['member', 'reader'], 'a password beside it adds nothing')
  assert.equal((await d.authenticate({ ...both, ...d.byPassword('bob'), methods: both.methods })).status, 401)
})

test('a wrong secret costs the same time as a credential that does not exist', async () => {
  await using cloud = await keystoneAlone({ options: { passwordHashRounds: 10 } })
  const d = await delegates(cloud)
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'))
  const cost = async (id: string) => {
    const times = []
    for (let i = 0; i < 3; i++) {
      const started = process.cpuUsage()
      await d.byCredential({ id, secret: 'wrong' })
      const { user, system } = process.cpuUsage(started)
      times.push(user + system)
    }
    return Math.min(...times)
  }
  await d.byCredential({ id: 'none', secret: 'wrong' })
  const [wrong, none] = [await cost(made.id), await cost('none')]
  assert.ok(none > wrong / 3 && wrong > none / 3, `${wrong} and ${none} µs`)
})

test('a credential is worth the roles that its user still has, and nothing without any', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['member', 'manager'])
  const token = await d.tokenOf('alice')
  const { body: { application_credential: all } } = await d.credential(token)
  const { body: { application_credential: one } } = await d.credential(token, { name: 'one', roles: [{ name: 'manager' }] })
  const had = (await d.byCredential(all)).token
  await d.grant('DELETE', d.alice, 'manager')
  const shown = await cloud.ask('GET', '/v3/auth/tokens', { token: d.admin, headers: { 'x-subject-token': had } })
  assert.deepEqual([rolesIn((await d.byCredential(all)).body), rolesIn(shown.body)], [['member', 'reader'], ['member', 'reader']])
  assert.deepEqual(rolesIn((await d.byCredential(one)).body), ['member', 'reader'], 'what the lost role implied was given with it')
  await d.grant('DELETE', d.alice, 'member')
  assert.deepEqual([(await d.byCredential(all)).body, await d.worth(had)], [REFUSED, 404])
})

test('a credential and its tokens rest while its user or project is disabled, and end with them, at its end and when it is removed', async () => {
  for (const [what, end, back] of [
    ['user disabled', 'PATCH users {"user":{"enabled":false}}', 'PATCH users {"user":{"enabled":true}}'], ['project disabled', 'PATCH projects {"project":{"enabled":false}}', 'PATCH projects {"project":{"enabled":true}}'],
    ['user gone', 'DELETE users', ''], ['project gone', 'DELETE projects', ''], ['removed', 'DELETE credentials', ''], ['past its end', '', ''],
  ] as const) {
    await using cloud = await keystoneAlone()
    const d = await delegates(cloud)
    const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), { expires_at: '2026-01-01T00:10:00', access_rules: [{ service: 'compute', path: '/v2.1/servers', method: 'GET' }] })
    const { token } = await d.byCredential(made)
    assert.equal(await d.worth(token), 200, what)
    await cloud.clock.advance(what === 'past its end' ? 600_000 : 1000)
    const paths: Record<string, string> = { users: `/v3/users/${d.alice}`, projects: `/v3/projects/${d.project}`, credentials: `/v3/users/${d.alice}/application_credentials/${made.id}` }
    const run = (order: string) => {
      const [method, where, body] = order.split(' ') as [string, string, string | undefined]
      return d.asAdmin(method, paths[where]!, body === undefined ? undefined : JSON.parse(body))
    }
    if (end) await run(end)
    assert.deepEqual([await d.worth(token), (await d.byCredential(made)).status], [404, 401], what)
    if (back) await run(back)
    if (back) assert.equal((await d.byCredential(made)).status, 201, what)
  }
})

test('a restricted credential makes and removes no others; an unrestricted one makes none with more than it has', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['manager'])
  const own = await d.tokenOf('alice')
  const bearer = async (given: Record<string, unknown>) => (await d.byCredential((await d.credential(own, { roles: [{ name: 'member' }], ...given })).body.application_credential)).token
  const [restricted, unrestricted] = [await bearer({ name: 'a' }), await bearer({ name: 'b', unrestricted: true })]
  const victim = (await d.credential(own, { name: 'victim' })).body.application_credential.id as string
  const path = `/v3/users/${d.alice}/application_credentials`
  const no = "You are not authorized to perform the requested action: Using method 'application_credential' is not allowed for managing additional application credentials."
  for (const answer of [await d.credential(restricted, { name: 'c' }), await cloud.ask('DELETE', `${path}/${victim}`, { token: restricted })]) assert.deepEqual([answer.status, answer.body.error.message], [403, no])
  for (const where of [path, `${path}/${victim}`]) assert.equal((await cloud.ask('GET', where, { token: restricted })).status, 200, 'it may look')
  const child = (await d.credential(unrestricted, { name: 'c' })).body.application_credential
  assert.deepEqual(child.roles.map((r: { name: string }) => r.name).toSorted(), ['member', 'reader'])
  assert.equal((await d.credential(unrestricted, { name: 'd', roles: [{ name: 'manager' }] })).status, 400)
  assert.equal((await cloud.ask('DELETE', `${path}/${victim}`, { token: unrestricted })).status, 204)

  const create = { service: 'identity', method: 'POST', path: '/v3/users/*/application_credentials' }
  const ruled = await bearer({ name: 'e', unrestricted: true, access_rules: [create, { service: 'compute', method: 'GET', path: '/v2.1/servers' }] })
  assert.equal((await d.credential(ruled, { name: 'f' })).status, 403, 'without rules it could do more')
  assert.equal((await d.credential(ruled, { name: 'f', access_rules: [{ service: 'compute', method: 'DELETE', path: '/v2.1/servers/*' }] })).status, 403)
  assert.equal((await d.credential(ruled, { name: 'f', access_rules: [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }] })).status, 201)
})

test('a user\'s access rules are shared by its credentials, and stay until they are removed; not while one is used', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const text = { service: 'compute', path: '/v2.1/servers/*/ips', method: 'GET' }
  const first = (await d.credential(token, { access_rules: [text, text, { ...text, method: 'HEAD' }] })).body.application_credential
  assert.deepEqual(first.access_rules.map(({ service, path, method }: typeof text) => ({ service, path, method })), [text, { ...text, method: 'HEAD' }])
  const [{ id }] = first.access_rules
  const second = (await d.credential(token, { name: 'second', access_rules: [{ id }, text] })).body.application_credential
  assert.deepEqual(second.access_rules, [{ id, ...text }])

  const path = `/v3/users/${d.alice}/access_rules`
  const shown = { id, ...text, links: { self: `http://cloud${path}/${id}` } }
  assert.deepEqual((await cloud.ask('GET', `${path}/${id}`, { token })).body, { access_rule: shown })
  assert.deepEqual((await cloud.ask('GET', `${path}?method=GET&service=compute`, { token })).body, { access_rules: [shown], links: { self: `http://cloud${path}?method=GET&service=compute`, previous: null, next: null } })
  assert.equal((await cloud.ask('GET', path, { token })).body.access_rules.length, 2)
  const bob = await d.tokenOf('bob')
  const system = (await cloud.login('admin', 'admin-secret', { system: { all: true } })).token
  for (const [who, statuses] of [[bob, [403, 403, 403]], [d.admin, [403, 403, 403]], [system, [200, 200, 403]]] as const) {
    const asked = [await cloud.ask('GET', path, { token: who }), await cloud.ask('GET', `${path}/${id}`, { token: who }), await cloud.ask('DELETE', `${path}/${id}`, { token: who })]
    assert.deepEqual(asked.map(a => a.status), statuses)
  }
  assert.equal((await d.credential(await d.tokenOf('alice'), { name: 'third', access_rules: [{ id: 'none' }] })).status, 404)
  assert.equal((await cloud.ask('GET', `${path}/none`, { token })).body.error.message, 'Could not find Access Rule: none.')

  assert.deepEqual((await cloud.ask('DELETE', `${path}/${id}`, { token })).body, { error: { code: 403, message: 'May not delete access rule in use', title: 'Forbidden' } })
  for (const c of [first, second]) assert.equal((await cloud.ask('DELETE', `/v3/users/${d.alice}/application_credentials/${c.id}`, { token })).status, 204)
  assert.equal((await cloud.ask('DELETE', `${path}/${id}`, { token })).status, 204)
  assert.equal((await cloud.ask('DELETE', `${path}/${id}`, { token })).status, 404)
  await d.asAdmin('DELETE', `/v3/users/${d.alice}`)
})

test('a token with access rules asks what they name and no more, and is valid only for callers that keep them', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const rules = [{ service: 'identity', path: '/v3/users/{id}', method: 'GET' }, { service: 'identity', path: '/v3/auth/**', method: 'GET' }, { service: 'compute', path: '/v3/groups', method: 'GET' }]
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), { access_rules: rules })
  const { token, body } = await d.byCredential(made)
  assert.deepEqual(body.token.application_credential.access_rules, made.access_rules)
  for (const [status, method, path] of [
    [200, 'GET', `/v3/users/${d.alice}`], [200, 'GET', `/identity/v3/users/${d.alice}`], [200, 'GET', '/v3/auth/projects'], [401, 'HEAD', `/v3/users/${d.alice}`], [401, 'GET', `/v3/users/${d.alice}/projects`],
    [401, 'GET', '/v3/groups'], [401, 'GET', `/v3/users/${d.alice}/application_credentials`], [401, 'DELETE', '/v3/auth/tokens'],
  ] as const) assert.equal((await cloud.ask(method, path, { token, headers: { 'x-subject-token': token } })).status, status, `${method} ${path}`)

  const nova = (await cloud.login('nova')).token
  const asService = (service: string) => cloud.ask('GET', `/v3/users/${d.alice}/projects`, { token, headers: { 'x-service-token': service } })
  assert.equal((await asService(nova)).status, 200, 'a service asks on')
  for (const other of [d.admin, token, 'none']) assert.equal((await asService(other)).status, 401, 'whoever is no service does not')

  const validated = async (method: string, headers: Record<string, string>) => (await cloud.ask(method, '/v3/auth/tokens', { token: nova, headers: { 'x-subject-token': token, ...headers } })).status
  assert.deepEqual([await validated('GET', {}), await validated('GET', { 'openstack-identity-access-rules': '1' }), await validated('GET', { 'openstack-identity-access-rules': '0.9' }), await validated('GET', { 'openstack-identity-access-rules': 'x' })], [404, 200, 404, 404])
  assert.equal((await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token, 'openstack-identity-access-rules': '1.0' } })).status, 200)
})

test('a service in another process than Keystone is told a token\'s access rules, and keeps them', async () => {
  await using cloud = await keystoneAlone()
  const { fetch, clock } = cloud
  const d = await delegates(cloud)
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), { access_rules: [{ service: 'compute', path: '/v2.1/servers', method: 'GET' }] })
  const session = serviceSession({ name: 'nova', password: 'nova-secret' }, { fetch, identity: '/identity', clock })
  const authenticate = remoteAuthenticator(restClient('identity', '/identity', { fetch, session, clock }), clock)
  const credentials = await authenticate((await d.byCredential(made)).token)
  assert.deepEqual([credentials?.userId, credentials?.accessRules], [d.alice, made.access_rules])
})

test('a list of credentials, of access rules or of trusts costs as many statements as one of them', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const cost = async (path: string) => {
    await cloud.ask('GET', path, { token })
    const before = cloud.db.statements
    assert.equal((await cloud.ask('GET', path, { token })).status, 200)
    return cloud.db.statements - before
  }
  const lists = [`/v3/users/${d.alice}/application_credentials`, `/v3/users/${d.alice}/access_rules`, `/v3/OS-TRUST/trusts?trustor_user_id=${d.alice}`]
  const more = async (name: string) => {
    const rules = ['a', 'b'].map(path => ({ service: 'compute', method: 'GET', path: `/${name}/${path}` }))
    assert.equal((await d.credential(token, { name, access_rules: rules })).status, 201)
    assert.equal((await d.trust(token)).status, 201)
  }
  await more('first')
  const costs = async () => [await cost(lists[0]!), await cost(lists[1]!), await cost(lists[2]!)]
  const one = await costs()
  for (let i = 0; i < 20; i++) await more(`c${i}`)
  assert.deepEqual(await costs(), one)
  assert.ok(one.every(statements => statements <= 4), String(one))
})

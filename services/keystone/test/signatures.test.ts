// Tokens for signed requests: only services get them, in time, and never for more than the credential was made for.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { keystoneAlone, type Cloud } from './cloud.ts'
import { delegates, rolesIn } from './delegates.ts'

const REFUSED = 'The request you have made requires authentication.'

/** What an EC2 API says of a request, signed with version 1: the shortest to write down. */
function signed({ access, secret }: { access: string, secret: string }, time = '2026-01-01T00:00:00Z') {
  const params = { Action: 'DescribeInstances', SignatureVersion: '1', Timestamp: time }
  return { access, signature: createHmac('sha1', secret).update(Object.entries(params).flat().join('')).digest('base64'), host: 'ec2', verb: 'GET', path: '/', params }
}

function stored({ access, secret }: { access: string, secret: string }, date = 'Thu, 01 Jan 2026 00:00:00 GMT') {
  const text = `GET\n\n\n${date}\n/bucket`
  return { access, signature: createHmac('sha1', secret).update(text).digest('base64'), token: Buffer.from(text).toString('base64url') }
}

const ec2 = (cloud: Cloud, token: string, credentials: unknown) => cloud.ask('POST', '/v3/ec2tokens', { token, body: { credentials } })
const s3 = (cloud: Cloud, token: string, credentials: unknown) => cloud.ask('POST', '/v3/s3tokens', { token, body: { credentials } })

async function demoKeys(cloud: Cloud) {
  const { token, body } = await cloud.login('demo')
  const [user, project] = [body.token.user.id as string, body.token.project.id as string]
  const made = await cloud.ask('POST', `/v3/users/${user}/credentials/OS-EC2`, { token, body: { tenant_id: project } })
  return { token, user, project, keys: made.body.credential as { access: string, secret: string }, service: (await cloud.login('nova')).token }
}

test('a service gets the token of whoever signed a request, in the project of the credential', async () => {
  await using cloud = await keystoneAlone()
  const { user, project, keys, service } = await demoKeys(cloud)
  for (const [name, answer] of [['ec2tokens', await ec2(cloud, service, signed(keys))], ['s3tokens', await s3(cloud, service, stored(keys))]] as const) {
    const { token } = answer.body
    assert.equal(answer.status, 200, name)
    assert.deepEqual([token.user.id, token.project.id, token.methods, rolesIn(answer.body), token.catalog.length], [user, project, ['ec2credential'], ['member', 'reader'], 2], name)
  }
  const issued = (await ec2(cloud, service, signed(keys))).headers['x-subject-token']!
  const shown = await cloud.ask('GET', '/v3/auth/tokens', { token: service, headers: { 'x-subject-token': issued } })
  assert.deepEqual([shown.status, shown.body.token.methods], [200, ['ec2credential']])
  assert.equal((await s3(cloud, service, stored(keys))).headers['x-subject-token'], undefined)
  for (const name of ['credential', 'ec2Credentials']) assert.equal((await cloud.ask('POST', '/v3/ec2tokens', { token: service, body: { [name]: signed(keys) } })).status, 200, name)
})

test('nobody but services and administrators turns a signature into a token, whoever signed', async () => {
  await using cloud = await keystoneAlone()
  const { token, keys } = await demoKeys(cloud)
  for (const path of ['/v3/ec2tokens', '/v3/s3tokens']) {
    const credentials = path.includes('ec2') ? signed(keys) : stored(keys)
    assert.equal((await cloud.ask('POST', path, { body: { credentials } })).status, 401)
    for (const said of [credentials, {}]) assert.equal((await cloud.ask('POST', path, { token, body: { credentials: said } })).status, 403)
    assert.equal((await cloud.ask('POST', path, { token: (await cloud.login('admin')).token, body: { credentials } })).status, 200)
  }
})

test('a signature counts for a quarter of an hour, and none without a time', async () => {
  await using cloud = await keystoneAlone()
  const { keys, service } = await demoKeys(cloud)
  const old = signed(keys)
  await cloud.clock.advance(15 * 60_000)
  assert.equal((await ec2(cloud, service, old)).status, 200)
  await cloud.clock.advance(1000)
  for (const [what, answer] of [
    ['replayed', await ec2(cloud, service, old)], ['replayed with a new time', await ec2(cloud, service, { ...old, params: { ...old.params, Timestamp: '2026-01-01T00:15:00Z' } })], ['from the future', await ec2(cloud, service, signed(keys, '2026-01-01T00:31:00Z'))],
    ['without a time', await ec2(cloud, service, signed(keys, ''))], ['with a time that is none', await ec2(cloud, service, signed(keys, 'tomorrow'))], ['of a store, replayed', await s3(cloud, service, stored(keys))], ['of a store, without a date', await s3(cloud, service, stored(keys, ''))],
  ] as const) assert.deepEqual([answer.status, answer.body.error.message], [401, REFUSED], what)
  assert.equal((await ec2(cloud, service, signed(keys, '2026-01-01T00:15:00Z'))).status, 200)
})

test('wrong signatures, unknown keys and requests that make no sense are refused', async () => {
  await using cloud = await keystoneAlone()
  const { keys, service, token, user, project } = await demoKeys(cloud)
  for (const [status, body, message] of [
    [401, { credentials: signed({ ...keys, secret: 'other' }) }, REFUSED], [401, { credentials: { access: keys.access } }, REFUSED], [401, { credentials: {} }, REFUSED], [401, { other: 1 }, REFUSED],
    [404, { credentials: signed({ access: 'nobody', secret: 'x' }) }, 'EC2 access key not found.'], [400, {}, 'request must include a request body'],
  ] as const) {
    for (const path of ['/v3/ec2tokens', '/v3/s3tokens']) {
      const answer = await cloud.ask('POST', path, { token: service, body })
      assert.deepEqual([answer.status, answer.body.error.message], [status, message], `${path} ${JSON.stringify(body)}`)
    }
  }
  assert.equal((await cloud.ask('GET', '/v3/ec2tokens', { token: service })).status, 405)
  const cert = { type: 'cert', blob: JSON.stringify({ access: 'c', secret: 's' }), user_id: user, project_id: project }
  await cloud.ask('POST', '/v3/credentials', { token, body: { credential: cert } })
  assert.equal((await ec2(cloud, service, signed({ access: 'c', secret: 's' }))).status, 404, 'a credential of another type')
})

test('a credential is worth what its user is: nothing without a role in its project, nothing for a disabled one, nothing once it is removed', async () => {
  await using cloud = await keystoneAlone()
  const { user, project, keys, service } = await demoKeys(cloud)
  const admin = (await cloud.login('admin')).token
  const status = async () => (await ec2(cloud, service, signed(keys))).status
  const users = (enabled: boolean) => cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { enabled } } })
  await users(false)
  assert.equal(await status(), 401)
  await users(true)
  const member = (await cloud.ask('GET', '/v3/roles?name=member', { token: admin })).body.roles[0].id
  await cloud.ask('DELETE', `/v3/projects/${project}/users/${user}/roles/${member}`, { token: admin })
  assert.equal(await status(), 401)
  await cloud.ask('PUT', `/v3/projects/${project}/users/${user}/roles/${member}`, { token: admin })
  assert.equal(await status(), 200)
  await cloud.ask('DELETE', `/v3/users/${user}/credentials/OS-EC2/${keys.access}`, { token: admin })
  assert.equal(await status(), 404)
})

test('a token that was delegated does not see, make, change or remove credentials', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['member', 'admin'])
  const own = await d.tokenOf('alice')
  const mine = (await cloud.ask('POST', '/v3/credentials', { token: own, body: { credential: { type: 'cert', blob: 'x', user_id: d.alice } } })).body.credential.id
  const keys = (await cloud.ask('POST', `/v3/users/${d.alice}/credentials/OS-EC2`, { token: own, body: { tenant_id: d.project } })).body.credential as { access: string }
  const trust = (await d.trust(own, { impersonation: true, roles: [{ name: 'admin' }] })).body.trust.id
  const robot = (await d.credential(own, { unrestricted: true })).body.application_credential
  const delegated = {
    'a trust': (await d.byTrust('bob', trust)).token, 'an application credential': (await d.byCredential(robot)).token,
  }
  const body = { credential: { type: 'ec2', blob: '{"access":"strong","secret":"s"}', user_id: d.alice, project_id: d.project } }
  for (const [how, token] of Object.entries(delegated)) {
    assert.deepEqual((await cloud.ask('GET', '/v3/credentials', { token })).body.credentials, [], how)
    for (const [method, path, sent] of [
      ['POST', '/v3/credentials', body], ['GET', `/v3/credentials/${mine}`, undefined], ['PATCH', `/v3/credentials/${mine}`, { credential: { blob: 'y' } }], ['DELETE', `/v3/credentials/${mine}`, undefined],
      ['GET', `/v3/users/${d.alice}/credentials/OS-EC2`, undefined], ['POST', `/v3/users/${d.alice}/credentials/OS-EC2`, { tenant_id: d.project }],
      ['GET', `/v3/users/${d.alice}/credentials/OS-EC2/${keys.access}`, undefined], ['DELETE', `/v3/users/${d.alice}/credentials/OS-EC2/${keys.access}`, undefined],
    ] as const) {
      const answer = await cloud.ask(method, path, { token, body: sent })
      assert.deepEqual([answer.status, answer.body.error.message], [403, 'You are not authorized to perform the requested action: Delegated tokens cannot access credentials directly.'], `${how}: ${method} ${path}`)
    }
  }
})

test('a token that was had by a signature is for other services: Keystone does nothing for it', async () => {
  await using cloud = await keystoneAlone()
  const { keys, service, user } = await demoKeys(cloud)
  const token = (await ec2(cloud, service, signed(keys))).headers['x-subject-token']!
  assert.deepEqual((await cloud.keystone.authenticate(token))?.roles.toSorted(), ['member', 'reader'])
  for (const [method, path] of [['GET', '/v3/auth/projects'], ['GET', '/v3/credentials'], ['POST', '/v3/credentials'], ['GET', `/v3/users/${user}`], ['GET', `/v3/users/${user}/credentials/OS-EC2`], ['DELETE', '/v3/auth/tokens']] as const) {
    const answer = await cloud.ask(method, path, { token, ...(method === 'POST' && { body: { credential: { type: 'cert', blob: 'x', user_id: user } } }), headers: { 'x-subject-token': token } })
    assert.deepEqual([answer.status, answer.body.error.message], [403, 'You are not authorized to perform the requested action.'], `${method} ${path}`)
  }
  const again = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: token } } } } })
  assert.equal(again.status, 403)
})

test('a credential that is bound to a delegation gives a token of that delegation, and none when the delegation is not its owner\'s', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['member', 'admin'])
  const service = (await cloud.login('nova')).token
  const own = await d.tokenOf('alice')
  const trust = (await d.trust(own, { roles: [{ name: 'reader' }] })).body.trust.id
  const impersonating = (await d.trust(own, { roles: [{ name: 'reader' }], impersonation: true })).body.trust.id
  const robot = (await d.credential(own, { roles: [{ name: 'reader' }] })).body.application_credential.id
  const brief = (await d.credential(own, { name: 'brief', expires_at: '2026-01-01T00:01:00Z' })).body.application_credential.id
  let n = 0
  const signedBy = async (user: string, bound: object, project = d.project) => {
    const keys = { access: `key-${n++}`, secret: 's' }
    await d.asAdmin('POST', '/v3/credentials', { credential: { type: 'ec2', blob: JSON.stringify({ ...keys, ...bound }), user_id: user, project_id: project } })
    return ec2(cloud, service, signed(keys, new Date(cloud.clock.now()).toISOString()))
  }
  const byTrust = await signedBy(d.bob, { trust_id: trust })
  assert.deepEqual([byTrust.status, byTrust.body.token.user.id, rolesIn(byTrust.body), byTrust.body.token['OS-TRUST:trust'].id], [200, d.bob, ['reader'], trust])
  const asAlice = await signedBy(d.alice, { trust_id: impersonating })
  assert.deepEqual([asAlice.status, asAlice.body.token.user.id, rolesIn(asAlice.body)], [200, d.alice, ['reader']])
  const byRobot = await signedBy(d.alice, { app_cred_id: robot })
  assert.deepEqual([byRobot.status, rolesIn(byRobot.body), byRobot.body.token.application_credential.id], [200, ['reader'], robot])
  const briefly = await signedBy(d.alice, { app_cred_id: brief })
  assert.deepEqual([briefly.status, briefly.body.token.expires_at], [200, '2026-01-01T00:01:00.000000Z'])

  await cloud.clock.advance(61_000)
  const elsewhere = (await d.asAdmin('POST', '/v3/projects', { project: { name: 'elsewhere' } })).project.id
  await d.grant('PUT', d.alice, 'member', elsewhere)
  for (const [what, answer] of [
    ['a trust of others', await signedBy(d.carol, { trust_id: trust })], ['a trust that does not impersonate, by its trustor', await signedBy(d.alice, { trust_id: trust })], ['no such trust', await signedBy(d.bob, { trust_id: 'nope' })],
    ['an application credential of another', await signedBy(d.bob, { app_cred_id: robot })], ['one of another project', await signedBy(d.alice, { app_cred_id: robot }, elsewhere)], ['one at its end', await signedBy(d.alice, { app_cred_id: brief })],
    ['no such one', await signedBy(d.alice, { app_cred_id: 'nope' })], ['an OAuth token', await signedBy(d.alice, { access_token_id: 'any' })], ['a trust in another project', await signedBy(d.bob, { trust_id: trust }, elsewhere)],
  ] as const) assert.equal(answer.status, 401, what)
})

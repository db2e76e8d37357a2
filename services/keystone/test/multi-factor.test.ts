// Users whose rules ask for several proofs: passcodes, receipts, and what a stolen token must not suffice for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passcodeAt, seedOf, STEP } from '../driver/totp.ts'
import { keystoneAlone, type Cloud } from './cloud.ts'

const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const REFUSED = 'The request you have made requires authentication.'
const USER = { name: 'demo', domain: { id: 'default' } }

/** The passcode of now, or of `steps` from now. */
const passcode = (cloud: Cloud, steps = 0) => passcodeAt(seedOf(SEED)!, Math.floor(cloud.clock.now() / STEP) + steps)
const wrongPasscode = (cloud: Cloud) => ['000000', '111111', '222222', '333333'].find(one => ![-1, 0, 1].some(steps => passcode(cloud, steps) === one))!

type Proofs = { password?: string, totp?: string, token?: string }
/** A login of demo by the methods for which something is given. */
async function login(cloud: Cloud, { password, totp, token }: Proofs, receipt?: string, scope: unknown = 'unscoped') {
  const identity = {
    methods: [...password !== undefined ? ['password'] : [], ...totp !== undefined ? ['totp'] : [], ...token !== undefined ? ['token'] : []],
    ...(password !== undefined && { password: { user: { ...USER, password } } }), ...(totp !== undefined && { totp: { user: { ...USER, passcode: totp } } }), ...(token !== undefined && { token: { id: token } }),
  }
  return cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity, scope } }, ...(receipt !== undefined && { headers: { 'openstack-auth-receipt': receipt } }) })
}

/** demo with a seed; with rules too when they are given. */
async function enrolled(cloud: Cloud, rules?: string[][]) {
  const { token, body } = await cloud.login('demo')
  const id = body.token.user.id as string
  const made = await cloud.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'totp', blob: SEED, user_id: id } } })
  assert.equal(made.status, 201)
  const admin = (await cloud.login('admin')).token
  const options = (multi: Record<string, unknown>) => cloud.ask('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { options: multi } } })
  if (rules) assert.equal((await options({ multi_factor_auth_rules: rules })).status, 200)
  return { id, token, admin, options, seed: made.body.credential.id as string }
}

test('a passcode proves who has the seed, of now and of the window before, once', async () => {
  await using cloud = await keystoneAlone()
  await enrolled(cloud)
  await cloud.clock.advance(STEP * 10)
  const now = passcode(cloud)
  const first = await login(cloud, { totp: now })
  assert.deepEqual([first.status, first.body.token.methods, first.body.token.user.name], [201, ['totp'], 'demo'])
  const again = await login(cloud, { totp: now })
  assert.deepEqual([again.status, again.body.error.message], [401, REFUSED])
  assert.equal((await login(cloud, { totp: passcode(cloud, -1) })).status, 201)
  for (const steps of [-2, 1]) assert.equal((await login(cloud, { totp: passcode(cloud, steps) })).status, 401, `${steps}`)
  await cloud.clock.advance(STEP)
  assert.equal((await login(cloud, { totp: now })).status, 401, 'still used in the window after')
  assert.equal((await login(cloud, { totp: passcode(cloud) })).status, 201)
})

test('of two who show one passcode at once one gets in', async () => {
  await using cloud = await keystoneAlone()
  await enrolled(cloud)
  const ended = await Promise.all([1, 2, 3].map(() => login(cloud, { totp: passcode(cloud) })))
  assert.deepEqual(ended.map(one => one.status).toSorted((a, b) => a - b), [201, 401, 401])
})

test('how many windows count is the operator\'s choice', async () => {
  await using cloud = await keystoneAlone({ options: { totpPreviousWindows: 0 } })
  await enrolled(cloud)
  assert.equal((await login(cloud, { totp: passcode(cloud, -1) })).status, 401)
  assert.equal((await login(cloud, { totp: passcode(cloud) })).status, 201)
})

test('passcodes are not guessed: after five wrong ones none is right for what is left of five minutes', async () => {
  await using cloud = await keystoneAlone()
  await enrolled(cloud)
  for (let i = 0; i < 5; i++) assert.equal((await login(cloud, { totp: wrongPasscode(cloud) })).status, 401)
  const locked = await login(cloud, { totp: passcode(cloud) })
  assert.deepEqual([locked.status, locked.body.error.message], [401, REFUSED])
  await cloud.clock.advance(300_000)
  for (let i = 0; i < 4; i++) await login(cloud, { totp: wrongPasscode(cloud) })
  assert.equal((await login(cloud, { totp: passcode(cloud) })).status, 201, 'a right one in time')
  await cloud.clock.advance(STEP)
  for (let i = 0; i < 4; i++) await login(cloud, { totp: wrongPasscode(cloud) })
  assert.equal((await login(cloud, { totp: passcode(cloud) })).status, 201, 'and the count begins anew')
})

test('a stranger who guesses passcodes does not lock out whoever knows the password, or has a receipt for it', async () => {
  await using cloud = await keystoneAlone()
  await enrolled(cloud, [['password', 'totp']])
  const guess = async () => { for (let i = 0; i < 6; i++) assert.equal((await login(cloud, { totp: wrongPasscode(cloud) })).status, 401) }
  await guess()
  assert.equal((await login(cloud, { password: 'demo-secret', totp: passcode(cloud) })).status, 201)
  await cloud.clock.advance(STEP)
  const { headers } = await login(cloud, { password: 'demo-secret' })
  await guess()
  assert.equal((await login(cloud, { totp: passcode(cloud) }, headers['openstack-auth-receipt'])).status, 201)
  for (let i = 0; i < 5; i++) assert.equal((await login(cloud, { password: 'demo-secret', totp: wrongPasscode(cloud) })).status, 401)
  await cloud.clock.advance(STEP)
  assert.equal((await login(cloud, { password: 'demo-secret', totp: passcode(cloud) })).status, 401, 'but who has the password guesses only so often too')
})

test('users without a seed, that do not exist, or with a seed that is none are refused alike', async () => {
  await using cloud = await keystoneAlone()
  const { admin } = await enrolled(cloud)
  const adminId = (await cloud.ask('GET', '/v3/users?name=admin', { token: admin })).body.users[0].id
  await cloud.ask('POST', '/v3/credentials', { token: admin, body: { credential: { type: 'totp', blob: 'not base32!', user_id: adminId } } })
  for (const user of [{ name: 'admin', domain: { id: 'default' } }, { name: 'nova', domain: { id: 'default' } }, { name: 'nobody', domain: { id: 'default' } }, { id: 'nobody' }]) {
    const answer = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['totp'], totp: { user: { ...user, passcode: '123456' } } } } } })
    assert.deepEqual([answer.status, answer.body.error.message], [401, REFUSED], JSON.stringify(user))
  }
})

test('who has proven some gets a receipt, and with it and the rest the token; the receipt gives one token', async () => {
  await using cloud = await keystoneAlone()
  const { id } = await enrolled(cloud, [['password', 'totp']])
  const some = await login(cloud, { password: 'demo-secret' })
  assert.equal(some.status, 401)
  assert.deepEqual(some.body, {
    receipt: { methods: ['password'], user: { id, name: 'demo', domain: { id: 'default', name: 'Default' } }, issued_at: '2026-01-01T00:00:00.000000Z', expires_at: '2026-01-01T00:05:00.000000Z' },
    required_auth_methods: [['password', 'totp']],
  })
  assert.equal(some.headers['x-subject-token'], undefined)
  const receipt = some.headers['openstack-auth-receipt']!
  const rest = await login(cloud, { totp: passcode(cloud) }, receipt, { project: { name: 'demo', domain: { id: 'default' } } })
  assert.deepEqual([rest.status, rest.body.token.methods.toSorted(), rest.body.token.project.name], [201, ['password', 'totp'], 'demo'])
  await cloud.clock.advance(STEP)
  assert.equal((await login(cloud, { totp: passcode(cloud) }, receipt)).status, 401, 'used')
  assert.equal((await login(cloud, { password: 'demo-secret', totp: passcode(cloud, -1) })).status, 401, 'the passcode is used as well')
  await cloud.clock.advance(STEP)
  assert.equal((await login(cloud, { password: 'demo-secret', totp: passcode(cloud) })).status, 201, 'both at once')
  const rescoped = await login(cloud, { token: rest.headers['x-subject-token']! })
  assert.equal(rescoped.status, 201, 'a token that was had by all the proofs is one')
})

test('a receipt is its user\'s, has an end, proves nothing alone and is no token', async () => {
  await using cloud = await keystoneAlone()
  const { token } = await enrolled(cloud, [['password', 'totp']])
  const receiptOf = async () => (await login(cloud, { password: 'demo-secret' })).headers['openstack-auth-receipt']!
  const receipt = await receiptOf()
  assert.equal((await login(cloud, { password: 'demo-secret' }, receipt)).status, 401, 'the same proof again')
  assert.equal((await login(cloud, { totp: wrongPasscode(cloud) }, receipt)).status, 401)
  const other = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'admin-secret' } } } } }, headers: { 'openstack-auth-receipt': receipt } })
  assert.equal(other.status, 401)
  for (const given of [receipt]) assert.equal((await cloud.ask('GET', '/v3/auth/projects', { token: given })).status, 401)
  for (const given of ['junk', '', token, receipt.slice(0, -3)]) assert.equal((await login(cloud, { password: 'demo-secret', totp: passcode(cloud, -1) }, given)).status, 401, given.slice(0, 8))
  await cloud.clock.advance(300_000)
  assert.equal((await login(cloud, { totp: passcode(cloud) }, receipt)).status, 401, 'over')
})

test('a receipt for a password ends with the password', async () => {
  await using cloud = await keystoneAlone()
  const { id, admin } = await enrolled(cloud, [['password', 'totp']])
  const receipt = (await login(cloud, { password: 'demo-secret' })).headers['openstack-auth-receipt']!
  await cloud.clock.advance(1)
  assert.equal((await cloud.ask('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { password: 'another-secret' } } })).status, 200)
  assert.equal((await login(cloud, { totp: passcode(cloud, -1) }, receipt)).status, 401)
  const next = (await login(cloud, { password: 'another-secret' })).headers['openstack-auth-receipt']!
  assert.equal((await login(cloud, { totp: passcode(cloud) }, next)).status, 201)
})

test('a user without rules, or whose rules are switched off, or about methods that the cloud has not, needs one proof', async () => {
  await using cloud = await keystoneAlone({ options: { authMethods: ['password', 'token'] } })
  const { options } = await enrolled(cloud, [['password', 'totp']])
  assert.equal((await login(cloud, { password: 'demo-secret' })).status, 201, 'this cloud has no totp')
  const unsupported = await login(cloud, { totp: passcode(cloud) })
  assert.deepEqual([unsupported.status, unsupported.body.error.message], [401, 'Attempted to authenticate with an unsupported method.'])
  await using full = await keystoneAlone()
  const there = await enrolled(full, [['password', 'totp']])
  assert.equal((await login(full, { password: 'demo-secret' })).status, 401)
  await there.options({ multi_factor_auth_enabled: false })
  assert.equal((await login(full, { password: 'demo-secret' })).status, 201)
  await options({ multi_factor_auth_rules: [] })
  assert.equal((await login(cloud, { password: 'demo-secret' })).status, 201)
})

test('a seed is shown when it is made or changed and never again, not even to administrators', async () => {
  await using cloud = await keystoneAlone()
  const { id, token, admin, seed } = await enrolled(cloud)
  const whole = { id: seed, user_id: id, project_id: null, type: 'totp', links: { self: `http://cloud/v3/credentials/${seed}` } }
  for (const by of [token, admin]) {
    assert.deepEqual((await cloud.ask('GET', `/v3/credentials/${seed}`, { token: by })).body, { credential: whole })
    assert.deepEqual((await cloud.ask('GET', '/v3/credentials?type=totp', { token: by })).body.credentials, [whole])
  }
  assert.deepEqual((await cloud.ask('PATCH', `/v3/credentials/${seed}`, { token, body: { credential: { blob: SEED } } })).body, { credential: { ...whole, blob: SEED } })
})

test('who has rules touches its seeds only with a fresh passcode; a token does not suffice', async () => {
  await using cloud = await keystoneAlone()
  const { id, seed, admin } = await enrolled(cloud, [['password', 'totp']])
  const token = (await login(cloud, { password: 'demo-secret', totp: passcode(cloud) }, undefined, { project: { name: 'demo', domain: { id: 'default' } } })).headers['x-subject-token']!
  const touch = (method: string, fresh?: string, by = token) => cloud.ask(method, method === 'POST' ? '/v3/credentials' : `/v3/credentials/${seed}`, {
    token: by, ...(method === 'POST' ? { body: { credential: { type: 'totp', blob: SEED, user_id: id } } } : method === 'PATCH' ? { body: { credential: { blob: SEED } } } : {}), ...(fresh !== undefined && { headers: { 'openstack-mfa-passcode': fresh } }),
  })
  for (const method of ['POST', 'PATCH', 'DELETE']) {
    for (const fresh of [undefined, method === 'POST' ? passcode(cloud) : wrongPasscode(cloud)]) {           // the first passcode was used to log in
      const answer = await touch(method, fresh)
      assert.deepEqual([answer.status, answer.body.error.message], [403, 'You are not authorized to perform the requested action: This action requires a current MFA passcode in the OpenStack-MFA-Passcode header.'], `${method} ${fresh}`)
    }
    await cloud.clock.advance(300_000)                            // and the wrong tries are forgotten
  }
  assert.equal((await touch('PATCH', undefined, admin)).status, 200, 'an administrator without rules of its own')
  for (const method of ['POST', 'PATCH', 'DELETE']) {
    assert.ok((await touch(method, passcode(cloud))).status < 300, method)
    await cloud.clock.advance(STEP)
  }
  await using lenient = await keystoneAlone({ options: { requireMfaForSensitiveAccountActions: false } })
  const there = await enrolled(lenient, [['password', 'totp']])
  assert.equal((await lenient.ask('DELETE', `/v3/credentials/${there.seed}`, { token: (await login(lenient, { password: 'demo-secret', totp: passcode(lenient) }, undefined, { project: { name: 'demo', domain: { id: 'default' } } })).headers['x-subject-token']! })).status, 204)
})

test('who has rules changes its password, and anybody\'s rules, only with a fresh passcode', async () => {
  await using cloud = await keystoneAlone()
  const { id, token: before, admin, options } = await enrolled(cloud, [['password', 'totp']])
  assert.equal((await cloud.ask('GET', '/v3/auth/projects', { token: before })).status, 200)
  const change = (original: string, fresh?: string) => cloud.ask('POST', `/v3/users/${id}/password`, { body: { user: { original_password: original, password: 'another-secret' } }, ...(fresh !== undefined && { headers: { 'openstack-mfa-passcode': fresh } }) })
  assert.equal((await change('wrong', passcode(cloud))).status, 401, 'the password comes first, and the passcode is not used up')
  const [none, wrong] = [await change('demo-secret'), await change('demo-secret', wrongPasscode(cloud))]
  assert.deepEqual([none.status, wrong.status, none.body.error.message], [403, 403, wrong.body.error.message])
  assert.equal((await change('demo-secret', passcode(cloud))).status, 204)

  await cloud.clock.advance(STEP)
  const adminId = (await cloud.ask('GET', '/v3/users?name=admin', { token: admin })).body.users[0].id
  await cloud.ask('POST', '/v3/credentials', { token: admin, body: { credential: { type: 'totp', blob: SEED, user_id: adminId } } })
  const rules = (of: string, fresh?: string) => cloud.ask('PATCH', `/v3/users/${of}`, { token: admin, body: { user: { options: { multi_factor_auth_rules: [['password', 'totp']] } } }, ...(fresh !== undefined && { headers: { 'openstack-mfa-passcode': fresh } }) })
  assert.equal((await rules(adminId)).status, 200, 'the first enrolment')
  assert.deepEqual([(await rules(id)).status, (await options({ multi_factor_auth_enabled: false })).status], [403, 403])
  assert.equal((await rules(id, passcode(cloud))).status, 200)
  assert.equal((await cloud.ask('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { description: 'not about proofs' } } })).status, 200)
})

test('a cloud that is told of a method that there is none of does not start', async () => {
  await assert.rejects(keystoneAlone({ options: { authMethods: ['pasword', 'token'] } }), /auth_methods names pasword: there are password, token, application_credential, totp/)
})

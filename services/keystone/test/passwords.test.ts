// What a site may ask of passwords, and what guessers learn: through the API.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone, type Answer } from './cloud.ts'

const DAY = 86_400_000
const NOBODY = { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' }

/** A site with these options, and its user ann; everybody's token is good for a year, so that days may pass. */
async function withAnn(given: Parameters<typeof keystoneAlone>[0] extends { options?: infer O } | undefined ? O : never = {}, user: object = {}) {
  const cloud = await keystoneAlone({ options: { tokenExpiration: 31_536_000, ...given } })
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown) => cloud.ask(method, `/v3${path}`, { token, ...(body !== undefined && { body }) })
  const made = await as('POST', '/users', { user: { name: 'ann', password: 'first', ...user } })
  assert.equal(made.status, 201)
  const { id } = made.body.user
  return Object.assign(cloud, {
    as, id, made: made.body.user,
    tryLogin: (password: string, name = 'ann'): Promise<Answer> => cloud.login(name, password, 'unscoped'),
    patch: (changes: object) => as('PATCH', `/users/${id}`, { user: changes }),
    change: (original: string, password: string, of = id) => cloud.ask('POST', `/v3/users/${of}/password`, { body: { user: { original_password: original, password } } }),
  })
}

test('a user\'s options are of the kinds that upstream knows, and null takes one away', async () => {
  await using cloud = await withAnn({}, { options: { ignore_password_expiry: true } })
  assert.deepEqual(cloud.made.options, { ignore_password_expiry: true })
  assert.deepEqual((await cloud.patch({ options: { ignore_password_expiry: null, multi_factor_auth_rules: [['password', 'totp'], ['password']] } })).body.user.options, { multi_factor_auth_rules: [['password', 'totp'], ['password']] })
  for (const options of [
    { colour: 'red' }, { lock_password: 'true' }, { lock_password: 1 }, { multi_factor_auth_rules: 'x' }, { multi_factor_auth_rules: [[]] }, { multi_factor_auth_rules: [['a'], ['a']] },
    { multi_factor_auth_rules: [['a', 'a']] }, { multi_factor_auth_rules: [[1]] }, [], null,
  ]) assert.equal((await cloud.patch({ options })).status, 400, JSON.stringify(options))
})

test('a user stays in its domain, keeps its id, and has no domain for its default project', async () => {
  await using cloud = await withAnn()
  for (const [changes, message] of [
    [{ domain_id: 'other' }, 'Cannot change Domain ID'], [{ id: 'other' }, 'Cannot change ID'], [{ default_project_id: 'default' }, "User's default project ID cannot be a domain ID: default"],
    [{}, 'Invalid input for field/attribute user. Value: {}. {} should be non-empty'],
  ] as const) assert.deepEqual((await cloud.patch(changes)).body.error, { code: 400, title: 'Bad Request', message }, message)
  assert.equal((await cloud.patch({ default_project_id: 'gone', domain_id: 'default', id: cloud.id })).body.user.default_project_id, 'gone')
  const login = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: cloud.id, password: 'first' } } } } } })
  assert.deepEqual([login.status, login.body.token.project], [201, undefined])
  assert.equal((await cloud.as('POST', '/users', { user: { name: 'bob', default_project_id: 'default' } })).status, 400)
})

test('a change of password is for who knows the old one, and wants both', async () => {
  await using cloud = await withAnn()
  assert.deepEqual((await cloud.change('wrong', 'second')).body.error, NOBODY)
  assert.deepEqual((await cloud.change('first', 'second', 'nobody')).body.error, NOBODY)
  for (const user of [{ password: 'x' }, { original_password: 'first' }, { original_password: 'first', password: null }, { original_password: 'first', password: 'x', name: 'y' }]) {
    assert.equal((await cloud.ask('POST', `/v3/users/${cloud.id}/password`, { body: { user } })).status, 400, JSON.stringify(user))
  }
  assert.equal((await cloud.change('first', 'second')).status, 204)
  await cloud.patch({ options: { lock_password: true } })
  assert.match((await cloud.change('second', 'third')).body.error.message, /policy disallowing password changes/)
  assert.equal((await cloud.patch({ password: 'third' })).status, 200)
  assert.equal((await cloud.tryLogin('third')).status, 201)
  assert.equal((await cloud.patch({ password: null })).status, 200)
  assert.equal((await cloud.tryLogin('third')).status, 401)
})

test('a new password meets the site\'s requirements, whoever sets it, and the refusal says them', async () => {
  await using cloud = await withAnn({ passwordRegex: '(?=.*\\d).{5,}$', passwordRegexDescription: 'five characters, a digit among them' }, { password: 'first1' })
  const refusal = { code: 400, title: 'Bad Request', message: 'The password does not match the requirements: five characters, a digit among them.' }
  assert.deepEqual((await cloud.as('POST', '/users', { user: { name: 'bob', password: 'short' } })).body.error, refusal)
  assert.deepEqual((await cloud.patch({ password: 'longenough' })).body.error, refusal)
  assert.deepEqual((await cloud.change('first1', 'no')).body.error, refusal)
  assert.equal((await cloud.change('first1', 'second2')).status, 204)
})

test('a site whose requirement is no regular expression does not start', async () => {
  await assert.rejects(keystoneAlone({ options: { passwordRegex: '(' } }), /password_regex is not a regular expression: \(/)
})

test('a password expires, only its owner is told, and can still be changed', async () => {
  await using cloud = await withAnn({ passwordExpiresDays: 30 })
  const expires = new Date(Math.floor(cloud.clock.now() / 1000) * 1000 + 30 * DAY).toISOString().replace('Z', '000')
  assert.equal(cloud.made.password_expires_at, expires)
  assert.equal((await cloud.tryLogin('first')).body.token.user.password_expires_at, expires)
  await cloud.clock.advance(30 * DAY)
  assert.deepEqual((await cloud.tryLogin('first')).body.error, { ...NOBODY, message: `The password is expired and needs to be changed for user: ${cloud.id}.` })
  assert.deepEqual((await cloud.tryLogin('wrong')).body.error, NOBODY)
  assert.equal((await cloud.change('first', 'second')).status, 204)
  assert.equal((await cloud.tryLogin('second')).status, 201)
  await cloud.clock.advance(31 * DAY)
  assert.equal((await cloud.tryLogin('second')).status, 401)
  await cloud.patch({ options: { ignore_password_expiry: true } })
  assert.equal((await cloud.tryLogin('second')).status, 201)
})

test('users are found by when their passwords end', async () => {
  await using cloud = await withAnn({ passwordExpiresDays: 30 })
  const at = cloud.made.password_expires_at.slice(0, 19)
  const found = async (asked: string) => ((await cloud.as('GET', `/users?name=ann&password_expires_at=${asked}`)).body.users ?? []).length
  for (const [asked, count] of [[`lte:${at}Z`, 1], [`lt:${at}Z`, 0], [`gte:${at}`, 1], [`gt:${at}Z`, 0], [`eq:${at}Z`, 1], [`${at}Z`, 1], [`neq:${at}Z`, 0], ['lt:2999-01-01', 1], ['gt:2999-01-01T00:00:00Z', 0]] as const) {
    assert.equal(await found(asked), count, asked)
  }
  assert.match((await cloud.as('GET', '/users?password_expires_at=xx:2016')).body.error.message, /^The given operator xx is not valid/)
  assert.equal((await cloud.as('GET', '/users?password_expires_at=lt:soon')).status, 400)
})

test('a password that an administrator set is good for being changed only, where the site wants it so', async () => {
  await using cloud = await withAnn({ changePasswordUponFirstUse: true })
  assert.match((await cloud.tryLogin('first')).body.error.message, /is expired/)
  assert.equal((await cloud.change('first', 'second')).status, 204)
  assert.equal((await cloud.tryLogin('second')).status, 201)
  await cloud.patch({ password: 'third' })
  assert.equal((await cloud.tryLogin('third')).status, 401)
  await cloud.patch({ options: { ignore_change_password_upon_first_use: true } })
  await cloud.patch({ password: 'fourth' })
  assert.equal((await cloud.tryLogin('fourth')).status, 201)
})

test('the last passwords do not come again, but those before them may', async () => {
  await using cloud = await withAnn({ uniqueLastPasswordCount: 2 })
  assert.deepEqual((await cloud.change('first', 'first')).body.error.message, 'The new password cannot be identical to a previous password. The total number which includes the new password must be unique is 2.')
  assert.equal((await cloud.change('first', 'second')).status, 204)
  assert.equal((await cloud.change('second', 'first')).status, 400)
  assert.equal((await cloud.change('second', 'third')).status, 204)
  assert.equal((await cloud.change('third', 'first')).status, 204)
  assert.equal((await cloud.tryLogin('second')).status, 401)
})

test('a password of a user\'s own choice is kept for some days; one that was given to it need not be', async () => {
  await using cloud = await withAnn({ minimumPasswordAge: 2 })
  assert.equal((await cloud.change('first', 'second')).status, 204)
  assert.match((await cloud.change('second', 'third')).body.error.message, /must be used for 2 day\(s\) .* try again in 2 day\(s\)/)
  await cloud.clock.advance(DAY + 1)
  assert.match((await cloud.change('second', 'third')).body.error.message, /try again in 0 day\(s\)/)
  await cloud.clock.advance(DAY)
  assert.equal((await cloud.change('second', 'third')).status, 204)
})

test('after too many failed logins not even the right password helps, nor does it say why, until the time is over', async () => {
  await using cloud = await withAnn({ lockoutFailureAttempts: 2, lockoutDuration: 60 })
  assert.equal((await cloud.tryLogin('wrong')).status, 401)
  assert.equal((await cloud.tryLogin('first')).status, 201)                 // a good login forgets the bad ones
  for (const password of ['wrong', 'wrong', 'first']) assert.deepEqual((await cloud.tryLogin(password)).body.error, NOBODY)
  assert.deepEqual((await cloud.change('first', 'second')).body.error, NOBODY)
  await cloud.clock.advance(59_000)
  assert.equal((await cloud.tryLogin('first')).status, 401)                 // asking while it is locked does not count
  await cloud.clock.advance(1000)
  assert.equal((await cloud.tryLogin('wrong')).status, 401)                 // counted from one again
  assert.equal((await cloud.tryLogin('first')).status, 201)
})

test('guesses at one time are counted as guesses one after the other', async () => {
  await using cloud = await withAnn({ lockoutFailureAttempts: 3 })
  const guesses = await Promise.all([...Array.from({ length: 20 }, (_, i) => `guess${i}`), 'first'].map(password => cloud.tryLogin(password)))
  assert.deepEqual([...new Set(guesses.map(guess => guess.status))], [401])
})

test('an administrator ends a lockout by enabling the user, and exempts one by its option', async () => {
  await using cloud = await withAnn({ lockoutFailureAttempts: 1, lockoutDuration: 0 })
  await cloud.tryLogin('wrong')
  await cloud.clock.advance(365 * DAY - 1000)
  assert.equal((await cloud.tryLogin('first')).status, 401)
  assert.equal((await cloud.patch({ enabled: true })).status, 200)
  assert.equal((await cloud.tryLogin('first')).status, 201)
  await cloud.tryLogin('wrong')
  await cloud.patch({ options: { ignore_lockout_failure_attempts: true } })
  assert.equal((await cloud.tryLogin('first')).status, 201)
})

test('no stranger locks a service out', async () => {
  await using cloud = await withAnn({ lockoutFailureAttempts: 1, passwordExpiresDays: 1, changePasswordUponFirstUse: true, disableUserAccountDaysInactive: 1 })
  await cloud.tryLogin('wrong', 'nova')
  await cloud.clock.advance(9 * DAY)
  assert.equal((await cloud.login('nova')).status, 201)
})

test('who does not log in for long counts as disabled, until an administrator says otherwise', async () => {
  await using cloud = await withAnn({ disableUserAccountDaysInactive: 10 })
  await cloud.clock.advance(9 * DAY)
  assert.equal((await cloud.tryLogin('first')).status, 201)
  await cloud.clock.advance(9 * DAY)
  assert.equal((await cloud.as('GET', `/users/${cloud.id}`)).body.user.enabled, true)
  await cloud.clock.advance(DAY)
  assert.equal((await cloud.as('GET', `/users/${cloud.id}`)).body.user.enabled, false)
  assert.deepEqual((await cloud.tryLogin('first')).body.error, NOBODY)
  assert.equal((await cloud.patch({ enabled: true })).body.user.enabled, true)
  assert.equal((await cloud.tryLogin('first')).status, 201)
  await cloud.clock.advance(20 * DAY)
  await cloud.patch({ options: { ignore_user_inactivity: true } })
  assert.equal((await cloud.tryLogin('first')).status, 201)
})

test('missing, disabled and locked users and wrong passwords are one answer', async () => {
  await using cloud = await withAnn({ lockoutFailureAttempts: 5 })
  await cloud.as('POST', '/users', { user: { name: 'off', password: 'off-secret', enabled: false } })
  await cloud.as('POST', '/users', { user: { name: 'none' } })
  const answers = [await cloud.tryLogin('wrong'), await cloud.tryLogin('x', 'missing'), await cloud.tryLogin('off-secret', 'off'), await cloud.tryLogin('wrong', 'off'), await cloud.tryLogin('x', 'none')]
  for (const answer of answers) assert.deepEqual([answer.status, answer.body], [401, { error: NOBODY }])
})

test('who counts as disabled for not having been there gets no token by another proof either', async () => {
  await using cloud = await withAnn({ disableUserAccountDaysInactive: 1 })
  const { token } = await cloud.login('ann', 'first', 'unscoped')
  await cloud.clock.advance(2 * DAY)
  const again = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: token } } } } })
  assert.deepEqual([again.status, again.body.error], [401, NOBODY])
})

test('a project that goes is nobody\'s default any more, and a domain takes its roles along', async () => {
  await using cloud = await withAnn()
  const { body: { project } } = await cloud.as('POST', '/projects', { project: { name: 'p' } })
  assert.equal((await cloud.patch({ default_project_id: project.id })).body.user.default_project_id, project.id)
  assert.equal((await cloud.as('DELETE', `/projects/${project.id}`)).status, 204)
  assert.equal((await cloud.as('GET', `/users/${cloud.id}`)).body.user.default_project_id, undefined)
  const { body: { domain } } = await cloud.as('POST', '/domains', { domain: { name: 'd' } })
  const { body: { role } } = await cloud.as('POST', '/roles', { role: { name: 'r', domain_id: domain.id } })
  await cloud.as('PATCH', `/domains/${domain.id}`, { domain: { enabled: false } })
  assert.equal((await cloud.as('DELETE', `/domains/${domain.id}`)).status, 204)
  assert.equal((await cloud.as('GET', `/roles/${role.id}`)).status, 404)
})

test('a password that an operator chose for the first start is as dear to guess as any other; a long random one needs no cost', async () => {
  await using cloud = await keystoneAlone({ options: { passwordHashRounds: 5 } })
  const users = [{ name: 'chosen', password: 'summer2026', grants: [] }, { name: 'made', password: 'muRKWIq2p6qHOOWdreShkbDA', grants: [] }]
  await cloud.keystone.bootstrap({ region: undefined, projects: [], endpoints: [], users })
  const hashOf = async (name: string) => (await cloud.db.read(tx => tx.selectFrom('passwords').innerJoin('users', 'users.id', 'passwords.user_id').select('hash').where('users.name', '=', name).executeTakeFirstOrThrow())).hash
  assert.match((await hashOf('chosen'))!, /^\$2[aby]\$05\$/)
  assert.match((await hashOf('made'))!, /^\$2[aby]\$04\$/)
  for (const { name, password } of users) assert.equal((await cloud.login(name, password, 'unscoped')).status, 201)
})

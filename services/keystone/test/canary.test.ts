// No secret of identity's reaches a log, of any level, or a body that refuses something: each is a canary here, in good requests and in bad ones.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { passcodeAt, seedOf, STEP } from '../driver/totp.ts'
import { keystoneAlone, type Answer } from './cloud.ts'

const PASSWORD = 'canary-of-a-password'
const SEED = 'CANARYOFASEEDAAAAAAAAAAAAAAAAAAA'
const USER = { name: 'carol', domain: { id: 'default' } }

test('passwords, seeds, passcodes, keys, signatures, tokens and receipts are in no log and in no refusal', async () => {
  await using cloud = await keystoneAlone()
  const answers: Answer[] = []
  const secrets: string[] = [PASSWORD, SEED, 'admin-secret', 'nova-secret']
  const ask = async (method: string, path: string, opts: Parameters<typeof cloud.ask>[2] = {}) => {
    const answer = await cloud.ask(method, path, opts)
    answers.push(answer)
    for (const name of ['x-subject-token', 'openstack-auth-receipt']) secrets.push(answer.headers[name] ?? PASSWORD)
    return answer
  }
  const login = (identity: Record<string, unknown>, headers = {}, scope: unknown = 'unscoped') => ask('POST', '/v3/auth/tokens', { body: { auth: { identity, scope } }, headers })
  const byPassword = (password: unknown) => ({ methods: ['password'], password: { user: { ...USER, password } } })
  const byPasscode = (passcode: unknown) => ({ methods: ['totp'], totp: { user: { ...USER, passcode } } })
  const secret = (text: string) => { secrets.push(text); return text }

  const admin = (await cloud.login('admin')).token
  const service = (await cloud.login('nova')).token
  secrets.push(admin, service)
  const user = (await ask('POST', '/v3/users', { token: admin, body: { user: { ...USER, password: PASSWORD } } })).body.user.id as string
  const project = (await cloud.ask('GET', '/v3/projects?name=demo', { token: admin })).body.projects[0].id as string
  const member = (await cloud.ask('GET', '/v3/roles?name=member', { token: admin })).body.roles[0].id as string
  await ask('PUT', `/v3/projects/${project}/users/${user}/roles/${member}`, { token: admin })
  const own = (await login(byPassword(PASSWORD), {}, { project: { id: project } })).headers['x-subject-token']!

  // passwords
  for (const bad of [secret('a-wrong-canary'), [secret('a-canary-in-a-list')], { deep: secret('a-canary-in-a-map') }, `${secret('a-long-canary')}${'x'.repeat(5000)}`, 7]) await login(byPassword(bad))
  await ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: secret('a-canary-in-the-wrong-place') } } } })
  await ask('POST', `/v3/users/${user}/password`, { body: { user: { original_password: secret('a-canary-of-before'), password: secret('a-canary-of-after') } } })
  await ask('POST', `/v3/users/${user}/password`, { body: { user: { original_password: PASSWORD, password: [secret('a-canary-that-is-none')] } } })
  await ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { password: `${secret('a-canary-too-long')}${'x'.repeat(5000)}` } } })
  await ask('PATCH', `/v3/users/${user}`, { token: own, body: { user: { password: secret('a-canary-of-a-stranger') } } })

  // seeds and passcodes
  const seed = (await ask('POST', '/v3/credentials', { token: own, body: { credential: { type: 'totp', blob: SEED, user_id: user } } })).body.credential.id as string
  const passcode = secret(passcodeAt(seedOf(SEED)!, Math.floor(cloud.clock.now() / STEP)))
  await login(byPasscode(passcode))
  await login(byPasscode(passcode))
  for (const bad of [secret('canary-as-a-passcode'), [secret('canary-as-a-list')], `${secret('canary-of-length')}${'x'.repeat(500)}`]) await login(byPasscode(bad))
  await ask('PATCH', `/v3/credentials/${seed}`, { token: own, body: { credential: { blob: { of: secret('a-canary-as-a-map') } } } })
  await ask('PATCH', `/v3/credentials/${seed}`, { token: own, body: { credential: { blob: `${secret('a-canary-without-end')}${'x'.repeat(70_000)}` } } })

  // EC2 keys and signatures
  const ec2 = (blob: string) => ask('POST', '/v3/credentials', { token: own, body: { credential: { type: 'ec2', blob, user_id: user, project_id: project } } })
  await ec2(`{"secret": "${secret('canary-without-access')}"}`)
  await ec2(`{"secret": "${secret('canary-in-no-json')}`)
  await ec2(JSON.stringify({ access: [secret('canary-as-an-access')], secret: 'x' }))
  const keys = (await ask('POST', `/v3/users/${user}/credentials/OS-EC2`, { token: own, body: { tenant_id: project } })).body.credential as { access: string, secret: string }
  await ask('GET', `/v3/users/${user}/credentials/OS-EC2/${keys.access}`, { token: own })
  secret(keys.secret)
  const params = { Action: 'A', SignatureVersion: '1', Timestamp: '2026-01-01T00:00:00Z' }
  const signature = secret(createHmac('sha1', keys.secret).update(Object.entries(params).flat().join('')).digest('base64'))
  for (const credentials of [{ access: keys.access, signature, params }, { access: keys.access, signature, params: { ...params, Action: 'B' } }, { access: keys.access, signature: [signature] }, { access: keys.access, signature: `${signature}${'x'.repeat(2000)}` }]) {
    for (const path of ['/v3/ec2tokens', '/v3/s3tokens']) await ask('POST', path, { token: service, body: { credentials } })
  }

  // tokens and receipts, in every place where somebody may put one
  await ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { options: { multi_factor_auth_rules: [['password', 'totp']] } } } })
  const receipt = (await login(byPassword(PASSWORD))).headers['openstack-auth-receipt']!
  await login(byPassword('nothing'), { 'openstack-auth-receipt': receipt })
  await login(byPassword(PASSWORD), { 'openstack-auth-receipt': `${receipt}x` })
  await login({ methods: ['token'], token: { id: `${own}${'x'.repeat(5000)}` } })
  await login({ methods: ['token'], token: { id: [own] } })
  await login({ methods: ['token'], token: { id: receipt } })
  for (const path of [`/v3/auth/tokens/${own}`, `/v3/users/${own}`, `/v3/credentials/${own}`, `/v3/users?name=${own}`]) await cloud.ask('GET', path, { token: admin })     // who asked is told what it asked for; the log is not
  await ask('GET', '/v3/auth/tokens', { token: admin, headers: { 'x-subject-token': `${own}x` } })
  await ask('DELETE', '/v3/auth/tokens', { token: own, headers: { 'x-subject-token': own } })
  await ask('GET', '/v3/auth/tokens', { token: own, headers: { 'x-subject-token': own } })

  const logs = inspect(cloud.log.lines, { depth: 20, maxArrayLength: null, maxStringLength: null })
  const refusals = inspect(answers.filter(one => one.status >= 400).map(one => one.body), { depth: 20, maxArrayLength: null, maxStringLength: null })
  assert.ok(answers.filter(one => one.status >= 400).length > 20)
  assert.equal(answers.find(one => one.status >= 500), undefined)
  for (const one of new Set(secrets)) {
    assert.ok(!logs.includes(one), `${one} in a log`)
    assert.ok(!refusals.includes(one), `${one} in a refusal`)
  }
})

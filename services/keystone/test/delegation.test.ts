// What is had by delegation gives no more, whatever is tried with it: every kind of delegation by every scope, and by everything that outlives a token.
// (OSSA-2013-032, 2014-018, 2020-004, 2026-005.) Alice could do much more than she delegates, so that an escape shows.
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone, type Answer, type Cloud } from './cloud.ts'
import { delegates, rolesIn } from './delegates.ts'

type Delegates = Awaited<ReturnType<typeof delegates>>
type Token = Answer & { token: string }

/** Alice is manager here, admin in another project, in her domain and of the system; member is what she delegates. */
async function powerful(cloud: Cloud): Promise<Delegates & { vault: string }> {
  const d = await delegates(cloud, ['manager'])
  const vault = (await d.asAdmin('POST', '/v3/projects', { project: { name: 'vault', domain_id: 'default' } })).project.id as string
  await d.grant('PUT', d.alice, 'admin', vault)
  await d.asAdmin('PUT', `/v3/domains/default/users/${d.alice}/roles/${d.role('admin')}`)
  await d.asAdmin('PUT', `/v3/system/users/${d.alice}/roles/${d.role('admin')}`)
  await d.asAdmin('PATCH', `/v3/users/${d.alice}`, { user: { default_project_id: vault } })
  return { ...d, vault }
}

const MEMBER = { roles: [{ name: 'member' }] }
const RULES = [['GET', '/v3/**'], ['POST', '/v3/**'], ['PATCH', '/v3/**'], ['DELETE', '/v3/**']].map(([method, path]) => ({ service: 'identity', method, path }))

/** Each way to act for alice with her role member, and its token. */
const KINDS: Readonly<Record<string, (cloud: Cloud, d: Delegates) => Promise<Token>>> = {
  'a trust': async (_, d) => d.byTrust('bob', (await d.trust(await d.tokenOf('alice'), MEMBER)).body.trust.id),
  'a trust with impersonation': async (_, d) => d.byTrust('bob', (await d.trust(await d.tokenOf('alice'), { ...MEMBER, impersonation: true })).body.trust.id),
  'a trust that may be passed on': async (_, d) => d.byTrust('bob', (await d.trust(await d.tokenOf('alice'), { ...MEMBER, impersonation: true, allow_redelegation: true })).body.trust.id),
  'a trust that was passed on': async (_, d) => {
    const { token } = await d.byTrust('bob', (await d.trust(await d.tokenOf('alice'), { ...MEMBER, impersonation: true, allow_redelegation: true })).body.trust.id)
    return d.byTrust('carol', (await d.trust(token, { ...MEMBER, impersonation: true, trustee_user_id: d.carol })).body.trust.id)
  },
  'an application credential': async (_, d) => d.byCredential((await d.credential(await d.tokenOf('alice'), MEMBER)).body.application_credential),
  'an unrestricted application credential': async (_, d) => d.byCredential((await d.credential(await d.tokenOf('alice'), { ...MEMBER, unrestricted: true })).body.application_credential),
  'an application credential with access rules': async (_, d) => d.byCredential((await d.credential(await d.tokenOf('alice'), { ...MEMBER, unrestricted: true, access_rules: RULES })).body.application_credential),
  'an EC2 signature': async (cloud, d) => {
    const { body: { credential } } = await cloud.ask('POST', `/v3/users/${d.alice}/credentials/OS-EC2`, { token: await d.tokenOf('alice'), body: { tenant_id: d.project } })
    const params = { Action: 'DescribeInstances', SignatureVersion: '1', Timestamp: new Date(cloud.clock.now()).toISOString() }
    const signature = createHmac('sha1', credential.secret).update(Object.entries(params).flat().join('')).digest('base64')
    const answer = await cloud.ask('POST', '/v3/ec2tokens', { token: (await cloud.login('nova')).token, body: { credentials: { access: credential.access, signature, host: 'ec2', verb: 'GET', path: '/', params } } })
    return { ...answer, token: answer.headers['x-subject-token'] ?? '' }
  },
}

const scopesOf = (d: Delegates & { vault: string }): Record<string, unknown> => ({
  'its own project': { project: { id: d.project } }, 'another project': { project: { id: d.vault } }, 'a domain': { domain: { id: 'default' } }, 'the system': { system: { all: true } }, 'no scope': 'unscoped', 'whatever is the default': undefined,
})

/** What is had is no more than `parent`: in its project, with its roles, as its user or as who was entrusted. */
function assertNoMore(parent: Answer, had: Answer, what: string): void {
  const [more, less] = [had.body.token, parent.body.token]
  assert.equal(more.project?.id, less.project.id, `${what}: another scope`)
  assert.ok(rolesIn(had.body).every(role => rolesIn(parent.body).includes(role)), `${what}: ${rolesIn(had.body)} of ${rolesIn(parent.body)}`)
}

for (const [kind, open] of Object.entries(KINDS)) {
  test(`${kind} gives a token of its project with its roles, and this gives no other token`, async () => {
    await using cloud = await keystoneAlone()
    const d = await powerful(cloud)
    const parent = await open(cloud, d)
    assert.ok(parent.status < 300, JSON.stringify(parent.body))
    assert.deepEqual([parent.body.token.project.id, rolesIn(parent.body)], [d.project, kind.startsWith('an EC2') ? ['manager', 'member', 'reader'] : ['member', 'reader']])
    for (const [name, scope] of Object.entries(scopesOf(d))) {
      const again = await d.authenticate({ methods: ['token'], token: { id: parent.token } }, scope)
      const why = kind.startsWith('a trust') ? 'Using trust-scoped token to create another token. Create a new trust-scoped token instead.' : 'Using a delegated token to create another token is not allowed.'
      assert.deepEqual([again.status, again.body.error?.message], [403, `You are not authorized to perform the requested action: ${why}`], name)
      const both = await d.authenticate({ ...d.byPassword('bob'), methods: ['password', 'token'], token: { id: parent.token } }, scope)
      assert.ok(both.status === 401 || both.status === 403, `${name}, with a password beside it`)
    }
  })

  test(`nothing that is made with a token of ${kind} is worth more than it`, async () => {
    await using cloud = await keystoneAlone()
    const d = await powerful(cloud)
    const parent = await open(cloud, d)
    const own = parent.body.token.user.id as string
    const post = (path: string, body: unknown) => cloud.ask('POST', path, { token: parent.token, body })
    const roleSets = [undefined, ...['reader', 'member', 'manager', 'admin'].map(name => [{ name }])]

    for (const user of [d.alice, d.bob]) for (const roles of roleSets) for (const unrestricted of [true, false]) {
      const what = `an application credential (${JSON.stringify(roles)})`
      const made = await post(`/v3/users/${user}/application_credentials`, { application_credential: { name: `${user}${JSON.stringify(roles)}${unrestricted}`, roles, unrestricted } })
      if (made.status === 201) assertNoMore(parent, await d.byCredential(made.body.application_credential), what)
      else assert.ok(made.status < 500, what)
      assert.ok(made.status !== 201 || kind === 'an unrestricted application credential', `${what} was made`)
    }
    for (const trustor of [d.alice, d.bob, own]) for (const roles of roleSets) for (const project of [d.project, d.vault]) for (const impersonation of [true, false]) {
      const what = `a trust (${JSON.stringify(roles)})`
      const made = await post('/v3/OS-TRUST/trusts', { trust: { trustor_user_id: trustor, trustee_user_id: d.dave, project_id: project, roles, impersonation, allow_redelegation: true } })
      if (made.status === 201) assertNoMore(parent, await d.byTrust('dave', made.body.trust.id), what)
      else assert.ok(made.status < 500, what)
      assert.ok(made.status !== 201 || kind === 'a trust that may be passed on', `${what} was made`)
    }
    for (const project of [d.project, d.vault]) {
      assert.notEqual((await post(`/v3/users/${own}/credentials/OS-EC2`, { tenant_id: project })).status, 201)
      for (const type of ['ec2', 'totp', 'cert']) assert.notEqual((await post('/v3/credentials', { credential: { type, user_id: own, project_id: project, blob: '{"access":"a","secret":"b"}' } })).status, 201, type)
    }
  })
}

test('a password or a token beside a trust or a credential adds nothing to it', async () => {
  await using cloud = await keystoneAlone()
  const d = await powerful(cloud)
  const token = await d.tokenOf('alice', { project: { id: d.vault } })
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), MEMBER)
  const application_credential = { id: made.id, secret: made.secret }
  for (const beside of [{ ...d.byPassword('alice'), methods: ['password', 'application_credential'] }, { methods: ['token', 'application_credential'], token: { id: token } }, { methods: ['application_credential', 'token'], token: { id: token } }]) {
    const had = await d.authenticate({ ...beside, application_credential })
    assert.deepEqual([had.status, had.body.token?.project.id, had.status === 201 ? rolesIn(had.body) : []], [201, d.project, ['member', 'reader']], JSON.stringify(beside.methods))
    assert.equal((await d.authenticate({ methods: ['token'], token: { id: had.token } }, { project: { id: d.vault } })).status, 403)
  }
})

test('an application credential among several proofs bounds the token, in whatever order they are shown', async () => {
  await using cloud = await keystoneAlone()
  const d = await powerful(cloud)
  const { body: { application_credential: made } } = await d.credential(await d.tokenOf('alice'), MEMBER)
  await d.asAdmin('PATCH', `/v3/users/${d.alice}`, { user: { options: { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'application_credential']] } } })
  const proofs = { password: d.byPassword('alice'), application_credential: { methods: ['application_credential'], application_credential: { id: made.id, secret: made.secret } } }
  const show = (proof: keyof typeof proofs, receipt?: string) => cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: proofs[proof] } }, ...(receipt !== undefined && { headers: { 'openstack-auth-receipt': receipt } }) })
  for (const [first, second, status] of [['password', 'application_credential', 201], ['application_credential', 'password', 401]] as const) {
    const { headers: { 'openstack-auth-receipt': receipt } } = await show(first)
    assert.ok(receipt, first)
    const had = await show(second, receipt)
    assert.equal(had.status, status, JSON.stringify(had.body))
    if (status === 201) assert.deepEqual([had.body.token.project.id, rolesIn(had.body)], [d.project, ['member', 'reader']])
  }
})

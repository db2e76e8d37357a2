// Trusts as clients see them: who gives, has and sees them, what a token of one is worth, and what ends it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'
import { delegates, rolesIn } from './delegates.ts'

const REFUSED = { error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' } }

test('a trust is shown with its roles, listed without, and gone when it is taken back', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const made = await d.trust(token, { expires_at: '2027-01-01T00:00:00.654321Z', note: 'kept' })
  const { id } = made.body.trust
  const role = { id: d.role('member'), name: 'member', domain_id: null, description: null, options: { immutable: true }, links: { self: `http://cloud/v3/roles/${d.role('member')}` } }
  const summary = {
    id, trustor_user_id: d.alice, trustee_user_id: d.bob, project_id: d.project, impersonation: false, expires_at: '2027-01-01T00:00:00.000000Z', remaining_uses: null, deleted_at: null,
    redelegated_trust_id: null, redelegation_count: 0, note: 'kept', links: { self: `http://cloud/v3/OS-TRUST/trusts/${id}` },
  }
  const roles_links = { self: `http://cloud/v3/OS-TRUST/trusts/${id}/roles`, next: null, previous: null }
  assert.deepEqual([made.status, made.body], [201, { trust: { ...summary, roles: [role], roles_links } }])
  assert.deepEqual((await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}`, { token })).body, made.body)
  const list = `OS-TRUST/trusts?trustor_user_id=${d.alice}`
  assert.deepEqual((await cloud.ask('GET', `/v3/${list}`, { token })).body, { trusts: [summary], links: { self: `http://cloud/v3/${list}`, previous: null, next: null } })
  assert.deepEqual((await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}/roles`, { token })).body, { roles: [role], links: roles_links })
  assert.deepEqual((await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}/roles/${role.id}`, { token })).body, { role })
  assert.equal((await cloud.ask('HEAD', `/v3/OS-TRUST/trusts/${id}/roles/${role.id}`, { token })).status, 200)
  for (const method of ['GET', 'HEAD']) assert.equal((await cloud.ask(method, `/v3/OS-TRUST/trusts/${id}/roles/${d.role('reader')}`, { token })).status, 404)

  assert.equal((await cloud.ask('DELETE', `/v3/OS-TRUST/trusts/${id}`, { token })).status, 204)
  for (const [method, path] of [['GET', ''], ['DELETE', ''], ['GET', '/roles'], ['GET', `/roles/${role.id}`]] as const) {
    const { status, body } = await cloud.ask(method, `/v3/OS-TRUST/trusts/${id}${path}`, { token })
    assert.deepEqual([status, body.error.message], [404, `Could not find trust: ${id}.`])
  }
  assert.deepEqual((await cloud.ask('GET', `/v3/${list}`, { token })).body.trusts, [])
})

test('a trust is seen by its trustor, its trustee and administrators, and taken back by its trustor or an administrator', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const tokens = { alice: await d.tokenOf('alice'), bob: await d.tokenOf('bob'), carol: await d.tokenOf('carol'), admin: d.admin }
  const { body: { trust: { id } } } = await d.trust(tokens.alice)
  const statuses = async (method: string, path: string) => Object.fromEntries(await Promise.all(Object.entries(tokens).map(async ([name, token]) => [name, (await cloud.ask(method, `/v3/OS-TRUST/trusts${path}`, { token })).status])))
  for (const path of [`/${id}`, `/${id}/roles`, `/${id}/roles/${d.role('member')}`]) assert.deepEqual(await statuses('GET', path), { alice: 200, bob: 200, carol: 403, admin: 200 }, path)
  assert.deepEqual(await statuses('GET', ''), { alice: 403, bob: 403, carol: 403, admin: 200 })
  assert.deepEqual(await statuses('GET', `?trustor_user_id=${d.alice}`), { alice: 200, bob: 403, carol: 403, admin: 200 })
  assert.deepEqual(await statuses('GET', `?trustee_user_id=${d.bob}`), { alice: 403, bob: 200, carol: 403, admin: 200 })
  assert.deepEqual(await statuses('GET', '/none'), { alice: 404, bob: 404, carol: 404, admin: 404 })
  for (const name of ['bob', 'carol'] as const) assert.equal((await cloud.ask('DELETE', `/v3/OS-TRUST/trusts/${id}`, { token: tokens[name] })).status, 403, name)
  assert.equal((await cloud.ask('DELETE', `/v3/OS-TRUST/trusts/${id}`, { token: d.admin })).status, 204)
})

test('nobody gives what is not theirs, or in another name, or with terms that make no sense', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const demo = (await d.asAdmin('GET', '/v3/projects?name=demo')).projects[0].id
  for (const [status, given] of [
    [403, { trustor_user_id: d.carol }], [404, { trustee_user_id: 'nobody' }], [404, { roles: [{ name: 'admin' }] }], [404, { roles: [{ id: 'none' }] }], [404, { roles: [{ name: 'none' }] }],
    [404, { project_id: 'none' }], [404, { project_id: demo }], [404, { project_id: null }], [403, { roles: [] }], [403, { roles: undefined }],
    [400, { roles: [{ id: d.role('member'), name: 'member' }] }], [400, { roles: [{}] }], [400, { impersonation: undefined }], [400, { impersonation: 'yes' }], [400, { trustee_user_id: undefined }],
    [400, { expires_at: 'bad.123Z' }], [400, { expires_at: '2027-01-01' }], [400, { expires_at: '2027-02-31T25:00:00Z' }], [400, { expires_at: '2001-01-01T00:00:00Z' }],
    [400, { remaining_uses: 0 }], [400, { remaining_uses: 1.5 }], [400, { remaining_uses: 2, allow_redelegation: true }], [403, { allow_redelegation: true, redelegation_count: 4 }], [400, { redelegation_count: -1 }],
    [400, { redelegated_trust_id: 'another' }],
  ] as const) assert.equal((await d.trust(token, given)).status, status, JSON.stringify(given))
  const counts = []
  for (const given of [{ allow_redelegation: true }, { allow_redelegation: true, redelegation_count: 2 }, { allow_redelegation: true, redelegation_count: 0 }, { redelegation_count: 2 }, { allow_redelegation: null, redelegation_count: null, remaining_uses: null, expires_at: null }]) {
    counts.push((await d.trust(token, given)).body.trust.redelegation_count)
  }
  assert.deepEqual(counts, [3, 2, 0, 0, 0])
  assert.equal((await d.trust(token, { project_id: null, roles: [] })).status, 201, 'a trust that gives nothing may be made')
})

test('the trustee has a token of the trust, as itself or as the trustor, with the roles given and what they imply', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['manager'])
  const token = await d.tokenOf('alice')
  for (const impersonation of [false, true]) {
    const { body: { trust: { id } } } = await d.trust(token, { impersonation, expires_at: '2026-01-01T00:10:00Z' })
    const { status, body, token: had } = await d.byTrust('bob', id)
    assert.equal(status, 201)
    const { token: t } = body
    assert.deepEqual(t['OS-TRUST:trust'], { id, trustor_user: { id: d.alice }, trustee_user: { id: d.bob }, impersonation })
    assert.deepEqual([t.user.id, t.user.name, t.methods, t.project.id, t.expires_at], [impersonation ? d.alice : d.bob, impersonation ? 'alice' : 'bob', ['password'], d.project, '2026-01-01T00:10:00.000000Z'])
    assert.deepEqual(rolesIn(body), ['member', 'reader'])
    assert.deepEqual((await cloud.ask('GET', '/v3/auth/tokens', { token: d.admin, headers: { 'x-subject-token': had } })).body, body)
    assert.equal((await d.authenticate({ methods: ['token'], token: { id: await d.tokenOf('bob') } }, { 'OS-TRUST:trust': { id } })).status, 201)
    assert.equal((await d.byTrust('carol', id)).status, 403)
    assert.equal((await d.byTrust('alice', id)).status, 403)
  }
  assert.deepEqual((await d.byTrust('bob', 'none')).body, REFUSED)
  assert.equal((await d.authenticate(d.byPassword('bob'), { 'OS-TRUST:trust': {} })).status, 400)
  assert.equal((await d.authenticate(d.byPassword('bob'), { 'OS-TRUST:trust': { id: 'x' }, project: { id: d.project } })).status, 400)
  const empty = await d.trust(token, { project_id: null, roles: [] })
  assert.equal((await d.byTrust('bob', empty.body.trust.id)).status, 403)
})

test('a trust gives as many tokens as it has uses, also to those who ask at once; tokens had live on', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const { body: { trust: { id } } } = await d.trust(token, { remaining_uses: 3 })
  assert.equal((await d.byTrust('carol', id)).status, 403)
  const all = await Promise.all(Array.from({ length: 8 }, () => d.byTrust('bob', id)))
  assert.deepEqual(all.map(a => a.status).toSorted((a, b) => a - b), [201, 201, 201, 401, 401, 401, 401, 401])
  assert.equal((await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}`, { token })).status, 404)
  assert.equal((await cloud.ask('GET', `/v3/OS-TRUST/trusts?trustor_user_id=${d.alice}`, { token })).body.trusts[0].remaining_uses, 0)
  assert.equal(await d.worth(all.find(a => a.status === 201)!.token), 200)
})

test('a token that is refused takes no use of its trust', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const { body: { trust: { id } } } = await d.trust(await d.tokenOf('alice'), { remaining_uses: 1 })
  await d.grant('DELETE', d.alice, 'member')
  assert.equal((await d.byTrust('bob', id)).status, 403)
  await d.grant('PUT', d.alice, 'member')
  assert.equal((await d.byTrust('bob', id)).status, 201)
})

test('a trust is worth nothing while its trustor lacks a role of it, or anybody or the project is disabled', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud, ['member', 'manager'])
  const { body: { trust: { id } } } = await d.trust(await d.tokenOf('alice'), { roles: [{ name: 'member' }, { name: 'manager' }] })
  const user = (name: string, enabled: boolean) => () => d.asAdmin('PATCH', `/v3/users/${name}`, { user: { enabled } })
  for (const [what, off, on] of [
    ['one of two roles', () => d.grant('DELETE', d.alice, 'manager'), () => d.grant('PUT', d.alice, 'manager')],
    ['the trustor', user(d.alice, false), user(d.alice, true)], ['the trustee', user(d.bob, false), user(d.bob, true)],
    ['the project', () => d.asAdmin('PATCH', `/v3/projects/${d.project}`, { project: { enabled: false } }), () => d.asAdmin('PATCH', `/v3/projects/${d.project}`, { project: { enabled: true } })],
  ] as const) {
    await cloud.clock.advance(1000)
    const { status, token } = await d.byTrust('bob', id)
    assert.deepEqual([status, await d.worth(token)], [201, 200], what)
    await cloud.clock.advance(1000)
    await off()
    assert.equal(await d.worth(token), 404, what)
    assert.ok([401, 403].includes((await d.byTrust('bob', id)).status), what)
    await on()
  }
})

test('a trust and its tokens end when it is taken back, at its end, and with its trustor, trustee, project, or a role of it', async () => {
  const ends: readonly [string, (d: Awaited<ReturnType<typeof delegates>>, id: string) => Promise<unknown>][] = [
    ['taken back', (d, id) => d.asAdmin('DELETE', `/v3/OS-TRUST/trusts/${id}`)],
    ['trustor', d => d.asAdmin('DELETE', `/v3/users/${d.alice}`)], ['trustee', d => d.asAdmin('DELETE', `/v3/users/${d.bob}`)], ['project', d => d.asAdmin('DELETE', `/v3/projects/${d.project}`)],
    ['role', d => d.asAdmin('DELETE', `/v3/roles/${d.role('extra')}`)],
    ['password', d => d.asAdmin('PATCH', `/v3/users/${d.alice}`, { user: { password: 'another-secret' } })],
  ]
  for (const [what, end] of ends) {
    await using cloud = await keystoneAlone()
    await cloud.ask('POST', '/v3/roles', { token: (await cloud.login('admin')).token, body: { role: { name: 'extra' } } })
    const d = await delegates(cloud, ['member', 'extra'])
    const { body: { trust: { id } } } = await d.trust(await d.tokenOf('alice'), { roles: [{ name: 'member' }, { name: 'extra' }] })
    const { token } = await d.byTrust('bob', id)
    assert.equal(await d.worth(token), 200, what)
    await cloud.clock.advance(1000)
    await end(d, id)
    assert.equal(await d.worth(token), 404, what)
    if (what !== 'password') assert.ok((await d.byTrust('bob', id)).status >= 400, what)
  }
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const token = await d.tokenOf('alice')
  const { body: { trust: { id } } } = await d.trust(token, { expires_at: '2026-01-01T00:00:02Z' })
  const { token: had } = await d.byTrust('bob', id)
  await cloud.clock.advance(3000)
  assert.deepEqual([await d.worth(had), (await d.byTrust('bob', id)).status, (await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}`, { token })).status], [404, 401, 404])
})

test('a trust is passed on as far as it says, to nobody more than was had, and goes with the one above it', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const first = (await d.trust(await d.tokenOf('alice'), { impersonation: true, allow_redelegation: true, redelegation_count: 2, expires_at: '2027-01-01T00:00:00Z' })).body.trust
  const { token: bob } = await d.byTrust('bob', first.id)
  const pass = (token: string, given: Record<string, unknown>) => d.trust(token, { trustee_user_id: d.carol, impersonation: true, allow_redelegation: true, ...given })
  for (const [what, given] of Object.entries({
    'a later end': { expires_at: '2028-01-01T00:00:00Z' }, 'a role that is only implied': { roles: [{ name: 'reader' }] }, 'another count': { redelegation_count: 2 },
    'counted uses': { allow_redelegation: false, remaining_uses: 1 }, 'no project': { project_id: null, roles: [] },
  })) assert.equal((await pass(bob, given)).status, 403, what)
  assert.equal((await pass(bob, { roles: [{ name: 'admin' }] })).status, 404)

  const second = (await pass(bob, {})).body.trust
  assert.deepEqual([second.redelegated_trust_id, second.redelegation_count, second.expires_at, second.trustor_user_id], [first.id, 1, '2027-01-01T00:00:00.000000Z', d.alice])
  const { token: carol } = await d.byTrust('carol', second.id)
  const third = (await pass(carol, { trustee_user_id: d.dave, redelegated_trust_id: second.id })).body.trust
  assert.deepEqual([third.redelegated_trust_id, third.redelegation_count], [second.id, 0])
  const { token: dave } = await d.byTrust('dave', third.id)
  assert.equal((await pass(dave, { trustee_user_id: d.bob })).status, 403, 'the last in the chain passes nothing on')

  assert.equal(await d.worth(dave), 200)
  await d.asAdmin('PATCH', `/v3/users/${d.carol}`, { user: { enabled: false } })
  assert.equal(await d.worth(dave), 404, 'somebody in the middle is disabled')
  await d.asAdmin('PATCH', `/v3/users/${d.carol}`, { user: { enabled: true } })
  await cloud.clock.advance(1000)
  const again = await d.byTrust('dave', third.id)
  assert.equal(again.status, 201)
  await d.asAdmin('DELETE', `/v3/OS-TRUST/trusts/${first.id}`)
  for (const { id } of [second, third]) assert.equal((await cloud.ask('GET', `/v3/OS-TRUST/trusts/${id}`, { token: d.admin })).status, 404)
  assert.equal(await d.worth(again.token), 404)
})

test('a trust without impersonation is passed on by its trustee in its own name, and never with it', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const first = (await d.trust(await d.tokenOf('alice'), { allow_redelegation: true })).body.trust
  const { token: bob } = await d.byTrust('bob', first.id)
  const terms = { trustor_user_id: d.bob, trustee_user_id: d.carol }
  assert.equal((await d.trust(bob, { ...terms, trustor_user_id: d.alice })).status, 403)
  assert.equal((await d.trust(bob, terms)).status, 404, 'bob has no role of his own')
  await d.grant('PUT', d.bob, 'member')
  const { token: stronger } = await d.byTrust('bob', first.id)
  assert.equal((await d.trust(stronger, { ...terms, impersonation: true })).status, 403)
  const second = (await d.trust(stronger, terms)).body.trust
  const { token: carol, body } = await d.byTrust('carol', second.id)
  assert.deepEqual([body.token.user.id, rolesIn(body)], [d.carol, ['member', 'reader']])
  await d.grant('DELETE', d.alice, 'member')
  assert.equal(await d.worth(carol), 404, 'the first trustor has lost the role')
})

test('where trusts are not passed on, none is', async () => {
  await using cloud = await keystoneAlone({ options: { maxRedelegationCount: 0 } })
  const d = await delegates(cloud)
  const { trust } = (await d.trust(await d.tokenOf('alice'), { impersonation: true, allow_redelegation: true })).body
  const { token } = await d.byTrust('bob', trust.id)
  assert.deepEqual([trust.redelegation_count, (await d.trust(token, { trustee_user_id: d.carol })).status], [0, 403])
})

test('trusts that ended more than a day ago are forgotten when another is made, and no others', async () => {
  await using cloud = await keystoneAlone()
  const d = await delegates(cloud)
  const made = await Promise.all([1, 30].map(async hours => (await d.trust(await d.tokenOf('alice'), { expires_at: new Date(cloud.clock.now() + hours * 3_600_000).toISOString() })).body.trust.id as string))
  const forGood = (await d.trust(await d.tokenOf('alice'))).body.trust.id as string
  await cloud.clock.advance(31 * 3_600_000)
  const last = (await d.trust(await d.tokenOf('alice'))).body.trust.id as string
  const kept = (await cloud.db.read(tx => tx.selectFrom('trusts').select('id').execute())).map(row => row.id)
  assert.deepEqual(kept.toSorted(), [made[1]!, forGood, last].toSorted())
})

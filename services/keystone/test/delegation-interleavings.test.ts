// What two do at once about trusts and application credentials, with two controllers on one PostgreSQL, in every order of their statements.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atOnce, sorted } from './at-once.ts'
import type { Answer, Cloud } from './cloud.ts'
import { delegates } from './delegates.ts'

type Delegates = Awaited<ReturnType<typeof delegates>>

function hold<World>({ prepare, holds, ...what }: {
  prepare(d: Delegates, alice: string, order: number): Promise<World>
  ask(cloud: Cloud, world: World, which: 0 | 1): Promise<Answer>
  holds(cloud: Cloud, world: World, statuses: readonly [number, number]): Promise<void> | void
}): Promise<void> {
  return atOnce({
    ...what, options: { applicationCredentialsPerUser: 1 },
    async begin(cloud) {
      const d = await delegates(cloud)
      return { d, alice: await d.tokenOf('alice') }
    },
    prepare: ({ d, alice }, order) => prepare(d, alice, order),
    holds: (statuses, world, cloud) => holds(cloud, world, statuses),
  })
}

const bobAsks = (cloud: Cloud, id: string) => cloud.ask('POST', '/v3/auth/tokens', { body: { auth: {
  identity: { methods: ['password'], password: { user: { name: 'bob', domain: { id: 'default' }, password: 'bob-secret' } } }, scope: { 'OS-TRUST:trust': { id } },
} } })

test('of two who want the last use of a trust one gets a token', () => hold<string>({
  prepare: async (d, alice) => (await d.trust(alice, { remaining_uses: 1 })).body.trust.id,
  ask: (cloud, id) => bobAsks(cloud, id),
  holds: (_, __, statuses) => assert.deepEqual(sorted(statuses), [201, 401]),
}))

test('of two application credentials that a user wants to have as its last one is made', () => hold<{ path: string, token: string, order: number }>({
  async prepare(d, token, order) {
    const path = `/v3/users/${d.alice}/application_credentials`
    for (const { id } of (await d.asAdmin('GET', path)).application_credentials) await d.asAdmin('DELETE', `${path}/${id}`)
    return { path, token, order }
  },
  ask: (cloud, { path, token, order }, which) => cloud.ask('POST', path, { token, body: { application_credential: { name: `c${order}-${which}` } } }),
  holds: (_, __, statuses) => assert.deepEqual(sorted(statuses), [201, 403]),
}))

test('an access rule that a new credential names is kept, or the credential is not made', () => hold<{ user: string, token: string, rule: string }>({
  async prepare(d, token) {
    const path = `/v3/users/${d.alice}/application_credentials`
    for (const { id } of (await d.asAdmin('GET', path)).application_credentials) await d.asAdmin('DELETE', `${path}/${id}`)
    const { body: { application_credential: { id, access_rules: [rule] } } } = await d.credential(token, { access_rules: [{ service: 'compute', path: '/v2.1/servers', method: 'GET' }] })
    await d.asAdmin('DELETE', `${path}/${id}`)
    return { user: d.alice, token, rule: rule.id }
  },
  ask: (cloud, { user, token, rule }, which) => which === 0
    ? cloud.ask('POST', `/v3/users/${user}/application_credentials`, { token, body: { application_credential: { name: 'robot', access_rules: [{ id: rule }] } } })
    : cloud.ask('DELETE', `/v3/users/${user}/access_rules/${rule}`, { token }),
  async holds(cloud, { user, token, rule }, [made, removed]) {
    assert.ok(made === 201 && removed === 403 || (made === 404 || made === 400) && removed === 204, `${made} and ${removed}`)
    assert.equal((await cloud.ask('GET', `/v3/users/${user}/access_rules/${rule}`, { token })).status, made === 201 ? 200 : 404)
  },
}))

test('a trust that is passed on while it is taken back leaves nothing behind', () => hold<{ d: Delegates, alice: string, bob: string, id: string }>({
  async prepare(d, alice) {
    const { id } = (await d.trust(alice, { impersonation: true, allow_redelegation: true })).body.trust
    return { d, alice, id, bob: (await d.byTrust('bob', id)).token }
  },
  ask: (cloud, { d, alice, bob, id }, which) => which === 0
    ? cloud.ask('POST', '/v3/OS-TRUST/trusts', { token: bob, body: { trust: { trustor_user_id: d.alice, trustee_user_id: d.carol, project_id: d.project, impersonation: true, roles: [{ name: 'member' }] } } })
    : cloud.ask('DELETE', `/v3/OS-TRUST/trusts/${id}`, { token: alice }),
  async holds(cloud, { d, alice }, [passed, taken]) {
    assert.equal(taken, 204)
    assert.ok([201, 401, 404, 409].includes(passed), String(passed))
    assert.deepEqual((await cloud.ask('GET', `/v3/OS-TRUST/trusts?trustor_user_id=${d.alice}`, { token: alice })).body.trusts, [])
  },
}))

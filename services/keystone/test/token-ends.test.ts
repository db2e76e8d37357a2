// What ends a token, or changes what it is worth, at once: each change against a token from before it (OSSA-2012-014, 2013-011, 2013-025, 2016-008).
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

type House = Awaited<ReturnType<typeof withHouse>>
type Change = (house: House) => readonly [method: string, path: string, body?: unknown]

/** ann of the domain `house`: chef in the project (which implies cook), waiter there by her group, and guest in all projects of the domain. */
async function withHouse() {
  const cloud = await keystoneAlone()
  const { token: admin } = await cloud.login('admin', 'admin-secret', { system: { all: true } })
  const as = (method: string, path: string, body?: unknown) => cloud.ask(method, `/v3${path}`, { token: admin, ...(body !== undefined && { body }) })
  const make = async (noun: string, body: object) => (Object.values((await as('POST', `/${noun}s`, { [noun]: body })).body)[0] as { id: string }).id
  const domain = await make('domain', { name: 'house' })
  const project = await make('project', { name: 'kitchen', domain_id: domain })
  const [user, group] = [await make('user', { name: 'ann', domain_id: domain, password: 'ann-secret' }), await make('group', { name: 'staff', domain_id: domain })]
  const [chef, cook, waiter, guest] = [await make('role', { name: 'chef' }), await make('role', { name: 'cook' }), await make('role', { name: 'waiter' }), await make('role', { name: 'guest' })]
  for (const path of [
    `/roles/${chef}/implies/${cook}`, `/groups/${group}/users/${user}`, `/projects/${project}/users/${user}/roles/${chef}`, `/projects/${project}/groups/${group}/roles/${waiter}`,
    `/OS-INHERIT/domains/${domain}/users/${user}/roles/${guest}/inherited_to_projects`, `/domains/${domain}/users/${user}/roles/${chef}`, `/system/users/${user}/roles/${guest}`,
  ]) assert.ok((await as('PUT', path)).status < 300, path)
  const identify = (identity: object, scope?: object) => cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity, ...(scope && { scope }) } } })
  return Object.assign(cloud, {
    as, make, domain, project, user, group, chef, cook, waiter, guest,
    async tokenFor(scope?: object) {
      const answer = await identify({ methods: ['password'], password: { user: { id: user, password: 'ann-secret' } } }, scope)
      assert.equal(answer.status, 201)
      return answer.headers['x-subject-token']!
    },
    async rescoped(token: string, scope: object) {
      return (await identify({ methods: ['token'], token: { id: token } }, scope)).headers['x-subject-token']!
    },
    /** The names of the token's roles, or the status of asking about it. */
    async worth(token: string): Promise<string | number> {
      const { status, body } = await cloud.ask('GET', '/v3/auth/tokens', { token: admin, headers: { 'x-subject-token': token } })
      return status === 200 ? (body.token.roles ?? []).map((r: { name: string }) => r.name).toSorted().join(' ') : status
    },
  })
}

const ENDS: readonly [what: string, change: Change][] = [
  ['the user is disabled', h => ['PATCH', `/users/${h.user}`, { user: { enabled: false } }]],
  ['the user is removed', h => ['DELETE', `/users/${h.user}`]],
  ['the user\'s password is set by an administrator', h => ['PATCH', `/users/${h.user}`, { user: { password: 'other' } }]],
  ['the user\'s password is taken away', h => ['PATCH', `/users/${h.user}`, { user: { password: null } }]],
  ['the user changes its password', h => ['POST', `/users/${h.user}/password`, { user: { original_password: 'ann-secret', password: 'other' } }]],
  ['the domain of the user is disabled', h => ['PATCH', `/domains/${h.domain}`, { domain: { enabled: false } }]],
]
const ENDS_OF_PROJECT: typeof ENDS = [
  ['the project is disabled', h => ['PATCH', `/projects/${h.project}`, { project: { enabled: false } }]],
  ['the project is removed', h => ['DELETE', `/projects/${h.project}`]],
]

for (const [scope, ends] of [['nothing', ENDS], ['the project', [...ENDS, ...ENDS_OF_PROJECT]], ['the domain', ENDS], ['the system', ENDS]] as const) {
  test(`a token for ${scope} ends at once when its user is no longer who it was, or there is nothing left to hold in`, async () => {
    for (const [what, change] of ends) {
      await using house = await withHouse()
      const token = await house.tokenFor({ nothing: undefined, 'the project': { project: { id: house.project } }, 'the domain': { domain: { id: house.domain } }, 'the system': { system: { all: true } } }[scope])
      assert.notEqual(await house.worth(token), 404, what)
      await house.clock.advance(1000)
      assert.ok((await house.as(...change(house))).status < 300, what)
      assert.equal(await house.worth(token), 404, what)
    }
  })
}

test('a token is worth what its user may do now, whatever it was given for', async () => {
  const before = 'chef cook guest waiter'
  const changes: readonly [what: string, change: Change, after: string][] = [
    ['the role is taken', h => ['DELETE', `/projects/${h.project}/users/${h.user}/roles/${h.chef}`], 'guest waiter'],
    ['the group\'s role is taken', h => ['DELETE', `/projects/${h.project}/groups/${h.group}/roles/${h.waiter}`], 'chef cook guest'],
    ['the user leaves the group', h => ['DELETE', `/groups/${h.group}/users/${h.user}`], 'chef cook guest'],
    ['the group is removed', h => ['DELETE', `/groups/${h.group}`], 'chef cook guest'],
    ['the inherited role is taken', h => ['DELETE', `/OS-INHERIT/domains/${h.domain}/users/${h.user}/roles/${h.guest}/inherited_to_projects`], 'chef cook waiter'],
    ['the implication ends', h => ['DELETE', `/roles/${h.chef}/implies/${h.cook}`], 'chef guest waiter'],
    ['the role is removed', h => ['DELETE', `/roles/${h.chef}`], 'guest waiter'],
    ['the implied role is removed', h => ['DELETE', `/roles/${h.cook}`], 'chef guest waiter'],
    ['a role is renamed', h => ['PATCH', `/roles/${h.cook}`, { role: { name: 'baker' } }], 'baker chef guest waiter'],
    ['a role is given', h => ['PUT', `/projects/${h.project}/groups/${h.group}/roles/${h.cook}`], before],
    ['an implication is made', h => ['PUT', `/roles/${h.guest}/implies/${h.cook}`], before],
  ]
  for (const [what, change, after] of changes) {
    await using house = await withHouse()
    const token = await house.tokenFor({ project: { id: house.project } })
    assert.equal(await house.worth(token), before, what)
    await house.as(...change(house))
    assert.equal(await house.worth(token), after, what)
  }
})

test('a token whose last role goes ends, and lives again with a role as long as nothing else ended it', async () => {
  await using house = await withHouse()
  for (const [scope, paths] of [
    [{ domain: { id: house.domain } }, [`/domains/${house.domain}/users/${house.user}/roles/${house.chef}`]], [{ system: { all: true } }, [`/system/users/${house.user}/roles/${house.guest}`]],
    [{ project: { id: house.project } }, [`/projects/${house.project}/users/${house.user}/roles/${house.chef}`, `/groups/${house.group}/users/${house.user}`, `/OS-INHERIT/domains/${house.domain}/users/${house.user}/roles/${house.guest}/inherited_to_projects`]],
  ] as const) {
    const token = await house.tokenFor(scope)
    for (const path of paths) await house.as('DELETE', path)
    assert.equal(await house.worth(token), 404)
    for (const path of paths) await house.as('PUT', path)
    assert.notEqual(await house.worth(token), 404)
  }
})

test('what ended a token does not give it back when it is undone', async () => {
  await using house = await withHouse()
  const token = await house.tokenFor({ project: { id: house.project } })
  await house.clock.advance(1000)
  await house.as('PATCH', `/users/${house.user}`, { user: { enabled: false } })
  await house.as('PATCH', `/users/${house.user}`, { user: { enabled: true } })
  assert.equal(await house.worth(token), 404)
})

test('a revoked token takes those along whose chain it began, and no others', async () => {
  await using house = await withHouse()
  const scope = { project: { id: house.project } }
  const revoke = async (token: string) => assert.equal((await house.ask('DELETE', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).status, 204)
  const chain = async () => {
    const first = await house.tokenFor()
    const second = await house.rescoped(first, scope)
    return [first, second, await house.rescoped(second, scope)]
  }
  const alive = async (tokens: readonly string[]) => Promise.all(tokens.map(async token => await house.worth(token) !== 404))
  const [one, other] = [await chain(), await chain()]
  await revoke(one[0]!)
  assert.deepEqual(await alive(one), [false, false, false])
  assert.deepEqual(await alive(other), [true, true, true])
  await revoke(other[1]!)
  assert.deepEqual(await alive(other), [true, false, true])
})

// What two do at once about users, groups and their roles, with two controllers on one PostgreSQL, in every order of their statements.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { adminsAtOnce, atOnce, sorted, type Ask, type Request } from './at-once.ts'
import type { Answer, Cloud } from './cloud.ts'

interface World { id: string, name: string, admin: string }

function hold({ ask, holds, options = {} }: { options?: object, ask(cloud: Cloud, user: World, which: 0 | 1): Promise<Answer>, holds(cloud: Cloud, user: World, statuses: readonly number[]): Promise<void> }): Promise<void> {
  return atOnce<string, World>({
    options, ask, begin: async cloud => (await cloud.login('admin')).token,
    async prepare(admin, order, cloud) {
      const name = `user${order}`
      const { body } = await cloud.ask('POST', '/v3/users', { token: admin, body: { user: { name, password: 'first' } } })
      return { id: body.user.id, name, admin }
    },
    holds: (statuses, user, cloud) => holds(cloud, user, statuses),
  })
}

const CHOICES = ['second', 'third'] as const

test('of two changes of one password one is made, and it is the one that counts', () => hold({
  ask: (cloud, { id }, which) => cloud.ask('POST', `/v3/users/${id}/password`, { body: { user: { original_password: 'first', password: CHOICES[which] } } }),
  async holds(cloud, { name }, statuses) {
    assert.deepEqual(statuses.toSorted((a, b) => a - b), [204, 401])
    for (const [which, password] of CHOICES.entries()) assert.equal((await cloud.login(name, password, 'unscoped')).status, statuses[which] === 204 ? 201 : 401)
  },
}))

test('a user that is disabled while another change is made is disabled', () => hold({
  ask: (cloud, { id, admin: token }, which) => cloud.ask('PATCH', `/v3/users/${id}`, { token, body: { user: which === 0 ? { enabled: false } : { description: 'x' } } }),
  async holds(cloud, { id, admin: token }, statuses) {
    assert.deepEqual(statuses, [200, 200])
    const { body: { user } } = await cloud.ask('GET', `/v3/users/${id}`, { token })
    assert.deepEqual([user.enabled, user.description], [false, 'x'])
  },
}))

test('two wrong passwords at once are two', () => hold({
  options: { lockoutFailureAttempts: 2 },
  ask: (cloud, { name }) => cloud.login(name, 'wrong', 'unscoped'),
  async holds(cloud, { name }, statuses) {
    assert.deepEqual(statuses, [401, 401])
    assert.equal((await cloud.login(name, 'first', 'unscoped')).status, 401)
  },
}))

/** Something that is made while what it rests on goes; `left` is where it would be listed. */
interface Made {
  what: string
  prepare(ask: Ask, order: number): Promise<{ left: readonly [key: string, path: string], requests: readonly [Request, Request] }>
}

const MADE_WHILE_IT_GOES: readonly Made[] = [
  {
    what: 'a role that is given to a user',
    async prepare(ask, order) {
      const { body: { user: { id } } } = await ask('POST', '/users', { user: { name: `u${order}` } })
      const [{ id: project }, { id: role }] = [(await ask('GET', '/projects?name=demo')).body.projects[0], (await ask('GET', '/roles?name=member')).body.roles[0]]
      return { left: ['role_assignments', `/role_assignments?user.id=${id}`], requests: [['PUT', `/projects/${project}/users/${id}/roles/${role}`], ['DELETE', `/users/${id}`]] }
    },
  },
  {
    what: 'a role that is given in a project',
    async prepare(ask, order) {
      const { body: { project: { id } } } = await ask('POST', '/projects', { project: { name: `p${order}` } })
      const [{ id: user }, { id: role }] = [(await ask('GET', '/users?name=demo')).body.users[0], (await ask('GET', '/roles?name=member')).body.roles[0]]
      return { left: ['role_assignments', `/role_assignments?scope.project.id=${id}`], requests: [['PUT', `/projects/${id}/users/${user}/roles/${role}`], ['DELETE', `/projects/${id}`]] }
    },
  },
  {
    what: 'a credential of a user',
    async prepare(ask, order) {
      const { body: { user: { id } } } = await ask('POST', '/users', { user: { name: `u${order}` } })
      return { left: ['credentials', `/credentials?user_id=${id}`], requests: [['POST', '/credentials', { credential: { type: 'cert', blob: 'x', user_id: id } }], ['DELETE', `/users/${id}`]] }
    },
  },
  ...(['user', 'group', 'role'] as const).map((noun): Made => ({
    what: `a ${noun} that is made in a domain`,
    async prepare(ask, order) {
      const { body: { domain: { id } } } = await ask('POST', '/domains', { domain: { name: `d${order}`, enabled: false } })
      return { left: [`${noun}s`, `/${noun}s?domain_id=${id}`], requests: [['POST', `/${noun}s`, { [noun]: { name: `x${order}`, domain_id: id } }], ['DELETE', `/domains/${id}`]] }
    },
  })),
]

for (const { what, prepare } of MADE_WHILE_IT_GOES) {
  test(`${what} goes with it, or is refused`, () => adminsAtOnce({
    prepare,
    async holds(ask, { left: [key, path] }, [made, gone]) {
      assert.equal(gone, 204)
      assert.ok([201, 204, 404, 409].includes(made), `${made}`)
      assert.deepEqual((await ask('GET', path)).body[key], [])
    },
  }))
}

test('of two implications that would close a circle one is made', () => adminsAtOnce({
  async prepare(ask, order) {
    const [a, b] = [(await ask('POST', '/roles', { role: { name: `a${order}` } })).body.role.id, (await ask('POST', '/roles', { role: { name: `b${order}` } })).body.role.id]
    return { requests: [['PUT', `/roles/${a}/implies/${b}`], ['PUT', `/roles/${b}/implies/${a}`]] }
  },
  holds(_, __, statuses) { assert.deepEqual(sorted(statuses), [201, 400]) },
}))

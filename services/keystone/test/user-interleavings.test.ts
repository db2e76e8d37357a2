// What two do at once about one user, with two controllers on one PostgreSQL, in every order of their statements.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { keystoneAlone, type Answer, type Cloud } from './cloud.ts'

interface World { id: string, name: string }

async function hold(what: { options?: object, orders?: number, ask(cloud: Cloud, user: World, which: 0 | 1, admin: string): Promise<Answer>, holds(cloud: Cloud, user: World, statuses: readonly number[], admin: string): Promise<void> }): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  const options = what.options ?? {}
  await using one = await keystoneAlone({ db: two.databases[0], options })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one, options })
  const admin = (await one.login('admin')).token
  const { orders, deadlocks } = await two.walk<World, Answer>({
    async prepare(order) {
      const name = `user${order}`
      const { body } = await one.ask('POST', '/v3/users', { token: admin, body: { user: { name, password: 'first' } } })
      return { id: body.user.id, name }
    },
    first: user => what.ask(one, user, 0, admin),
    second: user => what.ask(other, user, 1, admin),
    holds: (user, ended) => what.holds(one, user, ended.map(statusOf), admin),
    orders: what.orders ?? 30,
  })
  assert.equal(deadlocks, 0)
  assert.ok(orders >= 4, `${orders} orders`)
}

function statusOf(one: Ended<Answer>): number {
  if ('error' in one) throw one.error
  return one.value.status
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
  ask: (cloud, { id }, which, token) => cloud.ask('PATCH', `/v3/users/${id}`, { token, body: { user: which === 0 ? { enabled: false } : { description: 'x' } } }),
  async holds(cloud, { id }, statuses, token) {
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

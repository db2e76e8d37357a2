// What may happen only once, or so often, by two Keystones on one PostgreSQL, in every order of their statements.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { passcodeAt, seedOf, STEP } from '../driver/totp.ts'
import { migrations, rotateKeys, type Tables } from '../index.ts'
import { seededIds } from '@alto/kit/ids'
import { sorted, statusOf } from './at-once.ts'
import { keystoneAlone, optionsWith, type Answer, type Cloud } from './cloud.ts'

const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const USER = { name: 'demo', domain: { id: 'default' } }
const statuses = (ended: readonly Ended<Answer>[]) => sorted(ended.map(statusOf))
const byPasscode = (cloud: Cloud, headers: Record<string, string> = {}, steps = 0) => cloud.ask('POST', '/v3/auth/tokens', {
  headers, body: { auth: { identity: { methods: ['totp'], totp: { user: { ...USER, passcode: passcodeAt(seedOf(SEED)!, Math.floor(cloud.clock.now() / STEP) + steps) } } }, scope: 'unscoped' } },
})
const byPassword = (cloud: Cloud, headers: Record<string, string> = {}) => cloud.ask('POST', '/v3/auth/tokens', { headers, body: { auth: { identity: { methods: ['password'], password: { user: { ...USER, password: 'demo-secret' } } }, scope: 'unscoped' } } })

/** demo with a seed, in two Keystones. */
async function enrolled(one: Cloud, rules?: string[][]) {
  const { token, body } = await one.login('demo')
  const user = body.token.user.id as string
  await one.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'totp', blob: SEED, user_id: user } } })
  if (rules) await one.ask('PATCH', `/v3/users/${user}`, { token: (await one.login('admin')).token, body: { user: { options: { multi_factor_auth_rules: rules } } } })
  return { token, user }
}

test('of two who show one passcode one gets in, whatever the order', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await keystoneAlone({ db: two.databases[0] })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one })
  await enrolled(one)
  const { deadlocks } = await two.walk<null, Answer>({
    prepare: async () => { await one.clock.advance(STEP); return null },
    first: () => byPasscode(one),
    second: () => byPasscode(other),
    holds(_, ended) { assert.deepEqual(statuses(ended), [201, 401]) },
    orders: 25,
  })
  assert.equal(deadlocks, 0)
})

test('a receipt gives one token, whatever the order', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await keystoneAlone({ db: two.databases[0] })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one })
  await enrolled(one, [['password', 'totp']])
  await two.walk<string, Answer>({
    async prepare() {
      await one.clock.advance(STEP * 3)
      return (await byPasscode(one, {}, -1)).headers['openstack-auth-receipt']!
    },
    first: receipt => byPassword(one, { 'openstack-auth-receipt': receipt }),
    second: receipt => byPassword(other, { 'openstack-auth-receipt': receipt }),
    holds(_, ended) { assert.deepEqual(statuses(ended), [201, 401]) },
    orders: 25,
  })
})

test('the last credential that a user may have is made once, whatever the order', async () => {
  await using two = await twoControllers<Tables>(migrations)
  const options = { userCredentialLimit: 1 }
  await using one = await keystoneAlone({ db: two.databases[0], options })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one, options })
  const { token, body } = await one.login('demo')
  const make = (cloud: Cloud) => cloud.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'cert', blob: 'x', user_id: body.token.user.id } } })
  await two.walk<null, Answer>({
    async prepare() {
      await two.databases[0].write(tx => tx.deleteFrom('credentials').execute())
      return null
    },
    first: () => make(one),
    second: () => make(other),
    holds(_, ended) { assert.deepEqual(statuses(ended), [201, 403]) },
    orders: 25,
  })
})

test('a credential that is changed while it is locked anew keeps the change, whatever the order', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await keystoneAlone({ db: two.databases[0] })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one })
  const { token, body } = await one.login('demo')
  await two.walk<string, string>({
    async prepare() {
      await one.clock.advance(10_000)
      await two.databases[0].write(tx => tx.deleteFrom('credentials').execute())
      return (await one.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'cert', blob: 'before', user_id: body.token.user.id } } })).body.credential.id
    },
    first: async id => String((await one.ask('PATCH', `/v3/credentials/${id}`, { token, body: { credential: { blob: 'after' } } })).status),
    async second() {
      await rotateKeys('credential', { dir: one.keysDir, db: two.databases[1], clock: one.clock, ids: seededIds(one.clock.now()), options: optionsWith() })
      return 'rotated'
    },
    async holds(id, ended) {
      assert.deepEqual(ended.map(one => 'error' in one ? one.error : one.value), ['200', 'rotated'])
      await one.clock.advance(1000)
      for (const cloud of [one, other]) assert.equal((await cloud.ask('GET', `/v3/credentials/${id}`, { token })).body.credential.blob, 'after')
    },
    orders: 25,
  })
})

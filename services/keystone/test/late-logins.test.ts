// Logins that overlap the change of what they rest on: whoever proves itself by what was just taken away gets nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passcodeAt, seedOf, STEP } from '../driver/totp.ts'
import { bcryptPasswords } from '../driver/passwords.ts'
import { keystoneAlone, type Answer, type Cloud } from './cloud.ts'

/** A cloud whose checks of passwords wait, once `slow` was called, until the function that it gives is. */
async function crowded(work: (cloud: Cloud, slow: () => { arrived: Promise<void>, release(): void }) => Promise<void>): Promise<void> {
  const bcrypt = bcryptPasswords(4)
  let waiting: { arrive(): void, until: Promise<void> } | undefined
  await using cloud = await keystoneAlone({ passwords: {
    hash: bcrypt.hash,
    async matches(password, stored) {
      const matches = await bcrypt.matches(password, stored)
      const here = waiting
      waiting = undefined
      here?.arrive()
      await here?.until
      return matches
    },
  } })
  await work(cloud, () => {
    const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    waiting = { arrive: arrived.resolve, until: released.promise }
    return { arrived: arrived.promise, release: released.resolve }
  })
}

const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const TAKEN_AWAY: Record<string, (cloud: Cloud, user: string, admin: string) => Promise<Answer>> = {
  'changed by its user': (cloud, user) => cloud.ask('POST', `/v3/users/${user}/password`, { body: { user: { original_password: 'demo-secret', password: 'other' } } }),
  'set by an administrator': (cloud, user, admin) => cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { password: 'other' } } }),
  'taken away': (cloud, user, admin) => cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { password: null } } }),
}

for (const [what, change] of Object.entries(TAKEN_AWAY)) {
  test(`a password that is ${what} while a login with it is checked gives no token`, () => crowded(async (cloud, slow) => {
    const admin = (await cloud.login('admin')).token
    const user = (await cloud.login('demo')).body.token.user.id as string
    await cloud.clock.advance(1000)
    const check = slow()
    const late = cloud.login('demo')
    await check.arrived
    await cloud.clock.advance(1)
    assert.ok((await change(cloud, user, admin)).status < 300)
    await cloud.clock.advance(1)
    check.release()
    assert.equal((await late).status, 401)
  }))
}

test('a password that is changed while a login with it is checked gives no receipt, and no token by a passcode that was shown with it', () => crowded(async (cloud, slow) => {
  const admin = (await cloud.login('admin')).token
  const { token, body } = await cloud.login('demo')
  const user = body.token.user.id as string
  await cloud.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'totp', blob: SEED, user_id: user } } })
  await cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { options: { multi_factor_auth_rules: [['password', 'totp']] } } } })
  for (const methods of [['password'], ['password', 'totp']]) {
    await cloud.clock.advance(STEP * 3)
    assert.equal((await cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { password: 'demo-secret' } } })).status, 200)
    const check = slow()
    const passcode = passcodeAt(seedOf(SEED)!, Math.floor(cloud.clock.now() / STEP))
    const named = { name: 'demo', domain: { id: 'default' } }
    const late = cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods, password: { user: { ...named, password: 'demo-secret' } }, totp: { user: { ...named, passcode } } }, scope: 'unscoped' } } })
    await check.arrived
    await cloud.clock.advance(1)
    assert.equal((await cloud.ask('PATCH', `/v3/users/${user}`, { token: admin, body: { user: { password: 'other' } } })).status, 200)
    await cloud.clock.advance(1)
    check.release()
    const { status, headers } = await late
    assert.deepEqual([status, headers['openstack-auth-receipt']], [401, undefined])
  }
}))

// A cloud whose tokens are signed (JWS), and what a change of keys or of the provider does to tokens.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { seededIds } from '@alto/kit/ids'
import { rotateKeys } from '../index.ts'
import { keystoneAlone, optionsWith, type Cloud } from './cloud.ts'

const JWS = { tokenProvider: 'jws' } as const
const worth = async (cloud: Cloud, token: string) => (await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).status
const byToken = (cloud: Cloud, id: string) => cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id } }, scope: { system: { all: true } } } } })

test('signed tokens are had, shown, rescoped and revoked like others', async () => {
  await using cloud = await keystoneAlone({ options: JWS })
  const { token, body } = await cloud.login('admin')
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  assert.deepEqual(claims, { sub: body.token.user.id, iat: 1_767_225_600, exp: 1_767_229_200, openstack_methods: ['password'], openstack_audit_ids: body.token.audit_ids, openstack_project_id: body.token.project.id })
  const shown = await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })
  assert.deepEqual([shown.status, shown.body.token], [200, body.token])
  const rescoped = await byToken(cloud, token)
  assert.deepEqual([rescoped.status, rescoped.body.token.system], [201, { all: true }])
  assert.equal((await cloud.ask('DELETE', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).status, 204)
  assert.equal(await worth(cloud, token), 401)
})

test('what was issued before a password was changed ends, in whatever part of a second', async () => {
  await using cloud = await keystoneAlone({ options: JWS })
  const { token, body } = await cloud.login('demo')
  await cloud.clock.advance(100)
  assert.equal((await cloud.ask('POST', `/v3/users/${body.token.user.id}/password`, { token, body: { user: { original_password: 'demo-secret', password: 'next' } } })).status, 204)
  assert.equal(await worth(cloud, token), 401)
  await cloud.clock.advance(100)
  assert.equal(await worth(cloud, (await cloud.login('demo', 'next')).token), 200)
})

for (const [use, options] of [['jws', JWS], ['token', {}]] as const) {
  test(`no token ends by a rotation of keys, in this process or another: ${use}`, async () => {
    await using one = await keystoneAlone({ options })
    await using other = await keystoneAlone({ options, db: one.db, beside: one })
    const tokens: string[] = []
    for (let rotation = 2; rotation < 7; rotation++) {
      tokens.push((await (rotation % 2 ? one : other).login('demo')).token)
      await one.clock.advance(10_000)
      const { primary } = await rotateKeys(use, { dir: one.keysDir, db: one.db, clock: one.clock, ids: seededIds(rotation), options: optionsWith(options) })
      assert.equal(primary, rotation)
      for (const cloud of [one, other]) {
        for (const token of tokens) assert.equal(await worth(cloud, token), 200)
      }
    }
  })
}

test('tokens of a key that was removed end within a second, known ones too', async () => {
  await using one = await keystoneAlone()
  await using other = await keystoneAlone({ db: one.db, beside: one })
  const { token } = await one.login('demo')
  for (const cloud of [one, other]) assert.equal(await worth(cloud, token), 200)
  for (const rotation of [2, 3]) {
    await one.clock.advance(10_000)
    await rotateKeys('token', { dir: one.keysDir, db: one.db, clock: one.clock, ids: seededIds(rotation), options: optionsWith() })
  }
  for (const cloud of [one, other]) assert.equal(await worth(cloud, token), 200)
  for (const name of ['1', '2']) await rm(join(one.keysDir, 'fernet', name))
  await one.clock.advance(1000)
  for (const cloud of [one, other]) {
    assert.equal(await worth(cloud, token), 401)
    assert.equal((await cloud.login('demo')).status, 201)
  }
})

test('a change of the provider ends the tokens that there are', async () => {
  await using fernet = await keystoneAlone()
  await using jws = await keystoneAlone({ options: JWS, db: fernet.db, beside: fernet })
  const [encrypted, signed] = [(await fernet.login('demo')).token, (await jws.login('demo')).token]
  assert.deepEqual([await worth(fernet, encrypted), await worth(jws, signed), await worth(fernet, signed), await worth(jws, encrypted)], [200, 200, 401, 401])
})

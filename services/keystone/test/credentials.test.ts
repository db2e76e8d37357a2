// Credentials as their owners, administrators and others see them, and as they lie in the database.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { seededIds } from '@alto/kit/ids'
import { rotateKeys } from '../manager/rotation.ts'
import { keystoneAlone, type Answer, type Cloud } from './cloud.ts'

interface Person { token: string, id: string, project: string }

async function person(cloud: Cloud, name: string): Promise<Person> {
  const { token, body } = await cloud.login(name)
  return { token, id: body.token.user.id, project: body.token.project.id }
}

async function people(cloud: Cloud) {
  return { admin: await person(cloud, 'admin'), demo: await person(cloud, 'demo') }
}

const make = (cloud: Cloud, by: Person, credential: Record<string, unknown>) => cloud.ask('POST', '/v3/credentials', { token: by.token, body: { credential } })
const idsOf = ({ body }: Answer): string[] => body.credentials.map((one: { id: string }) => one.id)

test('a credential is kept, shown, changed and removed', async () => {
  await using cloud = await keystoneAlone()
  const { demo } = await people(cloud)
  const made = await make(cloud, demo, { type: 'cert', blob: 'a certificate', user_id: demo.id, colour: 'red', id: 'mine' })
  const { id } = made.body.credential
  const whole = { colour: 'red', id, user_id: demo.id, project_id: null, type: 'cert', blob: 'a certificate', links: { self: `http://cloud/v3/credentials/${id}` } }
  assert.deepEqual([made.status, made.body], [201, { credential: whole }])
  assert.match(id, /^[0-9a-f]{32}$/)
  const at = (method: string, body?: unknown) => cloud.ask(method, `/v3/credentials/${id}`, { token: demo.token, body })
  assert.deepEqual((await at('GET')).body, { credential: whole })
  assert.deepEqual(await at('PATCH', { credential: { blob: 'another' } }).then(a => [a.status, a.body]), [200, { credential: { ...whole, blob: 'another' } }])
  assert.deepEqual((await at('GET')).body.credential.blob, 'another')
  assert.equal((await at('HEAD')).status, 200)
  assert.equal((await at('DELETE')).status, 204)
  const admin = await person(cloud, 'admin')
  assert.deepEqual(await cloud.ask('GET', `/v3/credentials/${id}`, { token: admin.token }).then(a => [a.status, a.body.error.message]), [404, `Could not find credential: ${id}.`])
})

test('the database holds no blob in the clear', async () => {
  await using cloud = await keystoneAlone()
  const { demo } = await people(cloud)
  await make(cloud, demo, { type: 'cert', blob: 'canary-of-a-blob', user_id: demo.id })
  const { sealed_blob: sealed, key_hash: keyHash } = await cloud.db.read(tx => tx.selectFrom('credentials').selectAll().executeTakeFirstOrThrow())
  assert.match(sealed, /^gAAAA/)
  assert.match(keyHash, /^[0-9a-f]{64}$/)
  assert.ok(!sealed.includes('canary'))
})

test('owners see their own credentials, administrators and readers of the system all of them, others none', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  const own = (await make(cloud, demo, { type: 'cert', blob: 'x', user_id: demo.id })).body.credential.id as string
  const other = (await make(cloud, admin, { type: 'note', blob: 'y', user_id: admin.id })).body.credential.id as string
  const list = (by: string, search = '') => cloud.ask('GET', `/v3/credentials${search}`, { token: by })
  assert.deepEqual(idsOf(await list(demo.token)), [own])
  assert.deepEqual(idsOf(await list(demo.token, `?user_id=${admin.id}`)), [])
  assert.deepEqual(idsOf(await list(admin.token)), [own, other].toSorted())
  assert.deepEqual(idsOf(await list(admin.token, '?type=note')), [other])
  assert.deepEqual(idsOf(await list(admin.token, `?type=note&user_id=${demo.id}`)), [])
  assert.equal((await list(admin.token, '?type=note')).body.links.self, 'http://cloud/v3/credentials?type=note')
  const system = (await cloud.login('admin', 'admin-secret', { system: { all: true } })).token
  assert.deepEqual(idsOf(await list(system)), [own, other].toSorted())
  for (const [method, id] of [['GET', other], ['PATCH', other], ['DELETE', other], ['GET', 'nothing'], ['PATCH', 'nothing'], ['DELETE', 'nothing']] as const) {
    const { status } = await cloud.ask(method, `/v3/credentials/${id}`, { token: demo.token, ...(method === 'PATCH' && { body: { credential: { blob: 'x' } } }) })
    assert.equal(status, 403, `${method} ${id}`)
  }
  assert.equal((await make(cloud, demo, { type: 'cert', blob: 'x', user_id: admin.id })).status, 403)
})

test('an EC2 credential is named after its access key, has a project, and stays bound to what it was bound to', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  const ec2 = (blob: unknown, more: object = { project_id: demo.project }) => make(cloud, demo, { type: 'ec2', blob: typeof blob === 'string' ? blob : JSON.stringify(blob), user_id: demo.id, ...more })
  const made = await ec2({ access: 'key', secret: 's', trust_id: 't' })
  const { id } = made.body.credential
  assert.deepEqual([made.status, id], [201, createHash('sha256').update('key').digest('hex')])
  assert.deepEqual(await ec2({ access: 'key', secret: 'other' }).then(a => [a.status, a.body.error.message]), [409, `Conflict occurred attempting to store credential - Duplicate entry found with ID ${id}.`])
  const expecting = (what: string) => `Expecting to find ${what} in credential. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`
  for (const [blob, more, message] of [
    ['no json', undefined, 'Invalid blob in credential'], ['{}', undefined, expecting('blob')], ['[1]', undefined, expecting('blob')], [{ secret: 's' }, undefined, expecting('access')],
    [{ access: 'a' }, {}, "'project_id' is a required property"], [{ access: 7 }, undefined, 'Invalid blob in credential: access has to be a string.'],
  ] as const) assert.deepEqual(await ec2(blob, more).then(a => [a.status, a.body.error.message]), [400, message], JSON.stringify(blob))
  const patch = (credential: unknown, by = demo) => cloud.ask('PATCH', `/v3/credentials/${id}`, { token: by.token, body: { credential } })
  for (const change of [{ access: 'key', secret: 'n' }, { access: 'key', trust_id: 'u' }, { access: 'key', trust_id: 't', app_cred_id: 'a' }, { access: 'key', trust_id: 't', access_token_id: 'a' }, { access: 'key', trust_id: 't', access_id: 'a' }]) {
    assert.deepEqual(await patch({ blob: JSON.stringify(change) }, admin).then(a => [a.status, a.body.error.message.replace(/^\w+/, '…')]), [400, '… can not be updated for credential'], JSON.stringify(change))
  }
  for (const field of ['user_id', 'project_id', 'type', 'id', 'extra']) assert.equal((await patch({ blob: '{"access":"key","trust_id":"t"}', [field]: 'x' }, admin)).status, 400, field)
  assert.deepEqual(await patch({ blob: '{"access":"key","secret":"n","trust_id":"t"}' }).then(a => [a.status, a.body.credential.id]), [200, id])
})

test('a credential needs a user and a project that are there, and a body that makes sense', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  assert.equal((await make(cloud, admin, { type: 'cert', blob: 'x', user_id: 'nobody' })).status, 404)
  assert.equal((await make(cloud, admin, { type: 'cert', blob: 'x', user_id: demo.id, project_id: 'nowhere' })).status, 404)
  for (const credential of [{}, { type: 'cert', user_id: demo.id }, { type: 'cert', blob: { a: 1 }, user_id: demo.id }, { type: 7, blob: 'x', user_id: demo.id }, { blob: 'x', user_id: demo.id }]) assert.equal((await make(cloud, admin, credential)).status, 400, JSON.stringify(credential))
})

test('credentials go with their user and with their project', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  const project = (await cloud.ask('POST', '/v3/projects', { token: admin.token, body: { project: { name: 'short-lived' } } })).body.project.id
  const user = (await cloud.ask('POST', '/v3/users', { token: admin.token, body: { user: { name: 'short-lived' } } })).body.user.id
  const bound = (await make(cloud, admin, { type: 'cert', blob: 'x', user_id: demo.id, project_id: project })).body.credential.id
  const owned = (await make(cloud, admin, { type: 'cert', blob: 'x', user_id: user })).body.credential.id
  for (const path of [`/v3/projects/${project}`, `/v3/users/${user}`]) assert.equal((await cloud.ask('DELETE', path, { token: admin.token })).status, 204)
  for (const id of [bound, owned]) assert.equal((await cloud.ask('GET', `/v3/credentials/${id}`, { token: admin.token })).status, 404)
})

test('a user has no more credentials than the cloud lets it', async () => {
  await using cloud = await keystoneAlone({ options: { userCredentialLimit: 2 } })
  const { demo } = await people(cloud)
  const one = () => make(cloud, demo, { type: 'cert', blob: 'x', user_id: demo.id })
  assert.deepEqual([(await one()).status, (await one()).status], [201, 201])
  const third = await one()
  assert.deepEqual([third.status, third.body.error.message], [403, 'Unable to create additional credentials, maximum of 2 already exceeded for user.'])
})

test('EC2 credentials are made by Keystone, for their user and project, and found by their access key', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  const path = `/v3/users/${demo.id}/credentials/OS-EC2`
  const made = await cloud.ask('POST', path, { token: demo.token, body: { tenant_id: demo.project } })
  const { access, secret } = made.body.credential
  const whole = { user_id: demo.id, tenant_id: demo.project, access, secret, trust_id: null, links: { self: `http://cloud${path}/${access}` } }
  assert.deepEqual([made.status, made.body], [201, { credential: whole }])
  assert.match(`${access}${secret}`, /^[0-9a-f]{64}$/)
  assert.deepEqual((await cloud.ask('GET', path, { token: demo.token })).body, { credentials: [whole], links: { self: `http://cloud${path}`, previous: null, next: null } })
  assert.deepEqual((await cloud.ask('GET', `${path}/${access}`, { token: demo.token })).body, { credential: whole })
  const [same] = (await cloud.ask('GET', '/v3/credentials?type=ec2', { token: demo.token })).body.credentials
  assert.deepEqual([same.id, JSON.parse(same.blob), same.project_id], [createHash('sha256').update(access).digest('hex'), { access, secret, trust_id: null }, demo.project])
  const missing = await cloud.ask('GET', `${path}/nope`, { token: demo.token })
  assert.deepEqual([missing.status, missing.body.error.message], [404, 'Could not find credential: ca3704aa0b06f5954c79ee837faa152d84d6b2d42838f0637a15eda8337dbdce.'])
  assert.equal((await cloud.ask('DELETE', `${path}/${access}`, { token: demo.token })).status, 204)
  assert.equal((await cloud.ask('GET', `${path}/${access}`, { token: demo.token })).status, 404)

  for (const [status, method, at, token, body] of [
    [403, 'GET', `/v3/users/${admin.id}/credentials/OS-EC2`, demo.token, undefined], [403, 'POST', `/v3/users/${admin.id}/credentials/OS-EC2`, demo.token, { tenant_id: demo.project }],
    [404, 'POST', path, demo.token, { tenant_id: 'nope' }], [400, 'POST', path, demo.token, {}], [404, 'POST', '/v3/users/nope/credentials/OS-EC2', admin.token, { tenant_id: demo.project }], [404, 'GET', '/v3/users/nope/credentials/OS-EC2', admin.token, undefined],
  ] as const) assert.equal((await cloud.ask(method, at, { token, body })).status, status, `${method} ${at}`)
})

test('somebody else\'s EC2 credential is neither shown nor removed, whatever user the path names', async () => {
  await using cloud = await keystoneAlone()
  const { admin, demo } = await people(cloud)
  const { access } = (await cloud.ask('POST', `/v3/users/${admin.id}/credentials/OS-EC2`, { token: admin.token, body: { tenant_id: admin.project } })).body.credential
  for (const user of [admin.id, demo.id]) {
    for (const method of ['GET', 'DELETE']) assert.equal((await cloud.ask(method, `/v3/users/${user}/credentials/OS-EC2/${access}`, { token: demo.token })).status, 403, `${method} ${user}`)
  }
})

test('a credential whose key is lost is shown without what it held, hides no other, and can be removed', async () => {
  await using cloud = await keystoneAlone()
  const { token, body } = await cloud.login('admin')
  const make = async (blob: string) => (await cloud.ask('POST', '/v3/credentials', { token, body: { credential: { type: 'cert', blob, user_id: body.token.user.id } } })).body.credential.id as string
  const [lost, kept] = [await make('lost'), await make('kept')]
  await cloud.db.write(tx => tx.updateTable('credentials').set({ sealed_blob: 'gAAAAAnothersKey', key_hash: '0123456789abcdef' }).where('id', '=', lost).execute())
  const { credentials } = (await cloud.ask('GET', '/v3/credentials', { token })).body as { credentials: { id: string, blob?: string }[] }
  assert.deepEqual(Object.fromEntries(credentials.map(one => [one.id, one.blob])), { [lost]: undefined, [kept]: 'kept' })
  const shown = await cloud.ask('GET', `/v3/credentials/${lost}`, { token })
  assert.deepEqual([shown.status, /the key 01234567 that locked it/.test(shown.body.error.message)], [409, true])
  await cloud.clock.advance(10_000)                               // a staged key is used only when everybody may have read it
  const { resealed, unreadable } = await rotateKeys('credential', { dir: cloud.keysDir, db: cloud.db, clock: cloud.clock, ids: seededIds('rotation'), options: { maxActiveKeys: 3, tokenExpiration: 3600, receiptExpiration: 300 } })
  assert.deepEqual([resealed, unreadable], [1, 1])
  assert.equal((await cloud.ask('DELETE', `/v3/credentials/${lost}`, { token })).status, 204)
})

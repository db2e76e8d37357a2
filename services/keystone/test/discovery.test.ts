// What clients find at the root, what was revoked, and what is gone.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { homePaths } from '../api/json-home.ts'
import { declared } from '../index.ts'
import { keystoneAlone } from './cloud.ts'

const HOME = 'application/json-home'
const REL = 'https://docs.openstack.org/api/openstack-identity/3'

test('a client that would rather have JSON home is told every path of the API by the name of its relation', async () => {
  await using cloud = await keystoneAlone()
  const home = async (path: string, accept: string) => {
    const { status, headers, body } = await cloud.ask('GET', path, { headers: { accept } })
    return { status, type: headers['content-type']?.split(';')[0], body }
  }
  const [root, v3] = [await home('/', HOME), await home('/identity/v3', HOME)]
  assert.deepEqual([root.status, root.type, v3.status, v3.type], [200, HOME, 200, HOME])
  assert.deepEqual([root.body.resources[`${REL}/rel/projects`], v3.body.resources[`${REL}/rel/projects`]], [{ href: '/v3/projects' }, { href: '/projects' }])
  assert.deepEqual(v3.body.resources[`${REL}/ext/OS-EP-FILTER/1.0/rel/endpoint_group_to_project_association`], {
    'href-template': '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}', 'href-vars': { endpoint_group_id: `${REL}/ext/OS-EP-FILTER/1.0/param/endpoint_group_id`, project_id: `${REL}/param/project_id` },
  })
  assert.deepEqual(v3.body.resources[`${REL}/rel/limit_model`], { href: '/limits/model', hints: { status: 'experimental' } })
  const kinds = async (accept: string) => (await home('/v3', accept)).type
  assert.deepEqual(await Promise.all(['*/*', 'text/html', `${HOME}, application/json`, `${HOME};q=0.5, application/json`, `application/json;q=0.5, ${HOME}`, `application/*, ${HOME};q=0.1`].map(kinds)),
    ['application/json', 'application/json', 'application/json', 'application/json', HOME, 'application/json'])
})

test('JSON home tells of no path that is not served', () => {
  const shape = (path: string) => path.replaceAll(/\{\w+\}/g, '{}')
  const served = new Set(declared.routes.map(one => shape(one.path)))
  assert.deepEqual(homePaths.filter(path => !served.has(shape(path))), [])
})

test('paths and methods that are not there are refused in Keystone\'s words', async () => {
  await using cloud = await keystoneAlone()
  const root = await cloud.ask('GET', '/')
  assert.deepEqual([root.status, root.headers['location']], [300, 'http://cloud/v3/'])
  for (const path of ['/v2.0', '/v2.0/tokens', '/v3/none', '/identity/v3/none', '/none']) {
    const { status, body } = await cloud.ask('GET', path)
    assert.deepEqual([status, body], [404, { error: { code: 404, title: 'Not Found', message: 'The resource could not be found.' } }], path)
  }
  const put = await cloud.ask('PUT', '/v3/projects')
  assert.deepEqual([put.status, put.headers['allow'], put.body.error.title], [405, 'GET, POST', 'Method Not Allowed'])
})

test('who was revoked is told to services and admins, since when they ask', async () => {
  await using cloud = await keystoneAlone()
  const [admin, demo, nova] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('nova')]
  const events = async (query = '', token = nova.token) => cloud.ask('GET', `/v3/OS-REVOKE/events${query}`, { token })
  assert.deepEqual((await events()).body, { events: [], links: { self: 'http://cloud/v3/OS-REVOKE/events', previous: null, next: null } })
  await cloud.clock.advance(1500)
  const at = new Date(cloud.clock.now()).toISOString().replace('Z', '000Z')
  await cloud.ask('DELETE', '/v3/auth/tokens', { token: admin.token, headers: { 'x-subject-token': demo.token } })
  const event = { audit_chain_id: demo.body.token.audit_ids[0], issued_before: at, revoked_at: at }
  const later = new Date(cloud.clock.now() + 1000).toISOString()
  assert.deepEqual([(await events()).body.events, (await events(`?since=${at}`)).body.events, (await events(`?since=${later}`)).body.events], [[event], [event], []])
  const bad = await events('?since=yesterday')
  assert.deepEqual([bad.status, bad.body.error.message], [400, 'invalidate date format yesterday'])
  assert.equal((await events('', (await cloud.login('demo')).token)).status, 403)
  await cloud.clock.advance(3600_000)
  assert.deepEqual((await events('', (await cloud.login('nova')).token)).body.events, [], 'it would have ended anyway')
})

test('what is left of PKI tokens says that it is gone', async () => {
  await using cloud = await keystoneAlone()
  const revoked = await cloud.ask('GET', '/v3/auth/tokens/OS-PKI/revoked')
  assert.deepEqual([revoked.status, revoked.body.error.message], [403, 'You are not authorized to perform the requested action.'])
  for (const what of ['ca', 'certificates']) {
    const { status, body } = await cloud.ask('GET', `/v3/OS-SIMPLE-CERT/${what}`)
    assert.deepEqual([status, body], [410, { error: { code: 410, title: 'Gone', message: 'This API is no longer available due to the removal of support for PKI tokens.' } }], what)
  }
})

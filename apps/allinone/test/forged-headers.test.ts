// The headers by which a middleware in front of a service says who asks are worth nothing when they come from outside (OSSA-2026-001): only a token counts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { services } from '@alto/site/sections'
import { wholeCloud } from './whole-cloud.ts'

/** As keystonemiddleware and its elder relatives set them. */
const FORGED = {
  'x-identity-status': 'Confirmed', 'x-service-identity-status': 'Confirmed', 'x-user-id': 'admin', 'x-user-name': 'admin', 'x-user-domain-id': 'default', 'x-user-domain-name': 'Default', 'x-user': 'admin',
  'x-project-id': 'admin', 'x-project-name': 'admin', 'x-project-domain-id': 'default', 'x-tenant-id': 'admin', 'x-tenant-name': 'admin', 'x-tenant': 'admin', 'x-roles': 'admin,service', 'x-role': 'admin',
  'x-is-admin-project': 'True', 'x-system-scope': 'all', 'x-domain-id': 'default', 'x-service-roles': 'admin,service', 'x-service-user-id': 'nova', 'x-service-project-id': 'service',
  'x-forwarded-user': 'admin', 'remote-user': 'admin', 'remote_user': 'admin', 'openstack-system-scope': 'all', 'x-service-catalog': '[]',
}

test('whoever names itself in headers and has no token is nobody, at every route', async () => {
  await using cloud = await wholeCloud({ bare: true })
  let asked = 0
  for (const { name, prefix, declared } of services) {
    for (const { method, path, rule, since, until, websocket } of declared.routes) {
      if ('public' in rule || since || until || websocket) continue                 // a range of versions is another route of the same path
      const { status } = await cloud.ask(method, `${prefix}${path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000')}`, { headers: FORGED, ...(method !== 'GET' && method !== 'HEAD' && { body: {} }) })
      assert.equal(status, 401, `${name}: ${method} ${path}`)
      asked++
    }
  }
  assert.ok(asked > 300, `only ${asked} routes were asked`)
})

test('a user gains nothing by naming itself something more', async () => {
  await using cloud = await wholeCloud({ bare: true })
  const token = await cloud.login('demo')
  for (const url of ['/identity/v3/users', '/compute/v2.1/os-hypervisors', '/placement/resource_providers', '/volume/v3/os-services']) {
    const [plain, forged] = [await cloud.ask('GET', url, { token }), await cloud.ask('GET', url, { token, headers: FORGED })]
    assert.deepEqual([plain.status, forged.status], [403, 403], url)
  }
  const me = async (headers = {}) => ((await cloud.ask('GET', '/identity/v3/auth/tokens', { token, headers: { ...headers, 'x-subject-token': token } })).body as { token: { user: unknown, roles: unknown } }).token
  assert.deepEqual(await me(FORGED), await me())
})

// Tokens that hold for the system or a domain, shown to services whose resources belong to projects.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stayAlive } from '@alto/kit/testing'
import { wholeCloud } from './whole-cloud.ts'

test('what belongs to a project is not for tokens of the system or of a domain, whoever has them; the identity API is', async () => {
  using _alive = stayAlive()
  await using whole = await wholeCloud({ bare: true })
  const admin = await whole.login('admin')
  const { users } = (await whole.ask('GET', '/identity/v3/users?name=admin', { token: admin })).body as { users: { id: string }[] }
  const { roles } = (await whole.ask('GET', '/identity/v3/roles?name=admin', { token: admin })).body as { roles: { id: string }[] }
  assert.equal((await whole.ask('PUT', `/identity/v3/domains/default/users/${users[0]!.id}/roles/${roles[0]!.id}`, { token: admin })).status, 204)
  for (const scope of [{ system: { all: true } }, { domain: { id: 'default' } }]) {
    const { headers } = await whole.ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: admin } }, scope } } })
    const token = headers['x-subject-token']!
    for (const [method, url, body] of [
      ['GET', '/compute/v2.1/os-hypervisors', undefined], ['GET', '/networking/v2.0/quotas', undefined], ['POST', '/image/v2/images', { name: 'nobody\'s' }],
      ['POST', '/volume/v3/volumes', { volume: { size: 1 } }], ['GET', '/placement/resource_providers', undefined],
    ] as const) {
      assert.equal((await whole.ask(method, url, { token, body })).status, 403, `${JSON.stringify(scope)} ${method} ${url}`)
    }
    assert.equal((await whole.ask('GET', '/identity/v3/users', { token })).status, 200)
  }
})

// Policies and OS-ENDPOINT-POLICY.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

/** A cloud with two policies, a service, and its endpoints in RegionOne, in `inner` (within RegionOne), and nowhere. */
async function withPolicies() {
  const cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  const { body: { service } } = await as('POST', '/services', { service: { name: 'web', type: 'web' } })
  await as('PUT', '/regions/inner', { region: { parent_region_id: 'RegionOne' } })
  const endpoint = async (region_id: string | null) => (await as('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://web', region_id } })).body.endpoint.id as string
  const endpoints = { one: await endpoint('RegionOne'), inner: await endpoint('inner'), nowhere: await endpoint(null) }
  const policy = async (blob: string) => (await as('POST', '/policies', { policy: { blob, type: 'application/json' } })).body.policy.id as string
  const [first, second] = [await policy('first'), await policy('second')]
  const on = (id: string, what: string) => `/policies/${id}/OS-ENDPOINT-POLICY/${what}`
  const followed = async (id: string) => (await as('GET', `/endpoints/${id}/OS-ENDPOINT-POLICY/policy`)).body.policy?.blob
  const covered = async (id: string) => (await as('GET', on(id, 'endpoints'))).body.endpoints.map((e: { id: string }) => e.id).toSorted()
  return Object.assign(cloud, { as, service: service.id as string, endpoints, first, second, on, followed, covered })
}

test('a policy lives: made, shown, found by type, changed, removed', async () => {
  await using cloud = await withPolicies()
  const made = await cloud.as('POST', '/policies', { policy: { blob: '{"a": "b"}', type: 'text/yaml', owner: 'ops' } })
  const { id } = made.body.policy
  const shape = { id, blob: '{"a": "b"}', type: 'text/yaml', owner: 'ops', links: { self: `http://cloud/v3/policies/${id}` } }
  assert.deepEqual([made.status, made.body], [201, { policy: shape }])
  assert.deepEqual((await cloud.as('GET', `/policies/${id}`)).body, { policy: shape })
  assert.deepEqual((await cloud.as('GET', '/policies?type=text/yaml')).body, { policies: [shape], links: { self: 'http://cloud/v3/policies?type=text/yaml', previous: null, next: null } })
  assert.deepEqual((await cloud.as('PATCH', `/policies/${id}`, { policy: { blob: 'c', owner: 'dev' } })).body, { policy: { ...shape, blob: 'c', owner: 'dev' } })
  assert.equal((await cloud.as('DELETE', `/policies/${id}`)).status, 204)
  for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { policy: { blob: 'x' } }]] as const) assert.deepEqual((await cloud.as(method, `/policies/${id}`, body)).body.error, { code: 404, title: 'Not Found', message: `Could not find policy: ${id}.` })
  for (const policy of [{ blob: 'x' }, { type: 'x' }, { blob: { a: 1 }, type: 'x' }, { blob: 'x', type: 'y'.repeat(256) }]) assert.equal((await cloud.as('POST', '/policies', { policy })).status, 400, JSON.stringify(policy))
  for (const policy of [{}, { id: 'other' }]) assert.equal((await cloud.as('PATCH', `/policies/${cloud.first}`, { policy })).status, 400, JSON.stringify(policy))
})

test('a policy is associated with endpoints, services and regions, each of which has one at most', async () => {
  await using cloud = await withPolicies()
  for (const what of [`endpoints/${cloud.endpoints.one}`, `services/${cloud.service}`, `services/${cloud.service}/regions/inner`]) {
    const [first, second] = [cloud.on(cloud.first, what), cloud.on(cloud.second, what)]
    assert.deepEqual((await cloud.as('GET', first)).body.error, { code: 404, title: 'Not Found', message: 'Could not find policy association.' }, what)
    assert.deepEqual([(await cloud.as('PUT', first)).status, (await cloud.as('PUT', first)).status, (await cloud.as('GET', first)).status, (await cloud.as('HEAD', first)).status], [204, 204, 204, 204], what)
    assert.deepEqual([(await cloud.as('PUT', second)).status, (await cloud.as('GET', first)).status, (await cloud.as('GET', second)).status], [204, 404, 204], 'the second took its place')
    assert.deepEqual([(await cloud.as('DELETE', first)).status, (await cloud.as('GET', second)).status, (await cloud.as('DELETE', second)).status, (await cloud.as('GET', second)).status], [204, 204, 204, 404], what)
  }
  for (const [what, message] of [['endpoints/none', 'endpoint: none'], ['services/none', 'service: none'], [`services/${cloud.service}/regions/none`, 'region: none']]) {
    assert.deepEqual((await cloud.as('PUT', cloud.on(cloud.first, what!))).body.error.message, `Could not find ${message}.`)
  }
  assert.deepEqual((await cloud.as('PUT', cloud.on('none', `services/${cloud.service}`))).body.error.message, 'Could not find policy: none.')
})

test('an endpoint follows its own policy, else that of the nearest region, else that of its service', async () => {
  await using cloud = await withPolicies()
  const { endpoints: { one, inner, nowhere }, first, second, service, on } = cloud
  const none = await cloud.as('GET', `/endpoints/${one}/OS-ENDPOINT-POLICY/policy`)
  assert.deepEqual(none.body.error, { code: 404, title: 'Not Found', message: `No policy is associated with endpoint ${one}.` })
  assert.deepEqual((await cloud.as('GET', '/endpoints/none/OS-ENDPOINT-POLICY/policy')).body.error.message, 'Could not find endpoint: none.')
  const all = async () => [await cloud.followed(one), await cloud.followed(inner), await cloud.followed(nowhere)]
  await cloud.as('PUT', on(first, `services/${service}`))
  assert.deepEqual(await all(), ['first', 'first', 'first'])
  await cloud.as('PUT', on(second, `services/${service}/regions/RegionOne`))
  assert.deepEqual([await all(), await cloud.covered(second)], [['second', 'second', 'first'], [one, inner].toSorted()])
  await cloud.as('PUT', on(first, `services/${service}/regions/inner`))
  assert.deepEqual(await all(), ['second', 'first', 'first'])
  await cloud.as('PUT', on(second, `endpoints/${nowhere}`))
  assert.deepEqual([await all(), await cloud.covered(second), await cloud.covered(first)], [['second', 'first', 'second'], [one, inner, nowhere].toSorted(), [one, inner, nowhere].toSorted()])
  await cloud.as('DELETE', `/policies/${second}`)
  assert.deepEqual(await all(), ['first', 'first', 'first'])
  await cloud.as('DELETE', `/services/${service}`)
  assert.deepEqual(await cloud.covered(first), [])
})

test('a member may do nothing with policies', async () => {
  await using cloud = await withPolicies()
  const { token } = await cloud.login('demo')
  for (const [method, path, body] of [
    ['GET', '/policies'], ['GET', `/policies/${cloud.first}`], ['POST', '/policies', { policy: { blob: 'x', type: 'x' } }], ['PATCH', `/policies/${cloud.first}`, { policy: { blob: 'x' } }], ['DELETE', `/policies/${cloud.first}`],
    ['GET', cloud.on(cloud.first, 'endpoints')], ['GET', `/endpoints/${cloud.endpoints.one}/OS-ENDPOINT-POLICY/policy`],
    ...['PUT', 'GET', 'DELETE'].flatMap(verb => [`endpoints/${cloud.endpoints.one}`, `services/${cloud.service}`, `services/${cloud.service}/regions/inner`].map(what => [verb, cloud.on(cloud.first, what)] as const)),
  ] as const) assert.equal((await cloud.as(method, path, body, token)).status, 403, `${method} ${path}`)
})

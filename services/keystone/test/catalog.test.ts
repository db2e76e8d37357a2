// Regions, services and endpoints, and the catalog that tokens show of them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

type Options = NonNullable<Parameters<typeof keystoneAlone>[0]>['options']
interface Shown { type: string, endpoints: { id: string, url: string }[] }

async function withAdmin(options: Options = {}) {
  const cloud = await keystoneAlone({ options })
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  /** A service with endpoints at these URLs. */
  async function service(type: string, ...urls: string[]) {
    const { body: { service: { id } } } = await as('POST', '/services', { service: { name: type, type } })
    const endpoints: string[] = []
    for (const url of urls) endpoints.push((await as('POST', '/endpoints', { endpoint: { service_id: id, interface: 'public', url } })).body.endpoint.id)
    return { id: id as string, endpoints }
  }
  return Object.assign(cloud, { as, service })
}

async function catalogOf(cloud: Awaited<ReturnType<typeof withAdmin>>, token: string): Promise<Record<string, string[]>> {
  const { body } = await cloud.ask('GET', '/v3/auth/catalog', { token })
  const inToken = await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })
  assert.deepEqual(inToken.body.token.catalog, body.catalog, 'the token shows the same catalog')
  return Object.fromEntries(body.catalog.map((s: Shown) => [s.type, s.endpoints.map(e => e.url).toSorted()]))
}

test('a region lives: made with an id of its own or of ours, shown, found by its parent, changed, removed', async () => {
  await using cloud = await withAdmin()
  const shape = { id: 'north', description: '', parent_region_id: null, hemisphere: 1, links: { self: 'http://cloud/v3/regions/north' } }
  const made = await cloud.as('POST', '/regions', { region: { id: 'north', description: null, hemisphere: 1 } })
  assert.deepEqual([made.status, made.body], [201, { region: shape }])
  assert.deepEqual((await cloud.as('POST', '/regions', { region: { id: 'north' } })).body.error, { code: 409, title: 'Conflict', message: 'Conflict occurred attempting to store region - Duplicate ID, north..' })
  assert.match((await cloud.as('POST', '/regions', { region: { id: '' } })).body.region.id, /^[0-9a-f]{32}$/)
  const within = await cloud.as('PUT', '/regions/oslo', { region: { parent_region_id: 'north', description: 'by the fjord' } })
  assert.deepEqual([within.status, within.body.region.parent_region_id, within.body.region.description], [201, 'north', 'by the fjord'])
  assert.deepEqual((await cloud.as('PUT', '/regions/bergen', { region: { id: 'oslo' } })).body.error.message, 'Conflicting region IDs specified: "bergen" != "oslo"')
  assert.deepEqual((await cloud.as('GET', '/regions?parent_region_id=north')).body.regions.map((r: { id: string }) => r.id), ['oslo'])
  assert.equal((await cloud.as('GET', '/regions?colour=red')).status, 400)
  assert.deepEqual((await cloud.as('PATCH', '/regions/north', { region: { description: 'cold' } })).body, { region: { ...shape, description: 'cold' } })
  assert.deepEqual((await cloud.as('PATCH', '/regions/oslo', { region: { parent_region_id: null } })).body.region.parent_region_id, null)
  for (const [body, message] of [[{}, 'Invalid input for field/attribute region. Value: {}. {} should be non-empty'], [{ id: 'south' }, 'Cannot change ID']] as const) {
    const got = await cloud.as('PATCH', '/regions/north', { region: body })
    assert.deepEqual([got.status, got.body.error.message], [400, message])
  }
  assert.equal((await cloud.as('DELETE', '/regions/north')).status, 204)
  assert.deepEqual((await cloud.as('GET', '/regions/north')).body.error, { code: 404, title: 'Not Found', message: 'Could not find region: north.' })
})

test('a region stands in one that exists, and never within itself', async () => {
  await using cloud = await withAdmin()
  for (const [id, parent] of [['a', null], ['b', 'a'], ['c', 'b']]) await cloud.as('POST', '/regions', { region: { id, parent_region_id: parent } })
  for (const [method, path, region] of [['POST', '/regions', { id: 'd', parent_region_id: 'none' }], ['PATCH', '/regions/c', { parent_region_id: 'none' }], ['POST', '/regions', { id: 'none', parent_region_id: 'none' }]] as const) {
    const got = await cloud.as(method, path, { region })
    assert.deepEqual([got.status, got.body.error.message], [404, 'Could not find region: none.'], `${method} ${path}`)
  }
  for (const parent of ['a', 'b', 'c']) {
    const got = await cloud.as('PATCH', '/regions/a', { region: { parent_region_id: parent } })
    assert.deepEqual([got.status, got.body.error.message], [400, `The specified parent region ${parent} would create a circular region hierarchy.`])
  }
  assert.equal((await cloud.as('PATCH', '/regions/c', { region: { parent_region_id: 'a' } })).status, 200)
})

test('a region goes with those within it, unless an endpoint is in any of them', async () => {
  await using cloud = await withAdmin()
  for (const [id, parent] of [['a', null], ['b', 'a'], ['c', 'b']]) await cloud.as('POST', '/regions', { region: { id, parent_region_id: parent } })
  const { id: service } = await cloud.service('x')
  const { body: { endpoint } } = await cloud.as('POST', '/endpoints', { endpoint: { service_id: service, interface: 'public', url: 'http://x', region_id: 'c' } })
  assert.deepEqual((await cloud.as('DELETE', '/regions/a')).body.error, { code: 403, title: 'Forbidden', message: 'Unable to delete region a because it or its child regions have associated endpoints.' })
  assert.equal((await cloud.as('GET', '/regions/b')).status, 200)
  await cloud.as('DELETE', `/endpoints/${endpoint.id}`)
  assert.equal((await cloud.as('DELETE', '/regions/a')).status, 204)
  assert.deepEqual((await cloud.as('GET', '/regions')).body.regions.map((r: { id: string }) => r.id), ['RegionOne'])
})

test('services and endpoints keep what clients add, and are changed by what is named alone', async () => {
  await using cloud = await withAdmin()
  const made = await cloud.as('POST', '/services', { service: { type: 'web', owner: 'ops', enabled: false } })
  const { id } = made.body.service
  const shape = { id, type: 'web', name: '', enabled: false, owner: 'ops', links: { self: `http://cloud/v3/services/${id}` } }
  assert.deepEqual([made.status, made.body.service], [201, shape])
  assert.deepEqual((await cloud.as('PATCH', `/services/${id}`, { service: { name: 'site', colour: 'red' } })).body.service, { ...shape, name: 'site', colour: 'red' })
  assert.deepEqual((await cloud.as('GET', '/services?name=site')).body.services.map((s: { id: string }) => s.id), [id])
  for (const body of [{}, { id: 'other' }, { name: '' }, { enabled: 'yes' }, { type: '' }]) assert.equal((await cloud.as('PATCH', `/services/${id}`, { service: body })).status, 400, JSON.stringify(body))
  const { body: { endpoint } } = await cloud.as('POST', '/endpoints', { endpoint: { service_id: id, interface: 'admin', url: 'http://site', name: 'back door', floor: 3 } })
  const seen = { id: endpoint.id, service_id: id, interface: 'admin', region: null, region_id: null, url: 'http://site', enabled: true, name: 'back door', floor: 3, links: { self: `http://cloud/v3/endpoints/${endpoint.id}` } }
  assert.deepEqual(endpoint, seen)
  assert.deepEqual((await cloud.as('PATCH', `/endpoints/${endpoint.id}`, { endpoint: { enabled: false } })).body.endpoint, { ...seen, enabled: false })
  assert.deepEqual((await cloud.as('GET', `/endpoints?interface=admin&service_id=${id}`)).body.endpoints, [{ ...seen, enabled: false }])
  assert.equal((await cloud.as('GET', '/endpoints?interface=private')).status, 400)
})

test('an endpoint names a service and a region that exist, and a URL that can be filled in', async () => {
  await using cloud = await withAdmin()
  const { id, endpoints: [endpoint] } = await cloud.service('web', 'http://web/%(tenant_id)s/$(user_id)s/100%%')
  const good = { service_id: id, interface: 'public', url: 'http://web' }
  const expecting = (what: string) => `Expecting to find endpoint ${what}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`
  for (const [change, message] of [
    [{ service_id: 'none' }, expecting('service_id in service table')], [{ region_id: 'none' }, expecting('region_id in region table')],
    ...['http://web/%(who)s', 'http://web/$(who)s', 'http://web/%(tenant_id)', 'http://web/%(tenant_id)d', 'http://web/%20'].map(url => [{ url }, `Cannot create an endpoint with an invalid URL: ${url}.`] as const),
    [{ url: 'web' }], [{ url: '' }], [{ interface: 'private' }], [{ enabled: 'yes' }], [{ enabled: null }],
  ] as const) {
    for (const [method, path, body] of [['POST', '/endpoints', { ...good, ...change }], ['PATCH', `/endpoints/${endpoint}`, change]] as const) {
      const got = await cloud.as(method, path, { endpoint: body })
      assert.deepEqual([got.status, message === undefined ? undefined : got.body.error.message], [400, message], `${method} ${JSON.stringify(change)}`)
    }
  }
})

test('the catalog fills in project and user, and leaves out what is disabled or needs a project that the token has not', async () => {
  await using cloud = await withAdmin()
  const web = await cloud.service('web', 'http://web/%(project_id)s/$(tenant_id)s/%(user_id)s', 'http://web/100%%')
  const off = await cloud.service('off', 'http://off')
  const part = await cloud.service('part', 'http://a', 'http://b')
  await cloud.as('PATCH', `/services/${off.id}`, { service: { enabled: false } })
  await cloud.as('PATCH', `/endpoints/${part.endpoints[0]}`, { endpoint: { enabled: false } })
  const { token, body: { token: { project, user } } } = await cloud.login('demo')
  const seen = await catalogOf(cloud, token)
  assert.deepEqual([seen['web'], seen['off'], seen['part']], [['http://web/100%', `http://web/${project.id}/${project.id}/${user.id}`], undefined, ['http://b']])
  await cloud.as('DELETE', `/endpoints/${web.endpoints[1]}`)
  const system = await catalogOf(cloud, (await cloud.login('admin', undefined, { system: { all: true } })).token)
  assert.deepEqual([system['web'], system['part'], system['object-store']], [[], ['http://b'], []], 'a service without endpoints is still there')
})

test('a project that is given endpoints sees those alone, at once, in its tokens and in the catalog', async () => {
  await using cloud = await withAdmin()
  const [a, b] = [await cloud.service('a', 'http://a1', 'http://a2'), await cloud.service('b', 'http://b')]
  const { token, body: { token: { project } } } = await cloud.login('demo')
  assert.ok(Object.keys(await catalogOf(cloud, token)).length > 2)
  const given = `/OS-EP-FILTER/projects/${project.id}/endpoints`
  assert.equal((await cloud.as('PUT', `${given}/${a.endpoints[0]}`)).status, 204)
  assert.deepEqual(await catalogOf(cloud, token), { a: ['http://a1'] })
  const { body: { endpoint_group: group } } = await cloud.as('POST', '/OS-EP-FILTER/endpoint_groups', { endpoint_group: { name: 'bs', filters: { service_id: b.id } } })
  await cloud.as('PUT', `/OS-EP-FILTER/endpoint_groups/${group.id}/projects/${project.id}`)
  assert.deepEqual(await catalogOf(cloud, token), { a: ['http://a1'], b: ['http://b'] })
  await cloud.as('PATCH', `/OS-EP-FILTER/endpoint_groups/${group.id}`, { endpoint_group: { filters: { service_id: a.id } } })
  assert.deepEqual(await catalogOf(cloud, token), { a: ['http://a1', 'http://a2'] })
  await cloud.as('PATCH', `/endpoints/${a.endpoints[1]}`, { endpoint: { enabled: false } })
  assert.deepEqual(await catalogOf(cloud, token), { a: ['http://a1'] })
  await cloud.as('DELETE', `/OS-EP-FILTER/endpoint_groups/${group.id}`)
  await cloud.as('DELETE', `${given}/${a.endpoints[0]}`)
  assert.ok(Object.keys(await catalogOf(cloud, token)).length > 2)
  const others = await cloud.login('nova')
  assert.ok(Object.keys(await catalogOf(cloud, others.token)).length > 2, 'other projects see all')
})

test('where the cloud is configured so, who was given no endpoints sees none', async () => {
  await using cloud = await withAdmin({ returnAllEndpointsIfNoFilter: false })
  const { endpoints: [endpoint] } = await cloud.service('a', 'http://a')
  const { token, body: { token: { project } } } = await cloud.login('demo')
  assert.deepEqual(await catalogOf(cloud, token), {})
  await cloud.as('PUT', `/OS-EP-FILTER/projects/${project.id}/endpoints/${endpoint}`)
  assert.deepEqual(await catalogOf(cloud, token), { a: ['http://a'] })
})

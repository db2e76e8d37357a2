// Registered limits, and the limits of projects and domains.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

type Options = NonNullable<Parameters<typeof keystoneAlone>[0]>['options']

/** A cloud with a service, a region, a domain with a project in it, and the registered limit `volumes` (10) of the service. */
async function withLimits(options: Options = {}) {
  const cloud = await keystoneAlone({ options })
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  const { body: { service } } = await as('POST', '/services', { service: { name: 'cinder', type: 'volume' } })
  const { body: { domain } } = await as('POST', '/domains', { domain: { name: 'acme' } })
  const { body: { project } } = await as('POST', '/projects', { project: { name: 'web', domain_id: domain.id } })
  const { body: { registered_limits: [volumes] } } = await as('POST', '/registered_limits', { registered_limits: [{ service_id: service.id, resource_name: 'volumes', default_limit: 10 }] })
  const limit = (resource_limit: number, owner: object) => ({ service_id: service.id, resource_name: 'volumes', resource_limit, ...owner })
  return Object.assign(cloud, { as, service: service.id as string, domain: domain.id as string, project: project.id as string, volumes: volumes.id as string, limit })
}

test('a registered limit lives: made, shown, found by service, region and resource, changed, removed', async () => {
  await using cloud = await withLimits()
  const made = await cloud.as('POST', '/registered_limits', { registered_limits: [{ service_id: cloud.service, region_id: 'RegionOne', resource_name: 'snapshots', default_limit: 5, description: 'of volumes' }] })
  const { id } = made.body.registered_limits[0]
  const shape = { id, service_id: cloud.service, region_id: 'RegionOne', resource_name: 'snapshots', default_limit: 5, description: 'of volumes', links: { self: `http://cloud/v3/registered_limits/${id}` } }
  assert.deepEqual([made.status, made.body], [201, { registered_limits: [shape] }])
  assert.deepEqual((await cloud.as('GET', `/registered_limits/${id}`)).body, { registered_limit: shape })
  for (const query of [`service_id=${cloud.service}&resource_name=snapshots`, 'region_id=RegionOne', 'resource_name__startswith=snap']) {
    assert.deepEqual((await cloud.as('GET', `/registered_limits?${query}`)).body, { registered_limits: [shape], links: { self: `http://cloud/v3/registered_limits?${query}`, previous: null, next: null } })
  }
  const changed = await cloud.as('PATCH', `/registered_limits/${id}`, { registered_limit: { default_limit: 7, region_id: null, description: null } })
  assert.deepEqual(changed.body, { registered_limit: { ...shape, default_limit: 7, region_id: null, description: null } })
  assert.equal((await cloud.as('DELETE', `/registered_limits/${id}`)).status, 204)
  for (const method of ['GET', 'DELETE', 'PATCH']) {
    const gone = await cloud.as(method, `/registered_limits/${id}`, method === 'PATCH' ? { registered_limit: {} } : undefined)
    assert.deepEqual(gone.body, { error: { code: 404, title: 'Not Found', message: `Could not find registered limit for ${id}.` } }, method)
  }
})

test('a batch of registered limits is made whole or not at all, and a resource has one', async () => {
  await using cloud = await withLimits()
  const one = { service_id: cloud.service, resource_name: 'gigabytes', default_limit: 10 }
  const [malformed, unknown] = [(attribute: string) => `Expecting to find ${attribute} in registered_limit. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`, '0'.repeat(32)]
  for (const [batch, status, message] of [
    [[one, one], 409, 'Conflict occurred attempting to store registered_limit - Duplicate entry.'],
    [[one, { ...one, resource_name: 'volumes' }], 409, 'Conflict occurred attempting to store registered_limit - Duplicate entry.'],
    [[one, { ...one, service_id: unknown }], 400, malformed('service_id')],
    [[one, { ...one, region_id: 'nowhere' }], 400, malformed('region_id')],
    [[], 400], [[{ ...one, default_limit: -2 }], 400], [[{ ...one, default_limit: 2 ** 31 }], 400], [[{ ...one, resource_name: ' ' }], 400], [[{ ...one, other: 1 }], 400], [[{ service_id: cloud.service, resource_name: 'x' }], 400],
  ] as const) {
    const got = await cloud.as('POST', '/registered_limits', { registered_limits: batch })
    assert.deepEqual([got.status, message === undefined ? undefined : got.body.error.message], [status, message], JSON.stringify(batch))
  }
  assert.deepEqual((await cloud.as('GET', '/registered_limits')).body.registered_limits.map((l: { id: string }) => l.id), [cloud.volumes])
  assert.equal((await cloud.as('POST', '/registered_limits', { registered_limits: [one, { ...one, region_id: 'RegionOne' }] })).status, 201)
})

test('limits of projects and domains live: made beside each other, listed by what they name, changed, removed', async () => {
  await using cloud = await withLimits()
  const made = await cloud.as('POST', '/limits', { limits: [cloud.limit(5, { project_id: cloud.project }), cloud.limit(0, { domain_id: cloud.domain, description: 'none' })] })
  const [ofProject, ofDomain] = made.body.limits
  const shape = (id: string, rest: object) => ({ id, service_id: cloud.service, region_id: null, resource_name: 'volumes', description: null, links: { self: `http://cloud/v3/limits/${id}` }, ...rest })
  const wanted = [shape(ofProject.id, { project_id: cloud.project, domain_id: null, resource_limit: 5 }), shape(ofDomain.id, { project_id: null, domain_id: cloud.domain, resource_limit: 0, description: 'none' })]
  assert.deepEqual([made.status, made.body], [201, { limits: wanted }])
  const listed = async (query: string) => (await cloud.as('GET', `/limits?${query}`)).body.limits
  assert.deepEqual([await listed(`project_id=${cloud.project}`), await listed(`domain_id=${cloud.domain}`), await listed('resource_name=other'), (await listed(`service_id=${cloud.service}`)).length], [[wanted[0]], [wanted[1]], [], 2])
  assert.equal((await cloud.as('GET', '/limits?service_id=cinder')).status, 400)
  assert.deepEqual((await cloud.as('GET', `/limits/${ofProject.id}`)).body, { limit: wanted[0] })
  const changed = await cloud.as('PATCH', `/limits/${ofProject.id}`, { limit: { resource_limit: 0, description: 'less' } })
  assert.deepEqual(changed.body, { limit: { ...wanted[0], resource_limit: 0, description: 'less' } })
  assert.equal((await cloud.as('PATCH', `/limits/${ofProject.id}`, { limit: { resource_name: 'x' } })).status, 400)
  assert.equal((await cloud.as('DELETE', `/limits/${ofProject.id}`)).status, 204)
  assert.deepEqual((await cloud.as('GET', `/limits/${ofProject.id}`)).body.error, { code: 404, title: 'Not Found', message: `Could not find limit for ${ofProject.id}.` })
})

test('a limit rests on a registered one, which then stays as it is, and a project has one of a resource', async () => {
  await using cloud = await withLimits()
  const owner = { project_id: cloud.project }
  const expected = (attribute: string) => `Expecting to find ${attribute} in limit. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`
  for (const [limit, status, message] of [
    [{ ...cloud.limit(5, owner), region_id: 'RegionOne' }, 403, 'Unable to create a limit that has no corresponding registered limit.'],
    [{ ...cloud.limit(5, owner), resource_name: 'other' }, 403, 'Unable to create a limit that has no corresponding registered limit.'],
    [cloud.limit(5, { project_id: 'none' }), 400, expected('project_id')], [cloud.limit(5, { domain_id: 'none' }), 400, expected('domain_id')], [cloud.limit(5, { domain_id: cloud.project }), 400, expected('domain_id')],
    [cloud.limit(5, {}), 400], [cloud.limit(5, { ...owner, domain_id: cloud.domain }), 400], [cloud.limit(5, { project_id: null }), 400], [{ ...cloud.limit(5, owner), resource_limit: '5' }, 400],
  ] as const) {
    const got = await cloud.as('POST', '/limits', { limits: [limit] })
    assert.deepEqual([got.status, message === undefined ? undefined : got.body.error.message], [status, message], JSON.stringify(limit))
  }
  assert.equal((await cloud.as('POST', '/limits', { limits: [cloud.limit(5, owner)] })).status, 201)
  assert.deepEqual((await cloud.as('POST', '/limits', { limits: [cloud.limit(6, owner)] })).body.error.message, 'Conflict occurred attempting to store limit - Duplicate entry.')
  for (const answer of [await cloud.as('PATCH', `/registered_limits/${cloud.volumes}`, { registered_limit: { default_limit: 9 } }), await cloud.as('DELETE', `/registered_limits/${cloud.volumes}`)]) {
    assert.deepEqual([answer.status, answer.body.error.message], [403, `Unable to update or delete registered limit ${cloud.volumes} because there are project limits associated with it.`])
  }
})

test('a project that names its domain as its own counts as the domain', async () => {
  await using cloud = await withLimits()
  const { body: { limits: [limit] } } = await cloud.as('POST', '/limits', { limits: [cloud.limit(5, { project_id: cloud.domain })] })
  assert.deepEqual([limit.project_id, limit.domain_id], [null, cloud.domain])
})

test('limits go with the project, domain, region or service that they name', async () => {
  await using cloud = await withLimits()
  const count = async () => (await cloud.as('GET', '/limits')).body.limits.length
  const { body: { region } } = await cloud.as('POST', '/regions', { region: { id: 'north' } })
  await cloud.as('POST', '/registered_limits', { registered_limits: [{ service_id: cloud.service, region_id: region.id, resource_name: 'volumes', default_limit: 1 }] })
  const { body: { project: second } } = await cloud.as('POST', '/projects', { project: { name: 'second' } })
  await cloud.as('POST', '/limits', { limits: [
    cloud.limit(1, { project_id: cloud.project }), cloud.limit(1, { domain_id: cloud.domain }), cloud.limit(1, { project_id: second.id }), { ...cloud.limit(1, { project_id: second.id }), region_id: 'north' },
  ] })
  assert.equal(await count(), 4)
  assert.equal((await cloud.as('DELETE', `/projects/${cloud.project}`)).status, 204)
  assert.equal(await count(), 3)
  await cloud.as('PATCH', `/domains/${cloud.domain}`, { domain: { enabled: false } })
  assert.equal((await cloud.as('DELETE', `/domains/${cloud.domain}`)).status, 204)
  assert.equal(await count(), 2)
  assert.equal((await cloud.as('DELETE', '/regions/north')).status, 204)
  assert.equal(await count(), 1)
  assert.equal((await cloud.as('DELETE', `/services/${cloud.service}`)).status, 204)
  assert.deepEqual([await count(), (await cloud.as('GET', '/registered_limits')).body.registered_limits], [0, []])
})

test('everybody sees the defaults and the limits of their own project or domain; only operators and services see all', async () => {
  await using cloud = await withLimits()
  const { body: { user } } = await cloud.as('POST', '/users', { user: { name: 'ann', password: 'ann-secret' } })
  const { body: { roles: [reader] } } = await cloud.as('GET', '/roles?name=reader')
  await cloud.as('PUT', `/domains/${cloud.domain}/users/${user.id}/roles/${reader.id}`)
  await cloud.as('PUT', `/projects/${cloud.project}/users/${user.id}/roles/${reader.id}`)
  const { body: { projects: [demo] } } = await cloud.as('GET', '/projects?name=demo')
  const { body: { limits: made } } = await cloud.as('POST', '/limits', { limits: [cloud.limit(5, { project_id: cloud.project }), cloud.limit(6, { domain_id: cloud.domain }), cloud.limit(7, { project_id: demo.id })] })
  const values = async (token: string, query = '') => (await cloud.as('GET', `/limits${query}`, undefined, token)).body.limits.map((l: { resource_limit: number }) => l.resource_limit).toSorted()
  const tokens = {
    domain: (await cloud.login('ann', 'ann-secret', { domain: { id: cloud.domain } })).token, project: (await cloud.login('ann', 'ann-secret', { project: { id: cloud.project } })).token,
    unscoped: (await cloud.login('ann', 'ann-secret', 'unscoped')).token, other: (await cloud.login('demo')).token, service: (await cloud.login('nova')).token,
    system: (await cloud.login('admin', undefined, { system: { all: true } })).token,
  }
  assert.deepEqual(await Promise.all(Object.values(tokens).map(token => values(token))), [[5, 6], [5], [], [7], [5, 6, 7], [5, 6, 7]])
  assert.deepEqual(await values(tokens.other, `?project_id=${cloud.project}`), [])
  const shows = async (token: string) => Promise.all(made.map(async (l: { id: string }) => (await cloud.as('GET', `/limits/${l.id}`, undefined, token)).status))
  assert.deepEqual(await Promise.all(Object.values(tokens).map(shows)), [[200, 200, 403], [200, 403, 403], [403, 403, 403], [403, 403, 200], [403, 403, 403], [200, 200, 200]])
  for (const [method, path, body] of [
    ['POST', '/limits', { limits: [cloud.limit(1, { project_id: cloud.project })] }], ['PATCH', `/limits/${made[0].id}`, { limit: { resource_limit: 1 } }], ['DELETE', `/limits/${made[0].id}`],
    ['POST', '/registered_limits', { registered_limits: [{ service_id: cloud.service, resource_name: 'x', default_limit: 1 }] }], ['PATCH', `/registered_limits/${cloud.volumes}`, { registered_limit: {} }], ['DELETE', `/registered_limits/${cloud.volumes}`],
  ] as const) assert.equal((await cloud.as(method, path, body, tokens.domain)).status, 403, `${method} ${path}`)
  assert.deepEqual((await cloud.as('GET', '/registered_limits', undefined, tokens.unscoped)).body.registered_limits.map((l: { id: string }) => l.id), [cloud.volumes])
})

test('the model is told: flat unless configured', async () => {
  await using flat = await withLimits()
  assert.deepEqual((await flat.as('GET', '/limits/model')).body, { model: { name: 'flat', description: 'Limit enforcement and validation does not take project hierarchy into consideration.' } })
  await using strict = await withLimits({ enforcementModel: 'strict_two_level' })
  assert.deepEqual((await strict.as('GET', '/limits/model')).body, { model: { name: 'strict_two_level', description: 'This model requires project hierarchy never exceeds a depth of two' } })
})

test('in a flat cloud a project may have more than its domain; under strict_two_level it may not, whichever of the two is set last', async () => {
  await using flat = await withLimits()
  assert.equal((await flat.as('POST', '/limits', { limits: [flat.limit(5, { domain_id: flat.domain }), flat.limit(6, { project_id: flat.project })] })).status, 201)

  await using cloud = await withLimits({ enforcementModel: 'strict_two_level' })
  const [ofProject, ofDomain] = [{ project_id: cloud.project }, { domain_id: cloud.domain }]
  const refused = (whose: string, value: number) => `Invalid resource limit: The resource limit (${whose}, resource_name: volumes, resource_limit: ${value}, service_id: ${cloud.service}, region_id: None) doesn't satisfy current hierarchy model..`
  const add = async (...limits: object[]) => {
    const { status, body } = await cloud.as('POST', '/limits', { limits })
    return status === 201 ? body.limits.map((l: { id: string }) => l.id) : [status, body.error.message]
  }
  assert.deepEqual(await add(cloud.limit(11, ofProject)), [403, refused(`project_id: ${cloud.project}`, 11)], 'more than the registered default')
  assert.deepEqual(await add(cloud.limit(-1, ofProject)), [403, refused(`project_id: ${cloud.project}`, -1)])
  assert.deepEqual(await add(cloud.limit(7, ofProject), cloud.limit(6, ofDomain)), [403, refused(`project_id: ${cloud.project}`, 7)], 'more than its domain in the same batch')
  const [project, domain] = await add(cloud.limit(12, ofProject), cloud.limit(12, ofDomain))
  const set = async (id: string, value: number) => (await cloud.as('PATCH', `/limits/${id}`, { limit: { resource_limit: value } })).status
  assert.deepEqual([await set(project, 13), await set(domain, 11), await set(domain, -1), await set(project, -1), await set(domain, 12), await set(project, 3), await set(domain, 4)], [403, 403, 200, 200, 403, 200, 200])
})

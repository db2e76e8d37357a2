// OS-EP-FILTER: endpoint groups, and what projects are given.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

const EP = '/OS-EP-FILTER'

/** A cloud with a service, its public and internal endpoint, a project, and a group of the service's public endpoints. */
async function withGroup() {
  const cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  const { body: { service } } = await as('POST', '/services', { service: { name: 'web', type: 'web' } })
  const endpoint = async (side: string) => (await as('POST', '/endpoints', { endpoint: { service_id: service.id, interface: side, url: 'http://web' } })).body.endpoint.id as string
  const endpoints = { public: await endpoint('public'), internal: await endpoint('internal') }
  const { body: { project } } = await as('POST', '/projects', { project: { name: 'p' } })
  const filters = { service_id: service.id, interface: 'public' }
  const made = await as('POST', `${EP}/endpoint_groups`, { endpoint_group: { name: 'public web', filters } })
  assert.equal(made.status, 201)
  return Object.assign(cloud, { as, endpoints, project: project.id as string, group: made.body.endpoint_group.id as string, filters })
}

const ids = (list: { id: string }[]) => list.map(x => x.id).toSorted()

test('an endpoint group lives: made, shown, found by name, changed, removed', async () => {
  await using cloud = await withGroup()
  const path = `${EP}/endpoint_groups/${cloud.group}`
  const shape = { id: cloud.group, name: 'public web', description: null, filters: cloud.filters, links: { self: `http://cloud/v3${path}` } }
  assert.deepEqual((await cloud.as('GET', path)).body, { endpoint_group: shape })
  assert.equal((await cloud.as('HEAD', path)).status, 200)
  const list = `${EP}/endpoint_groups?name=public%20web`
  assert.deepEqual((await cloud.as('GET', list)).body, { endpoint_groups: [shape], links: { self: `http://cloud/v3${list}`, previous: null, next: null } })
  assert.deepEqual((await cloud.as('GET', `${EP}/endpoint_groups?name=other`)).body.endpoint_groups, [])
  assert.deepEqual((await cloud.as('PATCH', path, { endpoint_group: { description: 'd', filters: { region_id: null } } })).body, { endpoint_group: { ...shape, description: 'd', filters: { region_id: null } } })
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { endpoint_group: { name: 'x' } }]] as const) {
    assert.deepEqual((await cloud.as(method, path, body)).body.error, { code: 404, title: 'Not Found', message: `Could not find Endpoint Group: ${cloud.group}.` }, method)
  }
})

test('a group filters by service, region and interface alone', async () => {
  await using cloud = await withGroup()
  const message = 'Expecting to find service_id or region_id or interface in endpoint_group. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.'
  for (const [body, wanted] of [
    [{ name: 'g', filters: {} }, 'filters field is required and cannot be empty'], [{ name: 'g', filters: { url: 'x' } }, message],
    [{ name: 'g' }], [{ filters: { interface: 'public' } }], [{ name: 'g', filters: { interface: 'private' } }], [{ name: 'g', filters: { interface: 'public' }, other: 1 }],
  ] as const) {
    const got = await cloud.as('POST', `${EP}/endpoint_groups`, { endpoint_group: body })
    assert.deepEqual([got.status, wanted === undefined ? undefined : got.body.error.message], [400, wanted], JSON.stringify(body))
  }
  assert.deepEqual((await cloud.as('PATCH', `${EP}/endpoint_groups/${cloud.group}`, { endpoint_group: { filters: { url: 'x' } } })).body.error.message, message)
})

test('a group is given to a project once, seen from both sides, and taken away', async () => {
  await using cloud = await withGroup()
  const path = `${EP}/endpoint_groups/${cloud.group}/projects/${cloud.project}`
  const absent = { error: { code: 404, title: 'Not Found', message: 'Endpoint Group Project Association not found' } }
  assert.deepEqual((await cloud.as('GET', path)).body, absent)
  assert.equal((await cloud.as('PUT', path)).status, 204)
  assert.deepEqual((await cloud.as('PUT', path)).body.error.message, 'Conflict occurred attempting to store project_endpoint_group - Duplicate entry.')
  assert.deepEqual((await cloud.as('GET', path)).body, { project_endpoint_group: { endpoint_group_id: cloud.group, project_id: cloud.project, links: { self: `http://cloud/v3${path}` } } })
  assert.equal((await cloud.as('HEAD', path)).status, 200)
  assert.deepEqual(ids((await cloud.as('GET', `${EP}/endpoint_groups/${cloud.group}/projects`)).body.projects), [cloud.project])
  assert.deepEqual(ids((await cloud.as('GET', `${EP}/endpoint_groups/${cloud.group}/endpoints`)).body.endpoints), [cloud.endpoints.public])
  assert.deepEqual(ids((await cloud.as('GET', `${EP}/projects/${cloud.project}/endpoint_groups`)).body.endpoint_groups), [cloud.group])
  assert.deepEqual(ids((await cloud.as('GET', `${EP}/projects/${cloud.project}/endpoints`)).body.endpoints), [cloud.endpoints.public])
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  assert.deepEqual((await cloud.as('DELETE', path)).body, absent)
})

test('an endpoint is given to a project once, seen from both sides, and taken away', async () => {
  await using cloud = await withGroup()
  const endpoint = cloud.endpoints.internal
  const path = `${EP}/projects/${cloud.project}/endpoints/${endpoint}`
  const absent = { error: { code: 404, title: 'Not Found', message: `Endpoint ${endpoint} not found in project ${cloud.project}` } }
  assert.deepEqual((await cloud.as('GET', path)).body, absent)
  assert.equal((await cloud.as('PUT', path)).status, 204)
  assert.deepEqual((await cloud.as('PUT', path)).body.error.message, 'Conflict occurred attempting to store project_endpoint - Duplicate entry.')
  assert.deepEqual([(await cloud.as('GET', path)).status, (await cloud.as('HEAD', path)).status], [204, 204])
  await cloud.as('PUT', `${EP}/endpoint_groups/${cloud.group}/projects/${cloud.project}`)
  const given = await cloud.as('GET', `${EP}/projects/${cloud.project}/endpoints`)
  assert.deepEqual([ids(given.body.endpoints), given.body.links], [Object.values(cloud.endpoints).toSorted(), { self: `http://cloud/v3${EP}/projects/${cloud.project}/endpoints`, previous: null, next: null }])
  assert.deepEqual(ids((await cloud.as('GET', `${EP}/endpoints/${endpoint}/projects`)).body.projects), [cloud.project])
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  assert.deepEqual((await cloud.as('DELETE', path)).body, absent)
})

test('what does not exist is said to be so, and what goes is taken from projects', async () => {
  await using cloud = await withGroup()
  for (const [method, path, message] of [
    ['PUT', `${EP}/endpoint_groups/none/projects/${cloud.project}`, 'Could not find Endpoint Group: none.'], ['PUT', `${EP}/endpoint_groups/${cloud.group}/projects/none`, 'Could not find project: none.'],
    ['PUT', `${EP}/projects/none/endpoints/${cloud.endpoints.public}`, 'Could not find project: none.'], ['PUT', `${EP}/projects/${cloud.project}/endpoints/none`, 'Could not find endpoint: none.'],
    ['GET', `${EP}/projects/none/endpoints`, 'Could not find project: none.'], ['GET', `${EP}/projects/none/endpoint_groups`, 'Could not find project: none.'],
    ['GET', `${EP}/endpoints/none/projects`, 'Could not find endpoint: none.'], ['GET', `${EP}/endpoint_groups/none/endpoints`, 'Could not find Endpoint Group: none.'],
  ] as const) {
    const got = await cloud.as(method, path)
    assert.deepEqual([got.status, got.body.error.message], [404, message], `${method} ${path}`)
  }
  assert.deepEqual((await cloud.as('GET', `${EP}/endpoint_groups/none/projects`)).body.projects, [])
  await cloud.as('PUT', `${EP}/projects/${cloud.project}/endpoints/${cloud.endpoints.public}`)
  await cloud.as('PUT', `${EP}/endpoint_groups/${cloud.group}/projects/${cloud.project}`)
  await cloud.as('DELETE', `/endpoints/${cloud.endpoints.public}`)
  assert.deepEqual((await cloud.as('GET', `${EP}/projects/${cloud.project}/endpoints`)).body.endpoints, [])
  assert.equal((await cloud.as('DELETE', `/projects/${cloud.project}`)).status, 204)
  assert.deepEqual((await cloud.as('GET', `${EP}/endpoint_groups/${cloud.group}/projects`)).body.projects, [])
})

test('only an admin gives and takes, and only who reads the whole cloud may look', async () => {
  await using cloud = await withGroup()
  const { token: member } = await cloud.login('demo')
  const { body: { roles: [reader] } } = await cloud.as('GET', '/roles?name=reader')
  const { body: { users: [demo] } } = await cloud.as('GET', '/users?name=demo')
  await cloud.as('PUT', `/system/users/${demo.id}/roles/${reader.id}`)
  const { token: auditor } = await cloud.login('demo', undefined, { system: { all: true } })
  const group = `${EP}/endpoint_groups/${cloud.group}`
  const reads = [`${EP}/endpoint_groups`, group, `${group}/projects`, `${group}/endpoints`, `${EP}/projects/${cloud.project}/endpoints`, `${EP}/projects/${cloud.project}/endpoint_groups`, `${EP}/endpoints/${cloud.endpoints.public}/projects`]
  for (const path of reads) assert.deepEqual([(await cloud.as('GET', path, undefined, member)).status, (await cloud.as('GET', path, undefined, auditor)).status], [403, 200], path)
  for (const [method, path, body] of [
    ['POST', `${EP}/endpoint_groups`, { endpoint_group: { name: 'g', filters: cloud.filters } }], ['PATCH', group, { endpoint_group: { name: 'g' } }], ['DELETE', group], ['PUT', `${group}/projects/${cloud.project}`],
    ['DELETE', `${group}/projects/${cloud.project}`], ['PUT', `${EP}/projects/${cloud.project}/endpoints/${cloud.endpoints.public}`], ['DELETE', `${EP}/projects/${cloud.project}/endpoints/${cloud.endpoints.public}`],
  ] as const) assert.deepEqual([(await cloud.as(method, path, body, member)).status, (await cloud.as(method, path, body, auditor)).status], [403, 403], `${method} ${path}`)
})

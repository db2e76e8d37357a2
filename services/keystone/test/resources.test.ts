// Projects, users, groups, roles, grants and the catalog, through the API.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

async function withAdmin() {
  const cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  return Object.assign(cloud, { as })
}

test('a project lives: made, shown, found by name, changed, removed', async () => {
  await using cloud = await withAdmin()
  const made = await cloud.as('POST', '/projects', { project: { name: 'web', description: 'sites', cost_centre: 7 } })
  const { id } = made.body.project
  const shape = { id, name: 'web', domain_id: 'default', parent_id: 'default', is_domain: false, enabled: true, description: 'sites', options: {}, tags: [], cost_centre: 7, links: { self: `http://cloud/v3/projects/${id}` } }
  assert.deepEqual([made.status, made.body.project], [201, shape])
  assert.deepEqual((await cloud.as('GET', `/projects/${id}`)).body, { project: shape })
  assert.deepEqual((await cloud.as('GET', '/projects?name=web')).body, { projects: [shape], links: { self: 'http://cloud/v3/projects?name=web', previous: null, next: null } })
  assert.deepEqual((await cloud.as('PATCH', `/projects/${id}`, { project: { name: 'www', tags: ['a'] } })).body.project, { ...shape, name: 'www', tags: ['a'] })
  const again = await cloud.as('POST', '/projects', { project: { name: 'www' } })
  assert.deepEqual([again.status, again.body.error.message.replace(/[0-9a-f]{32}/, 'ID')], [409, 'Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name or same id in the same domain: name is www, project id ID.'])
  assert.equal((await cloud.as('DELETE', `/projects/${id}`)).status, 204)
  assert.deepEqual((await cloud.as('GET', `/projects/${id}`)).body.error, { code: 404, title: 'Not Found', message: `Could not find project: ${id}.` })
})

test('projects nest, a parent stays while it has children, and nothing nests deeper than five', async () => {
  await using cloud = await withAdmin()
  let parent: string | undefined
  for (let depth = 1; depth <= 6; depth++) {
    const { status, body } = await cloud.as('POST', '/projects', { project: { name: `p${depth}`, ...(parent !== undefined && { parent_id: parent }) } })
    assert.equal(status, depth <= 5 ? 201 : 403, `depth ${depth}`)
    if (status === 201 && depth === 5) assert.equal((await cloud.as('DELETE', `/projects/${parent}`)).status, 403)
    parent = body.project?.id ?? parent
  }
})

test('a domain must be disabled before it goes, and takes what is in it along', async () => {
  await using cloud = await withAdmin()
  const { body: { domain } } = await cloud.as('POST', '/domains', { domain: { name: 'acme' } })
  const { body: { user } } = await cloud.as('POST', '/users', { user: { name: 'eve', domain_id: domain.id, password: 'x' } })
  await cloud.as('POST', '/projects', { project: { name: 'inner', domain_id: domain.id } })
  assert.equal((await cloud.as('DELETE', `/domains/${domain.id}`)).status, 403)
  assert.equal((await cloud.as('PATCH', `/domains/${domain.id}`, { domain: { enabled: false } })).status, 200)
  assert.equal((await cloud.as('DELETE', `/domains/${domain.id}`)).status, 204)
  assert.equal((await cloud.as('GET', `/users/${user.id}`)).status, 404)
})

test('a user lives, and logs in with the password it was last given', async () => {
  await using cloud = await withAdmin()
  const made = await cloud.as('POST', '/users', { user: { name: 'john', password: 'first', email: 'j@example.org' } })
  const { id } = made.body.user
  assert.deepEqual([made.status, made.body.user], [201, { id, name: 'john', domain_id: 'default', enabled: true, password_expires_at: null, options: {}, email: 'j@example.org', links: { self: `http://cloud/v3/users/${id}` } }])
  assert.equal((await cloud.login('john', 'first', 'unscoped')).status, 201)
  assert.equal((await cloud.ask('POST', `/v3/users/${id}/password`, { body: { user: { original_password: 'first', password: 'second' } } })).status, 204)
  assert.equal((await cloud.login('john', 'first', 'unscoped')).status, 401)
  assert.equal((await cloud.login('john', 'second', 'unscoped')).status, 201)
  assert.equal((await cloud.as('DELETE', `/users/${id}`)).status, 204)
  assert.equal((await cloud.login('john', 'second', 'unscoped')).status, 401)
})

test('roles come by group and by inheritance, and the effective list says so', async () => {
  await using cloud = await withAdmin()
  const { body: { user } } = await cloud.as('POST', '/users', { user: { name: 'ann', password: 'ann-secret' } })
  const { body: { group } } = await cloud.as('POST', '/groups', { group: { name: 'ops' } })
  const { body: { roles: [member] } } = await cloud.as('GET', '/roles?name=member')
  assert.equal((await cloud.as('PUT', `/groups/${group.id}/users/${user.id}`)).status, 204)
  assert.equal((await cloud.as('PUT', `/OS-INHERIT/domains/default/groups/${group.id}/roles/${member.id}/inherited_to_projects`)).status, 204)
  const inDemo = await cloud.login('ann', 'ann-secret', { project: { name: 'demo', domain: { id: 'default' } } })
  assert.deepEqual(inDemo.body.token.roles.map((r: { name: string }) => r.name), ['member', 'reader'])
  const effective = await cloud.as('GET', `/role_assignments?effective&include_names&user.id=${user.id}`)
  assert.deepEqual(effective.body.role_assignments.map((a: any) => `${a.role.name} ${a.user.name} ${a.scope.project.name}`).toSorted(), // eslint-disable-line @typescript-eslint/no-explicit-any
    ['admin', 'demo', 'service'].flatMap(p => [`member ann ${p}`, `reader ann ${p}`]).toSorted())
  const direct = await cloud.as('GET', `/role_assignments?group.id=${group.id}`)
  assert.deepEqual(direct.body.role_assignments, [{
    role: { id: member.id }, group: { id: group.id }, scope: { domain: { id: 'default' }, 'OS-INHERIT:inherited_to': 'projects' },
    links: { assignment: `http://cloud/v3/OS-INHERIT/domains/default/groups/${group.id}/roles/${member.id}/inherited_to_projects` },
  }])
})

test('a service and its endpoints are made, listed, and seen in the catalog', async () => {
  await using cloud = await withAdmin()
  const { body: { service } } = await cloud.as('POST', '/services', { service: { name: 'myService', description: 'helloworld', type: 'myService' } })
  const made = await cloud.as('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', region_id: 'RegionOne', url: 'http://127.0.0.1:3838' } })
  const { id } = made.body.endpoint
  assert.deepEqual(made.body.endpoint, { id, service_id: service.id, interface: 'public', region: 'RegionOne', region_id: 'RegionOne', url: 'http://127.0.0.1:3838', enabled: true, links: { self: `http://cloud/v3/endpoints/${id}` } })
  const { body: { catalog } } = await cloud.as('GET', '/auth/catalog')
  assert.deepEqual(catalog.find((s: { type: string }) => s.type === 'myService').endpoints, [{ id, interface: 'public', region: 'RegionOne', region_id: 'RegionOne', url: 'http://127.0.0.1:3838' }])
  assert.deepEqual((await cloud.as('DELETE', '/regions/RegionOne')).status, 403)
  assert.equal((await cloud.as('DELETE', `/services/${service.id}`)).status, 204)
  assert.equal((await cloud.as('GET', `/endpoints/${id}`)).status, 404)
})

test('an endpoint that names a region in the old way makes it, and one that names its id does not', async () => {
  await using cloud = await withAdmin()
  const { body: { service } } = await cloud.as('POST', '/services', { service: { name: 's', type: 's' } })
  const made = await cloud.as('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', region: 'north', url: 'http://127.0.0.1:1' } })
  assert.deepEqual([made.status, made.body.endpoint.region_id], [201, 'north'])
  const moved = await cloud.as('PATCH', `/endpoints/${made.body.endpoint.id}`, { endpoint: { region: 'south' } })
  assert.deepEqual([moved.status, moved.body.endpoint.region_id], [200, 'south'])
  assert.deepEqual((await cloud.as('GET', '/regions')).body.regions.map((r: { id: string }) => r.id).toSorted(), ['RegionOne', 'north', 'south'])
  const west = { region_id: 'west' }
  for (const answer of [await cloud.as('PATCH', `/endpoints/${made.body.endpoint.id}`, { endpoint: west }), await cloud.as('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://127.0.0.1:1', ...west } })]) {
    assert.deepEqual([answer.status, answer.body.error.message], [400, 'Expecting to find endpoint region_id in region table. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.'])
  }
})

test('names of projects, domains and groups end at 64 characters, those of users at 255', async () => {
  await using cloud = await withAdmin()
  for (const [kind, most] of [['project', 64], ['domain', 64], ['group', 64], ['user', 255]] as const) {
    assert.equal((await cloud.as('POST', `/${kind}s`, { [kind]: { name: 'a'.repeat(most) } })).status, 201, kind)
    assert.equal((await cloud.as('POST', `/${kind}s`, { [kind]: { name: 'a'.repeat(most + 1) } })).status, 400, kind)
  }
})

test('a domain\'s role implies any, none of all domains implies it, and only what it implies shows in tokens and effective lists', async () => {
  await using cloud = await withAdmin()
  const { body: { roles: all } } = await cloud.as('GET', '/roles')
  const idOf = (name: string) => all.find((r: { name: string }) => r.name === name).id
  const { body: { user } } = await cloud.as('POST', '/users', { user: { name: 'ann', password: 'ann-secret' } })
  const { body: { projects: [demo] } } = await cloud.as('GET', '/projects?name=demo')
  const { body: { role } } = await cloud.as('POST', '/roles', { role: { name: 'operator', domain_id: 'default' } })
  assert.equal((await cloud.as('PUT', `/projects/${demo.id}/users/${user.id}/roles/${role.id}`)).status, 204)
  const effective = async () => (await cloud.as('GET', `/role_assignments?effective&user.id=${user.id}`)).body.role_assignments.map((a: { role: { id: string } }) => a.role.id)
  assert.deepEqual(await effective(), [])
  assert.equal((await cloud.as('PUT', `/roles/${role.id}/implies/${idOf('reader')}`)).status, 201)
  assert.deepEqual(await effective(), [idOf('reader')])
  const inDemo = await cloud.login('ann', 'ann-secret', { project: { id: demo.id } })
  assert.deepEqual(inDemo.body.token.roles.map((r: { name: string }) => r.name), ['reader'])
  assert.deepEqual((await cloud.as('PUT', `/roles/${idOf('reader')}/implies/${role.id}`)).body.error, { code: 403, title: 'Forbidden', message: `${role.id} cannot be an implied roles.` })
  assert.deepEqual((await cloud.as('PUT', `/roles/${idOf('reader')}/implies/${idOf('admin')}`)).body.error, { code: 403, title: 'Forbidden', message: `${idOf('admin')} cannot be an implied roles.` })
})

test('a member sees its own project and itself, and nothing else', async () => {
  await using cloud = await withAdmin()
  const { token, body: { token: demo } } = await cloud.login('demo')
  const asDemo = (method: string, path: string, body?: unknown) => cloud.as(method, path, body, token)
  assert.equal((await asDemo('GET', `/projects/${demo.project.id}`)).status, 200)
  assert.equal((await asDemo('GET', `/users/${demo.user.id}`)).status, 200)
  assert.deepEqual((await asDemo('GET', '/auth/projects')).body.projects.map((p: { name: string }) => p.name), ['demo'])
  const { body: { projects } } = await cloud.as('GET', '/projects?name=admin')
  for (const [method, path, body, rule] of [
    ['GET', `/projects/${projects[0].id}`, undefined, 'identity:get_project'], ['GET', '/projects/none', undefined, 'identity:get_project'], ['GET', '/users', undefined, 'identity:list_users'],
    ['POST', '/users', { user: { name: 'x' } }, 'identity:create_user'], ['GET', '/services', undefined, 'identity:list_services'], ['GET', '/role_assignments', undefined, 'identity:list_role_assignments'],
    ['PATCH', `/users/${demo.user.id}`, { user: { enabled: false } }, 'identity:update_user'], ['POST', '/roles', { role: { name: 'x' } }, 'identity:create_role'],
  ] as const) {
    const got = await asDemo(method, path, body)
    assert.deepEqual([got.status, got.body.error.message], [403, `You are not authorized to perform the requested action: ${rule}.`], `${method} ${path}`)
  }
})

test('discovery tells where the API is, at the root and under its prefix', async () => {
  await using cloud = await keystoneAlone()
  const version = (base: string) => ({ id: 'v3.14', status: 'stable', updated: '2020-04-07T00:00:00Z', links: [{ rel: 'self', href: `${base}/v3/` }], 'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }] })
  assert.deepEqual([(await cloud.ask('GET', '/')).status, (await cloud.ask('GET', '/')).body], [300, { versions: { values: [version('http://cloud')] } }])
  assert.deepEqual((await cloud.ask('GET', '/identity/v3/')).body, { version: version('http://cloud/identity') })
})

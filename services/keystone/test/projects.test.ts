// Projects and domains: their tree, tags, options and names.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

type Options = NonNullable<Parameters<typeof keystoneAlone>[0]>['options']

/** A cloud with projects a > b > c in the default domain. */
async function withTree(options: Options = {}) {
  const cloud = await keystoneAlone({ options })
  const { token, body: { token: { user } } } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  const project = async (name: string, rest: object = {}) => (await as('POST', '/projects', { project: { name, ...rest } })).body.project?.id as string
  const a = await project('a', { tags: ['x', 'y'] })
  const b = await project('b', { parent_id: a, tags: ['y'] })
  const c = await project('c', { parent_id: b })
  return Object.assign(cloud, { as, project, admin: user.id as string, a, b, c })
}

type Tree = Awaited<ReturnType<typeof withTree>>

async function refusal(cloud: Tree, method: string, path: string, body?: unknown): Promise<[number, string]> {
  const got = await cloud.as(method, path, body)
  return [got.status, got.body?.error?.message]
}

test('a project shows those above and below it as ids, or those of them that are the caller\'s as a list', async () => {
  await using cloud = await withTree()
  const { a, b, c } = cloud
  const shown = async (id: string, query: string) => (await cloud.as('GET', `/projects/${id}?${query}`)).body.project
  assert.deepEqual((await shown(c, 'parents_as_ids')).parents, { [b]: { [a]: { default: null } } })
  assert.deepEqual([(await shown(a, 'subtree_as_ids')).subtree, (await shown(c, 'subtree_as_ids')).subtree], [{ [b]: { [c]: null } }, null])
  assert.deepEqual((await shown(a, 'subtree_as_ids&parents_as_ids')).parents, { default: null })
  assert.ok(!('parents' in await shown(c, 'parents_as_ids=0')))
  assert.deepEqual((await shown(a, 'subtree_as_list')).subtree, [], 'none is the caller\'s')
  const { body: { roles: [reader] } } = await cloud.as('GET', '/roles?name=reader')
  for (const id of [b, c]) await cloud.as('PUT', `/projects/${id}/users/${cloud.admin}/roles/${reader.id}`)
  const plain = async (id: string) => ({ project: (await cloud.as('GET', `/projects/${id}`)).body.project })
  assert.deepEqual((await shown(a, 'subtree_as_list')).subtree, [await plain(b), await plain(c)])
  const { body: { service } } = await cloud.as('POST', '/services', { service: { type: 't' } })
  await cloud.as('POST', '/registered_limits', { registered_limits: [{ service_id: service.id, resource_name: 'r', default_limit: 1 }] })
  const { body: { limits } } = await cloud.as('POST', '/limits', { limits: [{ service_id: service.id, resource_name: 'r', resource_limit: 2, project_id: b }] })
  assert.deepEqual((await shown(c, 'parents_as_list&include_limits')).parents, [{ project: { ...(await plain(b)).project, limits } }])
  for (const what of ['parents', 'subtree']) assert.deepEqual(await refusal(cloud, 'GET', `/projects/${a}?${what}_as_list&${what}_as_ids`), [400, `Cannot use ${what}_as_list and ${what}_as_ids query params at the same time.`])
})

test('nothing is enabled in a disabled branch, and nothing is made there', async () => {
  await using cloud = await withTree()
  const { a, b, c } = cloud
  const set = (id: string, enabled: boolean) => refusal(cloud, 'PATCH', `/projects/${id}`, { project: { enabled } })
  assert.deepEqual(await set(a, false), [403, `Cannot disable project ${a} since its subtree contains enabled projects.`])
  for (const id of [c, b, a]) assert.deepEqual(await set(id, false), [200, undefined])
  assert.deepEqual(await set(c, true), [403, `Cannot enable project ${c} since it has disabled parents`])
  assert.deepEqual(await refusal(cloud, 'POST', '/projects', { project: { name: 'd', parent_id: a } }), [400, `cannot create a project in a branch containing a disabled project: ${a}`])
  for (const id of [a, b, c]) assert.deepEqual(await set(id, true), [200, undefined])
})

test('a project stays where it was made', async () => {
  await using cloud = await withTree()
  const { a, b } = cloud
  const change = (project: object) => refusal(cloud, 'PATCH', `/projects/${b}`, { project })
  assert.deepEqual(await change({ parent_id: 'default' }), [403, 'Update of `parent_id` is not allowed.'])
  assert.deepEqual(await change({ is_domain: true }), [400, 'Update of `is_domain` is not allowed.'])
  assert.deepEqual(await change({ domain_id: 'other' }), [400, 'Cannot change Domain ID'])
  assert.deepEqual(await change({ id: 'other' }), [400, 'Cannot change ID'])
  assert.deepEqual(await change({ parent_id: a, domain_id: 'default', is_domain: false, id: b, colour: 'red' }), [200, undefined])
  assert.deepEqual(await refusal(cloud, 'DELETE', `/projects/${a}`), [403, `Cannot delete the project ${a} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`])
})

test('a project is made under what exists, in its own domain, and as deep as the cloud lets it', async () => {
  await using cloud = await withTree({ maxProjectTreeDepth: 3 })
  const { body: { domain } } = await cloud.as('POST', '/domains', { domain: { name: 'acme' } })
  const make = (project: object) => refusal(cloud, 'POST', '/projects', { project: { name: 'z', ...project } })
  assert.deepEqual(await make({ parent_id: 'none' }), [400, 'Could not find project: none.'])
  assert.deepEqual(await make({ domain_id: 'none' }), [400, 'Could not find domain: none.'])
  assert.deepEqual(await make({ parent_id: domain.id, domain_id: 'default' }), [400, `Cannot create project, the parent (${domain.id}) is acting as a domain, but this project's domain id (default) does not match the parent's id.`])
  assert.deepEqual(await make({ parent_id: cloud.a, domain_id: domain.id }), [400, `Cannot create project, since it specifies its domain_id ${domain.id}, but specifies a parent in a different domain (default).`])
  assert.deepEqual(await make({ parent_id: cloud.c }), [403, `Max hierarchy depth reached for ${cloud.c} branch.`])
  assert.deepEqual((await make({ name: 'a' }))[0], 409)
  for (const project of [{ options: { colour: 'red' } }, { options: { immutable: 'yes' } }, { tags: ['a', 'a'] }, { tags: ['a,b'] }, { tags: [''] }, { tags: Array.from({ length: 81 }, (_, i) => `t${i}`) }, { name: ' ' }, { enabled: 'yes' }]) {
    assert.equal((await make(project))[0], 400, JSON.stringify(project))
  }
})

test('under strict_two_level there are no projects in projects of projects', async () => {
  await using cloud = await withTree({ enforcementModel: 'strict_two_level' })
  assert.deepEqual([cloud.b === undefined, cloud.c === undefined], [false, true])
})

test('a project that acts as a domain is a domain, and stands in none', async () => {
  await using cloud = await withTree()
  for (const place of [{ domain_id: 'default' }, { parent_id: cloud.a }]) {
    assert.deepEqual(await refusal(cloud, 'POST', '/projects', { project: { name: 'z', is_domain: true, ...place } }), [400, 'only root projects are allowed to act as domains.'])
  }
  const id = await cloud.project('acting', { is_domain: true })
  assert.deepEqual((await cloud.as('GET', `/domains/${id}`)).body.domain.name, 'acting')
  assert.equal((await cloud.as('GET', `/domains/${cloud.a}`)).status, 404)
  assert.deepEqual((await cloud.as('GET', '/projects?is_domain=true&name=acting')).body.projects.map((p: { id: string }) => p.id), [id])
  const explicit = { name: 'known', explicit_domain_id: '1'.repeat(32) }
  assert.deepEqual((await cloud.as('POST', '/domains', { domain: explicit })).body.domain.id, explicit.explicit_domain_id)
  assert.equal((await cloud.as('POST', '/domains', { domain: { ...explicit, name: 'again' } })).status, 409)
  assert.deepEqual(await refusal(cloud, 'POST', '/domains', { domain: { name: 'x', explicit_domain_id: 'short' } }), [400, 'Domain ID does not conform to required UUID format.'])
  assert.deepEqual(await refusal(cloud, 'POST', '/domains', { domain: { name: 'known' } }), [409, 'Conflict occurred attempting to store project - it is not permitted to have two projects acting as domains with the same name: known.'])
  assert.deepEqual(await refusal(cloud, 'DELETE', `/projects/${id}`), [403, 'Cannot delete a domain that is enabled, please disable it first.'])
  await cloud.as('PATCH', `/projects/${id}`, { project: { enabled: false } })
  assert.equal((await cloud.as('DELETE', `/projects/${id}`)).status, 204)
})

test('what is immutable is neither changed nor removed until it is released, which is done by itself', async () => {
  await using cloud = await withTree()
  const { body: { domain } } = await cloud.as('POST', '/domains', { domain: { name: 'acme', enabled: false } })
  for (const [noun, id] of [['project', cloud.c], ['domain', domain.id]] as const) {
    const path = `/${noun}s/${id}`
    const change = (body: object) => refusal(cloud, 'PATCH', path, { [noun]: body })
    const locked = (verb: string) => [403, `Unable to ${verb} immutable ${noun} resource: \`${id}. Set resource option "immutable" to false first.`]
    assert.deepEqual((await cloud.as('PATCH', path, { [noun]: { options: { immutable: true } } })).body[noun].options, { immutable: true })
    assert.deepEqual([await change({ description: 'x' }), await change({ options: { immutable: false }, description: 'x' }), await change({ colour: 'red' })], [locked('update'), locked('update'), locked('update')])
    assert.deepEqual(await refusal(cloud, 'DELETE', path), locked('delete'))
    assert.deepEqual((await cloud.as('PATCH', path, { [noun]: { options: { immutable: null } } })).body[noun].options, {})
    assert.equal((await cloud.as('DELETE', path)).status, 204)
  }
  await cloud.as('PATCH', `/projects/${cloud.b}`, { project: { options: { immutable: true } } })
  for (const [method, path, body, verb] of [['PUT', 'tags', { tags: [] }, 'update'], ['DELETE', 'tags', undefined, 'update'], ['PUT', 'tags/z', undefined, 'create'], ['DELETE', 'tags/y', undefined, 'delete']] as const) {
    assert.deepEqual(await refusal(cloud, method, `/projects/${cloud.b}/${path}`, body), [403, `Cannot ${verb} project tags for ${cloud.b}, project is immutable. Set "immutable" option to false before creating project tags.`])
  }
})

test('tags are set, added, checked and removed', async () => {
  await using cloud = await withTree()
  const path = `/projects/${cloud.a}/tags`
  const links = { self: `http://cloud/v3${path}` }
  assert.deepEqual((await cloud.as('GET', path)).body, { tags: ['x', 'y'], links })
  const set = await cloud.as('PUT', path, { tags: ['one', 'naïve "two"'] })
  assert.deepEqual([set.status, set.body], [200, { tags: ['one', 'naïve "two"'], links }])
  const added = await cloud.as('PUT', `${path}/three`)
  assert.deepEqual([added.status, added.headers['location']], [201, `http://cloud/v3${path}/three`])
  assert.deepEqual([(await cloud.as('GET', `${path}/three`)).status, (await cloud.as('HEAD', `${path}/three`)).status, (await cloud.as('DELETE', `${path}/three`)).status], [204, 204, 204])
  for (const method of ['GET', 'DELETE']) assert.deepEqual(await refusal(cloud, method, `${path}/three`), [404, 'Could not find project tag: three.'])
  for (const body of [{ tags: ['a', 'a'] }, { tags: ['a/b'] }, { tags: 'a' }, {}, { tags: ['a'.repeat(256)] }, { tags: Array.from({ length: 81 }, (_, i) => `t${i}`) }]) assert.equal((await cloud.as('PUT', path, body)).status, 400, JSON.stringify(body).slice(0, 60))
  for (const tag of ['one', 'a,b', 'a'.repeat(256)]) assert.equal((await cloud.as('PUT', `${path}/${tag}`)).status, 400, tag.slice(0, 20))
  await cloud.as('PUT', path, { tags: Array.from({ length: 80 }, (_, i) => `t${i}`) })
  assert.equal((await cloud.as('PUT', `${path}/more`)).status, 400)
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  assert.deepEqual((await cloud.as('GET', path)).body.tags, [])
  assert.deepEqual(await refusal(cloud, 'PUT', '/projects/none/tags', { tags: [] }), [404, 'Could not find project: none.'])
})

test('projects are found by the tags that they have, or have not', async () => {
  await using cloud = await withTree()
  await cloud.as('PUT', `/projects/${cloud.c}/tags`, { tags: ['x"y', 'Y'] })
  const named = async (query: string) => (await cloud.as('GET', `/projects?${query}`)).body.projects.map((p: { name: string }) => p.name)
  const rest = ['admin', 'demo', 'service']
  const found: Record<string, string[]> = {
    'tags=x,y': ['a'], 'tags=y': ['a', 'b'], 'tags=Y': ['c'], 'tags-any=x,none': ['a'], 'not-tags=x,y': [...rest, 'b', 'c'], 'not-tags=y': [...rest, 'c'], 'not-tags-any=x,y': [...rest, 'c'], 'tags=y&not-tags=x': ['b'], [`tags=${encodeURIComponent('x"y')}`]: ['c'],
  }
  for (const [query, names] of Object.entries(found)) assert.deepEqual(await named(query), names.toSorted(), query)
})

test('a user\'s projects are found by name and domain', async () => {
  await using cloud = await withTree()
  const { body: { roles: [reader] } } = await cloud.as('GET', '/roles?name=reader')
  for (const id of [cloud.a, cloud.b]) await cloud.as('PUT', `/projects/${id}/users/${cloud.admin}/roles/${reader.id}`)
  const named = async (query: string) => (await cloud.as('GET', `/users/${cloud.admin}/projects?${query}`)).body.projects.map((p: { name: string }) => p.name)
  assert.deepEqual([await named(''), await named('name=b'), await named('domain_id=other'), await named('limit=2')], [['a', 'admin', 'b'], ['b'], [], ['a', 'admin']])
})

test('names that a URL reserves are refused for new projects and domains where the cloud is configured so', async () => {
  await using cloud = await withTree({ projectNameUrlSafe: 'new', domainNameUrlSafe: 'new' })
  assert.deepEqual(await refusal(cloud, 'POST', '/projects', { project: { name: 'a/b?c' } }), [400, 'Project name cannot contain the following reserved characters: /?'])
  assert.deepEqual(await refusal(cloud, 'PATCH', `/projects/${cloud.a}`, { project: { name: 'a#' } }), [400, 'Project name cannot contain the following reserved characters: #'])
  assert.deepEqual(await refusal(cloud, 'POST', '/domains', { domain: { name: '[x]' } }), [400, 'Domain name cannot contain the following reserved characters: []'])
  await using free = await withTree()
  assert.equal((await free.as('POST', '/projects', { project: { name: 'a/b?c' } })).status, 201)
})

test('where the cloud is strict about names, nobody has a token by one that a URL reserves', async () => {
  await using strict = await withTree({ projectNameUrlSafe: 'strict', domainNameUrlSafe: 'strict' })
  const message = async (scope: object) => (await strict.login('admin', undefined, scope)).body.error.message
  assert.equal(await message({ project: { name: 'a/b', domain: { id: 'default' } } }), 'Project name cannot contain reserved characters.')
  for (const scope of [{ project: { name: 'admin', domain: { name: 'a?b' } } }, { domain: { name: 'a?b' } }]) assert.equal(await message(scope), 'Domain name cannot contain reserved characters.')
  await using lenient = await withTree({ projectNameUrlSafe: 'new' })
  const refused = await lenient.login('admin', undefined, { project: { name: 'a/b', domain: { id: 'default' } } })
  assert.deepEqual([refused.status, refused.body.error.message], [401, 'The request you have made requires authentication.'])
})

test('who manages a domain makes, tags and removes projects in it, and sees no others', async () => {
  await using cloud = await withTree()
  const { body: { domain } } = await cloud.as('POST', '/domains', { domain: { name: 'acme' } })
  const { body: { user } } = await cloud.as('POST', '/users', { user: { name: 'ann', password: 'ann-secret' } })
  const { body: { roles: [manager] } } = await cloud.as('GET', '/roles?name=manager')
  await cloud.as('PUT', `/domains/${domain.id}/users/${user.id}/roles/${manager.id}`)
  const { token } = await cloud.login('ann', 'ann-secret', { domain: { id: domain.id } })
  const made = await cloud.as('POST', '/projects', { project: { name: 'web' } }, token)
  assert.deepEqual([made.status, made.body.project.domain_id], [201, domain.id])
  const own = `/projects/${made.body.project.id}`
  assert.deepEqual([(await cloud.as('PUT', `${own}/tags/t`, undefined, token)).status, (await cloud.as('GET', `${own}/tags`, undefined, token)).body.tags], [201, ['t']])
  assert.deepEqual((await cloud.as('GET', '/projects', undefined, token)).body.projects.map((p: { name: string }) => p.name), ['web'])
  for (const [method, path, body] of [
    ['POST', '/projects', { project: { name: 'z', domain_id: 'default' } }], ['POST', '/projects', { project: { name: 'z', parent_id: cloud.a } }], ['POST', '/projects', { project: { name: 'z', domain_id: 'none' } }],
    ['GET', `/projects/${cloud.a}`], ['GET', '/projects/none'], ['PATCH', `/projects/${cloud.a}`, { project: { name: 'z' } }], ['DELETE', `/projects/${cloud.a}`], ['POST', '/domains', { domain: { name: 'z' } }],
    ['GET', `/projects/${cloud.a}/tags`], ['PUT', `/projects/${cloud.a}/tags`, { tags: [] }], ['PUT', `/projects/${cloud.a}/tags/z`], ['DELETE', `/projects/${cloud.a}/tags/x`], ['GET', `/projects/${cloud.a}/tags/x`], ['DELETE', `/projects/${cloud.a}/tags`],
  ] as const) assert.equal((await cloud.as(method, path, body, token)).status, 403, `${method} ${path}`)
  assert.equal((await cloud.as('DELETE', own, undefined, token)).status, 204)
})

test('the projects of a disabled domain are not offered: nobody could have a token there', async () => {
  await using cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const make = async (noun: string, body: Record<string, unknown>) => (await cloud.ask('POST', `/v3/${noun}s`, { token, body: { [noun]: body } })).body[noun].id as string
  const domain = await make('domain', { name: 'elsewhere' })
  const project = await make('project', { name: 'there', domain_id: domain })
  const { body: { token: { user, roles } } } = await cloud.ask('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })
  assert.equal((await cloud.ask('PUT', `/v3/projects/${project}/users/${user.id}/roles/${roles[0].id}`, { token })).status, 204)
  const offered = async () => ((await cloud.ask('GET', '/v3/auth/projects', { token })).body.projects as { name: string }[]).map(p => p.name)
  assert.deepEqual(await offered(), ['admin', 'there'])
  await cloud.ask('PATCH', `/v3/domains/${domain}`, { token, body: { domain: { enabled: false } } })
  assert.deepEqual(await offered(), ['admin'])
})

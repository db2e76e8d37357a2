// Who has which role where, through the API: grants, their checks, and the list of assignments.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

const sorted = (rows: readonly string[]) => rows.toSorted()

/** A domain with a project `p`, its child `c`, a user `u` in the group `g`, a role `chef` that implies `cook`, and a role of the domain. */
async function withHouse() {
  const cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const ask = (method: string, path: string, body?: unknown, asker = token) => cloud.ask(method, `/v3${path}`, { token: asker, ...(body !== undefined && { body }) })
  const make = async (noun: string, body: object) => (Object.values((await ask('POST', `/${noun}s`, { [noun]: body })).body)[0] as { id: string }).id
  const d = await make('domain', { name: 'house' })
  const p = await make('project', { name: 'p', domain_id: d })
  const c = await make('project', { name: 'c', domain_id: d, parent_id: p })
  const [u, g] = [await make('user', { name: 'u', domain_id: d, password: 'u-secret' }), await make('group', { name: 'g', domain_id: d })]
  const [chef, cook, own, foreign] = [await make('role', { name: 'chef' }), await make('role', { name: 'cook' }), await make('role', { name: 'own', domain_id: d }), await make('role', { name: 'foreign', domain_id: 'default' })]
  const names = new Map(Object.entries({ d, p, c, u, g, chef, cook, own, foreign }).map(([name, id]) => [id, name]))
  const plain = (text: string) => [...names].reduce((all, [id, name]) => all.replaceAll(id, name), text)
  assert.equal((await ask('PUT', `/roles/${chef}/implies/${cook}`)).status, 201)
  assert.equal((await ask('PUT', `/groups/${g}/users/${u}`)).status, 204)
  /** `u: cook in c, inherited, by /the/grant` for each row. */
  const list = async (query: string, asker = token) => {
    const { status, body } = await ask('GET', `/role_assignments?${query}`, undefined, asker)
    if (status !== 200) return [`${status} ${plain(body.error.message)}`]
    return (body.role_assignments as any[]).map(a => { // eslint-disable-line @typescript-eslint/no-explicit-any
      const scope = a.scope.project ?? a.scope.domain ?? { id: 'system' }
      return plain(`${(a.user ?? a.group).id}: ${a.role.id} in ${scope.id}${a.scope['OS-INHERIT:inherited_to'] ? ', inherited' : ''}, ${a.links.assignment.slice('http://cloud/v3'.length)}${a.links.prior_role ? `, ${a.links.prior_role.slice('http://cloud/v3'.length)}` : ''}`)
    }).toSorted()
  }
  return Object.assign(cloud, { as: ask, list, token, d, p, c, u, g, chef, cook, own, foreign, plain })
}

test('a grant is made twice as once, checked, and taken once; and a domain\'s role stays in its domain', async () => {
  await using cloud = await withHouse()
  const { p, u, g, d, chef, own, foreign } = cloud
  for (const [path, where] of [[`projects/${p}/users/${u}`, 'p'], [`domains/${d}/users/${u}`, 'd'], [`projects/${p}/groups/${g}`, 'p'], [`system/users/${u}`, 'system'], [`system/groups/${g}`, 'system']] as const) {
    const one = `/${path}/roles/${chef}`
    const none = { code: 404, title: 'Not Found', message: `Could not find role assignment with role: chef, user or group: ${path.includes('/groups/') ? 'g' : 'u'}, project, domain, or system: ${where}.` }
    const error = async (method: string) => { const { body } = await cloud.as(method, one); return { ...body.error, message: cloud.plain(body.error.message) } }
    assert.deepEqual(await error('GET'), none)
    assert.equal((await cloud.as('HEAD', one)).status, 404)
    for (const method of ['PUT', 'PUT', 'GET', 'HEAD']) assert.equal((await cloud.as(method, one)).status, 204, `${method} ${path}`)
    assert.deepEqual((await cloud.as('GET', `/${path}/roles`)).body.roles.map((r: { id: string }) => r.id), [chef])
    assert.equal((await cloud.as('DELETE', one)).status, 204)
    assert.deepEqual(await error('DELETE'), none)
  }
  const put = async (path: string) => { const { status, body } = await cloud.as('PUT', path); return [status, body && cloud.plain(body.error.message)] }
  assert.deepEqual(await put(`/projects/${p}/users/${u}/roles/${foreign}`), [403, 'Project p must be in the same domain as the role foreign being assigned.'])
  assert.deepEqual(await put(`/projects/${p}/users/${u}/roles/${own}`), [204, undefined])
  assert.deepEqual(await put(`/system/users/${u}/roles/${own}`), [400, 'Role own is a domain-specific role. Unable to use a domain-specific role in a system assignment.'])
  for (const [path, message] of [[`/projects/${p}/users/${u}/roles/none`, 'role'], [`/projects/${p}/users/none/roles/${chef}`, 'user'], [`/projects/none/users/${u}/roles/${chef}`, 'project'], [`/domains/${p}/users/${u}/roles/${chef}`, 'domain']] as const) {
    const [status, said] = await put(path)
    assert.deepEqual([status, /^Could not find (\w+):/.exec(String(said))?.[1]], [404, message])
  }
})

test('the list holds what was given, by each of its filters', async () => {
  await using cloud = await withHouse()
  const { d, p, c, u, g, chef, own } = cloud
  for (const path of [`projects/${p}/users/${u}/roles/${chef}`, `OS-INHERIT/projects/${p}/groups/${g}/roles/${chef}/inherited_to_projects`, `OS-INHERIT/domains/${d}/users/${u}/roles/${own}/inherited_to_projects`, `projects/${c}/groups/${g}/roles/${own}`, `system/groups/${g}/roles/${chef}`]) {
    assert.equal((await cloud.as('PUT', `/${path}`)).status, 204, path)
  }
  const direct = 'u: chef in p, /projects/p/users/u/roles/chef'
  const below = 'g: chef in p, inherited, /OS-INHERIT/projects/p/groups/g/roles/chef/inherited_to_projects'
  const belowDomain = 'u: own in d, inherited, /OS-INHERIT/domains/d/users/u/roles/own/inherited_to_projects'
  const inChild = 'g: own in c, /projects/c/groups/g/roles/own'
  const inSystem = 'g: chef in system, /system/groups/g/roles/chef'
  for (const [query, rows] of [
    [`user.id=${u}`, [direct, belowDomain]], [`group.id=${g}`, [below, inChild, inSystem]], [`role.id=${chef}`, [direct, below, inSystem]], [`scope.project.id=${p}`, [direct, below]], [`scope.domain.id=${d}`, [belowDomain]],
    [`scope.project.id=${p}&include_subtree`, [direct, below, inChild]], [`scope.system=all&group.id=${g}`, [inSystem]], [`scope.system=true&group.id=${g}`, [below, inChild, inSystem]],
    [`scope.OS-INHERIT:inherited_to=projects&user.id=${u}`, [belowDomain]], [`scope.OS-INHERIT:inherited_to=nothing&user.id=${u}`, [direct]], ['user.id=none', []], ['role.id=none', []], ['scope.project.id=none', []],
    [`user.id=${u}&effective=0`, [direct, belowDomain]],
  ] as const) assert.deepEqual(await cloud.list(query), sorted(rows), query)
})

test('the effective list opens groups, inheritance and implications, and says by which way each role came', async () => {
  await using cloud = await withHouse()
  const { d, p, c, u, g, chef, cook, own } = cloud
  assert.equal((await cloud.as('PUT', `/roles/${own}/implies/${cook}`)).status, 201)
  for (const path of [`projects/${p}/users/${u}/roles/${chef}`, `OS-INHERIT/projects/${p}/groups/${g}/roles/${chef}/inherited_to_projects`, `OS-INHERIT/domains/${d}/users/${u}/roles/${own}/inherited_to_projects`, `system/groups/${g}/roles/${chef}`]) {
    assert.equal((await cloud.as('PUT', `/${path}`)).status, 204, path)
  }
  const inP = ['u: chef in p, /projects/p/users/u/roles/chef', 'u: cook in p, /projects/p/users/u/roles/chef, /prior_role/cook/implies/chef']
  const byGroup = '/OS-INHERIT/projects/p/groups/g/roles/chef/inherited_to_projects'
  const inC = [`u: chef in c, inherited, ${byGroup}`, `u: cook in c, inherited, ${byGroup}, /prior_role/cook/implies/chef`]
  const byDomain = '/OS-INHERIT/domains/d/users/u/roles/own/inherited_to_projects, /prior_role/cook/implies/own'
  const fromDomain = { p: `u: cook in p, inherited, ${byDomain}`, c: `u: cook in c, inherited, ${byDomain}` }
  const inSystem = ['u: chef in system, /system/groups/g/roles/chef', 'u: cook in system, /system/groups/g/roles/chef, /prior_role/cook/implies/chef']
  for (const [query, rows] of [
    [`user.id=${u}`, [...inP, ...inC, fromDomain.p, fromDomain.c, ...inSystem]], [`scope.project.id=${c}`, [...inC, fromDomain.c]], [`scope.project.id=${p}`, [...inP, fromDomain.p]], [`scope.domain.id=${d}`, []],
    [`scope.project.id=${p}&include_subtree`, [...inP, ...inC, fromDomain.p, fromDomain.c]], [`scope.system=all&user.id=${u}`, inSystem], [`role.id=${chef}&user.id=${u}`, [inP[0]!, inC[0]!, inSystem[0]!]],
    [`scope.OS-INHERIT:inherited_to=projects&scope.project.id=${c}`, [...inC, fromDomain.c]], [`scope.OS-INHERIT:inherited_to=x&user.id=${u}`, [...inP, ...inSystem]],
  ] as const) assert.deepEqual(await cloud.list(`effective&${query}`), sorted(rows), query)
  const { body } = await cloud.as('GET', `/role_assignments?effective&include_names&role.id=${chef}&scope.project.id=${c}`)
  assert.deepEqual(body, {
    role_assignments: [{
      links: { membership: `http://cloud/v3/groups/${g}/users/${u}`, assignment: `http://cloud/v3/OS-INHERIT/projects/${p}/groups/${g}/roles/${chef}/inherited_to_projects` },
      scope: { project: { id: c, name: 'c', domain: { id: d, name: 'house' } }, 'OS-INHERIT:inherited_to': 'projects' }, user: { id: u, name: 'u', domain: { id: d, name: 'house' } }, role: { id: chef, name: 'chef' },
    }],
    links: { self: `http://cloud/v3/role_assignments?effective&include_names&role.id=${chef}&scope.project.id=${c}`, previous: null, next: null },
  })
})

test('what contradicts itself is refused, and what does not exist has no effect to list', async () => {
  await using cloud = await withHouse()
  const { d, p, u, g } = cloud
  for (const [query, said] of [
    [`user.id=${u}&group.id=${g}`, '400 Specify a user or group, not both'], [`scope.project.id=${p}&scope.domain.id=${d}`, '400 Specify a domain or project, not both'],
    [`scope.project.id=${p}&scope.system=all`, '400 Specify system or project, not both'], [`scope.domain.id=${d}&scope.system=all`, '400 Specify system or domain, not both'],
    [`group.id=${g}&effective`, '400 Combining effective and group filter will always result in an empty list.'],
    [`scope.domain.id=${d}&scope.OS-INHERIT:inherited_to=projects&effective`, '400 Combining effective, domain and inherited filters will always result in an empty list.'],
    ['include_subtree', '400 scope.project.id must be specified if include_subtree is also specified'],
    ['user.id=none&effective', '404 Could not find user: none.'], ['scope.project.id=none&effective', '404 Could not find project: none.'], ['scope.project.id=none&include_subtree', '404 Could not find project: none.'],
  ] as const) assert.deepEqual(await cloud.list(query), [said], query)
})

test('a domain\'s reader sees the assignments in its domain and no others; a member sees none', async () => {
  await using cloud = await withHouse()
  const { d, p, c, u, g, chef } = cloud
  const { body: { roles: [reader] } } = await cloud.as('GET', '/roles?name=reader')
  for (const path of [`domains/${d}/users/${u}/roles/${reader.id}`, `projects/${c}/groups/${g}/roles/${chef}`, `system/users/${u}/roles/${reader.id}`]) await cloud.as('PUT', `/${path}`)
  const login = async (scope: object) => (await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: u, password: 'u-secret' } } }, scope } } })).headers['x-subject-token']!
  const token = await login({ domain: { id: d } })
  assert.deepEqual((await cloud.list('', token)).map(row => row.split(',')[0]), ['g: chef in c', `u: ${reader.id} in d`])
  assert.deepEqual((await cloud.list(`scope.project.id=${p}&include_subtree`, token)).map(row => row.split(',')[0]), ['g: chef in c'])
  const { body: { projects: [demo] } } = await cloud.as('GET', '/projects?name=demo')
  assert.match((await cloud.list(`scope.project.id=${demo.id}&include_subtree`, token))[0]!, /^403 .*list_role_assignments_for_tree/)
  assert.match((await cloud.list('', await login({ project: { id: c } })))[0]!, /^403 .*list_role_assignments/)
})

test('a user sees whether it could have a token for the system', async () => {
  await using cloud = await withHouse()
  const { token } = await cloud.login('demo')
  assert.deepEqual((await cloud.as('GET', '/auth/system', undefined, token)).body, { system: [], links: { self: 'http://cloud/v3/auth/system' } })
  assert.deepEqual((await cloud.as('GET', '/auth/system')).body.system, [{ all: true }])
})

test('a user that is in a great many groups has the roles of each', async () => {
  await using cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const ask = (method: string, path: string) => cloud.ask(method, `/v3${path}`, { token })
  const [user, project, role] = [(await ask('GET', '/users?name=demo')).body.users[0].id, (await ask('GET', '/projects?name=service')).body.projects[0].id, (await ask('GET', '/roles?name=reader')).body.roles[0].id]
  const groups = Array.from({ length: 1200 }, (_, n) => ({ id: `g${n}`, name: `g${n}`, domain_id: 'default', description: '', extra: '{}' }))
  await cloud.db.write(async tx => {
    await tx.insertInto('groups').values(groups).execute()
    await tx.insertInto('group_members').values(groups.map(({ id }) => ({ group_id: id, user_id: user }))).execute()
  })
  await ask('PUT', `/projects/${project}/groups/g1199/roles/${role}`)
  const { status, body } = await cloud.login('demo', 'demo-secret', { project: { id: project } })
  assert.deepEqual([status, body.token.roles.map((r: { name: string }) => r.name)], [201, ['reader']])
  assert.deepEqual((await ask('GET', `/role_assignments?user.id=${user}&effective&scope.project.id=${project}`)).body.role_assignments.map((a: { role: unknown }) => a.role), [{ id: role }])
})

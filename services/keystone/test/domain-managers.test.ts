// What those may who administer, or read, one domain only: users, groups and grants of it, and nothing of another.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

/** Two domains, each with a project, a user, a group; mia manages the first and rob reads it. */
async function withDomains() {
  const cloud = await keystoneAlone()
  const { token: admin } = await cloud.login('admin')
  const as = (token: string, method: string, path: string, body?: unknown) => cloud.ask(method, `/v3${path}`, { token, ...(body !== undefined && { body }) })
  const make = async (noun: string, body: object) => (Object.values((await as(admin, 'POST', `/${noun}s`, { [noun]: body })).body)[0] as { id: string }).id
  const domainWith = async (name: string) => {
    const domain = await make('domain', { name })
    return { domain, project: await make('project', { name: 'p', domain_id: domain }), user: await make('user', { name: 'u', domain_id: domain }), group: await make('group', { name: 'g', domain_id: domain }) }
  }
  const [ours, theirs] = [await domainWith('ours'), await domainWith('theirs')]
  const roleOf = async (name: string) => (await as(admin, 'GET', `/roles?name=${name}`)).body.roles[0].id as string
  const [manager, reader, member, adminRole] = [await roleOf('manager'), await roleOf('reader'), await roleOf('member'), await roleOf('admin')]
  const tokenOf = async (name: string, role: string) => {
    const id = await make('user', { name, domain_id: ours.domain, password: 'secret' })
    assert.equal((await as(admin, 'PUT', `/domains/${ours.domain}/users/${id}/roles/${role}`)).status, 204)
    return (await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id, password: 'secret' } } }, scope: { domain: { id: ours.domain } } } } })).headers['x-subject-token']!
  }
  return Object.assign(cloud, { as, admin, ours, theirs, member, adminRole, mia: await tokenOf('mia', manager), rob: await tokenOf('rob', reader) })
}

test('a domain\'s manager makes, changes and removes users and groups in it, and in no other', async () => {
  await using cloud = await withDomains()
  for (const [{ domain, user, group }, ok] of [[cloud.ours, true], [cloud.theirs, false]] as const) {
    for (const [method, path, body, status] of [
      ['POST', '/users', { user: { name: 'new', domain_id: domain } }, 201], ['PATCH', `/users/${user}`, { user: { email: 'x' } }, 200], ['GET', `/users/${user}`, undefined, 200], ['GET', `/users/${user}/groups`, undefined, 200],
      ['POST', '/groups', { group: { name: 'new', domain_id: domain } }, 201], ['PATCH', `/groups/${group}`, { group: { description: 'x' } }, 200], ['GET', `/groups/${group}/users`, undefined, 200],
      ['PUT', `/groups/${group}/users/${user}`, undefined, 204], ['GET', `/groups/${group}/users/${user}`, undefined, 204], ['DELETE', `/groups/${group}/users/${user}`, undefined, 204],
      ['DELETE', `/groups/${group}`, undefined, 204], ['DELETE', `/users/${user}`, undefined, 204],
    ] as const) assert.equal((await cloud.as(cloud.mia, method, path, body)).status, ok ? status : 403, `${method} ${path} ${ok}`)
  }
})

test('a domain\'s manager gives roles in it that are not an administrator\'s, and moves nobody across', async () => {
  await using cloud = await withDomains()
  const { ours, theirs, member, adminRole } = cloud
  for (const [path, status] of [
    [`/projects/${ours.project}/users/${ours.user}/roles/${member}`, 204], [`/domains/${ours.domain}/groups/${ours.group}/roles/${member}`, 204], [`/OS-INHERIT/domains/${ours.domain}/users/${ours.user}/roles/${member}/inherited_to_projects`, 204],
    [`/projects/${ours.project}/users/${ours.user}/roles/${adminRole}`, 403], [`/projects/${theirs.project}/users/${theirs.user}/roles/${member}`, 403],
    [`/projects/${ours.project}/users/${theirs.user}/roles/${member}`, 403], [`/projects/${theirs.project}/users/${ours.user}/roles/${member}`, 403], [`/domains/${theirs.domain}/users/${ours.user}/roles/${member}`, 403],
    [`/system/users/${ours.user}/roles/${member}`, 403], [`/groups/${ours.group}/users/${theirs.user}`, 403], [`/groups/${theirs.group}/users/${ours.user}`, 403],
  ] as const) assert.equal((await cloud.as(cloud.mia, 'PUT', path)).status, status, path)
})

test('a domain\'s reader changes nothing, and its lists end at its domain whatever it asks for', async () => {
  await using cloud = await withDomains()
  const { ours, theirs } = cloud
  for (const [method, path, body] of [
    ['POST', '/users', { user: { name: 'x', domain_id: ours.domain } }], ['PATCH', `/users/${ours.user}`, { user: { enabled: false } }], ['DELETE', `/users/${ours.user}`, undefined], ['DELETE', `/groups/${ours.group}`, undefined],
    ['PUT', `/groups/${ours.group}/users/${ours.user}`, undefined], ['GET', `/users/${theirs.user}`, undefined], ['GET', `/groups/${theirs.group}`, undefined], ['GET', `/users/${theirs.user}/groups`, undefined],
  ] as const) assert.equal((await cloud.as(cloud.rob, method, path, body)).status, 403, `${method} ${path}`)
  for (const [path, noun] of [['/users', 'users'], ['/groups', 'groups'], [`/users?domain_id=${theirs.domain}`, 'users'], [`/groups?domain_id=${theirs.domain}`, 'groups'], ['/users?name=u', 'users'], [`/groups/${ours.group}/users`, 'users']] as const) {
    const { status, body } = await cloud.as(cloud.rob, 'GET', path)
    assert.deepEqual([status, [...new Set((body[noun] as { domain_id: string }[]).map(thing => thing.domain_id))].filter(id => id !== ours.domain)], [200, []], path)
  }
})

test('a member of a group from another domain is not shown to a domain\'s reader', async () => {
  await using cloud = await withDomains()
  const { ours, theirs, admin } = cloud
  for (const user of [ours.user, theirs.user]) assert.equal((await cloud.as(admin, 'PUT', `/groups/${ours.group}/users/${user}`)).status, 204)
  assert.deepEqual((await cloud.as(cloud.rob, 'GET', `/groups/${ours.group}/users`)).body.users.map((u: { id: string }) => u.id), [ours.user])
  assert.equal((await cloud.as(admin, 'GET', `/groups/${ours.group}/users`)).body.users.length, 2)
})

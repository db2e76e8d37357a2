// Roles, groups and what they imply, through the API: what upstream answers.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

async function withAdmin() {
  const cloud = await keystoneAlone()
  const { token } = await cloud.login('admin')
  const as = (method: string, path: string, body?: unknown) => cloud.ask(method, `/v3${path}`, { token, ...(body !== undefined && { body }) })
  const make = async (noun: string, body: object) => Object.values((await as('POST', `/${noun}s`, { [noun]: body })).body)[0] as { id: string }
  return Object.assign(cloud, { as, make, token })
}

test('a role keeps its own members and its options, and an immutable one changes in nothing until it is freed', async () => {
  await using cloud = await withAdmin()
  const { id } = await cloud.make('role', { name: 'cook', colour: 'red', options: { immutable: true } })
  const shape = { id, name: 'cook', colour: 'red', domain_id: null, description: null, options: { immutable: true }, links: { self: `http://cloud/v3/roles/${id}` } }
  assert.deepEqual((await cloud.as('GET', `/roles/${id}`)).body, { role: shape })
  const refusal = (verb: string) => ({ code: 403, title: 'Forbidden', message: `Unable to ${verb} immutable role resource: \`${id}. Set resource option "immutable" to false first.` })
  for (const role of [{ name: 'chef' }, { options: { immutable: false }, name: 'chef' }, { description: 'x' }, { options: { immutable: true } }, { size: 1 }]) {
    assert.deepEqual((await cloud.as('PATCH', `/roles/${id}`, { role })).body.error, refusal('update'), JSON.stringify(role))
  }
  assert.deepEqual((await cloud.as('DELETE', `/roles/${id}`)).body.error, refusal('delete'))
  assert.deepEqual((await cloud.as('PATCH', `/roles/${id}`, { role: { options: { immutable: null } } })).body, { role: { ...shape, options: {} } })
  for (const [role, message] of [[{}, /should be non-empty/], [{ id: 'x' }, /^Cannot change ID$/], [{ domain_id: 'default' }, /^Update of `domain_id` is not allowed\.$/]] as const) {
    const { status, body } = await cloud.as('PATCH', `/roles/${id}`, { role })
    assert.equal(status, 400)
    assert.match(body.error.message, message)
  }
  for (const role of [{ options: { size: 1 } }, { options: { immutable: 'yes' } }, { name: '' }]) assert.equal((await cloud.as('PATCH', `/roles/${id}`, { role })).status, 400)
  assert.equal((await cloud.as('PATCH', `/roles/${id}`, { role: { size: 2 } })).body.role.size, 2)
  assert.equal((await cloud.as('DELETE', `/roles/${id}`)).status, 204)
})

test('the cloud\'s first roles are immutable', async () => {
  await using cloud = await withAdmin()
  const { body: { roles } } = await cloud.as('GET', '/roles')
  assert.deepEqual(roles.map((r: { options: object }) => r.options), Array.from({ length: 5 }, () => ({ immutable: true })))
})

test('a domain has roles of its own, under names that others have too', async () => {
  await using cloud = await withAdmin()
  const { id } = await cloud.make('role', { name: 'admin', domain_id: 'default' })
  assert.equal((await cloud.as('GET', `/roles/${id}`)).body.role.domain_id, 'default')
  assert.equal((await cloud.as('POST', '/roles', { role: { name: 'admin', domain_id: 'default' } })).body.error.message, 'Conflict occurred attempting to store role - Duplicate entry found with name admin at domain ID default.')
  assert.equal((await cloud.as('POST', '/roles', { role: { name: 'x', domain_id: 'none' } })).status, 404)
  const { token } = await cloud.login('demo')
  const rule = async (method: string, path: string) => (await cloud.ask(method, `/v3${path}`, { token, ...(method === 'PATCH' && { body: { role: { name: 'x' } } }) })).body.error.message
  for (const [method, path, name] of [['GET', `/roles/${id}`, 'get_domain_role'], ['PATCH', `/roles/${id}`, 'update_domain_role'], ['DELETE', `/roles/${id}`, 'delete_domain_role'], ['GET', '/roles?domain_id=default', 'list_domain_roles'], ['GET', '/roles', 'list_roles']] as const) {
    assert.equal(await rule(method, path), `You are not authorized to perform the requested action: identity:${name}.`)
  }
})

test('an implication is made once, shown with its names, and ended once', async () => {
  await using cloud = await withAdmin()
  const [a, b] = [await cloud.make('role', { name: 'a' }), await cloud.make('role', { name: 'b' })]
  const brief = (role: { id: string }, name: string) => ({ id: role.id, name, links: { self: `http://cloud/v3/roles/${role.id}` } })
  const path = `/roles/${a.id}/implies/${b.id}`
  const shape = { role_inference: { prior_role: brief(a, 'a'), implies: brief(b, 'b') }, links: { self: `http://cloud/v3${path}` } }
  const made = await cloud.as('PUT', path)
  assert.deepEqual([made.status, made.body], [201, shape])
  assert.deepEqual((await cloud.as('PUT', path)).body.error, { code: 409, title: 'Conflict', message: 'Conflict occurred attempting to store implied_role - Duplicate entry.' })
  assert.deepEqual((await cloud.as('GET', path)).body, shape)
  assert.equal((await cloud.as('HEAD', path)).status, 204)
  assert.deepEqual((await cloud.as('GET', `/roles/${b.id}/implies`)).body, { role_inference: { prior_role: brief(b, 'b'), implies: [] }, links: { self: `http://cloud/v3/roles/${b.id}/implies` } })
  assert.deepEqual(Object.keys((await cloud.as('GET', '/role_inferences')).body), ['role_inferences'])
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  for (const method of ['GET', 'DELETE']) assert.deepEqual((await cloud.as(method, path)).body.error, { code: 404, title: 'Not Found', message: `${a.id} does not imply ${b.id}.` })
  assert.equal((await cloud.as('PUT', `/roles/${a.id}/implies/none`)).status, 404)
})

test('a member of a group is found in it, added twice as once, and removed once', async () => {
  await using cloud = await withAdmin()
  const [group, user] = [await cloud.make('group', { name: 'g' }), await cloud.make('user', { name: 'u' })]
  const path = `/groups/${group.id}/users/${user.id}`
  const stranger = { code: 404, title: 'Not Found', message: `User '${user.id}' not found in group '${group.id}'` }
  assert.deepEqual((await cloud.as('GET', path)).body.error, stranger)
  assert.deepEqual([(await cloud.as('PUT', path)).status, (await cloud.as('PUT', path)).status, (await cloud.as('GET', path)).status, (await cloud.as('HEAD', path)).status], [204, 204, 204, 204])
  assert.deepEqual((await cloud.as('GET', `/users/${user.id}/groups`)).body.groups, [{ id: group.id, name: 'g', domain_id: 'default', description: '', membership_expires_at: null, links: { self: `http://cloud/v3/groups/${group.id}` } }])
  assert.equal((await cloud.as('DELETE', path)).status, 204)
  assert.deepEqual((await cloud.as('DELETE', path)).body.error, stranger)
  for (const [changes, message] of [[{}, 'Invalid input for field/attribute group. Value: {}. {} should be non-empty'], [{ id: 'x' }, 'Cannot change ID'], [{ domain_id: 'x' }, 'Cannot change Domain ID']] as const) {
    assert.deepEqual((await cloud.as('PATCH', `/groups/${group.id}`, { group: changes })).body.error, { code: 400, title: 'Bad Request', message })
  }
  assert.equal((await cloud.as('POST', '/groups', { group: { name: 'g' } })).body.error.message, 'Conflict occurred attempting to store group - Duplicate entry found with name g at domain ID default.')
})

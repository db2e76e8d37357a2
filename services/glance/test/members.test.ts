// Sharing an image through the API.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { glanceAlone } from './cloud.ts'

const WHEN = '2026-01-01T00:00:00Z'

test('an image is shared, accepted, rejected and taken back', async () => {
  await using cloud = await glanceAlone()
  const owner = cloud.as('p1:member'), member = cloud.as('p2:member')
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  const shape = { member_id: 'p2', image_id: id, status: 'pending', created_at: WHEN, updated_at: WHEN, schema: '/v2/schemas/member' }
  const made = await owner('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })
  assert.deepEqual([made.status, made.body], [200, shape])
  assert.equal((await owner('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })).status, 409)
  assert.equal((await owner('POST', `/v2/images/${id}/members`, { body: {} })).status, 400)
  for (const ask of [owner, member, cloud.as('px:admin')]) {
    assert.deepEqual((await ask('GET', `/v2/images/${id}/members`)).body, { members: [shape], schema: '/v2/schemas/members' })
    assert.deepEqual((await ask('GET', `/v2/images/${id}/members/p2`)).body, shape)
  }
  assert.equal((await owner('PUT', `/v2/images/${id}/members/p2`, { body: { status: 'accepted' } })).status, 403)
  assert.equal((await member('PUT', `/v2/images/${id}/members/p2`, { body: { status: 'perhaps' } })).status, 400)
  assert.deepEqual((await member('PUT', `/v2/images/${id}/members/p2`, { body: { status: 'accepted' } })).body, { ...shape, status: 'accepted' })
  assert.equal((await member('GET', `/v2/images/${id}/file`)).body.toString(), 'bytes')
  assert.deepEqual((await member('PUT', `/v2/images/${id}/members/p2`, { body: { status: 'rejected' } })).body.status, 'rejected')
  assert.equal((await member('DELETE', `/v2/images/${id}/members/p2`)).status, 403)
  assert.equal((await owner('DELETE', `/v2/images/${id}/members/p2`)).status, 204)
  assert.equal((await owner('DELETE', `/v2/images/${id}/members/p2`)).status, 404)
  assert.equal((await member('GET', `/v2/images/${id}`)).status, 404)
})

test('a member may look, and neither change nor share nor see the other members', async () => {
  await using cloud = await glanceAlone()
  const owner = cloud.as('p1:member'), member = cloud.as('p2:member')
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  for (const project of ['p2', 'p3']) await owner('POST', `/v2/images/${id}/members`, { body: { member: project } })
  assert.deepEqual((await member('GET', `/v2/images/${id}/members`)).body.members.map((m: { member_id: string }) => m.member_id), ['p2'])
  for (const [method, path, body] of [['GET', '/p3', undefined], ['PUT', '/p3', { status: 'accepted' }]] as const) assert.equal((await member(method, `/v2/images/${id}/members${path}`, { body })).status, 404, `${method} ${path}`)
  for (const [method, path, body] of [['POST', '/members', { member: 'p4' }], ['DELETE', '/members/p3', undefined], ['DELETE', '', undefined], ['POST', '/actions/deactivate', undefined]] as const) {
    assert.equal((await member(method, `/v2/images/${id}${path}`, { body })).status, 403, `${method} ${path}`)
  }
})

test('only shared images have members, and no more than the limit', async () => {
  await using cloud = await glanceAlone({ options: { imageMemberQuota: 1 } })
  const owner = cloud.as('p1:member')
  const { body: secret } = await owner('POST', '/v2/images', { body: { visibility: 'private' } })
  for (const [method, path, body, words] of [
    ['POST', '', { member: 'p2' }, `Not allowed to create members for image ${secret.id}.`], ['GET', '', undefined, `Not allowed to list members for image ${secret.id}: Only shared images have members.`],
    ['PUT', '/p2', { status: 'accepted' }, `Not allowed to update members for image ${secret.id}.`], ['DELETE', '/p2', undefined, `Not allowed to delete members for image ${secret.id}.`],
  ] as const) {
    const answer = await owner(method, `/v2/images/${secret.id}/members${path}`, { body })
    assert.deepEqual([answer.status, cloud.said(answer)], [403, words], method)
  }
  const { body: shared } = await owner('POST', '/v2/images', { body: {} })
  await owner('POST', `/v2/images/${shared.id}/members`, { body: { member: 'p2' } })
  assert.equal((await owner('POST', `/v2/images/${shared.id}/members`, { body: { member: 'p3' } })).status, 413)
})

test('a share that makes no sense is refused in words that say why', async () => {
  await using cloud = await glanceAlone()
  const { body: { id } } = await cloud.as('p1:member')('POST', '/v2/images', { body: {} })
  await cloud.as('p1:member')('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })
  for (const [method, path, body, words] of [
    ['POST', '', [], 'Expected a member in the form: {"member": "image_id"}'], ['POST', '', {}, 'Member to be added not specified'], ['POST', '', { member: '' }, "Member can't be empty"], ['POST', '', { member: 5 }, 'A member is a project: a string of at most 255 characters.'],
    ['PUT', '/p2', [], 'Expected a status in the form: {"status": "status"}'], ['PUT', '/p2', {}, 'Status not specified'], ['PUT', '/p2', { status: 'perhaps' }, 'Incorrect request: Status must be "pending", "accepted" or "rejected".'],
  ] as const) {
    const answer = await cloud.as(method === 'POST' ? 'p1:member' : 'p2:member')(method, `/v2/images/${id}/members${path}`, { body })
    assert.deepEqual([answer.status, cloud.said(answer)?.replaceAll('&quot;', '"').replaceAll('&#x27;', "'")], [400, words])
  }
})

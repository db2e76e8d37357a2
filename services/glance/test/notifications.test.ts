// What listeners beside the cloud are told of images: which events, in which order, with what in them and what not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notification } from '@alto/kit/notify'
import { until } from '@alto/kit/testing'
import { glanceAlone, patch } from './cloud.ts'

/** A cloud, and what it told, of which `events` are the names. */
async function listened(options: Parameters<typeof glanceAlone>[0] = {}) {
  const told: Notification[] = []
  const cloud = await glanceAlone({ ...options, notifier: { notify: one => { told.push(one) } } })
  return { cloud, told, events: () => told.splice(0).map(one => `${one.event}${one.priority === 'error' ? ' failed' : ''}`) }
}

test('a life of an image is told as upstream tells it', async () => {
  const { cloud, told, events } = await listened()
  await using _cloud = cloud
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare', tags: ['t'], colour: 'red' } })
  const when = '2026-01-01T00:00:00Z'
  const shape = {
    id, name: 'one', status: 'queued', created_at: when, updated_at: when, min_disk: 0, min_ram: 0, protected: false, checksum: null, owner: 'p1', disk_format: 'raw', container_format: 'bare', size: null, virtual_size: null,
    is_public: false, visibility: 'shared', properties: { colour: 'red' }, tags: ['t'], deleted: false, deleted_at: null,
  }
  const { context, ...first } = told[0]!
  assert.deepEqual([first, context?.userId, context?.projectId, context?.requestId?.startsWith('req-')], [{ event: 'image.create', priority: 'info', publisher: 'image.localhost', payload: shape }, 'user-of-p1', 'p1', true])
  events()
  await me('PUT', `/v2/images/${id}/file`, { bytes: 'some bytes' })
  assert.deepEqual(told.map(one => [one.event, (one.payload as { status: string }).status]), [['image.prepare', 'saving'], ['image.upload', 'active'], ['image.activate', 'active']])
  events()
  await me('GET', `/v2/images/${id}/file`)
  await until('the download is told', () => told.length > 0)
  assert.deepEqual(told.splice(0).map(({ event, priority, payload }) => ({ event, priority, payload })), [{ event: 'image.send', priority: 'info', payload: { bytes_sent: 10, image_id: id, owner_id: 'p1', receiver_tenant_id: 'p1', receiver_user_id: 'user-of-p1' } }])
  await me('GET', `/v2/images/${id}/file`, { headers: { range: 'bytes=2-4' } })
  await until('the part is told', () => told.length > 0)
  assert.equal((told.splice(0)[0]!.payload as { bytes_sent: number }).bytes_sent, 3)
  await me('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/name', value: 'two' }))
  await me('PUT', `/v2/images/${id}/tags/x`)
  await me('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })
  await cloud.as('p2:member')('PUT', `/v2/images/${id}/members/p2`, { body: { status: 'accepted' } })
  await me('DELETE', `/v2/images/${id}/members/p2`)
  for (const verb of ['deactivate', 'deactivate', 'reactivate']) await cloud.as('px:admin')('POST', `/v2/images/${id}/actions/${verb}`)
  await me('DELETE', `/v2/images/${id}`)
  const last = told.at(-1)!.payload as Record<string, unknown>
  assert.deepEqual([last['status'], last['deleted'], last['deleted_at']], ['deleted', true, when])
  assert.deepEqual(events(), ['image.update', 'image.update', 'image.member.create', 'image.member.update', 'image.member.delete', 'image.update', 'image.update', 'image.delete'])
})

test('what fails is told as an error, and what was refused not at all', async () => {
  const { cloud, told, events } = await listened()
  await using _cloud = cloud
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { disk_format: 'qcow2', container_format: 'bare' } })
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'no qcow2' })).status, 415)
  assert.match(String(told.at(-1)!.payload), /^Failed to upload image data for image .*declared to be qcow2/)
  assert.deepEqual(events(), ['image.create', 'image.prepare', 'image.upload failed'])
  for (const [method, path, request] of [['PATCH', '', patch({ op: 'remove', path: '/name' })], ['DELETE', '/members/p9', {}], ['GET', '/file', {}]] as const) await me(method, `/v2/images/${id}${path}`, request)
  await cloud.as('p2:member')('DELETE', `/v2/images/${id}`)
  assert.deepEqual(events(), [])
})

test('events and groups that the operator switched off are not told, and no payload tells where bytes are', async () => {
  const { cloud, told, events } = await listened({ options: { disabledNotifications: ['image.member', 'image.prepare'], showMultipleLocations: true, showImageDirectUrl: true } })
  await using _cloud = cloud
  const { id } = await cloud.uploaded('p1:admin', 'bytes')
  await cloud.as('p1:admin')('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })
  assert.doesNotMatch(JSON.stringify(told), /location|direct_url|memory:/)
  assert.deepEqual(events(), ['image.create', 'image.upload', 'image.activate'])
})

// What listeners beside the cloud are told of images: which events, in which order, with what in them and what not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notification } from '@alto/kit/notify'
import { until } from '@alto/kit/testing'
import { memoryStore } from '../index.ts'
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

const TASK = { type: 'api_image_import', result: null, owner: 'p1', message: null, deleted: false, deleted_at: null }

test('an import is told with its task, each store that it fills, and what the image becomes, once each is committed', async () => {
  const { cloud, told, events } = await listened({ more: [memoryStore({ id: 'cheap' })] })
  await using _cloud = cloud
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { disk_format: 'raw', container_format: 'bare' } })
  await me('PUT', `/v2/images/${id}/stage`, { bytes: 'some bytes' })
  events()
  assert.equal((await me('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' }, stores: ['file', 'cheap'] } })).status, 202)
  await cloud.glance.idle()
  const of = (kind: string) => told.filter(({ event }) => event.startsWith(kind))
  const when = '2026-01-01T00:00:00Z'
  const tasks = of('task.').map(({ event, payload, context }) => ({ event, payload: payload as Record<string, unknown>, context }))
  const taskId = tasks[0]!.payload['id']
  assert.deepEqual(tasks.map(({ event, payload }) => [event, payload]), [
    ['task.create', { ...TASK, id: taskId, status: 'pending', expires_at: null, created_at: when, updated_at: when }],
    ['task.run', { ...TASK, id: taskId, status: 'pending', expires_at: null, created_at: when, updated_at: when }],
    ['task.processing', { ...TASK, id: taskId, status: 'processing', expires_at: null, created_at: when, updated_at: when }],
    ['task.success', { ...TASK, id: taskId, status: 'success', expires_at: '2026-01-03T00:00:00Z', created_at: when, updated_at: when }],
  ])
  assert.ok(told.every(({ context }) => context?.userId === 'user-of-p1' && context.projectId === 'p1' && context.requestId === told[0]!.context?.requestId), 'all on behalf of the request')
  assert.deepEqual(of('image.').map(({ event, payload }) => { const said = payload as Record<string, unknown>; return [event, said['status'], said['backend'], said['os_glance_importing_to_stores']] }), [
    ['image.update', 'importing', undefined, undefined],
    ['image.prepare', 'importing', 'file', ['cheap', 'file']], ['image.upload', 'importing', undefined, ['cheap', 'file']],
    ['image.prepare', 'importing', 'cheap', ['cheap']], ['image.upload', 'importing', undefined, ['cheap']],
    ['image.activate', 'active', undefined, undefined], ['image.update', 'active', undefined, undefined],
  ])
  assert.doesNotMatch(JSON.stringify(told), /import_req|memory:/)
})

test('an import that fails is told as its task and what the image is then', async () => {
  const { cloud, told, events } = await listened()
  await using _cloud = cloud
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { disk_format: 'qcow2', container_format: 'bare' } })
  await me('PUT', `/v2/images/${id}/stage`, { bytes: 'no qcow2' })
  events()
  await me('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } })
  await cloud.glance.idle()
  assert.equal((told.at(-2)!.payload as { status: string }).status, 'queued')
  assert.deepEqual(events(), ['task.create', 'task.run', 'image.update', 'task.processing', 'image.update', 'task.failure'])
  await cloud.as('px:admin')('POST', '/v2/tasks', { body: { type: 'api_image_import', input: { image_id: id } } })
  assert.deepEqual(events(), ['task.create', 'task.run', 'task.processing', 'task.failure'])
})

test('a life of a namespace and of what it holds is told as upstream tells it', async () => {
  const { cloud, told, events } = await listened()
  await using _cloud = cloud
  const admin = cloud.as('p0:admin')
  const path = '/v2/metadefs/namespaces'
  const CPU = { title: 'CPUs', type: 'integer', minimum: 1 }
  await admin('POST', path, { body: { namespace: 'A', display_name: 'a', properties: { cpu: CPU }, objects: [{ name: 'o', required: ['x'], properties: { x: { title: 'X', type: 'string' } } }], tags: [{ name: 't' }], resource_type_associations: [{ name: 'OS::X', prefix: 'p_' }] } })
  const when = '2026-01-01T00:00:00Z'
  const nothing = { default: null, minimum: null, maximum: null, enum: null, pattern: null, minLength: null, maxLength: null, confidential: null, items: null, uniqueItems: null, minItems: null, maxItems: null, additionalItems: null, description: null }
  const there = { created_at: when, updated_at: when, deleted: false, deleted_at: null }
  assert.deepEqual(told.splice(0).map(({ event, payload }) => [event, payload]), [
    ['metadef_namespace.create', { namespace: 'A', namespace_old: 'A', display_name: 'a', protected: false, visibility: 'private', owner: 'p0', description: null, ...there }],
    ['metadef_resource_type.create', { namespace: 'A', name: 'OS::X', name_old: 'OS::X', prefix: 'p_', properties_target: null, ...there }],
    ['metadef_property.create', { namespace: 'A', name: 'cpu', name_old: 'cpu', ...nothing, title: 'CPUs', type: 'integer', minimum: 1, deleted: false, deleted_at: null }],
    ['metadef_object.create', { namespace: 'A', name: 'o', name_old: 'o', description: null, required: ['x'], properties: [{ name: 'x', ...nothing, title: 'X', type: 'string' }], ...there }],
    ['metadef_tag.create', { namespace: 'A', name: 't', name_old: 't', ...there }],
  ])
  for (const [kind, body] of [['objects', { name: 'o' }], ['properties', { name: 'cpu', ...CPU }], ['tags', { name: 't' }]] as const) await admin('PUT', `${path}/A/${kind}/${body.name}`, { body: { ...body, name: 'new' } })
  assert.deepEqual(told.map(({ payload }) => { const said = payload as Record<string, unknown>; return [said['name_old'], said['name']] }), [['o', 'new'], ['cpu', 'new'], ['t', 'new']])
  assert.deepEqual(events(), ['metadef_object.update', 'metadef_property.update', 'metadef_tag.update'])
  await admin('PUT', `${path}/A`, { body: { namespace: 'B' } })
  assert.equal((told.at(-1)!.payload as Record<string, unknown>)['namespace_old'], 'A')
  await admin('POST', `${path}/B/tags`, { body: { tags: [{ name: 'u' }, { name: 'v' }] } })
  for (const one of ['tags/u', 'objects/new', 'properties/new', 'resource_types/OS::X']) await admin('DELETE', `${path}/B/${one}`)
  for (const all of ['tags', 'objects', 'properties']) await admin('DELETE', `${path}/B/${all}`)
  for (const wrong of ['tags/u', 'objects/new']) assert.equal((await admin('DELETE', `${path}/B/${wrong}`)).status, 404)
  await admin('DELETE', `${path}/B`)
  assert.deepEqual((told.at(-1)!.payload as Record<string, unknown>)['deleted_at'], when)
  assert.deepEqual(events(), [
    'metadef_namespace.update', 'metadef_tag.create', 'metadef_tag.create', 'metadef_tag.delete', 'metadef_object.delete', 'metadef_property.delete', 'metadef_resource_type.delete',
    'metadef_namespace.delete_tags', 'metadef_namespace.delete_objects', 'metadef_namespace.delete_properties', 'metadef_namespace.delete',
  ])
})

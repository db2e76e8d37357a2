// The tasks API: what administrators see of all tasks, how long, and the import by a task as of old.
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { until } from '@alto/kit/testing'
import { glanceAlone, type Answer, type Cloud } from './cloud.ts'

const me = (cloud: Cloud) => cloud.as('p1:member')
async function staged(cloud: Cloud, bytes: string, more: Record<string, unknown> = {}): Promise<string> {
  const { id } = (await me(cloud)('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare', ...more } })).body
  assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes })).status, 204)
  return id
}
const importing = (cloud: Cloud, id: string, body: Record<string, unknown>) => me(cloud)('POST', `/v2/images/${id}/import`, { body })
const taskOf = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}/tasks`)).body.tasks.at(-1)
const said = (cloud: Cloud, answer: Answer) => [answer.status, cloud.said(answer)?.replaceAll('&#x27;', "'")]
const direct = { method: { name: 'glance-direct' } }

/** A web server, and its URL. */
async function web(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, async [Symbol.asyncDispose]() { server.closeAllConnections(); await new Promise(resolve => { server.close(resolve) }) } }
}

test('administrators see every task, in pages and by filters; nobody deletes one, and others are forbidden', async () => {
  await using cloud = await glanceAlone()
  const admin = cloud.as('px:admin')
  const ids: string[] = []
  for (const bytes of ['one', 'two', 'three']) {
    const id = await staged(cloud, bytes, bytes === 'two' ? { disk_format: 'qcow2' } : {})
    await importing(cloud, id, direct)
    await cloud.glance.idle()
    ids.push((await taskOf(cloud, id)).id)
    await cloud.clock.advance(1_000)
  }
  const list = async (query: string) => (await admin('GET', `/v2/tasks${query}`)).body
  const first = await list('?limit=2')
  assert.deepEqual(first.tasks.map((task: { id: string }) => task.id), [ids[2], ids[1]])
  assert.deepEqual(first.tasks[0], { id: ids[2], type: 'api_image_import', status: 'success', owner: 'p1', created_at: '2026-01-01T00:00:02Z', updated_at: '2026-01-01T00:00:02Z', expires_at: '2026-01-03T00:00:02Z', self: `/v2/tasks/${ids[2]}`, schema: '/v2/schemas/task' })
  assert.deepEqual([first.first, first.next, first.schema], ['/v2/tasks?limit=2', `/v2/tasks?limit=2&marker=${ids[1]}`, '/v2/schemas/tasks'])
  const rest = await list(first.next.slice('/v2/tasks'.length))
  assert.deepEqual([rest.tasks.map((task: { id: string }) => task.id), rest.next], [[ids[0]], undefined])
  const cases: [string, (string | undefined)[]][] = [['?status=failure', [ids[1]]], ['?sort_dir=asc', ids], ['?sort_key=status&sort_dir=asc&limit=1', [ids[1]]], ['?owner=p2', []], ['?limit=0', []], ['?foo=x', ids.toReversed()]]
  for (const [query, wanted] of cases) {
    assert.deepEqual((await list(query)).tasks.map((task: { id: string }) => task.id), wanted, query)
  }
  const refusals: [string, string][] = [
    ['sort_dir=x', 'Invalid sort direction: x'], ['sort_key=x', 'Sort key supplied was not valid.'], ['limit=x', 'limit param must be an integer'], ['limit=-1', 'limit param must be positive'], ['marker=x', 'Invalid marker format'],
    ['marker=11111111-1111-4111-8111-111111111111', 'Task with the given id 11111111-1111-4111-8111-111111111111 was not found'], ['status=x', 'Invalid status value: x'], ['type=api_image_import', 'Invalid type value: api_image_import'],
  ]
  for (const [query, words] of refusals) assert.deepEqual(said(cloud, await admin('GET', `/v2/tasks?${query}`)), [400, words], query)
  const { request_id, ...one } = (await admin('GET', `/v2/tasks/${ids[1]}`)).body
  assert.match(request_id, /^req-/)
  assert.deepEqual([one.message, one.result, one.user_id, one.input.backend], ['the image was declared to be qcow2, its content is raw', null, 'user-of-p1', ['file']])
  const refused = await admin('DELETE', `/v2/tasks/${ids[1]}`)
  assert.deepEqual([refused.status, refused.headers['allow'], refused.body.slice(0, 66)], [405, 'GET', 'This operation is currently not permitted on Glance Tasks. They ar'])
  assert.deepEqual(said(cloud, await admin('GET', '/v2/tasks/nope')), [404, 'Could not find task nope'])
  for (const [method, path] of [['GET', '/v2/tasks'], ['GET', `/v2/tasks/${ids[0]}`], ['POST', '/v2/tasks'], ['DELETE', `/v2/tasks/${ids[0]}`]] as const) assert.equal((await me(cloud)(method, path, method === 'POST' ? { body: {} } : {})).status, 403, `${method} ${path}`)
  assert.deepEqual(Object.keys((await me(cloud)('GET', '/v2/schemas/task')).body.properties).length, 15)
  assert.equal((await me(cloud)('GET', '/v2/schemas/tasks')).body.name, 'tasks')
})

test("a task's record goes when its time is over", async () => {
  await using cloud = await glanceAlone({ options: { taskTimeToLive: 1 } })
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, direct)
  await cloud.glance.idle()
  const task = await taskOf(cloud, id)
  await cloud.clock.advance(3_600_001)
  assert.deepEqual([(await cloud.as('px:admin')('GET', `/v2/tasks/${task.id}`)).status, await taskOf(cloud, id)], [404, undefined])
  await importing(cloud, await staged(cloud, 'other bytes'), direct)
  assert.equal((await cloud.db.read(tx => tx.selectFrom('image_tasks').selectAll().execute())).length, 1)
})

test('an administrator imports by a task as of old, which makes the image; what is wrong with it is told by status or record', async () => {
  await using server = await web((_, response) => response.end('from the web'))
  await using cloud = await glanceAlone()
  const admin = cloud.as('px:admin')
  const input = { import_from: server.url, import_from_format: 'raw', image_properties: { name: 'by task', disk_format: 'raw' } }
  const made = await admin('POST', '/v2/tasks', { body: { type: 'import', input } })
  assert.deepEqual([made.status, made.body.status, made.body.type, made.body.input, made.headers['location']], [201, 'pending', 'import', input, `http://cloud/image/v2/tasks/${made.body.id}`])
  const show = async () => (await admin('GET', `/v2/tasks/${made.body.id}`)).body
  await until('the task has ended', async () => (await show()).status === 'success')
  const image = (await admin('GET', `/v2/images/${(await show()).result.image_id}`)).body
  assert.deepEqual([image.name, image.status, image.size, image.container_format], ['by task', 'active', 12, 'bare'])
  const refusals: [unknown, string][] = [
    [{}, "Task 'type' is required"], [{ type: 'import' }, "Task 'input' is required"], [{ type: 'import', input: null }, 'Invalid location: None'], [{ type: 'import', input: { import_from: 'file:///etc/passwd' } }, 'File based imports are not allowed. Please use a non-local source of image data.'],
    [{ type: 'import', input: { import_from: 'swift+http://x' } }, "The given uri is not valid. Please specify a valid uri from the following list of supported uri ['http']"],
    [{ type: 'import', input: { import_from: 'http://10.0.0.1/x' } }, 'URI for legacy import task does not pass filtering: http://10.0.0.1/x'],
  ]
  for (const [body, words] of refusals) assert.deepEqual(said(cloud, await admin('POST', '/v2/tasks', { body })), [400, words], JSON.stringify(body))
  assert.equal((await admin('POST', '/v2/tasks', { body: { type: 'x', input: {} } })).status, 400)
  const failures: [unknown, string][] = [
    [{ type: 'api_image_import', input: {} }, 'Input to api_image_import task is empty.'], [{ type: 'location_import', input: { a: 1 } }, "Input does not contain 'image_id' field"],
    [{ type: 'import', input: { import_from: server.url, import_from_format: 'raw' } }, "Input does not contain 'image_properties' field"], [{ type: 'import', input: { ...input, image_properties: { status: 'active' } } }, "Attribute 'status' is read-only."],
  ]
  for (const [body, words] of failures) {
    const { status, body: task } = await admin('POST', '/v2/tasks', { body })
    assert.deepEqual([status, task.status, task.message], [201, 'failure', words])
  }
})

// Imports through the API: by each method, to one store and several, refused, failing, twice at once, interrupted by a delete; and what the image and its task tell meanwhile.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { openSqlite } from '@alto/kit/db'
import { qcow2Header, until } from '@alto/kit/testing'
import { memoryStore, type ImageStore, type Tables } from '../index.ts'
import { glanceAlone, type Answer, type Cloud } from './cloud.ts'

const me = (cloud: Cloud) => cloud.as('p1:member')
async function queued(cloud: Cloud, more: Record<string, unknown> = {}): Promise<string> {
  return (await me(cloud)('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare', ...more } })).body.id
}
async function staged(cloud: Cloud, bytes: string | Uint8Array, more: Record<string, unknown> = {}): Promise<string> {
  const id = await queued(cloud, more)
  assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes })).status, 204)
  return id
}
const importing = (cloud: Cloud, id: string, body: Record<string, unknown>, token = 'p1:member') => cloud.as(token)('POST', `/v2/images/${id}/import`, { body })
const show = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}`)).body
const taskOf = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}/tasks`)).body.tasks.at(-1)
const said = (cloud: Cloud, answer: Answer) => [answer.status, cloud.said(answer)?.replaceAll('&#x27;', "'")]
/** The stores of an image, by name. */
const placed = (image: { stores?: string }) => image.stores?.split(',').toSorted().join(',')
const names = (store: ImageStore) => Array.fromAsync(store.names())
const direct = { method: { name: 'glance-direct' } }

/** A store that refuses to take bytes while `refusing`, and waits in between while `gate` is set. */
function moody(id: string) {
  const store = memoryStore({ id })
  const mood: { refusing: boolean, gate: Promise<void> | undefined } = { refusing: false, gate: undefined }
  const write: ImageStore['write'] = async key => {
    if (mood.refusing) throw new Error('the disk is broken')
    const writer = await store.write(key)
    return { ...writer, async write(bytes) { await mood.gate; await writer.write(bytes) } }
  }
  return { mood, store: { ...store, write } as ImageStore }
}

/** A web server, and its URL. */
async function web(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, async [Symbol.asyncDispose]() { server.closeAllConnections(); await new Promise(resolve => { server.close(resolve) }) } }
}

test('staged bytes go to every store that is named; the store they lie in needs no copy', async () => {
  const [cheap, dear] = [memoryStore({ id: 'cheap' }), memoryStore({ id: 'dear' })]
  await using cloud = await glanceAlone({ more: [cheap, dear] })
  const id = await staged(cloud, 'some bytes')
  const [before] = await names(cloud.store)
  assert.deepEqual(said(cloud, await importing(cloud, id, { ...direct, stores: ['file', 'cheap'] })), [202, undefined])
  await cloud.glance.idle()
  const image = await show(cloud, id)
  const { status, size, virtual_size, checksum, os_glance_importing_to_stores, os_glance_failed_import, os_glance_import_task } = image
  assert.deepEqual([status, size, virtual_size, checksum, placed(image), os_glance_importing_to_stores, os_glance_failed_import, os_glance_import_task], ['active', 10, 10, createHash('md5').update('some bytes').digest('hex'), 'cheap,file', '', '', undefined])
  assert.deepEqual([await names(cloud.store), (await names(cheap)).length, (await names(dear)).length], [[before], 1, 0])
  assert.equal((await me(cloud)('GET', `/v2/images/${id}/file`)).body.toString(), 'some bytes')
  const task = await taskOf(cloud, id)
  assert.deepEqual([task.type, task.status, task.result, task.image_id, task.owner, task.user_id, task.deleted, task.input], [
    'api_image_import', 'success', { image_id: id }, id, 'p1', 'user-of-p1', false, { image_id: id, import_req: { ...direct, stores: ['file', 'cheap'] }, backend: ['file', 'cheap'] },
  ])
  assert.match(task.expires_at, /^2026-01-03T00:00:00\.000000$/)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('staged bytes that the default store is not to keep leave it', async () => {
  const cheap = memoryStore({ id: 'cheap' })
  await using cloud = await glanceAlone({ more: [cheap] })
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, { ...direct, stores: ['cheap'] })
  await cloud.glance.idle()
  assert.deepEqual([placed(await show(cloud, id)), await names(cloud.store), (await names(cheap)).length], ['cheap', [], 1])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('an import says which stores it still goes to, another one waits for nothing, and the file is not there before the end', async () => {
  const slow = moody('slow')
  await using cloud = await glanceAlone({ more: [slow.store] })
  const id = await staged(cloud, 'some bytes')
  const gate = Promise.withResolvers<void>()
  slow.mood.gate = gate.promise
  await importing(cloud, id, { ...direct, all_stores: true })
  await until('the slow store is at work', async () => (await show(cloud, id)).os_glance_importing_to_stores === 'slow')
  const { status, os_glance_import_task, stores } = await show(cloud, id)
  const task = await taskOf(cloud, id)
  assert.deepEqual([status, task.status, os_glance_import_task, stores], ['importing', 'processing', task.id, undefined])
  assert.deepEqual(said(cloud, await importing(cloud, id, direct)), [409, 'Image has active task'])
  assert.equal((await me(cloud)('GET', `/v2/images/${id}/file`)).status, 204)
  assert.equal((await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: 'other' })).status, 409)
  gate.resolve()
  await until('the image is active', async () => (await show(cloud, id)).status === 'active')
  assert.equal(placed(await show(cloud, id)), 'file,slow')
})

test('when all stores must succeed and one does not, the image waits again with what was staged, and says which store and why', async () => {
  const broken = moody('broken')
  const cheap = memoryStore({ id: 'cheap' })
  broken.mood.refusing = true
  await using cloud = await glanceAlone({ more: [cheap, broken.store] })
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, { ...direct, stores: ['cheap', 'broken'] })
  await cloud.glance.idle()
  const failed = await show(cloud, id)
  assert.deepEqual([failed.status, failed.os_glance_failed_import, failed.os_glance_importing_to_stores, failed.os_glance_import_task], ['uploading', 'broken,cheap', '', undefined])
  const task = await taskOf(cloud, id)
  assert.deepEqual([task.status, task.message, task.result], ['failure', 'the disk is broken', null])
  assert.deepEqual([(await names(cloud.store)).length, await names(cheap)], [1, []])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  broken.mood.refusing = false
  await importing(cloud, id, { ...direct, stores: ['cheap', 'broken'] })
  await cloud.glance.idle()
  const whole = await show(cloud, id)
  assert.deepEqual([whole.status, placed(whole), whole.os_glance_failed_import], ['active', 'broken,cheap', ''])
})

test('when not all stores must succeed, those that do have the image; when none does, it waits again', async () => {
  const broken = moody('broken')
  broken.mood.refusing = true
  await using cloud = await glanceAlone({ more: [broken.store] })
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, { ...direct, all_stores: true, all_stores_must_succeed: false })
  await cloud.glance.idle()
  const some = await show(cloud, id)
  assert.deepEqual([some.status, some.stores, some.os_glance_failed_import, (await taskOf(cloud, id)).status], ['active', 'file', 'broken', 'success'])
  const other = await staged(cloud, 'other bytes')
  await importing(cloud, other, { ...direct, stores: ['broken'], all_stores_must_succeed: false })
  await cloud.glance.idle()
  assert.deepEqual([(await show(cloud, other)).status, (await taskOf(cloud, other)).message], ['uploading', 'None of the uploads finished!'])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('bytes that are not what their image says are told by the import, and never become active; others may take their place', async () => {
  await using cloud = await glanceAlone()
  const id = await staged(cloud, 'plain', { disk_format: 'qcow2' })
  assert.equal((await importing(cloud, id, direct)).status, 202)
  await cloud.glance.idle()
  const { status, size, os_glance_import_task: lock } = await show(cloud, id)
  assert.deepEqual([status, size, lock, (await taskOf(cloud, id)).message], ['queued', null, undefined, 'the image was declared to be qcow2, its content is raw'])
  assert.deepEqual([await names(cloud.store), await cloud.glance.audit({ repair: false })], [[], []])
  assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes: qcow2Header() })).status, 204)
  assert.equal((await importing(cloud, id, direct)).status, 202)
  await cloud.glance.idle()
  assert.equal((await show(cloud, id)).status, 'active')
  assert.equal((await me(cloud)('DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual([await names(cloud.store), await cloud.glance.audit({ repair: false })], [[], []])
})

test('what may not be imported is refused in words that say why', async () => {
  await using cloud = await glanceAlone({ more: [memoryStore({ id: 'cheap' })], options: { importAllowedRanges: [] } })
  const id = await queued(cloud)
  const bare = (await me(cloud)('POST', '/v2/images', { body: {} })).body.id
  const download = { method: { name: 'web-download', uri: 'http://127.0.0.1/x' } }
  const cases: [string, Record<string, unknown>, number, string][] = [
    [id, {}, 400, "Import request requires a 'method' field."], [id, { method: {} }, 400, "Import request requires a 'name' field."], [id, { method: 'x' }, 400, "Import request requires a 'name' field."],
    [id, { method: { name: 'nope' } }, 400, "Unknown import method name 'nope'."], [id, { method: { name: 5 } }, 400, "Unknown import method name '5'."], [id, { method: { name: 'glance-download' } }, 400, "Unknown import method name 'glance-download'."],
    [id, { method: { name: 'web-download' } }, 400, 'URI for web-download does not pass filtering: None'], [id, download, 400, 'URI for web-download does not pass filtering: http://127.0.0.1/x'],
    [id, { method: { name: 'web-download', uri: 'http://me:secret@x/' } }, 400, 'URI for web-download does not pass filtering: http://***@x/'],
    [id, direct, 409, "Image needs to be staged before 'glance-direct' method can be used"],
    [bare, download, 409, "'container_format' needs to be set before import"],
    [id, { ...download, stores: ['nope'] }, 409, 'Store for identifier nope not found'], [id, { ...download, stores: 'cheap' }, 400, "'stores' must be a list of at most 100 store identifiers"],
    [id, { ...download, stores: ['cheap'], all_stores: true }, 400, "All_stores parameter can't be used with x-image-meta-store header or stores parameter"],
    [id, { ...download, all_stores: 'yes' }, 400, "'all_stores' must be boolean value only"], [id, { ...download, all_stores_must_succeed: 5 }, 400, "'all_stores_must_succeed' must be boolean value only"],
    ['11111111-1111-4111-8111-111111111111', direct, 404, 'No image found with ID 11111111-1111-4111-8111-111111111111'],
  ]
  for (const [image, body, status, words] of cases) assert.deepEqual(said(cloud, await importing(cloud, image, body)), [status, words], JSON.stringify(body))
  assert.deepEqual(said(cloud, await me(cloud)('POST', `/v2/images/${id}/import`, { body: { ...download, stores: ['cheap'] }, headers: { 'x-image-meta-store': 'cheap', 'content-type': 'application/json' } })), [400, "Stores parameter and x-image-meta-store header can't be both specified"])
  assert.deepEqual(said(cloud, await me(cloud)('POST', `/v2/images/${id}/import`, { body: download, headers: { 'x-image-meta-store': 'nope', 'content-type': 'application/json' } })), [409, 'Store for identifier nope not found'])
  assert.deepEqual(said(cloud, await importing(cloud, id, { method: { name: 'copy-image' }, stores: ['cheap'] }, 'px:admin')), [409, 'Only images with status active can be targeted for copying'])
  assert.equal((await importing(cloud, id, download, 'p2:member')).status, 404)
  assert.equal((await importing(cloud, await staged(cloud, 'x'), direct, 'p1:reader')).status, 403)
  assert.deepEqual([(await show(cloud, id)).status, (await me(cloud)('GET', `/v2/images/${id}/tasks`)).body, (await me(cloud)('GET', '/v2/images/nope/tasks')).status], ['queued', { tasks: [] }, 404])
  assert.deepEqual((await me(cloud)('GET', '/v2/info/import')).body['import-methods'].value, ['glance-direct', 'web-download', 'copy-image'])
})

test('an image is copied to more stores by who may, with its bytes compared by their hashes', async () => {
  const [cheap, broken] = [memoryStore({ id: 'cheap' }), moody('broken')]
  await using cloud = await glanceAlone({ more: [cheap, broken.store] })
  const { id } = await cloud.uploaded('p1:member', 'some bytes')
  const copy = async (more: Record<string, unknown>, token = 'px:admin') => {
    await cloud.clock.advance(1_000)                                                          // records are shown in the order of their times
    return importing(cloud, id, { method: { name: 'copy-image' }, ...more }, token)
  }
  assert.equal((await copy({ stores: ['cheap'] }, 'p1:member')).status, 403)
  assert.deepEqual(said(cloud, await copy({ stores: ['file'] })), [400, "Image is already present at store 'file'"])
  assert.equal((await copy({ stores: ['cheap'] })).status, 202)
  await cloud.glance.idle()
  assert.deepEqual([placed(await show(cloud, id)), (await names(cheap)).length, (await taskOf(cloud, id)).status], ['cheap,file', 1, 'success'])
  broken.mood.refusing = true
  assert.equal((await copy({ all_stores: true })).status, 202)
  await cloud.glance.idle()
  const failed = await show(cloud, id)
  assert.deepEqual([failed.status, placed(failed), failed.os_glance_failed_import, (await taskOf(cloud, id)).status], ['active', 'cheap,file', 'broken', 'failure'])
  broken.mood.refusing = false
  const [key] = await names(cloud.store)
  const writer = await cloud.store.write(key!)
  await writer.write(Buffer.from('other byte'))
  await writer.commit()
  await copy({ stores: ['broken'] })
  await cloud.glance.idle()
  assert.match((await taskOf(cloud, id)).message, /not those that the image has by its hashes/)
  assert.deepEqual([placed(await show(cloud, id)), await names(broken.store)], ['cheap,file', []])
  assert.equal((await importing(cloud, (await cloud.uploaded('p1:member', 'x')).id, { method: { name: 'copy-image' }, all_stores: true }, 'px:admin')).status, 202)
  await cloud.glance.idle()
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  assert.deepEqual([(await copy({ all_stores: true, all_stores_must_succeed: false })).status], [202])
})

test('an image comes from the web, and one that does not come leaves its image queued with the reason', async () => {
  await using server = await web((request, response) => {
    if (request.url === '/image') response.end('from the web')
    else if (request.url === '/short') { response.writeHead(200, { 'content-length': '99' }); response.write('short'); setImmediate(() => request.socket.destroy()) }
    else if (request.url === '/big') { response.writeHead(200, { 'content-length': '2000000000' }); response.write('x') }
    else if (request.url === '/inside') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end()
    else response.writeHead(404).end()
  })
  await using cloud = await glanceAlone()
  const download = async (path: string, more: Record<string, unknown> = {}) => {
    const id = await queued(cloud, more)
    assert.equal((await importing(cloud, id, { method: { name: 'web-download', uri: server.url + path } })).status, 202)
    await until('the task has ended', async () => (await taskOf(cloud, id)).expires_at !== null)
    return id
  }
  const id = await download('/image')
  assert.deepEqual([(await show(cloud, id)).status, (await me(cloud)('GET', `/v2/images/${id}/file`)).body.toString()], ['active', 'from the web'])
  for (const [path, words] of [['/none', /answered 404/], ['/short', /broke off/], ['/big', /too large/], ['/inside', /no address that may be reached/]] as const) {
    const failed = await download(path)
    const { status, os_glance_failed_import, size } = await show(cloud, failed)
    assert.deepEqual([status, os_glance_failed_import, size], ['queued', 'file', null], path)
    assert.match((await taskOf(cloud, failed)).message, words)
  }
  const wrong = await download('/image', { disk_format: 'qcow2' })
  assert.equal((await show(cloud, wrong)).status, 'queued')
  await until('the bytes have gone', async () => (await names(cloud.store)).length === 1)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('an image that is deleted while it is imported is gone, and so is every byte', async () => {
  const slow = moody('slow')
  await using server = await web((_, response) => { response.write('half') })
  await using cloud = await glanceAlone({ more: [slow.store] })
  const gate = Promise.withResolvers<void>()
  slow.mood.gate = gate.promise
  const [one, other] = [await staged(cloud, 'some bytes'), await queued(cloud)]
  await importing(cloud, one, { ...direct, all_stores: true })
  await importing(cloud, other, { method: { name: 'web-download', uri: server.url } })
  await until('both are at work', async () => (await show(cloud, one)).os_glance_importing_to_stores === 'slow' && (await names(cloud.store)).length === 2)
  for (const id of [one, other]) {
    const task = await taskOf(cloud, id)
    assert.equal((await me(cloud)('DELETE', `/v2/images/${id}`)).status, 204)
    const { status, message } = (await cloud.as('px:admin')('GET', `/v2/tasks/${task.id}`)).body
    assert.deepEqual([status, message], ['failure', 'Image has been deleted, aborting import.'])
  }
  gate.resolve()
  await until('the bytes have gone', async () => (await names(cloud.store)).length === 0 && (await names(slow.store)).length === 0)
  await cloud.glance.idle()
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('an import counts for its owner when it comes in, and one beyond the quota gives everything back', async () => {
  await using cloud = await glanceAlone({ options: { userStorageQuota: 15 } })
  const ids = [await staged(cloud, 'ten bytes.'), await staged(cloud, 'ten bytes!')]
  for (const id of ids) await importing(cloud, id, direct)
  await cloud.glance.idle()
  assert.deepEqual((await Promise.all(ids.map(async id => (await show(cloud, id)).status as string))).toSorted(), ['active', 'uploading'])
  const failed = ids[(await show(cloud, ids[0]!)).status === 'active' ? 1 : 0]!
  assert.equal((await taskOf(cloud, failed)).message, 'The size of the data will exceed the limit. 5 bytes remaining.')
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('who changes an image while it is imported changes nothing of the import, whose marks do not count as properties', async () => {
  const slow = moody('slow')
  await using cloud = await glanceAlone({ more: [slow.store], options: { imagePropertyQuota: 1 } })
  const gate = Promise.withResolvers<void>()
  slow.mood.gate = gate.promise
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, { ...direct, all_stores: true })
  await until('the slow store is at work', async () => (await show(cloud, id)).os_glance_importing_to_stores === 'slow')
  const patched = await me(cloud)('PATCH', `/v2/images/${id}`, { body: [{ op: 'add', path: '/mine', value: 'x' }], headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' } })
  assert.equal(patched.status, 200)
  for (const path of ['/os_glance_import_task', '/os_glance_importing_to_stores']) {
    assert.equal((await me(cloud)('PATCH', `/v2/images/${id}`, { body: [{ op: 'remove', path }], headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' } })).status, 403)
  }
  gate.resolve()
  await until('the image is active', async () => (await show(cloud, id)).status === 'active')
  const { mine, os_glance_import_task } = await show(cloud, id)
  assert.deepEqual([mine, os_glance_import_task], ['x', undefined])
})

test('a sender that stages meanwhile is not disturbed by other images', async () => {
  await using cloud = await glanceAlone()
  const waiting = await queued(cloud)
  const slow = new PassThrough()
  const staging = me(cloud)('PUT', `/v2/images/${waiting}/stage`, { bytes: slow })
  slow.write('half ')
  const id = await staged(cloud, 'some bytes')
  await importing(cloud, id, direct)
  await cloud.glance.idle()
  slow.end('done')
  assert.equal((await staging).status, 204)
  await importing(cloud, waiting, direct)
  await cloud.glance.idle()
  assert.equal((await me(cloud)('GET', `/v2/images/${waiting}/file`)).body.toString(), 'half done')
})

test('a controller that dies in the midst of a download leaves it to another; should it live after all, it changes nothing', async () => {
  const held: (() => void)[] = []
  await using server = await web((_, response) => {
    response.write('the first half, ')
    if (held.length === 0) held.push(() => response.end('too late'))
    else response.end('and the second')
  })
  const db = openSqlite<Tables>(':memory:')
  const store = memoryStore({ id: 'file' })
  {
    await using one = await glanceAlone({ db, store, host: 'one' })
    await using other = await glanceAlone({ db, store, host: 'other', seed: 'other' })
    const id = await queued(one)
    await importing(one, id, { method: { name: 'web-download', uri: server.url } })
    await until('the first one writes', async () => held.length === 1 && (await names(store)).length === 1)
    held.push(() => {})
    await until('the other one has taken over', async () => {
      await other.clock.advance(10_000)
      return (await show(other, id)).status === 'active'
    })
    held[0]!()
    await one.glance.idle()
    await until('the half is gone', async () => (await names(store)).length === 1)
    assert.equal((await me(other)('GET', `/v2/images/${id}/file`)).body.toString(), 'the first half, and the second')
    assert.deepEqual([(await taskOf(other, id)).status, await other.glance.audit({ repair: false })], ['success', []])
  }
  await db.close()
})

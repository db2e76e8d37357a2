// Locations: who sees them, what may be one, and how an image comes to have one.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import type { Notification } from '@alto/kit/notify'
import { until } from '@alto/kit/testing'
import { fetcher, type Fetcher } from '../driver/fetcher.ts'
import { httpStore } from '../driver/http-store.ts'
import { glanceAlone, patch, type OPTIONS } from './cloud.ts'

const token = 'p1:member'
const BYTES = Buffer.from('bytes that somebody else keeps')
const hashes = { checksum: createHash('md5').update(BYTES).digest('hex'), sha256: createHash('sha256').update(BYTES).digest('hex'), sha512: createHash('sha512').update(BYTES).digest('hex') }

/** A Glance with a store of URLs, and a server that has bytes at /image. */
async function cloudWithWeb(options: Partial<typeof OPTIONS> = {}) {
  await using undo = new AsyncDisposableStack()
  const asked: string[] = []
  const told: Notification[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url?.startsWith('/image')) response.writeHead(200, { 'content-length': BYTES.length }).end(BYTES)
    else response.writeHead(request.url === '/empty' ? 200 : 404).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  undo.defer(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const reach = fetcher({ allowedSchemes: [], disallowedSchemes: [], allowedHosts: [], disallowedHosts: [], allowedPorts: [], disallowedPorts: [], allowedRanges: ['127.0.0.1'], idleMs: 5_000, totalMs: 5_000 }, { clock: systemClock })
  const cloud = undo.use(await glanceAlone({
    more: [httpStore({ id: 'web' }, reach)], options: { showMultipleLocations: true, ...options }, notifier: { notify: one => { told.push(one) } },
    resolve: async () => ['10.0.0.1'],                                                        // every name leads inside
  }))
  const all = undo.move()
  const ask = cloud.as(token)
  return {
    cloud, ask, asked, told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queued: async () => (await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id as string,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

const add = (url: string, more: Record<string, unknown> = {}) => patch({ op: 'add', path: '/locations/-', value: { url, metadata: {}, ...more } })

test('an image with a location that is set is active, has its size, and its bytes are read from there', async () => {
  await using web = await cloudWithWeb()
  const { ask, cloud, url } = web
  const id = await web.queued()
  assert.deepEqual((await ask('GET', `/v2/images/${id}`)).body.locations, [])
  const { status, body } = await ask('PATCH', `/v2/images/${id}`, add(`${url}/image`, { metadata: { colour: 'red' } }))
  assert.deepEqual([status, body.status, body.size, body.checksum, body.stores, body.locations], [200, 'active', BYTES.length, null, 'web', [{ url: `${url}/image`, metadata: { colour: 'red', store: 'web' } }]])
  assert.deepEqual((await ask('GET', `/v2/images/${id}/file`)).body, BYTES)
  assert.deepEqual((await ask('GET', `/v2/images/${id}/file`, { headers: { range: 'bytes=6-9' } })).body.toString(), 'that')
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  assert.equal((await ask('DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('nothing but a URL of http or https that may be fetched and has bytes becomes a location', async () => {
  await using web = await cloudWithWeb()
  const { ask, cloud, url } = web
  const id = await web.queued()
  const refusedUrls = [
    'file:///etc/passwd', 'FILE:///etc/passwd', 'filesystem:///etc/passwd', 'swift+config://container/object', 'swift://u:k@host/c/o', 'swift+http://u:k@host/c/o', 's3://key:secret@bucket/x', 'rbd://fsid/pool/image/snap',
    'cinder://f3d0f6a2-0000-4000-8000-000000000000', 'vsphere://x', 'gopher://info.cern.ch', 'ftp://127.0.0.1/x', 'data:,x', '', 'image', '//127.0.0.1/image', 'http://', 'http:///image', ' file:///etc/passwd', 'file:/etc/passwd',
    'http://169.254.169.254/latest/meta-data/', 'http://10.0.0.1/', 'http://[::1]/', 'http://user:word@127.0.0.1/image', `${url}/nothing`, `${url}/empty`,
  ]
  for (const one of refusedUrls) {
    const answer = await ask('PATCH', `/v2/images/${id}`, add(one))
    assert.deepEqual([one, answer.status, cloud.said(answer)], [one, 400, 'Invalid location'])
    const other = await ask('POST', `/v2/images/${id}/locations`, { body: { url: one } })
    assert.ok([400, 403, 202].includes(other.status) && (other.status !== 202 || one.startsWith(url)), `${one}: ${other.status}`)
    await cloud.glance.idle()
  }
  const { body } = await ask('GET', `/v2/images/${id}`)
  assert.deepEqual([body.status, body.locations], ['queued', []])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('where locations are invisible nobody sees or sets them, an administrator neither', async () => {
  await using web = await cloudWithWeb({ showMultipleLocations: false })
  const id = await web.queued()
  const admin = web.cloud.as('p0:admin')
  const answer = await admin('PATCH', `/v2/images/${id}`, add(`${web.url}/image`))
  assert.deepEqual([answer.status, web.cloud.said(answer), web.asked], [403, "It&#x27;s not allowed to add locations if locations are invisible.", []])
  assert.ok(!Object.hasOwn((await admin('GET', `/v2/images/${id}`)).body, 'locations'))
})

test('a patch of locations follows upstream in its paths, states and errors', async () => {
  await using web = await cloudWithWeb({ imageLocationQuota: 2 })
  const { ask, cloud, url } = web
  const id = await web.queued()
  const said = async (operation: unknown) => {
    const answer = await ask('PATCH', `/v2/images/${id}`, patch(operation))
    return [answer.status, cloud.said(answer)?.replaceAll('&#x27;', "'")]
  }
  const at = (path: string, more: Record<string, unknown> = {}) => ({ op: 'add', path, value: { url: `${url}/image`, metadata: {}, ...more } })
  const sha512 = (value: string, more = {}) => ({ validation_data: { os_hash_algo: 'sha512', os_hash_value: value, ...more } })
  assert.deepEqual(await said(at('/locations')), [400, "Invalid JSON pointer for this resource: '/locations'"])
  assert.deepEqual(await said({ op: 'replace', path: '/locations/0', value: [] }), [400, "Invalid JSON pointer for this resource: '/locations/0'"])
  assert.deepEqual(await said(at('/locations/x')), [400, 'Invalid position for adding a location.'])
  assert.deepEqual(await said({ op: 'remove', path: '/locations/0' }), [403, 'You are not authorized to complete delete_image_location action.'])
  assert.deepEqual(await said({ op: 'replace', path: '/locations', value: [] }), [403, 'Cannot set locations to empty list.'])
  assert.deepEqual(await said(at('/locations/-', { validation_data: { os_hash_algo: 'sha256', os_hash_value: '1'.repeat(64) } })), [409, 'os_hash_algo must be sha512, not sha256'])
  assert.deepEqual(await said(at('/locations/-', sha512('1'.repeat(64)))), [409, `os_hash_value (${'1'.repeat(64)}) is not the correct size for sha512 (should be 64 bytes)`])
  assert.deepEqual(await said(at('/locations/-', sha512('z'.repeat(128)))), [409, `os_hash_value (${'z'.repeat(128)}) is not a valid hexadecimal value`])
  assert.deepEqual(await said(at('/locations/-', sha512('1'.repeat(128), { checksum: 'z'.repeat(32) }))), [409, `checksum (${'z'.repeat(32)}) is not a valid hexadecimal value`])
  for (const value of [{ url: `${url}/image` }, { url: 5, metadata: {} }, { url: `http://${'x'.repeat(300)}`, metadata: {} }, { url: `${url}/image`, metadata: {}, validation_data: { checksum: '1'.repeat(32) } }, 'x', null]) {
    assert.equal((await said({ op: 'add', path: '/locations/-', value }))[0], 400)
  }

  assert.deepEqual(await said(at('/locations/0', sha512(hashes.sha512, { checksum: hashes.checksum }))), [200, undefined])
  assert.deepEqual(await said(at('/locations/-')), [400, `The location ${url}/image already exists`])
  assert.deepEqual(await said(at('/locations/-', { url: `${url}/image#new`, ...sha512('2'.repeat(128)) })), [409, 'os_hash_value is already set with a different value'])
  assert.deepEqual(await said(at('/locations/-', { url: `${url}/image#new`, ...sha512(hashes.sha512) })), [200, undefined])
  assert.deepEqual(await said(at('/locations/-', { url: `${url}/image#more` })), [413, 'The limit has been exceeded on the number of allowed image locations. Attempted: 3, Maximum: 2'])
  const { body } = await ask('GET', `/v2/images/${id}`)
  assert.deepEqual([body.checksum, body.os_hash_algo, body.os_hash_value, body.stores, body.locations.length], [hashes.checksum, 'sha512', hashes.sha512, 'web', 2])

  const [one, other] = body.locations
  assert.deepEqual(await said({ op: 'replace', path: '/locations', value: [{ ...one, metadata: { ...one.metadata, date: 'now' } }, other] }), [200, undefined])
  assert.deepEqual((await ask('GET', `/v2/images/${id}`)).body.locations, [{ ...one, metadata: { date: 'now', store: 'web' } }, other])
  assert.match(String((await said({ op: 'replace', path: '/locations', value: [one] }))[1]), /^Original locations is not empty/)
  const admin = cloud.as('p1:admin')
  assert.equal((await admin('PATCH', `/v2/images/${id}`, patch({ op: 'remove', path: '/locations/5' }))).status, 400)
  assert.equal((await admin('PATCH', `/v2/images/${id}`, patch({ op: 'remove', path: '/locations/0' }))).status, 200)
  const last = await admin('PATCH', `/v2/images/${id}`, patch({ op: 'remove', path: '/locations/0' }))
  assert.deepEqual([last.status, cloud.said(last)], [403, 'Cannot remove last location in the image.'])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('locations are seen by their owner and by administrators, and by nobody with whom the image is shared', async () => {
  await using web = await cloudWithWeb({ showImageDirectUrl: true })
  const { cloud } = web
  const { id } = await cloud.uploaded(token, 'bytes')
  await cloud.as(token)('POST', `/v2/images/${id}/members`, { body: { member: 'p2' } })
  const seen = async (who: string) => {
    const { body } = await cloud.as(who)('GET', `/v2/images/${id}`)
    return [body.locations.length, body.direct_url === undefined]
  }
  assert.deepEqual([await seen('p1:reader'), await seen('p0:admin'), await seen('p2:member')], [[1, false], [1, false], [0, true]])
  assert.equal((await cloud.as(token)('GET', `/v2/images/${id}/locations`)).status, 403)
  assert.equal((await cloud.as('p0:admin')('GET', `/v2/images/${id}/locations`)).body.length, 1)
})

/** The image, and the last of its tasks, once a location was added and all is at rest. */
async function added({ cloud, ask, queued }: Awaited<ReturnType<typeof cloudWithWeb>>, url: string, validation?: Record<string, string>) {
  const id = await queued()
  const { status } = await ask('POST', `/v2/images/${id}/locations`, { body: { url, ...(validation && { validation_data: validation }) } })
  assert.equal(status, 202)
  await cloud.glance.idle()
  const { body: image } = await ask('GET', `/v2/images/${id}`)
  const { body } = await cloud.as('p1:admin')('GET', `/v2/images/${id}/tasks`)
  return { id, image, task: body.tasks.at(-1) }
}

test('a location that is added is hashed; an image of which more was said waits until that is known to be so', async () => {
  await using web = await cloudWithWeb()
  const { cloud, url } = web
  const plain = await added(web, `${url}/image`)
  assert.deepEqual([plain.task.type, plain.task.status, plain.image.status, plain.image.size, plain.image.os_hash_algo, plain.image.os_hash_value, plain.image.checksum, plain.image.stores],
    ['location_import', 'success', 'active', BYTES.length, 'sha512', hashes.sha512, hashes.checksum, 'web'])
  const right = await added(web, `${url}/image`, { os_hash_algo: 'sha256', os_hash_value: hashes.sha256 })
  assert.deepEqual([right.task.status, right.image.status, right.image.os_hash_algo, right.image.os_hash_value, right.image.checksum], ['success', 'active', 'sha256', hashes.sha256, hashes.checksum])
  const wrong = await added(web, `${url}/image`, { os_hash_algo: 'sha512', os_hash_value: 'beefdead'.repeat(16) })
  assert.deepEqual([wrong.task.status, wrong.image.status, wrong.image.size, wrong.image.os_hash_value, wrong.image.checksum, wrong.image.stores], ['failure', 'queued', null, null, null, 'web'])
  assert.match(wrong.task.message, /^os_hash_value: \(beefdead.*\) not matched with actual/)
  const lost = await added(web, `${url}/nothing`)
  assert.deepEqual([lost.task.status, lost.image.status, lost.image.stores], ['failure', 'queued', undefined])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])

  assert.equal((await web.ask('PUT', `/v2/images/${wrong.id}/file`, { bytes: 'other bytes' })).status, 204)
  const { body } = await web.ask('GET', `/v2/images/${wrong.id}`)
  assert.deepEqual([body.status, body.stores, body.locations.length], ['active', 'file', 1])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('a location that is added is told with its task and what the image becomes, and never by its URL', async () => {
  await using web = await cloudWithWeb()
  const life = (kind: string) => web.told.splice(0).filter(({ event }) => event.startsWith(kind)).map(({ event, payload }) => `${event} ${(payload as { status: string }).status}`)
  await added(web, `${web.url}/image`)
  assert.doesNotMatch(JSON.stringify(web.told), /127\.0\.0\.1/)
  assert.deepEqual(life(''), ['image.create queued', 'task.create pending', 'task.run pending', 'task.processing processing', 'image.update active', 'image.update active', 'task.success success'])
  await added(web, `${web.url}/image`, { os_hash_algo: 'sha512', os_hash_value: 'beefdead'.repeat(16) })
  assert.deepEqual(life('image.'), ['image.create queued', 'image.update importing', 'image.update queued'])
})

test('without secure hashes the image is what its sender says of it', async () => {
  await using web = await cloudWithWeb({ doSecureHash: false })
  const said = await added(web, `${web.url}/image`, { os_hash_algo: 'sha512', os_hash_value: 'beefdead'.repeat(16) })
  assert.deepEqual([said.task.status, said.image.status, said.image.os_hash_value, said.image.checksum], ['success', 'active', 'beefdead'.repeat(16), null])
  const bare = await added(web, `${web.url}/image`)
  assert.deepEqual([bare.task.status, bare.image.status, bare.image.size, bare.image.os_hash_value], ['success', 'active', BYTES.length, null])
  assert.equal((await web.ask('GET', `/v2/images/${said.id}/file`)).status, 500)                  // its bytes are not those that were said
})

test('a location that may not be added is refused in words that say why', async () => {
  await using web = await cloudWithWeb()
  const { cloud, ask, url } = web
  const id = await web.queued()
  const said = async (body: unknown) => {
    const answer = await ask('POST', `/v2/images/${id}/locations`, { body })
    return [answer.status, cloud.said(answer)?.replaceAll('&#x27;', "'")]
  }
  assert.deepEqual(await said({ url: 'file:///etc/passwd' }), [403, 'http store must be enabled to use location API by normal user.'])
  assert.deepEqual(await said({ url: 'http://10.0.0.1/x' }), [400, 'URI for add location does not pass filtering: http://10.0.0.1/x'])
  const hash = (os_hash_algo: string, os_hash_value: string) => ({ url: `${url}/image`, validation_data: { os_hash_algo, os_hash_value } })
  assert.deepEqual(await said(hash('sha512', 'aa')), [400, 'os_hash_value: (aa) is not the correct size for (sha512) (should be (64) bytes)'])
  assert.deepEqual(await said(hash('sha512', 'z'.repeat(128))), [400, `os_hash_value (${'z'.repeat(128)}) is not a valid hexadecimal value`])
  for (const body of [{}, { url: 5 }, [], { url, validation_data: { x: 1 } }, { url, validation_data: { os_hash_algo: 'sha512' } }, { url, validation_data: { os_hash_value: 'aa' } }, hash('sha123', 'aa')]) assert.equal((await said(body))[0], 400)
  await cloud.as('p1:admin')('PATCH', `/v2/images/${id}`, add(`${url}/image`))
  assert.deepEqual(await said({ url: `${url}/image` }), [409, "It's not allowed to add locations if image status is active."])
  assert.equal((await cloud.as('p2:member')('POST', `/v2/images/${id}/locations`, { body: { url: `${url}/image` } })).status, 404)
  assert.equal((await cloud.as('p1:reader')('POST', `/v2/images/${await web.queued()}/locations`, { body: { url: `${url}/image` } })).status, 403)
})

test('no URL is asked for a caller who may not change the image it is for', async () => {
  await using web = await cloudWithWeb()
  const { cloud, asked, url } = web
  const id = await web.queued()
  const nobodys = '11111111-1111-4111-8111-111111111111'
  for (const [caller, image, status] of [['p1:reader', id, 403], ['p2:member', id, 404], ['p2:member', nobodys, 404]] as const) {
    assert.deepEqual([caller, image, (await cloud.ask('PATCH', `/v2/images/${image}`, { token: caller, ...add(`${url}/image`) })).status], [caller, image, status])
  }
  assert.deepEqual(asked, [])
})

test('a URL that is refused is repeated without its user, however it is spelled', async () => {
  await using web = await cloudWithWeb()
  const { ask, cloud } = web
  const id = await web.queued()
  for (const url of ['http://u:CANARY@127.0.0.1/', 'http:\\\\u:CANARY@127.0.0.1/', 'http:/u:CANARY@127.0.0.1/', 'HTTP:u:CANARY@127.0.0.1', 'http://u:/CANARY@h/', 'http://u:\nCANARY@h/']) {
    for (const [path, body] of [['import', { method: { name: 'web-download', uri: url } }], ['locations', { url }]] as const) {
      const { status, body: said } = await ask('POST', `/v2/images/${id}/${path}`, { body })
      assert.ok([400, 403].includes(status) && !String(said).includes('CANARY'), `${url} ${path}: ${status} ${said}`)
    }
    const task = await cloud.ask('POST', '/v2/tasks', { token: 'p0:admin', body: { type: 'import', input: { import_from: url, import_from_format: 'raw', image_properties: {} } } })
    assert.ok(task.status === 400 && !String(task.body).includes('CANARY'), `${url}: ${task.body}`)
  }
})

test('of more URLs than an image may have locations none is asked', async () => {
  await using web = await cloudWithWeb()
  const { ask, asked, url } = web
  const id = await web.queued()
  const value = Array.from({ length: 11 }, (_, i) => ({ url: `${url}/image${i}`, metadata: {} }))
  assert.equal((await ask('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/locations', value }))).status, 413)
  assert.deepEqual(asked, [])
})

test('an upload that takes the image before its location is placed keeps it, and nothing stays locked', async () => {
  await using undo = new AsyncDisposableStack()
  const answers = Promise.withResolvers<void>()
  const slow: Fetcher = { check: async () => {}, size: async () => (await answers.promise, BYTES.length), get: async () => (await answers.promise, { size: BYTES.length, bytes: Readable.from([BYTES]) as AsyncIterable<Uint8Array> }) }
  const cloud = undo.use(await glanceAlone({ more: [httpStore({ id: 'web' }, slow)] }))
  const ask = cloud.as(token)
  const id: string = (await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id
  assert.equal((await ask('POST', `/v2/images/${id}/locations`, { body: { url: 'http://127.0.0.1/image' } })).status, 202)
  const bytes = new Readable({ read() {} })
  const upload = ask('PUT', `/v2/images/${id}/file`, { bytes })
  await until('the upload has begun', async () => (await ask('GET', `/v2/images/${id}`)).body.status === 'saving')
  answers.resolve()
  await cloud.glance.idle()
  bytes.push('own bytes')
  bytes.push(null)
  assert.equal((await upload).status, 204)
  const { status, os_glance_import_task: lock } = (await ask('GET', `/v2/images/${id}`)).body
  assert.deepEqual([status, lock, (await ask('GET', `/v2/images/${id}/file`)).body.toString()], ['active', undefined, 'own bytes'])
  assert.equal((await ask('GET', `/v2/images/${id}/tasks`)).body.tasks[0].status, 'failure')
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('while a location is hashed its image is active and names the algorithm; when that fails it names none', async () => {
  const going = Promise.withResolvers<void>()
  const breaking: Fetcher = { check: async () => {}, size: async () => BYTES.length, get: async () => ({ size: BYTES.length, bytes: (async function* () { await going.promise; yield BYTES.subarray(0, 1); throw new Error('broke off') })() }) }
  await using cloud = await glanceAlone({ more: [httpStore({ id: 'web' }, breaking)] })
  const ask = cloud.as(token)
  const id: string = (await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id
  await ask('POST', `/v2/images/${id}/locations`, { body: { url: 'http://127.0.0.1/image' } })
  const hashes = async () => {
    const { status, os_hash_algo: algorithm, os_hash_value: value } = (await ask('GET', `/v2/images/${id}`)).body
    return [status, algorithm, value]
  }
  await until('the bytes are hashed', async () => (await hashes())[0] === 'active')
  assert.deepEqual(await hashes(), ['active', 'sha512', null])
  going.resolve()
  await cloud.glance.idle()
  assert.deepEqual(await hashes(), ['active', null, null])
})

test('the size of an image is the number of bytes that were read at its location, not what was said before', async () => {
  for (const validation of [undefined, { os_hash_algo: 'sha512', os_hash_value: hashes.sha512 }]) {
    const liar: Fetcher = { check: async () => {}, size: async () => 1_000_000, get: async () => ({ size: BYTES.length, bytes: Readable.from([BYTES]) as AsyncIterable<Uint8Array> }) }
    await using cloud = await glanceAlone({ more: [httpStore({ id: 'web' }, liar)] })
    const ask = cloud.as(token)
    const id: string = (await ask('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare' } })).body.id
    assert.equal((await ask('POST', `/v2/images/${id}/locations`, { body: { url: 'http://127.0.0.1/image', ...(validation && { validation_data: validation }) } })).status, 202)
    await cloud.glance.idle()
    const { body: image } = await ask('GET', `/v2/images/${id}`)
    assert.deepEqual([image.status, image.size, image.os_hash_value], ['active', BYTES.length, hashes.sha512])
    assert.deepEqual((await ask('GET', `/v2/images/${id}/file`)).body, BYTES)
    assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
    assert.equal((await ask('DELETE', `/v2/images/${id}`)).status, 204)
    assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  }
})

// The bytes of images through the API: up and down, in part, staged, refused, interrupted, removed; and what a crash leaves.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { openSqlite } from '@alto/kit/db'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { fileStore, type Tables } from '../index.ts'
import { glanceAlone, patch, type Cloud } from './cloud.ts'

const sum = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')
const pattern = (size: number) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) % 253))

async function queued(cloud: Cloud, more: Record<string, unknown> = {}): Promise<string> {
  return (await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'one', disk_format: 'raw', container_format: 'bare', ...more } })).body.id
}

async function directory() {
  const path = await mkdtemp(join(tmpdir(), 'alto-glance-'))
  return { path, images: join(path, 'images'), files: () => readdir(join(path, 'images')), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** Resolves when `condition` holds; the event loop turns meanwhile. */
async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!await condition()) await new Promise(resolve => setImmediate(resolve))
}

/** A qcow2 header, version 2; `backing` as its header says. */
function qcow2(opts: { backing?: boolean, size?: number } = {}): Buffer {
  const h = Buffer.alloc(512)
  h.write('QFI\xfb', 'latin1')
  h.writeUInt32BE(2, 4)
  if (opts.backing) { h.writeBigUInt64BE(300n, 8); h.writeUInt32BE(11, 16); h.write('/etc/passwd', 300) }
  h.writeUInt32BE(16, 20)
  h.writeBigUInt64BE(BigInt(opts.size ?? 1 << 20), 24)
  return h
}

test('bytes go up, are hashed and counted, and come down as they were, whole and in ranges', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  assert.deepEqual([(await me('GET', `/v2/images/${id}/file`)).status], [204])
  const bytes = pattern(700_001)
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: Readable.from([bytes.subarray(0, 400_000), bytes.subarray(400_000)]) })).status, 204)
  const { status, size, virtual_size, checksum, os_hash_algo, os_hash_value, stores } = (await me('GET', `/v2/images/${id}`)).body
  assert.deepEqual([status, size, virtual_size, checksum, os_hash_algo, os_hash_value, stores], ['active', 700_001, 700_001, sum('md5', bytes), 'sha512', sum('sha512', bytes), 'file'])
  const whole = await me('GET', `/v2/images/${id}/file`)
  assert.deepEqual([whole.status, whole.headers['content-length'], whole.headers['content-md5'], whole.headers['content-type']], [200, '700001', sum('md5', bytes), 'application/octet-stream'])
  assert.ok(whole.body.equals(bytes))
  for (const [range, start, end] of [['bytes=0-0', 0, 0], ['bytes=100-70000', 100, 70_000], ['bytes=700000-', 700_000, 700_000], ['bytes=-5', 699_996, 700_000], ['bytes=5-9999999', 5, 700_000]] as const) {
    const part = await me('GET', `/v2/images/${id}/file`, { headers: { range } })
    assert.deepEqual([part.status, part.headers['content-range'], part.headers['content-length']], [206, `bytes ${start}-${end}/700001`, String(end - start + 1)], range)
    assert.ok(part.body.equals(bytes.subarray(start, end + 1)), range)
  }
  for (const range of ['bytes=700001-', 'bytes=5-4', 'bytes=-', 'bytes=0-1,3-4', 'bytes=x-y', 'bytes=-0']) {
    const refused = await me('GET', `/v2/images/${id}/file`, { headers: { range } })
    assert.deepEqual([refused.status, refused.headers['content-range']], [416, 'bytes */700001'], range)
  }
  assert.equal((await me('GET', `/v2/images/${id}/file`, { headers: { range: 'pages=1-2' } })).status, 200)
})

test('an image that is not queued takes no bytes, and one without formats says which it misses', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const { id } = await cloud.uploaded('p1:member', 'x')
  assert.equal(cloud.said(await me('PUT', `/v2/images/${id}/file`, { bytes: 'y' })), 'Image status transition from active to saving is not allowed')
  assert.equal((await me('PUT', `/v2/images/${id}/stage`, { bytes: 'y' })).status, 409)
  const bare = (await me('POST', '/v2/images', { body: {} })).body.id
  assert.equal(cloud.said(await me('PUT', `/v2/images/${bare}/file`, { bytes: 'y' })), 'Properties disk_format, container_format must be set prior to saving data.')
  assert.equal((await me('PUT', `/v2/images/${bare}/file`, { body: {} })).status, 415)
  const other = await queued(cloud)
  assert.equal((await me('PUT', `/v2/images/${other}/file`, { bytes: 'y', headers: { 'x-image-meta-store': 'ceph', 'content-type': 'application/octet-stream' } })).status, 400)
  assert.equal((await me('GET', `/v2/images/${other}`)).body.status, 'queued')
  assert.equal((await me('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/disk_format', value: 'qcow2' }))).status, 403)
})

test('of two uploads to one image at once, one has it and the other is told', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  const slow = new PassThrough()
  const first = me('PUT', `/v2/images/${id}/file`, { bytes: slow })
  slow.write('first ')
  await until(async () => (await me('GET', `/v2/images/${id}`)).body.status === 'saving')
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'second' })).status, 409)
  slow.end('has it')
  assert.equal((await first).status, 204)
  assert.equal((await me('GET', `/v2/images/${id}/file`)).body.toString(), 'first has it')
})

test('an image that is deleted while its bytes come in is gone, for its sender too, with every byte', async () => {
  await using place = await directory()
  await using cloud = await glanceAlone({ store: await fileStore(place.images) })
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  const slow = new PassThrough()
  const upload = me('PUT', `/v2/images/${id}/file`, { bytes: slow })
  slow.write('half')
  await until(async () => (await place.files()).length === 1)
  assert.equal((await me('DELETE', `/v2/images/${id}`)).status, 204)
  slow.end('way')
  assert.equal((await upload).status, 410)
  assert.deepEqual(await place.files(), [])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('a sender that goes away leaves the image queued and no bytes, and may try again', async () => {
  await using place = await directory()
  await using cloud = await glanceAlone({ store: await fileStore(place.images) })
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  await using listening = await overSockets(cloud)
  const sender = httpRequest({ port: listening.port, method: 'PUT', path: `/image/v2/images/${id}/file`, headers: { 'x-auth-token': 'p1:member', 'content-type': 'application/octet-stream', 'content-length': '1000000' } })
  sender.on('error', () => {})
  sender.write(Buffer.alloc(100_000))
  await until(async () => (await place.files()).length === 1)
  sender.destroy()
  await until(async () => (await me('GET', `/v2/images/${id}`)).body.status === 'queued' && (await place.files()).length === 0)
  assert.deepEqual(cloud.log.lines.filter(line => line.level === 'error'), [])
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'again' })).status, 204)
  assert.equal((await place.files()).length, 1)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('a sender in the same process that fails or gives up leaves the image queued too', async () => {
  await using place = await directory()
  await using cloud = await glanceAlone({ store: await fileStore(place.images) })
  const me = cloud.as('p1:member')
  for (const end of ['fails', 'gives up', 'ends without a word', 'fails before it is read'] as const) {
    const id = await queued(cloud)
    const source = new PassThrough()
    const caller = new AbortController()
    const upload = me('PUT', `/v2/images/${id}/file`, { bytes: source, signal: caller.signal }).then(() => undefined, () => undefined)
    source.on('error', () => {})
    source.write(Buffer.alloc(100_000))
    if (end !== 'fails before it is read') await until(async () => (await place.files()).length === 1)
    if (end.startsWith('fails')) source.destroy(new Error('the disk it read from broke'))
    else if (end === 'ends without a word') source.destroy()
    else caller.abort()
    await until(async () => (await me('GET', `/v2/images/${id}`)).body.status === 'queued' && (await place.files()).length === 0)
    await upload
  }
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

async function overSockets(cloud: Cloud) {
  const server = await httpServer({ services: cloud.glance.http, log: cloud.log, ids: seededIds('sockets'), clock: cloud.clock })
  return { port: await server.listen({ host: '127.0.0.1', port: 0 }), [Symbol.asyncDispose]: () => server.close() }
}

test('a size that was announced is kept to', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  for (const size of ['3', '5', 'many']) {
    assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'four', headers: { 'x-openstack-image-size': size, 'content-type': 'application/octet-stream' } })).status, 400, size)
    assert.deepEqual((await me('GET', `/v2/images/${id}`)).body.status, 'queued')
  }
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'four', headers: { 'x-openstack-image-size': '4', 'content-type': 'application/octet-stream' } })).status, 204)
})

test('bytes beyond the cap or the quota are refused, and what is deleted makes room', async () => {
  await using cloud = await glanceAlone({ options: { imageSizeCap: 100, userStorageQuota: 150 } })
  const me = cloud.as('p1:member')
  const first = await queued(cloud)
  const big = await me('PUT', `/v2/images/${first}/file`, { bytes: Buffer.alloc(101) })
  assert.deepEqual([big.status, cloud.said(big)], [413, 'The provided image is too large. It may have at most 100 bytes.'])
  assert.equal((await me('PUT', `/v2/images/${first}/file`, { bytes: Buffer.alloc(100) })).status, 204)
  const second = await queued(cloud)
  const over = await me('PUT', `/v2/images/${second}/file`, { bytes: Buffer.alloc(51) })
  assert.deepEqual([over.status, cloud.said(over)], [413, 'The size of the data will exceed the limit. 50 bytes remaining.'])
  assert.equal((await me('DELETE', `/v2/images/${first}`)).status, 204)
  assert.equal((await me('PUT', `/v2/images/${second}/file`, { bytes: Buffer.alloc(51) })).status, 204)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('two uploads at once do not pass a quota that has room for one', async () => {
  await using cloud = await glanceAlone({ options: { userStorageQuota: 150 } })
  const me = cloud.as('p1:member')
  const ids = [await queued(cloud), await queued(cloud)]
  const senders = ids.map(() => new PassThrough())
  const uploads = ids.map((id, i) => me('PUT', `/v2/images/${id}/file`, { bytes: senders[i]! }))
  for (const sender of senders) sender.write(Buffer.alloc(100))
  for (const id of ids) await until(async () => (await me('GET', `/v2/images/${id}`)).body.status === 'saving')
  for (const sender of senders) sender.end()
  assert.deepEqual((await Promise.all(uploads)).map(answer => answer.status).toSorted((a, b) => a - b), [204, 413])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  assert.equal((await Array.fromAsync(cloud.store.names())).length, 1)
})

test('bytes that are not what their image says, or that would open other files, are refused', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const cases: [string, Uint8Array, number, RegExp][] = [
    ['qcow2', qcow2(), 204, /^$/], ['qcow2', Buffer.from('plain'), 415, /declared to be qcow2, its content is raw/], ['raw', qcow2(), 415, /declared to be raw, its content is qcow2/],
    ['qcow2', qcow2({ backing: true }), 415, /names a backing file/], ['raw', qcow2({ backing: true }), 415, /content is qcow2/], ['aki', qcow2({ backing: true }), 415, /content is qcow2/], ['ploop', qcow2(), 415, /content is qcow2/],
    ['vmdk', Buffer.from('# Disk DescriptorFile\nRW 1 FLAT "/etc/passwd" 0\n'), 415, /descriptor names other files/], ['iso', Buffer.from('x'), 415, /content is raw/], ['raw', Buffer.from('x'), 204, /^$/], ['qcow2', qcow2({ size: 2 ** 50 }), 415, /larger than any/],
  ]
  for (const [format, bytes, status, words] of cases) {
    const id = await queued(cloud, { disk_format: format })
    const answer = await me('PUT', `/v2/images/${id}/file`, { bytes })
    assert.deepEqual([answer.status, (await me('GET', `/v2/images/${id}`)).body.status], [status, status === 204 ? 'active' : 'queued'], `${format} ${words.source}`)
    assert.match(answer.body, words)
  }
  const archive = await queued(cloud, { disk_format: 'vmdk', container_format: 'ova' })
  assert.equal((await me('PUT', `/v2/images/${archive}/file`, { bytes: 'a tar' })).status, 204)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('a wrong image is refused by its head, before the rest has been sent', async () => {
  await using cloud = await glanceAlone()
  const id = await queued(cloud, { disk_format: 'qcow2' })
  let sent = 0
  const endless = new Readable({ read() { sent += 65_536; this.push(Buffer.alloc(65_536, 1)) } })
  const answer = await cloud.as('p1:member')('PUT', `/v2/images/${id}/file`, { bytes: endless })
  endless.destroy()
  assert.equal(answer.status, 415)
  assert.ok(sent < 8 * 1024 * 1024, `${sent} bytes were taken`)
})

test('with the match not required another format comes in, an unsafe one never', async () => {
  await using cloud = await glanceAlone({ options: { requireImageFormatMatch: false } })
  const me = cloud.as('p1:member')
  assert.equal((await me('PUT', `/v2/images/${await queued(cloud, { disk_format: 'qcow2' })}/file`, { bytes: 'plain' })).status, 204)
  assert.equal((await me('PUT', `/v2/images/${await queued(cloud, { disk_format: 'vmdk' })}/file`, { bytes: qcow2({ backing: true }) })).status, 415)
  assert.equal((await me('PUT', `/v2/images/${await queued(cloud)}/file`, { bytes: qcow2() })).status, 415)
})

test('staged bytes wait for their import', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  const importing = (name = 'glance-direct') => me('POST', `/v2/images/${id}/import`, { body: { method: { name } } })
  assert.equal(cloud.said(await importing()), 'Image needs to be staged before &#x27;glance-direct&#x27; method can be used')
  assert.equal((await me('PUT', `/v2/images/${id}/stage`, { bytes: 'staged' })).status, 204)
  const { status, size, checksum } = (await me('GET', `/v2/images/${id}`)).body
  assert.deepEqual([status, size, checksum, (await me('GET', `/v2/images/${id}/file`)).status], ['uploading', 6, null, 204])
  assert.equal((await me('PUT', `/v2/images/${id}/file`, { bytes: 'other' })).status, 409)
  assert.equal((await me('PUT', `/v2/images/${id}/stage`, { bytes: 'other' })).status, 409)
  assert.equal((await importing('web-download')).status, 409)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  assert.equal((await importing()).status, 202)
  await cloud.glance.idle()
  assert.deepEqual([(await me('GET', `/v2/images/${id}`)).body.status, (await me('GET', `/v2/images/${id}/file`)).body.toString()], ['active', 'staged'])
  assert.equal(cloud.said(await importing()), 'Image with status active cannot be target for import')
  assert.equal((await importing()).status, 409)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('staged bytes that are deleted leave nothing, and a staging that broke may be done again', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const id = await queued(cloud)
  const broken = new PassThrough()
  const staging = me('PUT', `/v2/images/${id}/stage`, { bytes: broken }).then(() => undefined, () => undefined)
  broken.write('half')
  await until(async () => (await Array.fromAsync(cloud.store.names())).length === 1)
  broken.destroy()
  await staging
  await until(async () => (await me('GET', `/v2/images/${id}`)).body.status === 'queued' && (await Array.fromAsync(cloud.store.names())).length === 0)
  assert.equal((await me('PUT', `/v2/images/${id}/stage`, { bytes: 'whole' })).status, 204)
  assert.equal((await me('DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual([await Array.fromAsync(cloud.store.names()), await cloud.glance.audit({ repair: false })], [[], []])
})

test('a deactivated image is shown and not given out, except to admins, until it is active again', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  const waiting = await queued(cloud)
  assert.equal(cloud.said(await me('POST', `/v2/images/${waiting}/actions/deactivate`)), 'Not allowed to deactivate image in status &#x27;queued&#x27;')
  for (let i = 0; i < 2; i++) assert.equal((await me('POST', `/v2/images/${id}/actions/deactivate`)).status, 204)
  assert.equal((await me('GET', `/v2/images/${id}`)).body.status, 'deactivated')
  assert.equal(cloud.said(await me('GET', `/v2/images/${id}/file`)), 'The requested image has been deactivated. Image data download is forbidden.')
  assert.equal((await cloud.as('px:admin')('GET', `/v2/images/${id}/file`)).status, 200)
  for (let i = 0; i < 2; i++) assert.equal((await me('POST', `/v2/images/${id}/actions/reactivate`)).status, 204)
  assert.equal((await me('GET', `/v2/images/${id}/file`)).status, 200)
  assert.equal((await me('POST', `/v2/images/${waiting}/actions/reactivate`)).status, 403)
})

test('a download that was read before is refused like the first one', async () => {
  await using cloud = await glanceAlone()
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  assert.equal((await cloud.as('p1:member')('GET', `/v2/images/${id}/file`)).status, 200)
  assert.equal((await cloud.as('p2:member')('GET', `/v2/images/${id}/file`)).status, 404)
  assert.equal((await cloud.as('p1:reader')('GET', `/v2/images/${id}/file`)).status, 403)
})

test('what a process was sending in when it died is swept at the next start, and its images wait again', async () => {
  await using place = await directory()
  await using db = Object.assign(openSqlite<Tables>(':memory:'), { async [Symbol.asyncDispose]() { await db.close() } })
  const store = await fileStore(place.images)
  let dying: string
  let staging: string
  let done: string
  const never = [new PassThrough(), new PassThrough()]
  let zombies: Promise<unknown>[]
  {
    const cloud = await glanceAlone({ store, db })
    const me = cloud.as('p1:member')
    done = (await cloud.uploaded('p1:member', 'kept')).id
    dying = await queued(cloud)
    staging = await queued(cloud)
    zombies = [me('PUT', `/v2/images/${dying}/file`, { bytes: never[0]! }), me('PUT', `/v2/images/${staging}/stage`, { bytes: never[1]! })]
    for (const one of never) one.write('half')
    await until(async () => (await place.files()).length === 3)
  }
  await using cloud = await glanceAlone({ store, db, seed: 'again' })
  const me = cloud.as('p1:member')
  assert.equal((await place.files()).length, 1)
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
  for (const [id, status] of [[dying, 'queued'], [staging, 'queued'], [done, 'active']] as const) assert.equal((await me('GET', `/v2/images/${id}`)).body.status, status)
  assert.equal((await me('PUT', `/v2/images/${dying}/file`, { bytes: 'again' })).status, 204)
  for (const one of never) one.end()                       // had they only slept, they would change nothing any more
  await Promise.allSettled(zombies)
  assert.deepEqual([(await me('GET', `/v2/images/${dying}`)).body.status, (await me('GET', `/v2/images/${staging}`)).body.status, (await place.files()).length], ['active', 'queued', 2])
  assert.deepEqual(await cloud.glance.audit({ repair: false }), [])
})

test('a client that goes away during a download leaves no file open', async () => {
  await using place = await directory()
  await using cloud = await glanceAlone({ store: await fileStore(place.images) })
  const { id } = await cloud.uploaded('p1:member', Buffer.alloc(20_000_000))
  await using listening = await overSockets(cloud)
  const open = async () => {
    const links = await Promise.all((await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    return links.filter(link => link.startsWith(place.images)).length
  }
  const client = httpRequest({ port: listening.port, path: `/image/v2/images/${id}/file`, headers: { 'x-auth-token': 'p1:member' } })
  client.on('error', () => {})
  client.end()
  const [response] = await once(client, 'response') as [IncomingMessage]
  await once(response, 'data')
  response.pause()
  assert.equal(await open(), 1)
  client.destroy()
  await until(async () => await open() === 0)
  assert.equal((await cloud.as('p1:member')('HEAD', `/v2/images/${id}/file`)).status, 200)
  await until(async () => await open() === 0)
})

test('the audit names rows without bytes and bytes without rows; repair removes only what is named like ours', async () => {
  await using place = await directory()
  const store = await fileStore(place.images)
  await using cloud = await glanceAlone({ store })
  const { id } = await cloud.uploaded('p1:member', 'bytes')
  const short = await cloud.uploaded('p1:member', 'shortened')
  const blobs = new Map((await cloud.db.read(tx => tx.selectFrom('blobs').selectAll().execute())).map(blob => [blob.image_id, blob.id]))
  await store.remove(blobs.get(id)!)
  await writeFile(join(place.images, blobs.get(short.id)!), 'short')
  const orphan = '5e1b0c3a-0000-4000-8000-000000000001'
  await writeFile(join(place.images, orphan), 'x')
  await writeFile(join(place.images, `${orphan}.partial`), 'x')
  await writeFile(join(place.images, 'notes.txt'), 'x')
  const messages = (await cloud.glance.audit({ repair: false })).map(finding => finding.message).toSorted()
  assert.deepEqual(messages, [
    `image ${id} has no bytes: ${blobs.get(id)} is not in store file`, `image ${short.id} has 5 bytes in store file, its row says 9`,
    `store file holds ${orphan}, which no image has`, `store file holds ${orphan}.partial, which no image has`, "store file holds notes.txt, which is not Glance's",
  ].toSorted())
  assert.deepEqual((await cloud.glance.audit({ repair: true })).filter(finding => finding.repaired).map(finding => finding.message).toSorted(), [`store file holds ${orphan}, which no image has`, `store file holds ${orphan}.partial, which no image has`].toSorted())
  assert.deepEqual((await place.files()).toSorted(), [blobs.get(short.id)!, 'notes.txt'].toSorted())
})

test('a disk that is slow holds the sender back', async () => {
  let written = 0
  let release: () => void = () => {}
  const gate = new Promise<void>(resolve => { release = resolve })
  const store = {
    id: 'file', kind: 'file', urlOf: (key: string) => `file:///${key}`, read: async () => Readable.from([]), remove: async () => {}, size: async () => written, async* names() {},
    write: async () => ({ async write(bytes: Uint8Array) { await gate; written += bytes.length }, async commit() {}, async abort() {} }),
  }
  await using cloud = await glanceAlone({ store })
  const id = await queued(cloud)
  let sent = 0
  const total = 64
  const source = new Readable({ highWaterMark: 1, read() { this.push(sent++ < total ? Buffer.alloc(1_000_000) : null) } })
  const upload = cloud.as('p1:member')('PUT', `/v2/images/${id}/file`, { bytes: source })
  await until(() => sent > 0)
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
  assert.ok(sent < 10, `${sent} MB were taken by a disk that took none`)
  release()
  assert.equal((await upload).status, 204)
  assert.equal(written, total * 1_000_000)
})

// Volumes through the API, with real tasks and a real agent over remembered disks.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { cinderAlone, CONTENT, IMAGE_ID } from './cloud.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'
const SERVER = '22222222-2222-4222-8222-222222222222'

test('a volume lives: made, shown, listed, renamed, removed, and nothing of it is left', async () => {
  await using cloud = await cinderAlone()
  const made = await cloud.ask('POST', '/volumes', { volume: { size: 2, name: 'data', metadata: { a: 'b' } } })
  const { id } = made.body.volume
  const typeId = (await cloud.ask('GET', '/types/default')).body.volume_type.id
  const shape = {
    id, name: 'data', description: null, status: 'creating', size: 2, availability_zone: 'nova', created_at: '2026-01-01T00:00:00.000000', updated_at: null, user_id: 'u1', attachments: [], volume_type: '__DEFAULT__',
    snapshot_id: null, source_volid: null, metadata: { a: 'b' }, bootable: 'false', encrypted: false, multiattach: false, replication_status: null, migration_status: null, consistencygroup_id: null,
    links: [{ rel: 'self', href: `http://cloud/volume/v3/p1/volumes/${id}` }, { rel: 'bookmark', href: `http://cloud/volume/p1/volumes/${id}` }],
    'os-vol-tenant-attr:tenant_id': 'p1', group_id: null, shared_targets: false, service_uuid: null, volume_type_id: typeId, consumes_quota: true,
  }
  const { 'os-vol-tenant-attr:tenant_id': _, ...bare } = shape
  assert.deepEqual([made.status, made.body], [202, { volume: bare }])
  await cloud.settled()
  const available = { ...shape, status: 'available', updated_at: shape.created_at }
  assert.deepEqual((await cloud.ask('GET', `/volumes/${id}`)).body, { volume: available })
  assert.deepEqual((await cloud.ask('GET', '/p1/volumes/detail')).body, { volumes: [available] })
  assert.deepEqual((await cloud.ask('GET', '/volumes?name=data')).body, { volumes: [{ id, name: 'data', links: shape.links }] })
  assert.equal(await cloud.disks.look(id), 2 * 2 ** 30)
  const renamed = (await cloud.ask('PUT', `/volumes/${id}`, { volume: { name: 'other', description: 'd' } }, { token: 'p1:admin' })).body.volume
  assert.deepEqual([renamed.name, Object.keys(renamed).filter(key => key.startsWith('os-vol'))], ['other', []])
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}`)).status, 202)
  await cloud.settled()
  const { status, body } = await cloud.ask('GET', `/volumes/${id}`)
  assert.deepEqual([status, body], [404, { itemNotFound: { code: 404, message: `Volume ${id} could not be found.` } }])
  assert.deepEqual([await cloud.disks.marked(), await cloud.cinder.audit()], [[], []])
})

test('older versions show a volume with less', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const has = async (version: string) => Object.keys((await cloud.ask('GET', `/volumes/${id}`, undefined, { version })).body.volume)
  for (const [key, since] of [['group_id', 13], ['shared_targets', 48], ['volume_type_id', 63], ['consumes_quota', 65]] as const) {
    assert.deepEqual([(await has(`3.${since - 1}`)).includes(key), (await has(`3.${since}`)).includes(key)], [false, true], key)
  }
  assert.equal((await cloud.ask('GET', '/volumes/summary', undefined, { version: '3.11' })).status, 404)
  assert.deepEqual((await cloud.ask('GET', '/volumes/summary')).body, { 'volume-summary': { total_count: 1, total_size: 1, metadata: {} } })
})

test('a volume is made from an image, from a snapshot and from a volume, each with its content', async () => {
  await using cloud = await cinderAlone()
  const first = await cloud.volume({ size: 1, imageRef: IMAGE_ID })
  const shown = (await cloud.ask('GET', `/volumes/${first}`)).body.volume
  assert.deepEqual([shown.status, shown.bootable, shown.volume_image_metadata.image_id, shown.volume_image_metadata.os_distro], ['available', 'true', IMAGE_ID, 'cirros'])
  const { body: { snapshot } } = await cloud.ask('POST', '/snapshots', { snapshot: { volume_id: first, name: 'snap' } })
  await cloud.settled()
  assert.equal((await cloud.ask('GET', `/snapshots/${snapshot.id}`)).body.snapshot.status, 'available')
  const [second, third] = [await cloud.volume({ size: 3, snapshot_id: snapshot.id }), await cloud.volume({ source_volid: first })]
  const sizes = await Promise.all([first, second, third].map(id => cloud.disks.look(id)))
  assert.deepEqual(sizes, [2 ** 30, 3 * 2 ** 30, 2 ** 30])
  for (const id of [first, second, third]) {
    await using copy = await cloud.disks.copyFor(id, 'raw', new AbortController().signal)
    for await (const chunk of copy.read()) assert.deepEqual(chunk, CONTENT)
    assert.equal((await cloud.ask('GET', `/volumes/${id}`)).body.volume.bootable, 'true')
  }
  const refused = await cloud.ask('DELETE', `/volumes/${first}`)
  assert.deepEqual([refused.status, refused.body.badRequest.message.includes(snapshot.id)], [400, true])
  assert.equal((await cloud.ask('DELETE', `/snapshots/${snapshot.id}`)).status, 202)
  await cloud.settled()
  assert.equal((await cloud.ask('DELETE', `/volumes/${first}`)).status, 202)
  await cloud.settled()
  assert.deepEqual([(await cloud.disks.marked()).map(m => m.diskId).toSorted(), await cloud.cinder.audit()], [[second, third].toSorted(), []])
})

test('a volume of an image that names a snapshot of a boot volume is made from that since 3.46, and of the image\'s own bytes before', async () => {
  await using cloud = await cinderAlone()
  const parent = await cloud.volume({ size: 2, imageRef: IMAGE_ID })
  const { body: { snapshot } } = await cloud.ask('POST', '/snapshots', { snapshot: { volume_id: parent, name: 'snap' } })
  await cloud.settled()
  const named = '11111111-1111-4111-8111-222222222222'
  const mapped = (entries: unknown) => {
    cloud.images.set(named, { ...cloud.images.get(IMAGE_ID)!, id: named, size: 0, block_device_mapping: typeof entries === 'string' ? entries : JSON.stringify(entries) })
    return { size: 4, imageRef: named }
  }
  const root = { source_type: 'snapshot', boot_index: 0, snapshot_id: snapshot.id }
  const made = async (entries: unknown, version: string) => {
    const { body } = await cloud.ask('POST', '/volumes', { volume: mapped(entries) }, { version })
    await cloud.settled()
    const { status, snapshot_id: from, size, bootable, volume_image_metadata: of } = (await cloud.ask('GET', `/volumes/${body.volume.id}`)).body.volume
    return [status, from, size, bootable, of.image_id]
  }
  assert.deepEqual(await made([{ ...root, boot_index: null, snapshot_id: named }, root], '3.46'), ['available', snapshot.id, 4, 'true', IMAGE_ID])
  assert.deepEqual((await cloud.ask('POST', '/volumes', { volume: { ...mapped([root]), size: undefined } })).body.volume.size, 2)
  for (const [entries, version] of [[[root], '3.45'], ['{', '3.46'], ['7', '3.46'], [[null, [], { ...root, snapshot_id: { a: 1 } }, { ...root, source_type: 'volume' }], '3.46']] as const) assert.deepEqual(await made(entries, version), ['available', null, 4, 'true', named])
  const refused = async (token: string, id: string, version: string) => {
    const { status, body } = await cloud.ask('POST', '/volumes', { volume: mapped([{ ...root, snapshot_id: id }]) }, { token, version })
    return [status, body.itemNotFound?.message]
  }
  for (const version of ['3.45', '3.46']) {
    assert.deepEqual(await refused('p1:member,reader', NOBODY, version), [404, `Nova specific image is found, but boot volume snapshot id:${NOBODY} not found.`])
    assert.deepEqual(await refused('p2:member,reader', snapshot.id, version), [404, `Nova specific image is found, but boot volume snapshot id:${snapshot.id} not found.`])
  }
})

test('an image whose content is not what Glance says leaves the volume in error, and nothing on the host', async () => {
  await using cloud = await cinderAlone()
  cloud.images.set(IMAGE_ID, { ...cloud.images.get(IMAGE_ID)!, os_hash_value: '00' })
  const id = await cloud.volume({ size: 1, imageRef: IMAGE_ID })
  assert.equal(await cloud.status(id), 'error')
  assert.deepEqual([await cloud.disks.look(id), await cloud.cinder.audit()], [undefined, []])
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}`)).status, 202)
  await cloud.settled()
  assert.equal(await cloud.status(id), undefined)
})

test('a volume that no host can make is in error at the deadline, with the reason', async () => {
  await using cloud = await cinderAlone({ agent: false })
  const id = await cloud.volume()
  assert.equal(await cloud.status(id), 'creating')
  for (let minute = 0; minute < 7; minute++) { await cloud.clock.advance(60_000); await cloud.cinder.idle() }
  assert.equal(await cloud.status(id), 'error')
  const { reason } = await cloud.db.read(tx => tx.selectFrom('volumes').select('reason').executeTakeFirstOrThrow())
  assert.match(reason ?? '', /no volume host is up/)
})

test('a request that makes no sense is refused in words that say why', async () => {
  await using cloud = await cinderAlone()
  const refused = async (volume: object, status: number) => { const { status: is, body } = await cloud.ask('POST', '/volumes', { volume }); assert.equal(is, status, JSON.stringify(body)); return Object.values(body as Record<string, { message: string }>)[0]!.message }
  assert.match(await refused({ size: 0 }, 400), /Volume size '0' must be an integer and greater than 0/)
  assert.match(await refused({}, 400), /must be an integer/)
  assert.match(await refused({ size: 'x' }, 400), /size/)
  assert.match(await refused({ size: 1, spam: 1 }, 400), /spam/)
  assert.match(await refused({ size: 1, imageRef: NOBODY }, 400), /Invalid image identifier/)
  assert.match(await refused({ size: 1, snapshot_id: NOBODY }, 404), /Snapshot .* could not be found/)
  assert.match(await refused({ size: 1, source_volid: NOBODY }, 404), /Volume .* could not be found/)
  assert.match(await refused({ size: 1, volume_type: 'gold' }, 404), /Volume type gold could not be found/)
  assert.match(await refused({ size: 1, availability_zone: 'mars' }, 400), /Availability zone 'mars' is invalid/)
  cloud.images.set(IMAGE_ID, { ...cloud.images.get(IMAGE_ID)!, min_disk: 5 })
  assert.match(await refused({ size: 1, imageRef: IMAGE_ID }, 400), /image minDisk size 5GB/)
})

test('another project does not see a volume, its reader does not change it, nobody logs in', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume()
  const { body: { snapshot } } = await cloud.ask('POST', '/snapshots', { snapshot: { volume_id: id } })
  await cloud.settled()
  for (const [method, path, body] of [['GET', `/volumes/${id}`], ['PUT', `/volumes/${id}`, { volume: { name: 'x' } }], ['DELETE', `/volumes/${id}`], ['POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 9 } }],
    ['GET', `/volumes/${id}/metadata`], ['GET', `/snapshots/${snapshot.id}`], ['DELETE', `/snapshots/${snapshot.id}`], ['POST', '/attachments', { attachment: { volume_uuid: id, instance_uuid: SERVER } }]] as const) {
    assert.equal((await cloud.ask(method, path, body, { token: 'p2:member,reader' })).status, 404, `${method} ${path}`)
    assert.equal((await cloud.ask(method, path, body, { token: undefined })).status, 401, `${method} ${path}`)
    if (method !== 'GET') assert.equal((await cloud.ask(method, path, body, { token: 'p1:reader' })).status, 403, `${method} ${path}`)
  }
  assert.deepEqual((await cloud.ask('GET', '/volumes/detail?all_tenants=1', undefined, { token: 'p2:member,reader' })).body, { volumes: [] })
  assert.equal((await cloud.ask('GET', '/volumes/detail?all_tenants=1', undefined, { token: 'a:admin' })).body.volumes[0]['os-vol-host-attr:host'], 'host1@file#file')
  assert.equal((await cloud.ask('GET', `/p2/volumes/${id}`)).status, 400)
})

test('a quota is the sum of the rows, and what exceeds it is refused with 413', async () => {
  await using cloud = await cinderAlone()
  const set = await cloud.ask('PUT', '/os-quota-sets/p1', { quota_set: { volumes: 2, gigabytes: 10 } }, { token: 'a:admin' })
  assert.deepEqual([set.status, set.body.quota_set.volumes], [200, 2])
  const asked = await Promise.all([1, 2, 3].map(() => cloud.ask('POST', '/volumes', { volume: { size: 1 } })))
  assert.deepEqual(asked.map(a => a.status).toSorted((a, b) => a - b), [202, 202, 413])
  assert.deepEqual(asked.find(a => a.status === 413)!.body, { overLimit: { code: 413, message: "Maximum number of volumes allowed (2) exceeded for quota 'volumes'.", retryAfter: '0' } })
  await cloud.settled()
  const { body: { volumes: [one] } } = await cloud.ask('GET', '/volumes')
  assert.equal((await cloud.ask('POST', `/volumes/${one.id}/action`, { 'os-extend': { new_size: 20 } })).status, 413)
  assert.deepEqual((await cloud.ask('GET', '/os-quota-sets/p1?usage=True')).body.quota_set.gigabytes, { limit: 10, in_use: 2, reserved: 0, allocated: 0 })
  assert.equal((await cloud.ask('GET', '/limits')).body.limits.absolute.totalVolumesUsed, 2)
  await cloud.ask('DELETE', `/volumes/${one.id}`)
  await cloud.settled()
  assert.equal((await cloud.ask('GET', '/limits')).body.limits.absolute.totalGigabytesUsed, 1)
  assert.deepEqual(await cloud.cinder.audit(), [])
})

test('a creating call that is repeated under its key gives the same volume', async () => {
  await using cloud = await cinderAlone()
  const ids = [await cloud.ask('POST', '/volumes', { volume: { size: 1 } }, { key: 'task/step' }), await cloud.ask('POST', '/volumes', { volume: { size: 1 } }, { key: 'task/step' })].map(a => a.body.volume.id as string)
  assert.equal(ids[0], ids[1])
})

test('lists have pages that link to the next, an order, and filters', async () => {
  await using cloud = await cinderAlone()
  for (const name of ['c', 'a', 'b']) await cloud.volume({ size: 1, name, metadata: { k: name } })
  const names = (body: { volumes: { name: string }[] }) => body.volumes.map(v => v.name)
  const first = await cloud.ask('GET', '/volumes?limit=2&sort=name:asc')
  assert.deepEqual(names(first.body), ['a', 'b'])
  assert.deepEqual(names((await cloud.ask('GET', new URL(first.body.volumes_links[0].href).pathname.replace('/volume/v3', '') + new URL(first.body.volumes_links[0].href).search)).body), ['c'])
  assert.deepEqual(names((await cloud.ask('GET', '/volumes?name~=a')).body), ['a'])
  assert.deepEqual(names((await cloud.ask('GET', `/volumes?metadata=${encodeURIComponent("{'k': 'b'}")}`)).body), ['b'])
  assert.deepEqual(names((await cloud.ask('GET', '/volumes?created_at=gt:2030-01-01T00:00:00')).body), [])
  assert.equal((await cloud.ask('GET', '/volumes/detail?with_count=true&limit=1')).body.count, 3)
  assert.equal((await cloud.ask('GET', `/volumes?marker=${NOBODY}`)).status, 404)
  assert.equal((await cloud.ask('GET', '/volumes?sort=spam')).status, 400)
})

test('a volume grows, and its content is uploaded as an image', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume({ size: 1, imageRef: IMAGE_ID })
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 1 } })).status, 400)
  assert.equal((await cloud.ask('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 4 } })).status, 202)
  await cloud.settled()
  assert.deepEqual([(await cloud.ask('GET', `/volumes/${id}`)).body.volume.size, await cloud.disks.look(id), await cloud.status(id)], [4, 4 * 2 ** 30, 'available'])
  const upload = await cloud.ask('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2', container_format: 'bare' } })
  assert.deepEqual([upload.status, upload.body['os-volume_upload_image'].status], [202, 'uploading'])
  await cloud.settled()
  assert.deepEqual([await cloud.status(id), cloud.uploads.get(upload.body['os-volume_upload_image'].image_id)], ['available', CONTENT])
})

test('metadata is added to, replaced and removed', async () => {
  await using cloud = await cinderAlone()
  const id = await cloud.volume({ size: 1, metadata: { a: '1' } })
  assert.deepEqual((await cloud.ask('POST', `/volumes/${id}/metadata`, { metadata: { b: '2' } })).body, { metadata: { a: '1', b: '2' } })
  assert.deepEqual((await cloud.ask('PUT', `/volumes/${id}/metadata/b`, { meta: { b: '3' } })).body, { meta: { b: '3' } })
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}/metadata/b`)).status, 200)
  assert.equal((await cloud.ask('DELETE', `/volumes/${id}/metadata/b`)).status, 404)
  assert.deepEqual((await cloud.ask('PUT', `/volumes/${id}/metadata`, { metadata: { c: '4' } })).body, { metadata: { c: '4' } })
})

// Images of servers that boot from a volume, and servers from such images, through the API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone, type Answer, type Cloud, type Who } from './cloud.ts'
import { IMAGE, VOLUME } from './neighbours.ts'

const DATA = '30000000-0000-4000-8000-00000000000d'
const THEIRS = '70000000-0000-4000-8000-00000000000e'

const bootable = { id: VOLUME, description: 'root', status: 'available', size: 2, multiattach: false, bootable: 'true', volume_image_metadata: { image_id: IMAGE, image_name: 'cirros', checksum: 'c', size: '1000', container_format: 'bare', disk_format: 'qcow2', min_disk: '1', min_ram: '64', os_distro: 'cirros', hw_disk_bus: 'virtio' } }

/** A server of p1 that boots from VOLUME, and has DATA. */
async function booted(cloud: Cloud): Promise<string> {
  cloud.others.volumes.set(VOLUME, { ...bootable })
  cloud.others.volumes.set(DATA, { id: DATA, description: null, status: 'available', size: 3, multiattach: false, bootable: 'false' })
  return cloud.server({ name: 'bfv', imageRef: undefined, block_device_mapping_v2: [
    { boot_index: 0, source_type: 'volume', destination_type: 'volume', uuid: VOLUME, delete_on_termination: true }, { boot_index: -1, source_type: 'volume', destination_type: 'volume', uuid: DATA },
  ] })
}

const createImage = (cloud: Cloud, id: string, more: Record<string, unknown> = {}, who: Who = {}) => cloud.as(who, '2.45').post(`/v2.1/servers/${id}/action`, { createImage: { name: 'snap', ...more } })
const createServer = (cloud: Cloud, more: Record<string, unknown>, who: Who = {}) => cloud.as(who, '2.96').post('/v2.1/servers', { server: { name: 'again', flavorRef: '1', networks: 'none', ...more } })
const reason = ({ status, body }: Answer) => [status, Object.values(body as Record<string, { message: string }>)[0]!.message]

/** An image whose mapping is `entries`, as its owner may have written it. */
function imageWith(cloud: Cloud, entries: unknown, more: Record<string, unknown> = {}): string {
  const id = '20000000-0000-4000-8000-0000000000ff'
  cloud.others.images.set(id, { ...cloud.others.images.get(IMAGE)!, id, size: 0, virtual_size: null, bdm_v2: 'True', block_device_mapping: typeof entries === 'string' ? entries : JSON.stringify(entries), ...more })
  return id
}

async function actionsOf(cloud: Cloud, id: string) {
  const path = `/v2.1/servers/${id}/os-instance-actions`
  const [last] = (await cloud.as(ADMIN, '2.84').get(path)).body.instanceActions
  const { events } = (await cloud.as(ADMIN, '2.84').get(`${path}/${last.request_id}`)).body.instanceAction
  return [last.action, last.message, events[0].result]
}

test('an image of a server that boots from a volume has no bytes and names a snapshot of each volume; a server from it has volumes of those', async () => {
  await using cloud = await novaAlone()
  const id = await booted(cloud)
  const made = await createImage(cloud, id, { metadata: { purpose: 'test' } })
  assert.equal(made.status, 202)
  const [root, data] = [...cloud.others.snapshots.values()]
  assert.deepEqual([root, data].map(one => [one!['volume_id'], one!['name'], one!['description'], one!['force']]), [[VOLUME, 'snapshot for snap', 'root', true], [DATA, 'snapshot for snap', null, true]])
  const { id: imageId, block_device_mapping: mapping, os_hash_algo: _algo, os_hash_value: _hash, virtual_size: _virtual, ...image } = cloud.others.images.get(made.body.image_id)!
  assert.deepEqual(image, {
    name: 'snap', status: 'active', owner: 'p1', size: 0, disk_format: 'raw', container_format: 'bare', visibility: 'private', min_disk: 1, min_ram: 64, os_distro: 'cirros', hw_disk_bus: 'virtio', purpose: 'test',
    root_device_name: '/dev/vda', bdm_v2: 'True', boot_roles: 'member,reader',
  })
  const nothing = { device_type: 'disk', disk_bus: 'virtio', volume_id: null, image_id: null, volume_type: null, guest_format: null, no_device: null, tag: null, encrypted: null, encryption_secret_uuid: null, encryption_format: null, encryption_options: null }
  assert.deepEqual(JSON.parse(mapping), [
    { ...nothing, source_type: 'snapshot', destination_type: 'volume', snapshot_id: root!['id'], boot_index: 0, device_name: '/dev/vda', delete_on_termination: true, volume_size: 2 },
    { ...nothing, source_type: 'snapshot', destination_type: 'volume', snapshot_id: data!['id'], boot_index: null, device_name: '/dev/vdb', delete_on_termination: false, volume_size: 3 },
  ])
  assert.deepEqual([(await cloud.settle(id, 'ACTIVE')).status, await actionsOf(cloud, id)], ['ACTIVE', ['createImage', null, 'Success']])

  const again = await createServer(cloud, { imageRef: imageId })
  assert.equal(again.status, 202, JSON.stringify(again.body))
  const server = await cloud.settle(again.body.server.id, 'ACTIVE')
  const volumes = [...cloud.others.volumes.values()].slice(2)
  assert.deepEqual(volumes.map(one => [one['snapshot_id'], one['size']]), [[root!['id'], 2], [data!['id'], 3]])
  assert.deepEqual([server.image, server['os-extended-volumes:volumes_attached']], ['', [{ id: volumes[0]!['id'], delete_on_termination: true }, { id: volumes[1]!['id'], delete_on_termination: false }]])
  await cloud.as().delete(`/v2.1/servers/${server.id}`)
  await cloud.gone(server.id)
  assert.deepEqual([...cloud.others.volumes.keys()], [VOLUME, DATA, volumes[1]!['id']])
  const third = await createServer(cloud, { imageRef: imageId, min_count: 2 })
  assert.equal(third.status, 202)
  await cloud.until(() => cloud.others.volumes.size === 7, 'two servers have two volumes each')
})

test('the client\'s own entry for the image, or a root volume made from the image, gives way to the snapshot', async () => {
  await using cloud = await novaAlone()
  const { body: { image_id: image } } = await createImage(cloud, await booted(cloud))
  for (const request of [
    { imageRef: image, block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'local', uuid: image, delete_on_termination: true }, { boot_index: -1, source_type: 'blank', destination_type: 'volume', volume_size: 1, device_name: 'vdb' }] },
    { block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: image, volume_size: 9 }, { device_name: '/dev/vdb', no_device: true, boot_index: -1 }] },
  ]) {
    const before = cloud.others.volumes.size
    const made = await createServer(cloud, request)
    assert.equal(made.status, 202, JSON.stringify(made.body))
    const volumes = [...cloud.others.volumes.values()].slice(before)
    assert.deepEqual(volumes.map(one => [one['snapshot_id'] !== undefined, one['size']]), 'imageRef' in request ? [[false, 1], [true, 2]] : [[true, 2]])
    assert.equal((await cloud.settle(made.body.server.id, 'ACTIVE')).image, '')
  }
})

test('when the snapshot of a later volume is refused, the earlier ones go again and there is no image', async () => {
  await using cloud = await novaAlone()
  const id = await booted(cloud)
  const images = cloud.others.images.size
  const full = 'SnapshotLimitExceeded: Maximum number of snapshots allowed (10) exceeded'
  cloud.others.failing.push({ match: `GET /volume/v3/volumes/${DATA}`, status: 413, message: full })
  assert.deepEqual([reason(await createImage(cloud, id)), cloud.others.requests.filter(one => one === 'POST /volume/v3/snapshots').length], [[403, full], 1])
  await cloud.until(() => cloud.others.snapshots.size === 0, 'no snapshot is left')
  cloud.others.failing.push({ match: 'POST /image/v2/images', status: 403, message: 'Maximum number of images' })
  assert.deepEqual(reason(await createImage(cloud, id)), [403, 'Maximum number of images'])
  await cloud.until(() => cloud.others.snapshots.size === 0, 'no snapshot is left')
  cloud.others.failing.push({ match: 'POST /volume/v3/snapshots', status: 400, message: 'Invalid volume: busy' })
  assert.deepEqual(reason(await createImage(cloud, id)), [400, 'Invalid input received: Invalid volume: busy'])
  assert.deepEqual([cloud.others.images.size, await actionsOf(cloud, id)], [images, ['createImage', 'Error', 'Error']])
})

test('an image waits for snapshots that take long, longer than its request; one that fails takes image and snapshots back, and so does a delete of the image', async () => {
  await using cloud = await novaAlone()
  const id = await booted(cloud)
  cloud.others.slowSnapshots = true
  for (const end of ['available', 'error', 'the image is deleted']) {
    const began = cloud.clock.now()
    const { status, body: { image_id: imageId } } = await createImage(cloud, id)
    const image = cloud.others.images.get(imageId)!
    assert.deepEqual([status, image['status'], cloud.clock.now() - began >= 20_000, (await createServer(cloud, { imageRef: imageId })).status], [202, 'queued', true, 400])
    const [first, second] = [...cloud.others.snapshots.values()].slice(-2)
    first!['status'] = 'available'
    if (end === 'the image is deleted') {
      cloud.others.images.delete(imageId)
      await cloud.clock.advance(5000)
    }
    second!['status'] = end === 'available' ? 'available' : 'error'
    if (end === 'available') await cloud.until(() => image['status'] === 'active', 'the image is active')
    else await cloud.until(() => !cloud.others.images.has(imageId) && cloud.others.snapshots.size === 2, 'image and snapshots are gone')
  }
  assert.deepEqual(await actionsOf(cloud, id), ['createImage', 'Error', 'Error'])
})

test('an image that an admin makes of a server of another project is shared with that', async () => {
  await using cloud = await novaAlone()
  for (const id of [await cloud.server(), await booted(cloud)]) {
    const { status, body } = await createImage(cloud, id, {}, ADMIN)
    const { visibility, members } = cloud.others.images.get(body.image_id)!
    assert.deepEqual([status, visibility, members], [202, 'shared', ['p1']])
  }
})

test('two images of one server at once have snapshots of their own', async () => {
  await using cloud = await novaAlone()
  const id = await booted(cloud)
  const both = await Promise.all([createImage(cloud, id), createImage(cloud, id)])
  assert.deepEqual([both.map(one => one.status), cloud.others.snapshots.size], [[202, 202], 4])
  const named = both.flatMap(one => (JSON.parse(cloud.others.images.get(one.body.image_id)!['block_device_mapping']) as { snapshot_id: string }[]).map(entry => entry.snapshot_id))
  assert.deepEqual(named.toSorted(), [...cloud.others.snapshots.keys()].toSorted())
})

test('readers and strangers make no image, and of a paused server, unlike one that is being built, one is made', async () => {
  await using cloud = await novaAlone()
  const id = await booted(cloud)
  assert.deepEqual([(await createImage(cloud, id, {}, { roles: ['reader'] })).status, (await createImage(cloud, id, {}, { project: 'p2' })).status], [403, 404])
  await cloud.as().post(`/v2.1/servers/${id}/action`, { pause: null })
  await cloud.settle(id, 'PAUSED')
  assert.equal((await createImage(cloud, id)).status, 202)
  await cloud.as(ADMIN).post(`/v2.1/servers/${id}/action`, { 'os-resetState': { state: 'error' } })
  assert.deepEqual(reason(await createImage(cloud, id)), [409, `Cannot 'createImage' instance ${id} while it is in vm_state error`])
  assert.equal(cloud.others.snapshots.size, 2)
})

test('a mapping gives no more than its reader may have, and what it asks for is refused in upstream\'s words', async () => {
  await using cloud = await novaAlone()
  cloud.others.snapshots.set(THEIRS, { id: THEIRS, status: 'available', size: 1, project: 'p2', volume_id: VOLUME })
  const gone = '70000000-0000-4000-8000-0000000000aa'
  const root = { source_type: 'snapshot', destination_type: 'volume', snapshot_id: THEIRS, boot_index: 0, volume_size: 1 }
  const bad = 'Block Device Mapping is Invalid: '
  const sequence = `${bad}Boot sequence for the instance and image/block device mapping combination is not valid.`
  const cases: readonly (readonly [unknown, string])[] = [
    [[root], `${bad}failed to get snapshot ${THEIRS}.`], [[{ ...root, snapshot_id: gone }], `${bad}failed to get snapshot ${gone}.`],
    [[{ source_type: 'volume', volume_id: gone, boot_index: 0 }], `${bad}failed to get volume ${gone}.`], [[{ source_type: 'image', destination_type: 'volume', image_id: gone, boot_index: 0, volume_size: 1 }], `${bad}failed to get image ${gone}.`],
    ['{', `${bad}the image's block_device_mapping is not JSON.`], ['{"a": 1}', `${bad}the image's block_device_mapping is not a list of devices.`],
    [[{ source_type: 'blank', destination_type: 'volume', boot_index: '7', volume_size: 1 }], sequence], [[{ ...root }, { ...root }], sequence],
    [[{ source_type: 'image', destination_type: 'local', image_id: IMAGE, boot_index: 1 }], `${bad}Mapping image to local is not supported.`],
    [[{ source_type: 'blank', destination_type: 'local', volume_size: 1 }], `${bad}local disks besides the root disk are not supported; use destination_type volume.`],
    [[{ source_type: 'blank', destination_type: 'volume' }], `${bad}Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size`],
    [[{ source_type: 'blank', destination_type: 'volume', volume_size: 1, device_name: 'vda' }], 'The volume cannot be assigned the same device name as the root device vda'],
    [[{ source_type: 'blank', destination_type: 'volume', volume_size: 1, device_name: 'vdb' }, { source_type: 'blank', destination_type: 'volume', volume_size: 1, device_name: '/dev/vdb' }], `${bad}device /dev/vdb is named twice.`],
  ]
  for (const [entries, message] of cases) assert.deepEqual(reason(await createServer(cloud, { imageRef: imageWith(cloud, entries) })), [400, message])
  assert.deepEqual(reason(await createServer(cloud, { imageRef: imageWith(cloud, [{ ...root, snapshot_id: THEIRS }], { min_disk: 2 }) }, { project: 'p2' })), [400, 'Volume is smaller than the minimum size specified in image metadata. Volume size is 1073741824 bytes, minimum size is 2147483648 bytes.'])
  assert.deepEqual(reason(await createServer(cloud, { imageRef: imageWith(cloud, [{ source_type: 'volume', volume_id: VOLUME, boot_index: 0 }]), min_count: 2 })), [400, 'Cannot attach one or more volumes to multiple instances'])
  assert.equal((await cloud.as().get('/v2.1/servers')).body.servers.length, 0)
})

test('an image whose root is made from itself is followed once: a volume of it is asked for, and no more', async () => {
  await using cloud = await novaAlone()
  const id = imageWith(cloud, [])
  imageWith(cloud, [{ source_type: 'image', destination_type: 'volume', image_id: id, boot_index: 0, volume_size: 1 }])
  const made = await createServer(cloud, { imageRef: id })
  await cloud.settle(made.body.server.id, 'ACTIVE')
  assert.deepEqual([...cloud.others.volumes.values()].slice(1).map(one => one['imageRef']), [id])
})

test('a server boots from no volume, and no volume\'s snapshot, that is not bootable', async () => {
  await using cloud = await novaAlone()
  cloud.others.snapshots.set(THEIRS, { id: THEIRS, status: 'available', size: 2, project: 'p1', volume_id: VOLUME })
  for (const [source_type, uuid] of [['volume', VOLUME], ['snapshot', THEIRS]] as const) {
    const made = await createServer(cloud, { block_device_mapping_v2: [{ boot_index: 0, source_type, destination_type: 'volume', uuid }] })
    assert.deepEqual(reason(made), [400, `Block Device ${VOLUME} is not bootable.`])
  }
})

test('both forms of block devices in one request are refused', async () => {
  await using cloud = await novaAlone()
  const made = await createServer(cloud, { imageRef: IMAGE, block_device_mapping: [{ device_name: 'vdb', volume_id: VOLUME }], block_device_mapping_v2: [{ source_type: 'volume', destination_type: 'volume', uuid: VOLUME }] })
  assert.deepEqual(reason(made), [400, 'Using different block_device_mapping syntaxes is not allowed in the same request.'])
})

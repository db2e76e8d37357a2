// What an image's block device mapping may say, and what becomes of it beside a request's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import fc from 'fast-check'
import { imageDevices, inheritedProperties, mappingOf, mergedDevices } from './block-devices.ts'
import type { BlockDevice } from './requests.ts'

const ID = '70000000-0000-4000-8000-000000000001'
const OTHER = '70000000-0000-4000-8000-000000000002'

const read = (entries: unknown, more: Record<string, string> = { bdm_v2: 'True' }) => imageDevices({ block_device_mapping: typeof entries === 'string' ? entries : JSON.stringify(entries), ...more })
const refusal = (entries: unknown, more?: Record<string, string>) => {
  try {
    return read(entries, more)
  } catch (error) {
    if (isFault(error) && error.kind === 'badRequest') return error.message.replace('Block Device Mapping is Invalid: ', '')
    throw error
  }
}

test('what a server leaves in its image is read again as its volumes were', () => {
  const disks = [{ device: '/dev/vda', bootIndex: 0, size: 4, deleteOnTermination: true }, { device: '/dev/vdc', bootIndex: null, size: 2, deleteOnTermination: false }]
  assert.deepEqual(read(disks.map((disk, index) => mappingOf(disk, [ID, OTHER][index]!))), [
    { source: 'snapshot', destination: 'volume', id: ID, bootIndex: 0, size: 4, device: '/dev/vda', deleteOnTermination: true },
    { source: 'snapshot', destination: 'volume', id: OTHER, bootIndex: null, size: 2, device: '/dev/vdc', deleteOnTermination: false },
  ])
  assert.deepEqual([imageDevices({}), imageDevices({ block_device_mapping: '' }), imageDevices({ block_device_mapping: '[]' })], [[], [], []])
})

test('numbers and truths may be text, and a device needs no prefix', () => {
  assert.deepEqual(read([{ source_type: 'snapshot', snapshot_id: ID, boot_index: '0', volume_size: '7', delete_on_termination: 'yes', device_name: 'vda' }, { source_type: 'blank', destination_type: 'volume', boot_index: -1, volume_size: 1, delete_on_termination: 'no' }]), [
    { source: 'snapshot', destination: 'volume', id: ID, bootIndex: 0, size: 7, device: '/dev/vda', deleteOnTermination: true },
    { source: 'blank', destination: 'volume', bootIndex: null, size: 1, deleteOnTermination: false },
  ])
})

test('in the first form the device that is named as the root is what the server boots from', () => {
  const entries = [{ device_name: 'sda1', snapshot_id: ID, delete_on_termination: true, anything: {} }, { device_name: '/dev/vdb', volume_id: OTHER }, { device_name: 'vdc', no_device: true }, { device_name: 'vdd', virtual_name: 'ephemeral0' }]
  assert.deepEqual(read(entries, { root_device_name: '/dev/sda1' }), [
    { source: 'snapshot', destination: 'volume', id: ID, bootIndex: 0, device: '/dev/sda1', deleteOnTermination: true },
    { source: 'volume', destination: 'volume', id: OTHER, bootIndex: null, device: '/dev/vdb', deleteOnTermination: false },
    { source: 'blank', destination: 'volume', bootIndex: null, device: '/dev/vdc', deleteOnTermination: false, isAbsent: true },
    { source: 'blank', destination: 'local', bootIndex: null, device: '/dev/vdd', deleteOnTermination: true },
  ])
  assert.deepEqual(read([{ device_name: 'vda', snapshot_id: ID }], {}).map(one => one.bootIndex), [0])
  assert.equal(refusal([{ device_name: 'vda' }], {}), 'Unrecognized legacy format.')
})

test('what is no mapping is refused with the reason', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ['nonsense', 'the image\'s block_device_mapping is not JSON.'], ['[', 'the image\'s block_device_mapping is not JSON.'], ['{}', 'the image\'s block_device_mapping is not a list of devices.'],
    ['null', 'the image\'s block_device_mapping is not a list of devices.'], [[[]], 'the image\'s block_device_mapping is not a list of devices.'], [[1], 'the image\'s block_device_mapping is not a list of devices.'],
    ['['.repeat(60_000), 'the image\'s block_device_mapping is not JSON.'], [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'the image\'s block_device_mapping is not a list of devices.'],
    ['x'.repeat(65_537), 'the image\'s block_device_mapping is longer than 65536 characters.'], [Array.from({ length: 27 }, () => ({})), 'the image\'s block_device_mapping has 27 devices; a server has at most 26.'],
    [[{}], 'Some required fields are missing'], [[{ source_type: 'snapshot' }], 'Missing device UUID.'], [[{ source_type: 'snapshot', snapshot_id: '../x' }], 'failed to get snapshot ../x.'],
    [[{ source_type: 'volume', volume_id: 7 }], 'volume_id is not text of at most 255 characters.'], [[{ source_type: 'image', image_id: `${ID}\0` }], 'image_id is not text of at most 255 characters.'],
    [[{ source_type: ['snapshot'] }], 'source_type is not one of volume, snapshot, image and blank.'], [[{ source_type: 'blank', destination_type: 1 }], 'destination_type is neither volume nor local.'],
    [[{ source_type: 'blank', boot_index: 'first' }], 'Boot index is invalid.'], [[{ source_type: 'blank', boot_index: 0.5 }], 'Boot index is invalid.'], [[{ source_type: 'blank', boot_index: [0] }], 'Boot index is invalid.'],
    [[{ source_type: 'blank', volume_size: -1 }], 'Invalid volume_size.'], [[{ source_type: 'blank', volume_size: 1e300 }], 'Invalid volume_size.'], [[{ source_type: 'blank', volume_size: {} }], 'Invalid volume_size.'],
    [[{ source_type: 'blank', device_name: '' }], 'Device name empty or too long.'], [[{ source_type: 'blank', device_name: 'v da' }], 'Device name contains spaces.'], [[{ source_type: 'blank', device_name: 'vd\0' }], 'Device name contains spaces.'],
    [[{ source_type: 'blank', tag: 'a,b' }], 'a tag has 1 to 60 characters, none of them a comma or a slash.'], [[{ source_type: 'blank', bogus: 1, other: 2 }], 'Following fields are invalid: bogus other'],
  ]
  for (const [entries, reason] of cases) assert.equal(refusal(entries), reason)
})

test('whatever a mapping says, it is devices or a refusal', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(ID, 'vda', 'snapshot', 'volume', 'image', 'blank', 'local', '0', 0, -1, true))
  const entry = fc.dictionary(fc.constantFrom('source_type', 'destination_type', 'snapshot_id', 'volume_id', 'image_id', 'boot_index', 'device_name', 'volume_size', 'no_device', 'tag', 'virtual_name', 'delete_on_termination'), value)
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string(), fc.array(entry, { maxLength: 4 }).map(list => JSON.stringify(list))), fc.boolean(), (mapping, isNew) => {
    const devices = refusal(mapping, isNew ? { bdm_v2: 'True' } : {})
    if (typeof devices !== 'string') for (const one of devices) assert.ok((one.bootIndex === null || one.bootIndex >= 0) && (one.size === undefined || one.size > 0) && (one.device === undefined || one.device.startsWith('/dev/')), JSON.stringify(one))
  }))
})

test('an image that brings a root is not what the root is made from; a device of the request takes the place of the image\'s of that name', () => {
  const device = (more: Partial<BlockDevice>): BlockDevice => ({ source: 'snapshot', destination: 'volume', id: ID, bootIndex: null, deleteOnTermination: false, ...more })
  const [root, data] = [device({ bootIndex: 0, device: '/dev/vda' }), device({ device: '/dev/vdb', id: OTHER })]
  const inserted = device({ source: 'image', destination: 'local', bootIndex: 0 })
  const own = device({ source: 'volume', device: '/dev/vdb' })
  assert.deepEqual(mergedDevices({ blockDevices: [] }, [root, data]), [root, data])
  assert.deepEqual(mergedDevices({ blockDevices: [inserted, own] }, [root, data]), [own, root])
  assert.deepEqual(mergedDevices({ blockDevices: [inserted, own] }, [data]), [inserted, own])
  const named = device({ source: 'volume', bootIndex: 0, device: '/dev/vda' })
  assert.deepEqual(mergedDevices({ blockDevices: [named] }, [root]), [named])
  assert.deepEqual(mergedDevices({ blockDevices: [{ ...named, device: '/dev/vdq' }], hasLegacyDevices: true }, [root]), [{ ...named, device: '/dev/vdq', bootIndex: null }, root])
  assert.deepEqual(mergedDevices({ blockDevices: [device({ source: 'blank', device: '/dev/vdb', isAbsent: true })] }, [root, data]), [root])
})

test('an image of a server inherits what its own image said, but for signatures, keys and devices', () => {
  assert.deepEqual(inheritedProperties({ os_distro: 'debian', os_glance_x: '1', img_signature: 's', cinder_encryption_key_id: 'k', block_device_mapping: '[]', bdm_v2: 'True', root_device_name: 'vda', hw_disk_bus: 'virtio' }), { os_distro: 'debian', hw_disk_bus: 'virtio' })
})

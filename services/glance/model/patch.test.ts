// JSON patches, without a cloud around them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Image } from './images.ts'
import { applyPatch, readPatch } from './patch.ts'

const image: Image = {
  id: 'i', owner: 'p1', name: 'x', status: 'active', visibility: 'shared', diskFormat: 'raw', containerFormat: 'bare', size: 1, virtualSize: 1, checksum: null, hashAlgo: null, hashValue: null, minRam: 0, minDisk: 0,
  isProtected: false, hidden: false, createdAt: 0, updatedAt: 0, generation: 0, properties: { colour: 'red' }, tags: [],
}
const patched = (operations: unknown, admin = false) => applyPatch(image, readPatch(operations, { draft4: false, locations: false }), admin)

test('operations hold one after the other', () => {
  assert.deepEqual(patched([{ op: 'add', path: '/shape', value: 'round' }, { op: 'replace', path: '/shape', value: 'flat' }, { op: 'remove', path: '/colour' }]).properties, { shape: 'flat' })
})

test('a patch that fails in its last operation changes nothing', () => {
  assert.throws(() => patched([{ op: 'replace', path: '/name', value: 'y' }, { op: 'remove', path: '/none' }]), { code: 'glance.property.missing' })
  assert.equal(image.name, 'x')
})

test('a property named like a member of every object is a property', () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    assert.throws(() => patched([{ op: 'replace', path: `/${name}`, value: 'x' }]), { code: 'glance.property.missing' }, name)
    assert.equal(patched([{ op: 'add', path: `/${name}`, value: 'x' }]).properties[name], 'x')
  }
})

test('the owner changes by an admin only, the format of bytes that are there by nobody', () => {
  assert.throws(() => patched([{ op: 'replace', path: '/owner', value: 'p2' }]), { kind: 'forbidden' })
  assert.equal(patched([{ op: 'replace', path: '/owner', value: 'p2' }], true).owner, 'p2')
  assert.throws(() => patched([{ op: 'replace', path: '/disk_format', value: 'qcow2' }], true), { kind: 'forbidden' })
})

test('where locations are invisible no client sets one', () => {
  for (const path of ['/locations', '/locations/-', '/locations/0', '/location', '/direct_url']) {
    for (const op of ['add', 'replace', 'remove']) assert.throws(() => readPatch([{ op, path, value: [{ url: 'file:///etc/passwd', metadata: {} }] }], { draft4: false, locations: false }), { kind: 'forbidden' }, `${op} ${path}`)
  }
})

test('a path is read without the spaces around it, a property of null is none, and an attribute holds what it is for', () => {
  assert.deepEqual(patched([{ op: 'add', path: '/ shape ', value: 'round' }]).properties, { colour: 'red', shape: 'round' })
  const kernel = '11111111-2222-4333-8444-555555555555'
  assert.equal(patched([{ op: 'add', path: '/kernel_id', value: kernel }]).properties['kernel_id'], kernel)
  assert.deepEqual(patched([{ op: 'add', path: '/kernel_id', value: kernel }, { op: 'replace', path: '/kernel_id', value: null }]).properties, { colour: 'red' })
  for (const [path, value] of [['/disk_format', 'floppy'], ['/a / /b', 'x'], ['/min_disk', 2 ** 31], ['/min_ram', -1]] as const) {
    assert.throws(() => patched([{ op: 'add', path, value }]), { kind: 'badRequest' }, path)
  }
})

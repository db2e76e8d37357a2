// QEMU's command line: no value can end one option and begin another, and names of nodes read back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '@alto/kit/errors'
import type { GuestSpec, GuestVolume } from '../../model/guests.ts'
import { qemuArguments } from './arguments.ts'
import { attachmentOf, filesOf, volumeNode } from './files.ts'

const ID = '11111111-2222-4333-8444-555555555555'
const places = { data: '/d', run: '/r', mark: 'alto-0123abcd-h1' }
const how = { acceleration: 'tcg', cpu: 'max', incoming: false, slots: {}, rootRevision: 3 } as const
const spec: GuestSpec = {
  id: ID, name: 'web,id=evil', flavor: { vcpus: 2, ramMib: 512 }, ports: [], volumes: [], root: { kind: 'image', revision: 3, image: { id: 'i', sha512: '', diskFormat: 'qcow2' }, diskGib: 1 },
}
const volume = (change: Partial<GuestVolume>): GuestVolume => ({ id: '3'.repeat(36), attachmentId: ID, device: '/dev/vdb', sizeGib: 1, connection: { kind: 'file', path: '/v', format: 'raw' }, ...change })
const build = (change: Partial<GuestSpec>, more: Partial<Parameters<typeof qemuArguments>[3]> = {}) => qemuArguments(places, filesOf(places, ID), { ...spec, ...change }, { ...how, ...more })
const options = (argv: readonly string[], name: string) => argv.flatMap((word, i) => argv[i - 1] === name && word.startsWith('{') ? [JSON.parse(word) as Record<string, unknown>] : [])

test('a server carries the mark of its cloud and its id, and nothing that its owner named', () => {
  const argv = build({})
  assert.ok(argv.includes(`guest=alto-0123abcd-h1/${ID}`))
  assert.ok(!argv.some(word => word.includes('evil')))
})

test('a tap or a MAC address that is something else is refused', () => {
  const port = { id: ID, mac: 'fa:16:3e:00:00:01', tap: 'tap1' }
  assert.deepEqual(options(build({ ports: [port] }), '-netdev'), [{ type: 'tap', id: `n-${ID}`, ifname: 'tap1', script: 'no', downscript: 'no' }])
  for (const bad of [{ tap: 'tap1,script=/tmp/x' }, { tap: '' }, { tap: 'a-name-that-is-too-long' }, { mac: 'fa:16:3e:00:00:01,x=y' }]) {
    assert.throws(() => build({ ports: [{ ...port, ...bad }] }), error => isFault(error, 'nova.guest.badPort'))
  }
})

test('the format of every disk is named, and a volume path with commas stays one path', () => {
  const nodes = options(build({ volumes: [volume({ connection: { kind: 'file', path: '/v,driver=x', format: 'raw' } })], configDrive: [] }), '-blockdev')
  assert.deepEqual(nodes.map(({ driver }) => driver), ['qcow2', 'raw', 'raw'])
  assert.deepEqual(nodes[1]?.['file'], { driver: 'file', filename: '/v,driver=x', discard: 'unmap' })
})

test('a volume of another host is reached by its link, in the run directory of the guest, and its format is named', () => {
  const nbd = volume({ connection: { kind: 'nbd-tls', address: '198.18.0.1', port: 10_809, exportName: 'e,x=y', identity: 'i', format: 'qcow2' }, readOnly: true })
  assert.deepEqual(options(build({ volumes: [nbd] }), '-blockdev')[1], {
    'driver': 'qcow2', 'node-name': volumeNode(ID), 'discard': 'unmap', 'read-only': true,
    'file': { 'driver': 'nbd', 'server': { type: 'unix', path: `/r/${ID}/${volumeNode(ID)}/s` }, 'export': 'e,x=y', 'reconnect-delay': 86_400 },
  })
})

test('a guest that boots from a volume has no root disk, and boots from that volume though others are named before it', () => {
  const boot = volume({ id: '4'.repeat(36), attachmentId: ID.replace(/^1/, '2'), device: '/dev/vdz' })
  const disks = options(build({ root: { kind: 'volume', volumeId: boot.id }, volumes: [volume({}), boot] }), '-device').filter(({ driver }) => driver === 'virtio-blk-pci')
  assert.deepEqual(disks.map(({ serial, bootindex }) => [serial, bootindex]), [['4'.repeat(20), 1], ['3'.repeat(20), undefined]])
})

test('a guest that goes on from saved memory has its devices where they were', () => {
  const devices = options(build({}, { incoming: true, slots: { root: 7, rng: 16 } }), '-device')
  assert.deepEqual(devices.filter(({ addr }) => addr !== undefined).map(({ id, addr }) => [id, addr]), [['rng', '0x10'], ['root', '0x7']])
})

test('the name of a block node fits QEMU and tells its attachment', () => {
  fc.assert(fc.property(fc.uuid(), id => {
    assert.ok(volumeNode(id).length <= 31)
    assert.equal(attachmentOf(volumeNode(id)), id)
  }))
  assert.equal(attachmentOf('root'), undefined)
})

// The inspector against hostile headers, and against what the real qemu-img writes.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../errors/index.ts'
import { commandHost } from '../host/index.ts'
import { declaredAs, inspectDisk, inspectFile, qemuImg } from './index.ts'

const MIB = 1024 * 1024

/** A qcow2 version 3 header of a 1 MiB disk. */
function qcow2(change: (header: Buffer) => void = () => {}): Buffer {
  const header = Buffer.alloc(512)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(16, 20)
  header.writeBigUInt64BE(BigInt(MIB), 24)
  header.writeUInt32BE(104, 100)
  change(header)
  return header
}

function vmdk(descriptor: string): Buffer {
  const file = Buffer.alloc(4096)
  file.write('KDMV', 0)
  file.writeBigUInt64LE(2048n, 12)
  file.writeBigUInt64LE(1n, 28)
  file.writeBigUInt64LE(4n, 36)
  file.write(descriptor, 512)
  return file
}

const HOSTILE: [string, Buffer, RegExp][] = [
  ['qcow2 with a backing file', qcow2(h => { h.writeBigUInt64BE(256n, 8); h.writeUInt32BE(11, 16); h.write('/etc/passwd', 256) }), /backing file/],
  ['qcow2 with a backing file of no length', qcow2(h => h.writeBigUInt64BE(256n, 8)), /backing file/],
  ['qcow2 whose data is in an external file', qcow2(h => h.writeBigUInt64BE(4n, 72)), /external file/],
  ['qcow2 with an external data file name', qcow2(h => { h.writeUInt32BE(0x44415441, 104); h.writeUInt32BE(8, 108) }), /external data file/],
  ['encrypted qcow2', qcow2(h => h.writeUInt32BE(2, 32)), /encrypted/],
  ['qcow2 with unknown features', qcow2(h => h.writeBigUInt64BE(1n << 40n, 72)), /not known/],
  ['qcow2 whose header is longer than a cluster', qcow2(h => h.writeUInt32BE(0xffff_ffff, 100)), /header's length/],
  ['qcow2 whose table QEMU would not open', qcow2(h => h.writeUInt32BE(0xffff_ffff, 36)), /table of clusters/],
  ['qcow2 of a future version', qcow2(h => h.writeUInt32BE(9, 4)), /version 9/],
  ['qcow2 of 2^62 bytes', qcow2(h => h.writeBigUInt64BE(1n << 62n, 24)), /larger than any/],
  ['qcow2 cut after its magic', Buffer.from('QFI\xfb', 'latin1'), /version/],
  ['qcow2 that is also an ISO', Buffer.concat([qcow2(), Buffer.alloc(0x8001 - 512), Buffer.from('CD001')]), /at once qcow2 and iso/],
  ['qcow version 1', qcow2(h => h.writeUInt32BE(1, 4)), /version 1/],
  ['luks', Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), /luks/],
  ['qed', Buffer.from('QED\0', 'latin1'), /qed/],
  ['VMDK that is only a descriptor', Buffer.from('# Disk DescriptorFile\nRW 2048 FLAT "/etc/shadow" 0\n'), /other files/],
  ['VMDK with a flat extent', vmdk('createType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n'), /monolithicFlat.*extents/],
  ['VMDK that says sparse but names a host file', vmdk('createType="monolithicSparse"\nRW 2048 SPARSE "/etc/shadow"\n'), /extents/],
  ['VMDK with a second extent', vmdk('createType="monolithicSparse"\nRW 1 SPARSE "a"\nRW 1 FLAT "b" 0\n'), /extents/],
  ['VMDK with a parent', vmdk('createType="monolithicSparse"\nparentFileNameHint="/x"\nRW 1 SPARSE "a"\n'), /parent/],
  ['differencing VDI', (() => { const b = Buffer.alloc(512); b.writeUInt32LE(0xbeda107f, 64); b.writeUInt32LE(4, 0x4c); return b })(), /VDI/],
  ['VHDX without metadata', Buffer.from('vhdxfile'), /metadata/],
]

for (const [name, bytes, reason] of HOSTILE) {
  test(`${name} is refused`, () => {
    const found = inspectDisk(bytes, bytes.length)
    assert.match(found.refusals.join('; '), reason)
    assert.throws(() => declaredAs(found.format, found), error => isFault(error, 'disk.unsafe'))
  })
}

test('an image declared raw whose content is qcow2 is refused', () => {
  assert.throws(() => declaredAs('raw', inspectDisk(qcow2(), 512)), error => isFault(error, 'disk.formatMismatch'))
})

test('a plain disk, an ISO declared raw and a clean qcow2 are accepted with their size', () => {
  assert.equal(declaredAs('raw', inspectDisk(Buffer.alloc(MIB), MIB)), MIB)
  const iso = Buffer.alloc(0x9000)
  iso.write('CD001', 0x8001)
  assert.equal(declaredAs('raw', inspectDisk(iso, iso.length)), iso.length)
  assert.equal(declaredAs('iso', inspectDisk(iso, iso.length)), iso.length)
  assert.equal(declaredAs('qcow2', inspectDisk(qcow2(), 512)), MIB)
})

test('no bytes make the inspector throw', () => {
  const magic = fc.constantFrom(...HOSTILE.map(([, bytes]) => bytes))
  fc.assert(fc.property(magic, fc.uint8Array({ maxLength: 64 }), fc.nat(600), fc.nat(700), (bytes, noise, at, cut) => {
    const mangled = Buffer.from(bytes)
    mangled.set(noise.subarray(0, Math.max(0, mangled.length - at)), Math.min(at, mangled.length))
    inspectDisk(mangled.subarray(0, cut), cut)
  }))
})

test('what qemu-img writes is recognised in every format, with its size', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'alto-disk-'))
  try {
    const img = qemuImg(commandHost)
    const raw = join(dir, 'raw')
    await writeFile(raw, Buffer.alloc(MIB, 'x'))
    for (const format of ['qcow2', 'vmdk', 'vdi', 'vpc', 'vhdx'] as const) {
      const path = join(dir, format)
      await img.convert({ path: raw, format: 'raw' }, { path, format }, 64 * MIB)
      const size = declaredAs(format, await inspectFile(path))
      assert.ok(size >= MIB && size < 2 * MIB, `${format}: ${size}`)          // VHD rounds up to whole cylinders
    }
    await img.createOverlay({ path: join(dir, 'overlay'), bytes: 2 * MIB, base: raw, baseFormat: 'raw' })
    assert.match((await inspectFile(join(dir, 'overlay'))).refusals.join(), /backing file/)
    assert.equal((await img.info({ path: join(dir, 'overlay'), format: 'qcow2' })).virtualSize, 2 * MIB)
    await img.resize({ path: join(dir, 'qcow2'), format: 'qcow2' }, 3 * MIB)
    assert.equal((await img.info({ path: join(dir, 'qcow2'), format: 'qcow2' })).virtualSize, 3 * MIB)
    await assert.rejects(img.convert({ path: raw, format: 'raw' }, { path: join(dir, 'small'), format: 'raw' }, MIB / 2), error => isFault(error, 'host.commandFailed'))
    assert.equal((await readFile(raw)).length, MIB)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a path that qemu-img would take for a protocol or an option is refused', async () => {
  const img = qemuImg(commandHost)
  await assert.rejects(img.info({ path: 'json:{"driver":"file","filename":"/etc/passwd"}', format: 'raw' }), error => isFault(error, 'disk.badPath'))
  await assert.rejects(img.create({ path: '-o', format: 'raw', bytes: 1 }), error => isFault(error, 'disk.badPath'))
})

// The inspector against hostile headers, and against what the real qemu-img writes.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../errors/index.ts'
import { commandHost } from '../host/index.ts'
import { HARMLESS_IMAGES, HOSTILE_IMAGES, qcow2Header } from '../testing/index.ts'
import { declaredAs, inspectDisk, inspectFile, qemuImg } from './index.ts'

const MIB = 1024 * 1024

for (const { name, declared, bytes, because } of HOSTILE_IMAGES) {
  test(`${name} is refused`, () => {
    assert.throws(() => declaredAs(declared === 'aki' ? 'raw' : declared, inspectDisk(bytes, bytes.length)), error => isFault(error) && error.kind === 'badRequest' && because.test(error.message))
  })
}

for (const { name, declared, bytes } of HARMLESS_IMAGES) {
  test(`${name} with nothing wrong about it is accepted`, () => {
    assert.ok(declaredAs(declared === 'aki' ? 'raw' : declared, inspectDisk(bytes, bytes.length)) > 0)
  })
}

test('an image declared raw whose content is qcow2 is refused', () => {
  assert.throws(() => declaredAs('raw', inspectDisk(qcow2Header(), 512)), error => isFault(error, 'disk.formatMismatch'))
})

test('a plain disk, an ISO declared raw and a clean qcow2 are accepted with their size', () => {
  assert.equal(declaredAs('raw', inspectDisk(Buffer.alloc(MIB), MIB)), MIB)
  const iso = Buffer.alloc(0x9000)
  iso.write('CD001', 0x8001)
  assert.equal(declaredAs('raw', inspectDisk(iso, iso.length)), iso.length)
  assert.equal(declaredAs('iso', inspectDisk(iso, iso.length)), iso.length)
  assert.equal(declaredAs('qcow2', inspectDisk(qcow2Header(), 512)), MIB)
})

test('no bytes make the inspector throw', () => {
  const magic = fc.constantFrom(...[...HOSTILE_IMAGES, ...HARMLESS_IMAGES].map(image => image.bytes.subarray(0, 8192)))
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

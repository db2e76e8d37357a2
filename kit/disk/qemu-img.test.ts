// The wrapper over a real qemu-img: what it writes over, and which ways to a disk it takes.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../errors/index.ts'
import { commandHost } from '../host/index.ts'
import { qemuImg } from './qemu-img.ts'

const MIB = 2 ** 20

test('a disk is overwritten as a whole, zeros included, and grows no smaller', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'alto-i-'))
  try {
    const img = qemuImg(commandHost)
    const [from, to] = [{ path: join(dir, 'from'), format: 'qcow2' }, { path: join(dir, 'to'), format: 'qcow2' }] as const
    await img.create({ ...from, bytes: 4 * MIB })
    await img.create({ ...to, bytes: 8 * MIB })
    await commandHost.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 1 1M 1M', from.path])
    await commandHost.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 4M', to.path])
    await img.overwrite(from, to, 4 * MIB)
    const { stdout } = await commandHost.run(['qemu-io', '-r', '-f', 'qcow2', '-c', 'read -P 0 0 1M', '-c', 'read -P 1 1M 1M', '-c', 'read -P 0 2M 6M', to.path])
    assert.ok(!stdout.includes('verification failed'), stdout)
    assert.equal((await img.info(to)).virtualSize, 8 * MIB)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a socket is reached under a name of ours only, and no path becomes a protocol or an option', async () => {
  const img = qemuImg(commandHost)
  const file = { path: '/nowhere', format: 'raw' } as const
  for (const exportName of ['', 'x', '../x', '33333333-2222-4333-8444-555555555555?tls-creds=x']) {
    await assert.rejects(img.overwrite({ socket: '/run/s', exportName, format: 'raw' }, file, MIB), error => isFault(error, 'disk.badExport'))
  }
  for (const path of ['nbd://host/x', 'json:{}', '-n', 'relative']) await assert.rejects(img.overwrite(file, { path, format: 'raw' }, MIB), error => isFault(error, 'disk.badPath'))
  await assert.rejects(img.overwrite({ socket: 'relative', exportName: '33333333-2222-4333-8444-555555555555', format: 'raw' }, file, MIB), error => isFault(error, 'disk.badPath'))
})

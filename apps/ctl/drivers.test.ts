// Which drivers a machine gets, and what is said of a kernel that lacks something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '@alto/kit/errors'
import { recordingHost, type Host } from '@alto/kit/host'
import { driversOf } from './drivers.ts'

/** A machine that can do everything but run commands that name `missing`. */
function without(missing: string): Host {
  const able = recordingHost(argv => argv[0] === 'dpkg-query' ? { stdout: '' } : undefined)
  return { run: (argv, opts) => argv.includes(missing) ? Promise.reject(new Fault('unavailable', 'host.commandFailed', 'not supported')) : able.run(argv, opts) }
}

const real = process.platform === 'linux' && process.getuid?.() === 0

test('a kernel without bridges, veth or nftables is one sentence that names the module, and fake drivers where none were asked for', { skip: !real && 'only root on Linux gets as far as asking the kernel' }, async () => {
  for (const [missing, module] of [['bridge', 'bridge'], ['veth', 'veth'], ['nft', 'nf_tables']] as const) {
    await assert.rejects(driversOf({ drivers: 'real' }, without(missing), () => {}), { code: 'ctl.kernel', message: new RegExp(`: run "modprobe ${module}" as root, or choose --drivers fake$`) })
    const said: string[] = []
    assert.deepEqual(await driversOf({}, without(missing), line => said.push(line)), { drivers: 'fake' })
    assert.match(said.at(-1)!, /^Guests, networks and volumes are only told of \(fake drivers\): this kernel has no /)
  }
  assert.deepEqual(await driversOf({ drivers: 'real' }, without('nothing'), () => {}), { drivers: 'real' })
})

test('flags choose drivers for all or for one kind', async () => {
  const host = recordingHost()
  assert.deepEqual(await driversOf({ compute: 'fake' }, host, () => {}), { drivers: 'fake', fakeHosts: 1 })
  assert.deepEqual(await driversOf({ drivers: 'fake:3' }, host, () => {}), { drivers: 'fake', fakeHosts: 3 })
  assert.deepEqual(await driversOf({ drivers: 'fake', network: 'fake' }, host, () => {}), { drivers: 'fake', fakeHosts: 1, kinds: { compute: 'fake', network: 'fake', volume: 'fake' } })
  await assert.rejects(driversOf({ drivers: 'fake', volume: 'lvm' }, host, () => {}), { message: '--volume lvm is not known: it may be file or fake.' })
})

// Installing Debian packages, against a recorded host and a directory that stands for the machine's root.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { Fault, isFault } from '@alto/kit/errors'
import { recordingHost, type RunResult } from '@alto/kit/host'
import { ensurePackages, missingPackages, PACKAGES, type Machine } from './packages.ts'

const IMAGE = PACKAGES.filter(one => one.for.includes('image')).map(one => one.name)

async function machine(t: TestContext, files: readonly string[], uid = 0): Promise<Machine> {
  const root = await mkdtemp(join(tmpdir(), 'alto-packages-'))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'usr/bin'), { recursive: true })
  await mkdir(join(root, 'usr/sbin'), { recursive: true })
  await mkdir(join(root, 'var/lib/apt/lists'), { recursive: true })
  for (const file of files) await writeFile(join(root, file), '')
  return { root, clock: systemClock, uid, environment: { http_proxy: 'http://proxy:3128', SECRET: 'x' } }
}

function host(installed: readonly string[], onApt: (args: readonly string[]) => Partial<RunResult> | undefined = () => undefined) {
  return recordingHost(argv => argv[0] === 'dpkg-query' ? { code: 1, stdout: [...installed.map(name => `ii  ${name}`), 'un  nothing'].join('\n') } : onApt(argv))
}

test('a package counts as there when it is installed or its program is', async t => {
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/qemu-img', 'usr/sbin/mkfs.vfat'])
  const missing = await missingPackages('image', host(['cpio', 'kmod']), here)
  assert.deepEqual(missing.map(one => one.name), IMAGE.filter(name => !['qemu-utils', 'dosfstools', 'cpio', 'kmod'].includes(name)))
})

test('missing packages are installed after a list update, named with their reasons, and no service may start meanwhile', async t => {
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get'])
  const policy = join(here.root, 'usr/sbin/policy-rc.d')
  const seen: boolean[] = []
  const recorded = host(IMAGE.filter(name => name !== 'mtools'), () => { seen.push(existsSync(policy)); return undefined })
  const said: string[] = []
  await ensurePackages('image', recorded, line => said.push(line), here)

  assert.deepEqual(said, ['installing Debian packages for the guest image:', '  mtools: fills it without mounting'])
  assert.deepEqual(recorded.commands.slice(1).map(({ argv }) => argv.slice(4)), [['update'], ['install', '-y', '--no-install-recommends', 'mtools']])
  assert.deepEqual(recorded.commands[2]!.opts.env, { DEBIAN_FRONTEND: 'noninteractive', http_proxy: 'http://proxy:3128' })
  assert.deepEqual([seen, existsSync(policy)], [[true, true], false])
})

test('fresh lists are not fetched again, and the machine\'s own policy-rc.d comes back', async t => {
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get', 'var/lib/apt/lists/mirror_main_binary-amd64_Packages'])
  const policy = join(here.root, 'usr/sbin/policy-rc.d')
  await writeFile(policy, '#!/bin/sh\nexit 0\n')
  const recorded = host([], () => undefined)
  await ensurePackages('image', recorded, () => {}, here)
  assert.deepEqual(recorded.commands.slice(1).map(({ argv }) => argv[4]), ['install'])
  assert.equal(await readFile(policy, 'utf8'), '#!/bin/sh\nexit 0\n')
})

test('the policy-rc.d of an install that was killed is taken away', async t => {
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get'])
  const policy = join(here.root, 'usr/sbin/policy-rc.d')
  await writeFile(policy, '#!/bin/sh\n# Placed by altostratus while it installs packages, so that no service starts. Process: 4194999\nexit 101\n')
  await ensurePackages('image', host([]), () => {}, here)
  assert.equal(existsSync(policy), false)
})

test('nothing is run when nothing is missing', async t => {
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get'])
  const recorded = host(IMAGE)
  await ensurePackages('image', recorded, () => {}, here)
  assert.deepEqual(recorded.commands.map(({ argv }) => argv[0]), ['dpkg-query'])
})

test('who is not root, has no apt-get, or whose apt-get fails twice, is told what to do', async t => {
  const said = async (here: Machine, recorded = host([])): Promise<string> => {
    try {
      await ensurePackages('image', recorded, () => {}, here)
      return 'installed'
    } catch (error) {
      assert.ok(isFault(error))
      return `${error.code}: ${error.message}`
    }
  }
  assert.match(await said(await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get'], 1000)), /^packages\.notRoot: .*run "apt-get install --no-install-recommends qemu-utils .* as root, or use --drivers fake$/)
  assert.match(await said(await machine(t, [])), /^packages\.noApt: this machine has no apt-get, and lacks what these Debian packages bring: qemu-utils, /)
  const here = await machine(t, ['usr/bin/dpkg-query', 'usr/bin/apt-get'])
  const broken = host([], () => { throw new Fault('unavailable', 'host.commandFailed', 'apt-get ended with 100: no network') })
  assert.match(await said(here, broken), /^packages\.failed: the Debian packages could not be installed \(apt-get ended with 100: no network\): run "apt-get update && /)
  assert.equal(existsSync(join(here.root, 'usr/sbin/policy-rc.d')), false)
})

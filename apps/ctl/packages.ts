// The Debian packages that real drivers, the guest image and the tests need, why, and their installation.
// Installing starts no service: a policy-rc.d refuses while it runs, and what was there before comes back afterwards.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock, type Clock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'

/** What packages are needed for: a cloud with real drivers, building the guest image, running all tests. */
export type Purpose = 'cloud' | 'image' | 'tests'

/** One package: who needs it and why. Either the package or the program it brings is enough. */
export interface DebianPackage {
  readonly name: string
  readonly program?: string
  readonly for: readonly Purpose[]
  readonly why: string
}

/** Every package there is need of. */
export const PACKAGES: readonly DebianPackage[] = [
  { name: 'qemu-system-x86', program: 'qemu-system-x86_64', for: ['cloud', 'tests'], why: 'runs the guests' },
  { name: 'qemu-utils', program: 'qemu-img', for: ['cloud', 'image', 'tests'], why: 'makes and converts disks' },
  { name: 'qemu-system-common', program: 'qemu-storage-daemon', for: ['cloud', 'tests'], why: 'serves volumes to other hosts' },
  { name: 'iproute2', program: 'ip', for: ['cloud', 'tests'], why: 'namespaces, bridges, taps' },
  { name: 'nftables', program: 'nft', for: ['cloud', 'tests'], why: 'security groups, floating IPs' },
  { name: 'conntrack', program: 'conntrack', for: ['cloud', 'tests'], why: 'ends connections that a changed rule forbids' },
  { name: 'dnsmasq-base', program: 'dnsmasq', for: ['cloud', 'tests'], why: 'DHCP and DNS for the guests' },
  { name: 'genisoimage', program: 'genisoimage', for: ['cloud', 'tests'], why: 'config drives' },
  { name: 'util-linux', program: 'prlimit', for: ['cloud', 'image', 'tests'], why: 'limits on commands' },
  { name: 'cpio', program: 'cpio', for: ['image', 'tests'], why: 'the guest\'s initrd' },
  { name: 'kmod', program: 'depmod', for: ['image', 'tests'], why: 'the guest\'s kernel modules' },
  { name: 'e2fsprogs', program: 'mke2fs', for: ['image', 'tests'], why: 'the guest\'s root file system' },
  { name: 'dosfstools', program: 'mkfs.vfat', for: ['image', 'tests'], why: 'the guest\'s boot file system' },
  { name: 'mtools', program: 'mcopy', for: ['image', 'tests'], why: 'fills it without mounting' },
  { name: 'syslinux', program: 'syslinux', for: ['image', 'tests'], why: 'the guest\'s boot loader' },
  { name: 'syslinux-common', for: ['image', 'tests'], why: 'the boot loader\'s modules' },
  { name: 'fakeroot', program: 'fakeroot', for: ['image', 'tests'], why: 'builds the image without root' },
  { name: 'xz-utils', program: 'xz', for: ['image', 'tests'], why: 'unpacks kernel modules' },
  { name: 'openssl', program: 'openssl', for: ['image', 'tests'], why: 'the guest\'s password hash' },
  { name: 'openssh-client', program: 'ssh', for: ['tests'], why: 'logs in to guests' },
  { name: 'iputils-ping', program: 'ping', for: ['tests'], why: 'asks whether guests answer' },
  { name: 'python3-openstackclient', program: 'openstack', for: ['tests'], why: 'the real client, which the whole-cloud tests run' },
  { name: 'tempest', program: 'tempest', for: ['tests'], why: 'OpenStack\'s own tests, a sample of which is run' },
  { name: 'postgresql', for: ['tests'], why: 'every store test runs on it too, in a private instance' },
  { name: 'rabbitmq-server', for: ['tests'], why: 'the bus of larger sites, in a private instance' },
  { name: 'swift-proxy', program: 'swift-proxy-server', for: ['tests'], why: 'image stores in Swift and S3 are tested against it, in a private instance' },
  { name: 'swift-account', program: 'swift-account-server', for: ['tests'], why: 'a part of it' },
  { name: 'swift-container', program: 'swift-container-server', for: ['tests'], why: 'a part of it' },
  { name: 'swift-object', program: 'swift-object-server', for: ['tests'], why: 'a part of it' },
  { name: 'memcached', program: 'memcached', for: ['tests'], why: 'keeps its tokens' },
]

const PROGRAM_DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
const POLICY = '/usr/sbin/policy-rc.d'
const MARK = '# Placed by altostratus while it installs packages, so that no service starts. Process: '
const LISTS_STALE = 24 * 3600 * 1000

/** Paths and time, which tests replace. `root` is the directory that stands for `/`. */
export interface Machine {
  readonly root: string
  readonly clock: Clock
  readonly uid: number
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** This machine. */
export function thisMachine(): Machine {
  return { root: '/', clock: systemClock, uid: process.getuid?.() ?? -1, environment: process.env }
}

/** The packages for `purpose` that are not there, by program or by name. Throws nothing: without dpkg only programs count. */
export async function missingPackages(purpose: Purpose, host: Host, machine: Machine = thisMachine()): Promise<DebianPackage[]> {
  const wanted = PACKAGES.filter(one => one.for.includes(purpose) && !(one.program !== undefined && hasProgram(one.program, machine)))
  if (wanted.length === 0 || !hasProgram('dpkg-query', machine)) return wanted
  const { stdout } = await host.run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Package}\n', ...wanted.map(one => one.name)], { accept: [0, 1] })
  const installed = new Set(stdout.split('\n').flatMap(line => line.startsWith('ii ') ? [line.slice(3).trim()] : []))
  return wanted.filter(one => !installed.has(one.name))
}

/**
 * Makes sure that the packages for `purpose` are there; says which it installs and why.
 * Throws Fault('unavailable', 'packages.notRoot' | 'packages.noApt' | 'packages.failed') with what to do.
 */
export async function ensurePackages(purpose: Purpose, host: Host, say: (line: string) => void, machine: Machine = thisMachine()): Promise<void> {
  const missing = await missingPackages(purpose, host, machine)
  if (missing.length === 0) return
  const names = missing.map(one => one.name)
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`
  if (!hasProgram('apt-get', machine)) throw new Fault('unavailable', 'packages.noApt', `this machine has no apt-get, and lacks what these Debian packages bring: ${names.join(', ')}; install their like, or use --drivers fake`)
  if (machine.uid !== 0) throw new Fault('unavailable', 'packages.notRoot', `these packages are missing and only root can install them: run "${command}" as root, or use --drivers fake`)
  say(`installing Debian packages for ${{ cloud: 'real drivers', image: 'the guest image', tests: 'the tests' }[purpose]}:`)
  for (const one of missing) say(`  ${one.name}: ${one.why}`)
  await withoutServices(machine, async () => {
    const apt = (...args: string[]) => host.run(['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=600', ...args], { deadline: 1_800_000, env: aptEnvironment(machine) })
    try {
      if (await listsAreOld(machine)) await apt('update')
      await apt('install', '-y', '--no-install-recommends', ...names)
    } catch (first) {
      say(`  ${messageOf(first)}; trying once more with fresh package lists`)
      try {
        await apt('update')
        await apt('install', '-y', '--no-install-recommends', ...names)
      } catch (cause) {
        throw new Fault('unavailable', 'packages.failed', `the Debian packages could not be installed (${messageOf(cause)}): run "apt-get update && ${command}" to see why, or use --drivers fake`, { cause })
      }
    }
  })
}

function hasProgram(name: string, machine: Machine): boolean {
  return PROGRAM_DIRECTORIES.some(directory => existsSync(join(machine.root, directory, name)))
}

function aptEnvironment({ environment }: Machine): Record<string, string> {
  const proxies = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
  return { DEBIAN_FRONTEND: 'noninteractive', ...Object.fromEntries(proxies.flatMap(name => environment[name] === undefined ? [] : [[name, environment[name]]])) }
}

async function listsAreOld({ root, clock }: Machine): Promise<boolean> {
  const lists = join(root, '/var/lib/apt/lists')
  const names = await readdir(lists).catch(() => [])
  if (!names.some(name => /_Packages(\.\w+)?$/.test(name))) return true
  return clock.now() - (await stat(lists)).mtimeMs > LISTS_STALE
}

/** Runs `work` while a policy-rc.d refuses service starts. One process at a time; the remains of a killed one are recognised by their mark. */
async function withoutServices(machine: Machine, work: () => Promise<void>): Promise<void> {
  const policy = join(machine.root, POLICY)
  const kept = `${policy}.before-altostratus`
  await mkdir(dirname(policy), { recursive: true })
  for (;;) {
    const before = await readFile(policy, 'utf8').catch(() => '')
    const holder = before.includes(MARK) ? Number(/Process: (\d+)/.exec(before)?.[1]) : undefined
    if (holder !== undefined && holder !== process.pid && isRunning(holder)) { await machine.clock.sleep(500); continue }
    if (holder !== undefined) await rm(policy, { force: true })
    else if (existsSync(policy)) await rename(policy, kept)
    try {
      await writeFile(policy, `#!/bin/sh\n${MARK}${process.pid}\nexit 101\n`, { mode: 0o755, flag: 'wx' })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error       // another process was faster: wait for it
    }
  }
  try {
    await work()
  } finally {
    await rm(policy, { force: true })
    if (existsSync(kept)) await rename(kept, policy)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

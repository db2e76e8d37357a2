// Which drivers a cloud gets: real ones where this machine can, else fake ones, and a sentence that says which and why.
import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'
import { ensurePackages } from './packages.ts'

/** What a cloud's hosts are made of; `kinds` where they are not all alike. */
export interface Drivers { drivers: 'real' | 'fake', fakeHosts?: number, kinds?: Record<Kind, 'real' | 'fake'> }

/** A kind of driver, and the names of its real one and its fake. */
const KINDS = { compute: 'qemu', network: 'linux', volume: 'file' } as const
type Kind = keyof typeof KINDS

/**
 * The drivers that the flags ask for: `--drivers` for all, `--compute`, `--network`, `--volume` for one; `--compute fake` alone is `--drivers fake`.
 * Throws Fault('badRequest', 'ctl.drivers') for other words, and for a mixture that cannot work; else what chooseDrivers throws.
 */
export async function driversOf(flags: { drivers?: string } & Partial<Record<Kind, string>>, host: Host, say: (line: string) => void): Promise<Drivers> {
  const kinds = Object.keys(KINDS) as Kind[]
  for (const kind of kinds) {
    if (flags[kind] !== undefined && flags[kind] !== 'fake' && flags[kind] !== KINDS[kind]) throw new Fault('badRequest', 'ctl.drivers', `--${kind} ${flags[kind]} is not known: it may be ${KINDS[kind]} or fake.`)
  }
  if (flags.drivers === undefined && flags.compute === 'fake' && flags.network === undefined && flags.volume === undefined) return chooseDrivers('fake', host, say)
  const all = await chooseDrivers(flags.drivers, host, say)
  if (kinds.every(kind => flags[kind] === undefined)) return all
  const each = { compute: choice('compute'), network: choice('network'), volume: choice('volume') }
  if (each.compute === 'real' && (each.network === 'fake' || each.volume === 'fake')) throw new Fault('badRequest', 'ctl.drivers', 'A real guest needs real networks and volumes: add --compute fake, or leave --network and --volume away.')
  const real = kinds.some(kind => each[kind] === 'real')
  if (real && all.drivers === 'fake') await chooseDrivers('real', host, say)
  return { ...all, drivers: each.compute, kinds: each }

  function choice(kind: Kind): 'real' | 'fake' {
    return flags[kind] === undefined ? all.drivers : flags[kind] === 'fake' ? 'fake' : 'real'
  }
}

/**
 * The drivers for `asked` ('real', 'fake', 'fake:HOSTS' or nothing). Installs Debian packages when real ones are wanted and root asks.
 * Throws Fault('badRequest', 'ctl.drivers') for another word, and what stands in the way of real ones that were asked for.
 */
async function chooseDrivers(asked: string | undefined, host: Host, say: (line: string) => void): Promise<Drivers> {
  const fake = /^fake(?::([1-9]\d{0,2}))?$/.exec(asked ?? '')
  if (fake) return { drivers: 'fake', fakeHosts: Number(fake[1] ?? 1) }
  if (asked !== undefined && asked !== 'real') throw new Fault('badRequest', 'ctl.drivers', `--drivers ${asked} is not known: it may be real, fake, or fake:HOSTS.`)
  try {
    if (platform() !== 'linux') throw new Fault('unavailable', 'ctl.platform', 'real guests need Linux; --drivers fake works everywhere')
    if (process.getuid?.() !== 0) throw new Fault('unavailable', 'ctl.notRoot', 'real guests need root: run this as root, or choose --drivers fake')
    await ensurePackages('cloud', host, say)
    await ensurePackages('image', host, say)
    await kernelCan(host)
    return { drivers: 'real' }
  } catch (error) {
    if (asked === 'real') throw error
    say(`Guests, networks and volumes are only told of (fake drivers): ${messageOf(error)}.`)
    return { drivers: 'fake' }
  }
}

/** What the networks are made of, tried in a namespace that goes with the command. */
const FEATURES: readonly { what: string, module: string, argv: readonly [string, ...string[]] }[] = [
  { what: 'bridges', module: 'bridge', argv: ['unshare', '--net', 'ip', 'link', 'add', 'name', 'br0', 'type', 'bridge'] },
  { what: 'pairs of virtual interfaces', module: 'veth', argv: ['unshare', '--net', 'ip', 'link', 'add', 'name', 've0', 'type', 'veth', 'peer', 'name', 've1'] },
  { what: 'nftables', module: 'nf_tables', argv: ['unshare', '--net', 'nft', 'add', 'table', 'inet', 'tried'] },
]

/** Throws Fault('unavailable', 'ctl.kernel') naming the first feature that this kernel lacks, and the module that brings it. */
async function kernelCan(host: Host): Promise<void> {
  if (!existsSync('/dev/net/tun')) throw lacking('taps (/dev/net/tun)', 'tun')
  const tried = await Promise.all(FEATURES.map(({ argv }) => host.run(argv).then(() => true, () => false)))
  const missing = FEATURES.find((_, i) => !tried[i])
  if (missing) throw lacking(missing.what, missing.module)
}

function lacking(what: string, module: string): Fault {
  return new Fault('unavailable', 'ctl.kernel', `this kernel has no ${what}, which real networks need: run "modprobe ${module}" as root, or choose --drivers fake`)
}

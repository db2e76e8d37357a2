// Which drivers a cloud gets: real ones where this machine can, else fake ones, and a sentence that says which and why.
import { platform } from 'node:os'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'
import { ensurePackages } from './packages.ts'

/** What a cloud's hosts are made of. */
export interface Drivers { drivers: 'real' | 'fake', fakeHosts?: number }

/**
 * The drivers for `asked` ('real', 'fake', 'fake:HOSTS' or nothing). Installs Debian packages when real ones are wanted and root asks.
 * Throws Fault('badRequest', 'ctl.drivers') for another word, and what stands in the way of real ones that were asked for.
 */
export async function chooseDrivers(asked: string | undefined, host: Host, say: (line: string) => void): Promise<Drivers> {
  const fake = /^fake(?::([1-9]\d{0,2}))?$/.exec(asked ?? '')
  if (fake) return { drivers: 'fake', fakeHosts: Number(fake[1] ?? 1) }
  if (asked !== undefined && asked !== 'real') throw new Fault('badRequest', 'ctl.drivers', `--drivers ${asked} is not known: it may be real, fake, or fake:HOSTS.`)
  try {
    if (platform() !== 'linux') throw new Fault('unavailable', 'ctl.platform', 'real guests need Linux; --drivers fake works everywhere')
    if (process.getuid?.() !== 0) throw new Fault('unavailable', 'ctl.notRoot', 'real guests need root: run this as root, or choose --drivers fake')
    await ensurePackages('cloud', host, say)
    await ensurePackages('image', host, say)
    return { drivers: 'real' }
  } catch (error) {
    if (asked === 'real') throw error
    say(`Guests, networks and volumes are only told of (fake drivers): ${messageOf(error)}.`)
    return { drivers: 'fake' }
  }
}

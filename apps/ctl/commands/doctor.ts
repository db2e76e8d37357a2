// `./alto doctor`: what this machine can do, what is missing, how to mend it.
import { existsSync } from 'node:fs'
import { arch, freemem, platform, release, totalmem } from 'node:os'
import { messageOf } from '@alto/kit/errors'
import { commandHost } from '@alto/kit/host'
import { missingPackages } from '../packages.ts'
import type { AddCommand } from './data.ts'

/** Adds `doctor`. */
export const addDoctor: AddCommand = (program, exits) => {
  program.command('doctor').description('what this machine can do, and what is missing').action(async () => {
    const root = process.getuid?.() === 0
    const missing = platform() === 'linux' ? await missingPackages('cloud', commandHost) : []
    const findings: [string, boolean, string][] = [
      ['platform', platform() === 'linux', `${platform()} ${release()} ${arch()}${platform() === 'linux' ? '' : ': only fake drivers here'}`],
      ['root', root, root ? 'yes' : 'no: only fake drivers; run as root for real guests'],
      ['memory', freemem() > 512 * 1024 ** 2, `${Math.round(freemem() / 1024 ** 2)} of ${Math.round(totalmem() / 1024 ** 2)} MiB free`],
      ['packages', missing.length === 0, missing.length ? `missing: ${missing.map(one => `${one.name} (${one.why})`).join(', ')}; "./alto up" as root installs them` : 'all there'],
      ['tun', existsSync('/dev/net/tun'), existsSync('/dev/net/tun') ? 'yes' : 'no /dev/net/tun: "modprobe tun"'],
      ['acceleration', true, await acceleration(missing.length === 0)],
    ]
    for (const [what, good, words] of findings) console.log(`${good ? 'ok     ' : 'MISSING'} ${what}: ${words}`)
    exits(findings.every(([, good]) => good) ? 0 : 1)
  })
}

async function acceleration(possible: boolean): Promise<string> {
  if (!possible) return 'not looked at without QEMU'
  try {
    const { detectEmulation } = await import('@alto/nova')
    const found = await detectEmulation(commandHost)
    return found.acceleration === 'kvm' ? 'KVM' : 'emulation (TCG): KVM is not usable here, so guests boot in seconds, not in one'
  } catch (error) {
    return messageOf(error)
  }
}

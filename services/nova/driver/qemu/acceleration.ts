// What this machine's QEMU can do: its version, and whether KVM truly works. Neither /dev/kvm nor a machine that starts with it proves that:
// seen was a host whose KVM made machines and could not run them. So a boot sector is run that does nothing but report to a debug port.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from '@alto/kit/host'
import type { Emulation } from './arguments.ts'

const PROBE_DEADLINE = 10_000
/** mov al, 42; out 0xf4, al; then halt for ever. */
const REPORT_42 = [0xb0, 0x2a, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]
/** QEMU's isa-debug-exit ends with twice the value and one. */
const REPORTED = 42 * 2 + 1

/** QEMU's version as upstream writes it: MAJOR * 1000000 + MINOR * 1000 + MICRO. */
export async function qemuVersion(host: Host): Promise<number> {
  const { stdout } = await host.run(['qemu-system-x86_64', '--version'])
  const [major = 0, minor = 0, micro = 0] = /version (\d+)\.(\d+)\.(\d+)/.exec(stdout)?.slice(1).map(Number) ?? []
  return major * 1_000_000 + minor * 1000 + micro
}

/** KVM where a guest runs with it, else emulation. */
export async function detectEmulation(host: Host): Promise<Emulation> {
  return await runsWith(host, 'kvm', 'host') ? { acceleration: 'kvm', cpu: 'host' } : { acceleration: 'tcg', cpu: 'max' }
}

/** True when a guest with this accelerator and CPU model gets as far as its boot sector. */
export async function runsWith(host: Host, accelerator: string, cpu: string): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-probe-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(dir, { recursive: true }))
  const sector = Buffer.alloc(512)
  sector.set(REPORT_42)
  sector.set([0x55, 0xaa], 510)
  await writeFile(join(dir, 'disk'), sector)
  try {
    await host.run(['qemu-system-x86_64', '-machine', `pc,accel=${accelerator}`, '-cpu', cpu, '-m', '16', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
      '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-drive', `file=${join(dir, 'disk')},format=raw,if=ide,snapshot=on`], { deadline: PROBE_DEADLINE, accept: [REPORTED] })
    return true
  } catch {
    return false
  }
}

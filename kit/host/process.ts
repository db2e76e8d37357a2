// Processes that outlive us: finding the daemon that a pidfile names, being sure it is still that one, and ending it.
// A pid alone is no identity, because the kernel gives it out again: start time and boot make it one. A daemon is known
// as ours by its pidfile's path standing in its own command line, so nothing need be recorded between start and crash.
import { readdir, readFile } from 'node:fs/promises'
import { Fault } from '../errors/index.ts'
import type { Clock } from '../clock/index.ts'

/** One process and no other: `startTicks` is clock ticks from boot to its start, `boot` the kernel's id of that boot. */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: number
  readonly boot: string
}

/** A process as the audit sees it. */
export interface ProcessSighting extends ProcessIdentity {
  readonly argv: readonly string[]
}

/** Who has this pid now; undefined when nobody has, or only a zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await contents(`/proc/${pid}/stat`)
  if (!stat) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')       // the name before may hold spaces and brackets
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return { pid, startTicks: Number(fields[19]), boot: (await contents('/proc/sys/kernel/random/boot_id')).trim() }
}

/** True while the process is still the one that was identified. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid)
  return now !== undefined && now.startTicks === identity.startTicks && now.boot === identity.boot
}

/**
 * The daemon that wrote `pidfile`, or undefined when it does not run. The pid in the file counts only when
 * that process names `pidfile` among its arguments (`--pid-file=PATH`, `-pidfile PATH`).
 */
export async function daemonOf(pidfile: string): Promise<ProcessIdentity | undefined> {
  const pid = Number((await contents(pidfile)).trim())
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  const identity = await identify(pid)
  if (!identity) return undefined
  const argv = await argvOf(pid)
  return argv.some(word => word === pidfile || word.endsWith(`=${pidfile}`)) ? identity : undefined
}

/** Every running process of which an argument contains `mark`, ourselves apart: what an audit compares with the rows. */
export async function processesWith(mark: string): Promise<ProcessSighting[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number).filter(pid => pid !== process.pid)
  const seen = await Promise.all(pids.map(async pid => {
    const argv = await argvOf(pid)
    if (!argv.some(word => word.includes(mark))) return []
    const identity = await identify(pid)
    return identity ? [{ ...identity, argv }] : []
  }))
  return seen.flat()
}

/** Sends `signal` if the process is still the same one; false when it is gone. */
export async function signal(identity: ProcessIdentity, name: NodeJS.Signals): Promise<boolean> {
  if (!await isAlive(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/**
 * Ends a process: SIGTERM, then SIGKILL after `graceMs` (2000 when not given); returns when it is gone, at once when it was.
 * Throws Fault('unavailable', 'host.processStays') when it is still there 5 s after SIGKILL (stuck in the kernel).
 */
export async function endProcess(identity: ProcessIdentity, clock: Clock, graceMs = 2000): Promise<void> {
  for (const [name, patience] of [['SIGTERM', graceMs], ['SIGKILL', 5000]] as const) {
    if (!await signal(identity, name)) return
    const until = clock.now() + patience
    while (clock.now() < until) {
      if (!await isAlive(identity)) return
      await clock.sleep(10)
    }
  }
  throw new Fault('unavailable', 'host.processStays', `process ${identity.pid} did not end after SIGKILL`)
}

async function argvOf(pid: number): Promise<string[]> {
  return (await contents(`/proc/${pid}/cmdline`)).split('\0').slice(0, -1)
}

async function contents(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}

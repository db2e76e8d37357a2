// A cloud as its users have it: spoken to with Debian's openstack client and with ssh, however it is wired. For whole-cloud tests.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@alto/kit/clock'

export const ROOT = resolve(import.meta.dirname, '../..')

/** What a command left. */
export interface Ended { code: number, stdout: string, stderr: string }

/** How a user speaks to a cloud and to its guests. */
export interface Client {
  /** `openstack ARGS -f json` as demo, parsed; throws with the client's words when it fails. */
  os<T = Record<string, unknown>>(...args: string[]): Promise<T>
  /** `openstack ARGS` as `cloud`, its text and exit code. */
  osText(cloud: 'alto' | 'alto-admin', ...args: string[]): Promise<Ended>
  /** A command inside a guest, over ssh to its floating IP with the key at `key`; throws when ssh or the command fails. */
  ssh(address: string, key: string, command: string): Promise<string>
  trySsh(address: string, key: string, command: string): Promise<Ended>
  /** Calls `look` until it gives something other than undefined or false; fails with `what` after `seconds`. */
  until<T>(what: string, seconds: number, look: () => Promise<T | undefined | false>): Promise<T>
}

/** A cloud under test. */
export interface Cloud extends Client {
  /** A directory for the test's own files. */
  readonly data: string
  /** Starts what does not run; resolves when it is ready. */
  up(): Promise<void>
  /** Ends it in order, its guests too. */
  down(): Promise<void>
  /** Ends processes of the cloud with SIGKILL: all of them where there is one, else a controller and every host's agents. Guests go on. */
  crash(): Promise<void>
  /** What `./alto audit` prints. */
  audit(): Promise<string>
  /** What of the cloud is on its hosts, a line each; empty when they are clean. */
  traces(): Promise<string[]>
  /** Stops the cloud and removes its directories. */
  remove(): Promise<void>
}

/** Runs a command to its end, whatever its exit code. */
export function run(command: string, args: readonly string[], opts: { env?: Record<string, string>, seconds?: number } = {}): Promise<Ended> {
  return new Promise(settle => {
    execFile(command, args, { env: { ...process.env, ...opts.env }, timeout: (opts.seconds ?? 120) * 1000, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      settle({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr: error && !stderr ? error.message : stderr })
    })
  })
}

/** A client that reads the clouds.yaml at what `file` gives, each time it is asked. */
export function clientOf(file: () => string): Client {
  const env = (cloud: string) => ({ OS_CLIENT_CONFIG_FILE: file(), OS_CLOUD: cloud, PYTHONWARNINGS: 'ignore' })
  const client: Client = {
    async os<T>(...args: string[]): Promise<T> {
      const ended = await run('openstack', [...args, '-f', 'json'], { env: env('alto'), seconds: 300 })
      assert.equal(ended.code, 0, `openstack ${args.join(' ')} failed: ${ended.stderr || ended.stdout}`)
      return JSON.parse(ended.stdout) as T
    },
    osText: (name, ...args) => run('openstack', args, { env: env(name), seconds: 300 }),
    trySsh(address, key, command) {
      return run('ssh', [
        '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=5', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', `cirros@${address}`, command,
      ], { seconds: 60 })
    },
    async ssh(address, key, command) {
      const ended = await client.trySsh(address, key, command)
      assert.equal(ended.code, 0, `ssh ${address} ${command}: ${ended.stderr || ended.stdout}`)
      return ended.stdout.trim()
    },
    async until(what, seconds, look) {
      for (const end = systemClock.now() + seconds * 1000; ;) {
        const found = await look()
        if (found !== undefined && found !== false) return found
        assert.ok(systemClock.now() < end, `${what}: not within ${seconds} s`)
        await sleep(250)
      }
    },
  }
  return client
}

/** The path of `name` in the repository. */
export function ours(...name: string[]): string {
  return join(ROOT, ...name)
}

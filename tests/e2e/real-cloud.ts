// A cloud as its users have it: started by ./alto with real drivers, spoken to with Debian's openstack client and with ssh. For whole-cloud tests.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@alto/kit/clock'

const ROOT = resolve(import.meta.dirname, '../..')

/** What a command left. */
export interface Ended { code: number, stdout: string, stderr: string }

/** A cloud under test. */
export interface RealCloud {
  readonly data: string
  /** The cloud's id, which marks everything it has on the host. */
  id(): Promise<string>
  /** `./alto ARGS --data DIR`; throws when it fails. */
  alto(...args: string[]): Promise<string>
  /** The same, without throwing. */
  tryAlto(...args: string[]): Promise<Ended>
  /** Starts (or starts again) in the background. */
  up(...flags: string[]): Promise<void>
  /** `openstack ARGS -f json` as demo, parsed; throws with the client's words when it fails. */
  os<T = Record<string, unknown>>(...args: string[]): Promise<T>
  /** `openstack ARGS` as `cloud`, its text and exit code. */
  osText(cloud: 'alto' | 'alto-admin', ...args: string[]): Promise<Ended>
  /** A command inside a guest, over ssh to its floating IP with the key at `key`; throws when ssh or the command fails. */
  ssh(address: string, key: string, command: string): Promise<string>
  trySsh(address: string, key: string, command: string): Promise<Ended>
  /** Calls `look` until it gives something other than undefined or false; fails with `what` after `seconds`. */
  until<T>(what: string, seconds: number, look: () => Promise<T | undefined | false>): Promise<T>
  /** Stops the cloud and removes its directory. */
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

/** A cloud in a fresh directory; not started yet. */
export async function realCloud(): Promise<RealCloud> {
  const data = await mkdtemp(join(tmpdir(), 'alto-e2e-'))
  await mkdir(join(data, 'keys'), { recursive: true })
  const env = (cloud: string) => ({ OS_CLIENT_CONFIG_FILE: join(data, 'clouds.yaml'), OS_CLOUD: cloud, PYTHONWARNINGS: 'ignore' })
  const tryAlto = (...args: string[]) => run(join(ROOT, 'alto'), [...args, '--data', data], { seconds: 300 })
  const cloud: RealCloud = {
    data, tryAlto,
    id: async () => (JSON.parse(await readFile(join(data, 'cloud.json'), 'utf8')) as { id: string }).id,
    async alto(...args) {
      const ended = await tryAlto(...args)
      assert.equal(ended.code, 0, `alto ${args.join(' ')} failed: ${ended.stdout}${ended.stderr}`)
      return ended.stdout
    },
    async up(...flags) { await cloud.alto('up', '--listen', '127.0.0.1:0', '--drivers', 'real', '--detach', ...flags) },
    async os<T>(...args: string[]): Promise<T> {
      const ended = await run('openstack', [...args, '-f', 'json'], { env: env('alto'), seconds: 300 })
      assert.equal(ended.code, 0, `openstack ${args.join(' ')} failed: ${ended.stderr || ended.stdout}`)
      return JSON.parse(ended.stdout) as T
    },
    osText: (name, ...args) => run('openstack', args, { env: env(name), seconds: 300 }),
    trySsh: (address, key, command) => run('ssh', [
      '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=5', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', `cirros@${address}`, command,
    ], { seconds: 60 }),
    async ssh(address, key, command) {
      const ended = await cloud.trySsh(address, key, command)
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
    async remove() {
      if (existsSync(join(data, 'cloud.json'))) {
        await tryAlto('down')
      }
      await rm(data, { recursive: true, force: true })
    },
  }
  return cloud
}

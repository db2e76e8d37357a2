// A whole cloud in one process, started by ./alto with real drivers.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientOf, ours, run, type Cloud, type Ended } from './cloud.ts'
import { tracesOf } from './host.ts'

/** A cloud under test. */
export interface RealCloud extends Cloud {
  /** The cloud's id, which marks everything it has on the host. */
  id(): Promise<string>
  /** `./alto ARGS --data DIR`; throws when it fails. */
  alto(...args: string[]): Promise<string>
  /** The same, without throwing. */
  tryAlto(...args: string[]): Promise<Ended>
  up(...flags: string[]): Promise<void>
}

/** A cloud in a fresh directory; not started yet. */
export async function realCloud(): Promise<RealCloud> {
  const data = await mkdtemp(join(tmpdir(), 'alto-e2e-'))
  await mkdir(join(data, 'keys'), { recursive: true })
  const tryAlto = (...args: string[]) => run(ours('alto'), [...args, '--data', data], { seconds: 300 })
  const cloud: RealCloud = {
    ...clientOf(() => join(data, 'clouds.yaml')),
    data, tryAlto,
    id: async () => (JSON.parse(await readFile(join(data, 'cloud.json'), 'utf8')) as { id: string }).id,
    async alto(...args) {
      const ended = await tryAlto(...args)
      assert.equal(ended.code, 0, `alto ${args.join(' ')} failed: ${ended.stdout}${ended.stderr}`)
      return ended.stdout
    },
    async up(...flags) { await cloud.alto('up', '--listen', '127.0.0.1:0', '--drivers', 'real', '--detach', ...flags) },
    async down() { await cloud.alto('down') },
    async crash() {
      const { pid } = JSON.parse(await cloud.alto('status', '--json')) as { pid: number }
      process.kill(pid, 'SIGKILL')
      await cloud.until('the process to be gone', 10, async () => (await cloud.tryAlto('status')).code === 3)
    },
    audit: async () => (await cloud.alto('audit')).trim(),
    traces: async () => tracesOf(await cloud.id()),
    async remove() {
      if (existsSync(join(data, 'cloud.json'))) {
        await tryAlto('down')
      }
      await rm(data, { recursive: true, force: true })
    },
  }
  return cloud
}

// A cloud of fake guests for tempest, as a user starts it.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { TestedCloud } from './tempest.ts'

const exec = promisify(execFile)
const ALTO = resolve(import.meta.dirname, '../../alto')

/** Starts it, and gives a directory for the run beside it; both go when it is disposed of. */
export async function fakeCloud(): Promise<TestedCloud & AsyncDisposable & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-tempest-'))
  const data = join(dir, 'cloud')
  const glance = {                                                  // two stores, every import method, and this cloud itself as the web
    ALTO_GLANCE_STORES: `file:file,cheap:file:${join(dir, 'cheap')}`, ALTO_GLANCE_ENABLED_IMPORT_METHODS: 'glance-direct,web-download,copy-image,glance-download',
    ALTO_GLANCE_IMPORT_ALLOWED_RANGES: '127.0.0.1', ALTO_GLANCE_IMPORT_ALLOWED_PORTS: '',
  }
  await exec(ALTO, ['up', '--drivers', 'fake', '--listen', '127.0.0.1:0', '--detach', '--data', data], { env: { ...process.env, ...glance } })
  const { stdout } = await exec(ALTO, ['status', '--json', '--data', data])
  const { url } = JSON.parse(stdout) as { url: string }
  const { adminPassword } = JSON.parse(await readFile(join(data, 'secrets.json'), 'utf8')) as { adminPassword: string }
  return {
    url, adminPassword, dir: join(dir, 'run'),
    async [Symbol.asyncDispose]() {
      await exec(ALTO, ['down', '--data', data])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

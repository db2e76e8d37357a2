// A whole cloud in this process, with fake drivers unless a test wants real ones, in a directory of its own, for tests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemIds } from '@alto/kit/ids'
import { silentLog, type Log } from '@alto/kit/log'
import type { Kinds } from '@alto/site'
import { openDataDirectory } from '../data-directory.ts'
import { startCloud, type Cloud } from '../index.ts'

/** A running cloud and what tests need of it. */
export interface WholeCloud extends AsyncDisposable {
  cloud: Cloud
  /** A token by name and password in the project of that name, or in `project`. */
  login(name: 'admin' | 'demo', project?: string): Promise<string>
  /** Asks any service by its path: `/compute/v2.1/servers`. */
  ask(method: string, url: string, opts?: { token?: string, body?: unknown, headers?: Record<string, string> }): Promise<{ status: number, body: unknown, headers: Readonly<Record<string, string | undefined>> }>
}

/** Starts one with the configuration `config` (YAML); in `dir`, where that is given, which then stays. */
export async function wholeCloud(opts: { bare?: boolean, kinds?: Kinds, log?: Log, database?: string, dir?: string, resume?: boolean, config?: string } = {}): Promise<WholeCloud> {
  const dir = opts.dir ?? await mkdtemp(join(tmpdir(), 'alto-cloud-'))
  const data = await openDataDirectory(dir, systemIds, undefined)
  const cloud = await startCloud({
    data, listen: { host: '127.0.0.1', port: 0 }, drivers: 'fake', config: { file: 'config.yaml', text: opts.config ?? '' }, log: opts.log ?? silentLog, bare: opts.bare ?? false, resume: opts.resume ?? true, image: undefined, database: opts.database, ...(opts.kinds && { kinds: opts.kinds }),
  })
  const ask: WholeCloud['ask'] = async (method, url, { token, body, headers } = {}) => {
    const response = await cloud.fetch({
      method, url, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { 'x-auth-token': token }), ...headers },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text && (response.headers['content-type'] ?? '').includes('json') ? JSON.parse(text) as unknown : text }
  }
  return {
    cloud, ask,
    async login(name, project = name) {
      const password = name === 'admin' ? data.secrets.adminPassword : data.secrets.demoPassword
      const { headers } = await ask('POST', '/identity/v3/auth/tokens', { body: { auth: {
        identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, scope: { project: { name: project, domain: { id: 'default' } } },
      } } })
      return headers['x-subject-token'] ?? ''
    },
    async [Symbol.asyncDispose]() {
      await cloud.stop({ keepGuests: false })
      data.close()
      if (opts.dir === undefined) await rm(dir, { recursive: true, force: true })
      await rm(data.run, { recursive: true, force: true })
    },
  }
}

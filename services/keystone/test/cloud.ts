// A Keystone of its own for a test: real store in memory, real policy, bootstrapped with an admin and a demo user.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@alto/kit/clock'
import { loadConfig, type Values } from '@alto/kit/config'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import { enforcer, policySet } from '@alto/kit/policy'
import { declared, keystoneOptions, keystoneService, migrations, type Bootstrap, type Passwords, type Tables } from '../index.ts'

/** An answer, its body parsed. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

/** What the cloud begins with. */
export const WANTED: Bootstrap = {
  region: 'RegionOne', projects: ['admin', 'demo', 'service'],
  users: [
    { name: 'admin', password: 'admin-secret', grants: [{ project: 'admin', role: 'admin' }], system: 'admin' },
    { name: 'demo', password: 'demo-secret', grants: [{ project: 'demo', role: 'member' }] },
    { name: 'nova', password: 'nova-secret', grants: [{ project: 'service', role: 'service' }] },
  ],
  endpoints: [{ type: 'identity', name: 'keystone', description: 'Identity', url: '$(base)s/identity' }, { type: 'object-store', name: 'swift', description: 'Objects', url: '$(base)s/object-store/v1/AUTH_$(project_id)s' }],
}

/** Keystone's options at their defaults, but for cheap hashes and what is given. */
export function optionsWith(given: Partial<Values<typeof keystoneOptions>> = {}): Values<typeof keystoneOptions> {
  return { ...loadConfig([keystoneOptions], { file: 'none', text: '' }).keystone, passwordHashRounds: 4, ...given }
}

export type Cloud = Awaited<ReturnType<typeof keystoneAlone>>

/** Keystone alone, with a clock that stands still. With a `db` it is one of several on it; one `beside` another shares its keys and its clock. */
export async function keystoneAlone(opts: { options?: Partial<Values<typeof keystoneOptions>>, db?: Database<Tables>, beside?: { readonly clock: ManualClock, readonly keysDir: string }, passwords?: Passwords } = {}) {
  const keysDir = opts.beside?.keysDir ?? await mkdtemp(join(tmpdir(), 'alto-keys-'))
  const clock = opts.beside?.clock ?? new ManualClock()
  const log = memoryLog()
  const ids = seededIds(opts.beside ? 'beside' : 'keystone')
  const db = opts.db ?? openSqlite<Tables>(':memory:')
  if (!opts.db) await migrate(db, migrations, clock)
  const asked = enforcer(policySet(declared.rules))
  const leave = async () => {
    if (!opts.db) await db.close()
    if (!opts.beside) await rm(keysDir, { recursive: true })
  }
  const keystone = await keystoneService({ db, clock, ids, keys: keysDir, enforcer: () => asked, options: optionsWith(opts.options), ...(opts.passwords && { passwords: opts.passwords }) }).catch(async error => {
    await leave()                                       // options that Keystone does not start with
    throw error
  })
  if (!opts.beside) await keystone.bootstrap(WANTED)
  const server = await httpServer({ services: keystone.http, log, ids, clock, publicUrl: 'http://cloud' })

  async function ask(method: string, path: string, opts: { token?: string, body?: unknown, headers?: Record<string, string> } = {}): Promise<Answer> {
    const response = await server.fetch({
      method, url: path, body: opts.body === undefined ? undefined : JSON.stringify(opts.body),
      headers: { ...(opts.body !== undefined && { 'content-type': 'application/json' }), ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers },
    })
    return { status: response.status, body: await response.json(), headers: response.headers }
  }

  /** Logs in by name and password; gives the answer and the token. */
  async function login(name: string, password = `${name}-secret`, scope: unknown = { project: { name: name === 'nova' ? 'service' : name, domain: { id: 'default' } } }): Promise<Answer & { token: string }> {
    const answer = await ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, ...(scope !== undefined && { scope }) } } })
    return { ...answer, token: answer.headers['x-subject-token'] ?? '' }
  }

  return {
    ask, login, clock, log, db, keystone, keysDir, fetch: server.fetch,
    async [Symbol.asyncDispose]() {
      await server.close()
      await leave()
    },
  }
}

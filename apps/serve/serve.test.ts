// A site of several processes' parts: Keystone on one listener, Placement and Glance on others, over sockets and PostgreSQL.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { openPostgres, sql } from '@alto/kit/db'
import { commandHost } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { memoryLog, silentLog } from '@alto/kit/log'
import { freshPostgres, stayAlive } from '@alto/kit/testing'
import { askControl } from '@alto/site/control'
import { failurePoints } from './failure-points.ts'
import { processDirectory, serve, type Role } from './index.ts'

const base = process.env['ALTO_TEST_POSTGRES']
const options = { log: silentLog, clock: systemClock, ids: systemIds }

function config(site: Record<string, unknown>): { file: string, text: string } {
  return { file: 'site.yaml', text: JSON.stringify({ site: { listen: '127.0.0.1:0', service_password: 'service-secret', admin_password: 'admin-secret', ...site } }) }
}

test('a token of one process opens the others, ends there within a second, and images keep their bytes', { skip: base === undefined && 'the test runner starts PostgreSQL; this run was without' }, async () => {
  using _alive = stayAlive()
  const data = await mkdtemp(join(tmpdir(), 'alto-serve-'))
  await using own = await freshPostgres(base!)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(data, { recursive: true }))
  const start = async (role: Role, more: Record<string, unknown> = {}) => {
    const served = await serve({ ...options, roles: [role], config: config({ name: role, database: own.url, data, run: join(data, 'run'), ...more }) })
    undo.defer(() => served.stop({ keepGuests: false }))
    return served.url!
  }
  const keystone = await start('keystone')
  const identity = `${keystone}/identity`
  const [placement, image] = [await start('placement', { controllers: [keystone] }), await start('glance', { controllers: [keystone] })]
  const auth = { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'admin-secret' } } }, scope: { project: { name: 'admin', domain: { id: 'default' } } } } }
  const login = await fetch(`${identity}/v3/auth/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(auth) })
  const token = login.headers.get('x-subject-token')!
  const as = (method: string, url: string, body?: string | Uint8Array<ArrayBuffer>, type = 'application/json') => fetch(url, { method, headers: { 'x-auth-token': token, ...(body !== undefined && { 'content-type': type }) }, ...(body !== undefined && { body }) })

  assert.equal((await fetch(`${placement}/placement/resource_providers`, { headers: { 'x-auth-token': 'nobody' } })).status, 401)
  assert.deepEqual(await (await as('GET', `${placement}/placement/resource_providers`)).json(), { resource_providers: [] })
  const made = await (await as('POST', `${image}/image/v2/images`, JSON.stringify({ name: 'one', disk_format: 'raw', container_format: 'bare' }))).json() as { id: string }
  const nonce = systemIds.uuid()
  assert.equal((await as('PUT', `${image}/image/v2/images/${made.id}/file`, new TextEncoder().encode(nonce), 'application/octet-stream')).status, 204)
  assert.equal(await (await as('GET', `${image}/image/v2/images/${made.id}/file`)).text(), nonce)

  assert.equal((await fetch(`${identity}/v3/auth/tokens`, { method: 'DELETE', headers: { 'x-auth-token': token, 'x-subject-token': token } })).status, 204)
  const revoked = systemClock.now()
  while ((await as('GET', `${image}/image/v2/images`)).status !== 401) assert.ok(systemClock.now() - revoked < 2000, 'the token still opens Glance')
})

test('two processes of one name are not started on one machine; after the first has stopped the second may', async () => {
  using _alive = stayAlive()
  assert.ok(base, 'this needs PostgreSQL: run it by tools/test.ts')
  const data = await mkdtemp(join(tmpdir(), 'alto-serve-'))
  await using own = await freshPostgres(base)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(data, { recursive: true }))
  const start = () => serve({ ...options, roles: ['placement'], config: config({ name: 'one', database: own.url, data, run: join(data, 'run') }) })
  const first = await start()
  await assert.rejects(start(), { code: 'serve.running', message: 'A process of this site with the name one runs on this machine already: give one of them another site.name (ALTO_SITE_NAME).' })
  assert.equal((await fetch(`${first.url!}/placement/`)).status, 200)
  await first.stop({ keepGuests: false })
  await (await start()).stop({ keepGuests: false })
})

test('a service has no more connections to the database than it was given, however many ask at once', async () => {
  using _alive = stayAlive()
  assert.ok(base, 'this needs PostgreSQL: run it by tools/test.ts')
  const data = await mkdtemp(join(tmpdir(), 'alto-serve-'))
  await using own = await freshPostgres(base)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(data, { recursive: true }))
  const keystone = await serve({ ...options, roles: ['keystone'], config: config({ database: own.url, database_connections: 2, data, run: join(data, 'run') }) })
  undo.defer(() => keystone.stop({ keepGuests: false }))
  const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'nobody', domain: { id: 'default' }, password: 'none' } } } } })
  const asked = await Promise.all(Array.from({ length: 8 }, () => fetch(`${keystone.url!}/identity/v3/auth/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })))
  assert.deepEqual([...new Set(asked.map(answer => answer.status))], [401])
  const server = await openPostgres({ url: base, schema: 'public', connections: 1 })
  undo.defer(() => server.close())
  const { rows } = await server.read(tx => sql<{ count: number }>`select count(*) from pg_stat_activity where datname = ${new URL(own.url).pathname.slice(1)}`.execute(tx))
  assert.ok(rows[0]!.count <= 2, `${rows[0]!.count} connections`)
})

test('a process with some services only tells what it is, and is not asked for the audit, which needs the rows of three', async () => {
  using _alive = stayAlive()
  assert.ok(base, 'this needs PostgreSQL: run it by tools/test.ts')
  const data = await mkdtemp(join(tmpdir(), 'alto-serve-'))
  await using own = await freshPostgres(base)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(data, { recursive: true }))
  const source = config({ name: 'one', database: own.url, data, run: join(data, 'run') })
  const served = await serve({ ...options, roles: ['placement'], config: source })
  undo.defer(() => served.stop({ keepGuests: false }))
  const run = processDirectory(source)
  const { statements, seconds, ...status } = await askControl(run, 'status') as Record<string, unknown>
  assert.deepEqual(status, { name: 'one', url: served.url, services: ['placement'], pid: process.pid })
  assert.ok(typeof statements === 'number' && typeof seconds === 'number')
  const file = join(data, 'site.yaml')
  await writeFile(file, source.text)
  const { stdout } = await commandHost.run([join(import.meta.dirname, '../../alto'), 'status', '--config', file])
  assert.match(stdout, new RegExp(`^one at ${served.url!}, pid ${process.pid}, up for \\d+ s\n {2}placement running\n$`))
  await assert.rejects(askControl(run, 'audit'), { code: 'control.refused', message: 'This process does not know the command audit: it knows status, down, restart.' })
})

test('a process whose name could leave its directory, or whose port is none, says so', async () => {
  for (const name of ['../../x', 'a b', '', '-x', 'x'.repeat(64)]) await assert.rejects(serve({ ...options, roles: ['keystone'], config: config({ name }) }), { code: 'serve.name' }, name)
  await assert.rejects(serve({ ...options, roles: ['keystone'], config: config({ name: 'one', run: '/nonexistent', listen: '127.0.0.1:99999', database: 'postgres://u@127.0.0.1:1/x' }) }), { code: 'serve.listen' })
})

test('a process that was not told enough, or something that cannot be, says what it needs', async () => {
  await assert.rejects(serve({ ...options, roles: ['keystone'], config: config({}) }), { code: 'serve.missing', message: 'The role keystone needs the option site.database.' })
  await assert.rejects(serve({ ...options, roles: ['compute'], config: config({ controllers: ['10.0.0.1:5000'] }) }), { code: 'config.invalid', message: 'site.yaml: site.controllers is ["10.0.0.1:5000"]: it must be a list of URLs such as https://cloud.example:5000' })
  await assert.rejects(serve({ ...options, roles: ['keystone'], config: config({ public_url: 'cloud.example' }) }), { code: 'config.invalid' })
  await assert.rejects(serve({ ...options, roles: ['glance'], config: config({ database: 'postgres://u:canary@127.0.0.1:1/x' }) }), (error: Error) => error.message.startsWith('The database of glance cannot be used: ') && !error.message.includes('canary'))
})

test('a task goes on when whoever it told its point dies without an answer, and so when nobody is there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-points-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(directory, { recursive: true }))
  const path = join(directory, 'points')
  const dying = createServer(socket => { socket.once('data', () => socket.destroy()) }).listen(path)
  await once(dying, 'listening')
  const log = memoryLog()
  const tell = failurePoints(path, 'controller1', log)('nova')
  const point = { kind: 'server.create', resourceId: 'one', step: 'place', moment: 'beforeDo' } as const
  await tell(point)
  dying.close()
  await once(dying, 'close')
  await tell(point)
  assert.deepEqual(log.lines.map(line => line.message), ['nobody was told of a failure point', 'nobody was told of a failure point'])
})

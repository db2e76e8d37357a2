// Keystone's rows: validation, logins, assignments, catalog; beside another Keystone when ALTO_BENCH_UPSTREAM names one (http://…/v3, its admin's
// password in ALTO_BENCH_UPSTREAM_PASSWORD). Both are asked in turn, by the same client, so that a row's ratio is of one moment of one machine.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { add, alto, ask, CLIENTS, many, rate, RUNS, start, type Reply } from './measuring.ts'

/** A Keystone that is measured. */
interface Side { v3: string, admin: string }

interface Pair { ours: Side, upstream: Side | undefined }

/** Each side's cost of a hash: upstream's is what it is configured to be, ours is made the same. */
const COST = Number(process.env['ALTO_BENCH_COST'] ?? 4)

/** Measures a cloud of its own in `dir`. With ALTO_BENCH_COST=12 only logins. */
export async function identity(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'config.yaml'), `keystone: {password_hash_rounds: ${COST}}\n`)
  const cloud = await start(dir, 'fake')
  const pair: Pair = { ours: { v3: `${cloud.url}/identity/v3`, admin: cloud.admin }, upstream: await upstream() }
  try {
    await logins(pair)
    if (COST !== 4) return
    await validations(pair)
    await catalogs(pair)
    await assignments(pair)
  } finally {
    await alto(dir, 'down')
  }
}

async function upstream(): Promise<Side | undefined> {
  const v3 = process.env['ALTO_BENCH_UPSTREAM']
  return v3 === undefined ? undefined : { v3, admin: await upstreamToken() }
}

/** A token of upstream's admin. */
export async function upstreamToken(): Promise<string> {
  const v3 = process.env['ALTO_BENCH_UPSTREAM'] ?? ''
  const domain = { id: 'default' }
  const body = { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password: process.env['ALTO_BENCH_UPSTREAM_PASSWORD'] } } }, scope: { project: { name: 'admin', domain } } } }
  return tokenIn(await expect(201, ask(v3, 'POST', '/auth/tokens', { body })))
}

async function expect(status: number, reply: Promise<Reply>): Promise<Reply> {
  const got = await reply
  if (got.status !== status) throw new Error(`wanted ${status}, got ${got.status}: ${JSON.stringify(got.body).slice(0, 300)}`)
  return got
}

function tokenIn(reply: Reply): string {
  return String(reply.headers['x-subject-token'])
}

/** A row of `work`, done in turn on ours and on upstream. */
async function row(what: string, unit: string, pair: Pair, work: (side: Side) => Promise<number>, target?: string, runs = RUNS): Promise<void> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let i = 0; i < runs; i++) {
    ours.push(await work(pair.ours))
    if (pair.upstream) theirs.push(await work(pair.upstream))
  }
  add(what, unit, ours, target, pair.upstream && theirs)
}

async function make(side: Side, noun: string, body: Record<string, unknown>): Promise<string> {
  const { body: made } = await expect(201, ask(side.v3, 'POST', `/${noun}s`, { token: side.admin, body: { [noun]: body } }))
  return (made as Record<string, { id: string }>)[noun]!.id
}

const remove = (side: Side, noun: string, id: string) => expect(204, ask(side.v3, 'DELETE', `/${noun}s/${id}`, { token: side.admin }))

async function logins(pair: Pair): Promise<void> {
  const users = new Map<Side, string>()
  for (const side of [pair.ours, ...pair.upstream ? [pair.upstream] : []]) users.set(side, await make(side, 'user', { name: `bench-${process.pid}`, password: 'bench-secret' }))
  await row(`tokens by password, bcrypt cost ${COST}, ${CLIENTS} clients`, '/s', pair, side => {
    const body = { auth: { identity: { methods: ['password'], password: { user: { id: users.get(side), password: 'bench-secret' } } } } }
    return rate(CLIENTS, () => expect(201, ask(side.v3, 'POST', '/auth/tokens', { body })))
  }, COST === 4 ? 'ratio 10' : 'ratio 1')
  for (const [side, id] of users) await remove(side, 'user', id)
}

function validate(side: Side, subject: string): Promise<number> {
  return rate(CLIENTS, () => expect(200, ask(side.v3, 'GET', '/auth/tokens', { token: side.admin, unread: true, headers: { 'x-subject-token': subject } })))
}

async function another(side: Side): Promise<string> {
  return tokenIn(await expect(201, ask(side.v3, 'POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: side.admin } } } } })))
}

async function validations(pair: Pair): Promise<void> {
  await row(`tokens by token, ${CLIENTS} clients`, '/s', pair, side => rate(CLIENTS, () => another(side)))
  const subjects = new Map([[pair.ours, await another(pair.ours)], ...pair.upstream ? [[pair.upstream, await another(pair.upstream)] as const] : []])
  await row(`validations, ${CLIENTS} clients`, '/s', pair, side => validate(side, subjects.get(side)!), 'ratio 20')
  const revoked = 10_000
  await many(revoked, async () => expect(204, ask(pair.ours.v3, 'DELETE', '/auth/tokens', { token: pair.ours.admin, headers: { 'x-subject-token': await another(pair.ours) } })))
  await row(`validations, ${CLIENTS} clients, after ${revoked} revocations (upstream: after none)`, '/s', pair, side => validate(side, subjects.get(side)!), 'as before them')
}

async function catalogs(pair: Pair): Promise<void> {
  const made: [Side, string][] = []
  for (const side of [pair.ours, ...pair.upstream ? [pair.upstream] : []]) {
    await many(100, async i => {
      const service = await make(side, 'service', { type: `bench${i}`, name: `bench${i}` })
      made.push([side, service])
      await make(side, 'endpoint', { service_id: service, interface: 'public', url: `http://127.0.0.1:9/bench${i}/$(project_id)s` })
    })
  }
  await row(`catalogs of 100 endpoints more, ${CLIENTS} clients`, '/s', pair, side => rate(CLIENTS, () => expect(200, ask(side.v3, 'GET', '/auth/catalog', { token: side.admin, unread: true }))))
  await many(made.length, i => remove(made[i]![0], 'service', made[i]![1]))
}

async function assignments(pair: Pair): Promise<void> {
  const side100 = 100
  const undo: (() => Promise<unknown>)[] = []
  for (const side of [pair.ours, ...pair.upstream ? [pair.upstream] : []]) {
    const { roles } = (await ask(side.v3, 'GET', '/roles?name=member', { token: side.admin })).body as { roles: { id: string }[] }
    const users = await many(side100, i => make(side, 'user', { name: `bench-${process.pid}-${i}` }))
    const projects = await many(side100, i => make(side, 'project', { name: `bench-${process.pid}-${i}` }))
    undo.push(() => many(side100, async i => { await remove(side, 'user', users[i]!); await remove(side, 'project', projects[i]!) }))
    await many(side100 * side100, i => expect(204, ask(side.v3, 'PUT', `/projects/${projects[i % side100]}/users/${users[Math.floor(i / side100)]}/roles/${roles[0]!.id}`, { token: side.admin })))
  }
  const list = async (side: Side, query: string) => {
    const began = performance.now()
    await expect(200, ask(side.v3, 'GET', `/role_assignments?${query}`, { token: side.admin }))
    return performance.now() - began
  }
  await row('effective role assignments, 10,000 of them', 'ms', pair, side => list(side, 'effective'), 'less than upstream', 3)
  await row('effective role assignments with names, 10,000 of them', 'ms', pair, side => list(side, 'effective&include_names'), 'less than upstream', 3)
  for (const clean of undo) await clean()
}

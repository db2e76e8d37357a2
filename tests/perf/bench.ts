// `npm run bench`: what is fast and what is not, as rows of docs/bench.md with the machine named; each figure the median of 5 runs.
// Limits stand beside the figures where there are any: bare QEMU for a guest's boot, the issue's targets for the rest. Nothing here is a test.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const ALTO = join(ROOT, 'alto')
const RUNS = Number(process.env['ALTO_BENCH_RUNS'] ?? 5)

interface Row { what: string, median: number, min: number, max: number, unit: string, target?: string }

const rows: Row[] = []

function add(what: string, unit: string, values: readonly number[], target?: string): void {
  const sorted = values.toSorted((a, b) => a - b)
  const row = { what, unit, median: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted.at(-1)!, ...(target !== undefined && { target }) }
  rows.push(row)
  console.log(`${what}: ${round(row.median)} ${unit} (${round(row.min)}…${round(row.max)})${target === undefined ? '' : `, target ${target}`}`)
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}

async function times<T>(work: () => Promise<T>, runs = RUNS): Promise<T[]> {
  const out: T[] = []
  for (let i = 0; i < runs; i++) out.push(await work())
  return out
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

interface Reply { status: number, headers: NodeJS.Dict<string | string[]>, body: unknown }

function ask(base: string, method: string, path: string, opts: { token?: string, body?: unknown, headers?: Record<string, string> } = {}): Promise<Reply> {
  const text = opts.body === undefined ? undefined : JSON.stringify(opts.body)
  return new Promise((settle, fail) => {
    const req = request(base + path, { method, agent, headers: { ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers } }, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const got = Buffer.concat(chunks).toString()
        settle({ status: res.statusCode!, headers: res.headers, body: got && (res.headers['content-type'] ?? '').includes('json') ? JSON.parse(got) as unknown : got })
      })
    })
    req.on('error', fail)
    req.end(text)
  })
}

interface Bench { dir: string, url: string, pid: number, cloud: string, admin: string, demo: string }

async function alto(dir: string, ...args: string[]): Promise<string> {
  const { stdout } = await exec(ALTO, [...args, '--data', dir], { timeout: 600_000 })
  return stdout
}

async function start(dir: string, drivers: 'real' | 'fake', ...flags: string[]): Promise<Bench> {
  await alto(dir, 'up', '--drivers', drivers, '--listen', '127.0.0.1:0', '--detach', ...flags)
  const status = JSON.parse(await alto(dir, 'status', '--json')) as { url: string, pid: number, cloud: string }
  const secrets = JSON.parse(await readFile(join(dir, 'secrets.json'), 'utf8')) as { adminPassword: string, demoPassword: string }
  return { dir, ...status, admin: await login(status.url, 'admin', secrets.adminPassword), demo: await login(status.url, 'demo', secrets.demoPassword) }
}

function passwordAuth(name: string, password: string): unknown {
  return { auth: { identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, scope: { project: { name, domain: { id: 'default' } } } } }
}

async function login(url: string, name: string, password: string): Promise<string> {
  const { headers } = await ask(url, 'POST', '/identity/v3/auth/tokens', { body: passwordAuth(name, password) })
  return String(headers['x-subject-token'])
}

/** Requests a second with `clients` at once, for about two seconds. */
async function rate(clients: number, one: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + 2000
  let count = 0
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, async () => { while (performance.now() < until) { await one(); count++ } }))
  return count / ((performance.now() - began) / 1000)
}

/** Resident memory of every process that carries the cloud's id or is its main process, guests apart, in MB. */
async function memory(b: Bench): Promise<number> {
  const { stdout } = await exec('pgrep', ['-f', b.cloud]).catch(() => ({ stdout: '' }))
  const pids = new Set([String(b.pid), ...stdout.split('\n').filter(Boolean)])
  let total = 0
  for (const pid of pids) {
    const [args, status] = await Promise.all([readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')])
    if (!args.startsWith('qemu-system')) total += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
  }
  return total / 1e6
}

async function starts(drivers: 'real' | 'fake'): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-bench-'))
  const cold: number[] = []
  const warm: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const each = join(dir, String(i))
    cold.push(await seconds(() => alto(each, 'up', '--drivers', drivers, '--listen', '127.0.0.1:0', '--detach')))
    await alto(each, 'down')
    warm.push(await seconds(() => alto(each, 'up', '--drivers', drivers, '--listen', '127.0.0.1:0', '--detach')))
    await alto(each, 'down')
  }
  add(`first start to ready, ${drivers} drivers, everything installed and cached, demo set made`, 's', cold)
  add(`warm start to ready, ${drivers} drivers`, 's', warm, 'under 2 s')
  await rm(dir, { recursive: true, force: true })
}

async function identity(b: Bench): Promise<void> {
  const name = 'bench'
  const created = await ask(b.url, 'POST', '/identity/v3/users', { token: b.admin, body: { user: { name, password: 'bench-secret' } } })
  const { user } = created.body as { user: { id: string } }
  const body = { auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: 'bench-secret' } } } } }
  add('tokens by password (bcrypt cost 12, 8 clients)', '/s', await times(() => rate(8, () => ask(b.url, 'POST', '/identity/v3/auth/tokens', { body })), 3))
  add('tokens by token (8 clients)', '/s', await times(() => rate(8, () => ask(b.url, 'POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: b.demo } } } } }))))
  add('validations (8 clients)', '/s', await times(() => rate(8, () => ask(b.url, 'GET', '/identity/v3/auth/tokens', { token: b.admin, headers: { 'x-subject-token': b.demo } }))), '20 times upstream\'s 222/s = 4440/s')
  await ask(b.url, 'DELETE', `/identity/v3/users/${user.id}`, { token: b.admin })
}

interface ServerBody { server: { id: string, status: string, fault?: unknown } }

async function demoThings(b: Bench): Promise<{ imageRef: string, flavorRef: string, network: string }> {
  const { images } = (await ask(b.url, 'GET', '/image/v2/images', { token: b.demo })).body as { images: { id: string }[] }
  const { networks } = (await ask(b.url, 'GET', '/networking/v2.0/networks?name=private', { token: b.demo })).body as { networks: { id: string }[] }
  return { imageRef: images[0]!.id, flavorRef: '42', network: networks[0]!.id }
}

async function createServer(b: Bench, things: Awaited<ReturnType<typeof demoThings>>, name: string): Promise<string> {
  const made = await ask(b.url, 'POST', '/compute/v2.1/servers', { token: b.demo, body: { server: { name, imageRef: things.imageRef, flavorRef: things.flavorRef, networks: [{ uuid: things.network }] } } })
  if (made.status !== 202) throw new Error(`server create: ${made.status} ${JSON.stringify(made.body)}`)
  return (made.body as ServerBody).server.id
}

async function until(what: string, limit: number, look: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + limit * 1000; !await look();) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limit} s`)
    await new Promise(resolve => { setTimeout(resolve, 10) })
  }
}

async function active(b: Bench, id: string): Promise<boolean> {
  const { server } = (await ask(b.url, 'GET', `/compute/v2.1/servers/${id}`, { token: b.demo })).body as ServerBody
  if (server.status === 'ERROR') throw new Error(JSON.stringify(server.fault))
  return server.status === 'ACTIVE'
}

async function remove(b: Bench, id: string): Promise<void> {
  await ask(b.url, 'DELETE', `/compute/v2.1/servers/${id}`, { token: b.demo })
  await until('server gone', 60, async () => (await ask(b.url, 'GET', `/compute/v2.1/servers/${id}`, { token: b.demo })).status === 404)
}

async function realServers(b: Bench): Promise<void> {
  const things = await demoThings(b)
  await remove(b, await createServer(b, things, 'warm').then(async id => { await until('ACTIVE', 60, () => active(b, id)); return id }))
  const toActive: number[] = []
  const toLogin: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now()
    const id = await createServer(b, things, `bench${i}`)
    await until('ACTIVE', 60, () => active(b, id))
    toActive.push((performance.now() - began) / 1000)
    await until('login prompt', 120, async () => {
      const { body } = await ask(b.url, 'POST', `/compute/v2.1/servers/${id}/action`, { token: b.demo, body: { 'os-getConsoleOutput': { length: 5 } } })
      return /login:/.test((body as { output: string }).output)
    })
    toLogin.push((performance.now() - began) / 1000)
    await remove(b, id)
  }
  add('server create to ACTIVE, image cached', 's', toActive, 'under 1 s')
  add('server create to login prompt', 's', toLogin)
  add('bare QEMU with the same image to login prompt, no network', 's', await times(bareQemu))
}

/** The same guest without a cloud: what the machine itself needs. */
async function bareQemu(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-bare-'))
  const builder = createHash('sha256').update(await readFile(join(ROOT, 'guest/build.sh'))).digest('hex').slice(0, 12)
  const base = join(ROOT, '.cache', `guest-${builder}`, 'disk.qcow2')
  await exec('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', join(dir, 'disk.qcow2'), '1G'])
  const began = performance.now()
  const qemu = spawn('qemu-system-x86_64', ['-nodefaults', '-display', 'none', '-machine', 'pc,hpet=off', '-accel', 'tcg,thread=multi,tb-size=32', '-cpu', 'max', '-m', '192', '-serial', 'stdio', '-drive', `file=${join(dir, 'disk.qcow2')},if=virtio,format=qcow2`], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    let text = ''
    for await (const chunk of qemu.stdout as AsyncIterable<Buffer>) {
      text += chunk.toString()
      if (/login:/.test(text)) break
    }
    return (performance.now() - began) / 1000
  } finally {
    qemu.kill('SIGKILL')
    if (qemu.exitCode === null && qemu.signalCode === null) await once(qemu, 'exit')
    await rm(dir, { recursive: true, force: true })
  }
}

/** SQL statements of one request, by asking it 20 times. What runs by itself meanwhile is in it too. */
async function statements(b: Bench, path: string): Promise<number> {
  const count = async () => (JSON.parse(await alto(b.dir, 'status', '--json')) as { statements: number }).statements
  await ask(b.url, 'GET', path, { token: b.demo })
  const before = await count()
  for (let i = 0; i < 20; i++) await ask(b.url, 'GET', path, { token: b.demo })
  return Math.round((await count() - before) / 20)
}

async function roundTrips(b: Bench, when: string): Promise<void> {
  for (const path of ['/compute/v2.1/servers/detail', '/networking/v2.0/ports', '/image/v2/images', '/volume/v3/volumes/detail', '/identity/v3/auth/projects']) add(`SQL statements of GET ${path}, ${when}`, '', [await statements(b, path)])
}

async function fakeServers(b: Bench): Promise<void> {
  const quota = { quota_set: { instances: -1, cores: -1, ram: -1 } }
  const { token: { project } } = (await ask(b.url, 'GET', '/identity/v3/auth/tokens', { token: b.demo, headers: { 'x-subject-token': b.demo } })).body as { token: { project: { id: string } } }
  await ask(b.url, 'PUT', `/compute/v2.1/os-quota-sets/${project.id}`, { token: b.admin, body: quota })
  await ask(b.url, 'PUT', `/networking/v2.0/quotas/${project.id}`, { token: b.admin, body: { quota: { port: -1 } } })
  const things = await demoThings(b)
  const count = 30
  let counted = false
  await roundTrips(b, 'no servers')
  const perSecond = await times(async () => {
    const began = performance.now()
    const ids = await Promise.all(Array.from({ length: count }, (_, i) => createServer(b, things, `fake${i}`)))
    await Promise.all(ids.map(id => until('ACTIVE', 120, () => active(b, id))))
    const taken = (performance.now() - began) / 1000
    if (!counted) await roundTrips(b, `${count} servers`)
    counted = true
    await Promise.all(ids.map(id => remove(b, id)))
    return count / taken
  })
  add(`fake-driver servers created to ACTIVE, ${count} at once`, '/s', perSecond)
}

/** What stands below this line in docs/bench.md was measured by hand, where a program cannot: it is kept. */
const BY_HAND = '## By hand'

async function byHand(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/bench.md'), 'utf8').catch(() => '')
  const at = text.indexOf(BY_HAND)
  return at === -1 ? '' : text.slice(at)
}

async function report(): Promise<void> {
  const qemu = await exec('qemu-system-x86_64', ['--version']).then(({ stdout }) => stdout.split('\n')[0], () => 'no QEMU')
  const text = [
    '# Measurements', '',
    `Made by \`npm run bench\`: medians of ${RUNS} runs (fewest and most beside them). Machine: ${cpus().length} × ${cpus()[0]?.model.trim() || 'unnamed CPU'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}, ${qemu}.`, '',
    '| what | median | min | max | target |', '|---|---|---|---|---|',
    ...rows.map(row => `| ${row.what} | ${round(row.median)} ${row.unit} | ${round(row.min)} | ${round(row.max)} | ${row.target ?? ''} |`), '', await byHand(),
  ].join('\n')
  await writeFile(join(ROOT, 'docs/bench.md'), text)
  console.log('docs/bench.md written')
}

async function main(): Promise<void> {
  const real = process.getuid?.() === 0 && process.argv[2] !== 'fake'
  await starts('fake')
  if (real) await starts('real')
  const dir = await mkdtemp(join(tmpdir(), 'alto-bench-'))
  for (const drivers of real ? ['fake', 'real'] as const : ['fake'] as const) {
    const b = await start(join(dir, drivers), drivers)
    try {
      add(`memory of all our processes at idle, demo set made, ${drivers} drivers, guests apart`, 'MB', await times(() => memory(b), 1), 'under 250 MB')
      if (drivers === 'fake') {
        await identity(b)
        await fakeServers(b)
      } else await realServers(b)
    } finally {
      await alto(b.dir, 'down')
    }
  }
  await rm(dir, { recursive: true, force: true })
  await report()
}

await stat(ALTO)
await main()
agent.destroy()

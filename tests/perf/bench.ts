// `npm run bench [-- PART…]`: what is fast and what is not, as rows of docs/bench.md with the machine named; each figure the median of 5 runs.
// Parts: starts, servers, identity, images; those not named keep the rows they have. Limits stand beside the figures where there are any: bare QEMU for a
// guest's boot, the same requests to upstream, the targets for the rest. Nothing here is a test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { identity } from './identity.ts'
import { images } from './images.ts'
import { add, agent, alto, ALTO, ask, exec, memoryOf, ROOT, round, rows, RUNS, seconds, start, times, type Bench } from './measuring.ts'

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

/** One part of the benchmark: its heading in docs/bench.md and what measures it. */
interface Part { title: string, measure(dir: string): Promise<void> }

const REAL = process.getuid?.() === 0

const PARTS: Readonly<Record<string, Part>> = {
  starts: { title: 'Starting', async measure() {
    await starts('fake')
    if (REAL) await starts('real')
  } },
  servers: { title: 'Servers and memory', async measure(dir) {
    for (const drivers of REAL ? ['fake', 'real'] as const : ['fake'] as const) {
      const b = await start(join(dir, drivers), drivers)
      try {
        add(`memory of all our processes at idle, demo set made, ${drivers} drivers, guests apart`, 'MB', await times(() => memoryOf(b), 1), 'under 250 MB')
        await (drivers === 'fake' ? fakeServers(b) : realServers(b))
      } finally {
        await alto(b.dir, 'down')
      }
    }
  } },
  identity: { title: process.env['ALTO_BENCH_COST'] === undefined ? 'Identity' : `Identity at bcrypt cost ${process.env['ALTO_BENCH_COST']}`, measure: identity },
  images: { title: 'Images', measure: images },
}

/** The page's parts by title: a part that was measured again takes the place of its old one, the rest (what was measured by hand too) stays. */
async function report(title: string): Promise<void> {
  const file = join(ROOT, 'docs/bench.md')
  const [, ...old] = (await readFile(file, 'utf8').catch(() => '')).split(/^## /m)
  const qemu = await exec('qemu-system-x86_64', ['--version']).then(({ stdout }) => stdout.split('\n')[0], () => 'no QEMU')
  const beside = rows.some(row => row.beside !== undefined)
  const cells = (row: (typeof rows)[number]) => [row.what, `${round(row.median)} ${row.unit}`, round(row.min), round(row.max), ...beside ? [row.beside === undefined ? '' : round(row.beside), row.ratio === undefined ? '' : round(row.ratio)] : [], row.target ?? '']
  const heads = ['what', 'median', 'min', 'max', ...beside ? ['upstream', 'ratio'] : [], 'target']
  const part = [
    title, '', `${RUNS} runs on ${cpus().length} × ${cpus()[0]?.model.trim() || 'unnamed CPU'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}, ${qemu}.`, '',
    `| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...rows.map(row => `| ${cells(row).join(' | ')} |`), '', '',
  ].join('\n')
  const at = old.findIndex(one => one.startsWith(`${title}\n`))
  const parts = at === -1 ? [part, ...old] : old.toSpliced(at, 1, part)
  await writeFile(file, ['# Measurements\n\nMade by `npm run bench`: medians, fewest and most beside them; where upstream was asked too, in turn with ours, its median and the ratio.\n\n', ...parts].join('## '))
  rows.length = 0
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2)
  for (const name of asked.length ? asked : Object.keys(PARTS)) {
    const part = PARTS[name]
    if (!part) throw new Error(`There is no part ${name}; there are ${Object.keys(PARTS).join(', ')}.`)
    const dir = await mkdtemp(join(tmpdir(), 'alto-bench-'))
    try {
      await part.measure(dir)
      await report(part.title)
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }
}

await stat(ALTO)
await main()
agent.destroy()

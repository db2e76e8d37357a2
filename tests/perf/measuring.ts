// What the parts of the benchmark share: rows, requests, rates, and a cloud to ask.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const exec = promisify(execFile)
export const ROOT = resolve(import.meta.dirname, '../..')
export const ALTO = join(ROOT, 'alto')
export const RUNS = Number(process.env['ALTO_BENCH_RUNS'] ?? 5)

/** One figure: the median of its runs, what it should be, and what another cloud does in the same run. */
export interface Row { what: string, median: number, min: number, max: number, unit: string, target?: string, beside?: number, ratio?: number }

/** Those measured in the part that runs. */
export const rows: Row[] = []

/** Adds a figure. `beside`: the same measured of another cloud, in turn with ours; the ratio is the median of the pairs'. */
export function add(what: string, unit: string, values: readonly number[], target?: string, beside?: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const other = beside && { beside: median(beside), ratio: median(values.map((value, i) => value / beside[i]!)) }
  const row = { what, unit, median: median(values), min: sorted[0]!, max: sorted.at(-1)!, ...(target !== undefined && { target }), ...other }
  rows.push(row)
  console.log(`${what}: ${round(row.median)} ${unit} (${round(row.min)}…${round(row.max)})${other ? `, upstream ${round(other.beside)}, ratio ${round(other.ratio)}` : ''}${target === undefined ? '' : `, target ${target}`}`)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** A figure as it is printed. */
export function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}

/** `work` as often as figures are taken. */
export async function times<T>(work: () => Promise<T>, runs = RUNS): Promise<T[]> {
  const out: T[] = []
  for (let i = 0; i < runs; i++) out.push(await work())
  return out
}

/** How long `work` takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

/** Kept-alive connections, 16 at most; destroyed when all is measured. */
export const agent = new Agent({ keepAlive: true, maxSockets: 16 })

/** An answer, its body parsed when it is JSON; a rate asks `unread`, so that it is not the reading that is measured. */
export interface Reply { status: number, headers: NodeJS.Dict<string | string[]>, body: unknown }

interface Asked { token?: string, body?: unknown, headers?: Record<string, string>, unread?: boolean }

/** One request. A server that hangs up without an answer (upstream's does under load) is asked again, twice. */
export async function ask(base: string, method: string, path: string, opts: Asked = {}, again = 2): Promise<Reply> {
  try {
    return await askOnce(base, method, path, opts)
  } catch (error) {
    if (again > 0 && error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return ask(base, method, path, opts, again - 1)
    throw new Error(`${method} ${base}${path} had no answer`, { cause: error })
  }
}

function askOnce(base: string, method: string, path: string, opts: Asked): Promise<Reply> {
  const text = opts.body === undefined ? undefined : JSON.stringify(opts.body)
  return new Promise((settle, fail) => {
    const req = request(base + path, { method, agent, headers: { ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers } }, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const got = opts.unread ? '' : Buffer.concat(chunks).toString()
        settle({ status: res.statusCode!, headers: res.headers, body: got && (res.headers['content-type'] ?? '').includes('json') ? JSON.parse(got) as unknown : got })
      }).on('error', fail)
    })
    req.on('error', fail)
    req.end(text)
  })
}

/** A cloud that was started to be measured. */
export interface Bench { dir: string, url: string, pid: number, cloud: string, admin: string, demo: string }

/** `./alto` with the data directory; its output. */
export async function alto(dir: string, ...args: string[]): Promise<string> {
  const { stdout } = await exec(ALTO, [...args, '--data', dir], { timeout: 600_000 })
  return stdout
}

/** Starts a cloud and logs in. */
export async function start(dir: string, drivers: 'real' | 'fake', ...flags: string[]): Promise<Bench> {
  await alto(dir, 'up', '--drivers', drivers, '--listen', '127.0.0.1:0', '--detach', ...flags)
  const status = JSON.parse(await alto(dir, 'status', '--json')) as { url: string, pid: number, cloud: string }
  const secrets = JSON.parse(await readFile(join(dir, 'secrets.json'), 'utf8')) as { adminPassword: string, demoPassword: string }
  return { dir, ...status, admin: await login(status.url, 'admin', secrets.adminPassword), demo: await login(status.url, 'demo', secrets.demoPassword) }
}

function passwordAuth(name: string, password: string): unknown {
  return { auth: { identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, scope: { project: { name, domain: { id: 'default' } } } } }
}

/** A token for the project of the same name. */
export async function login(url: string, name: string, password: string): Promise<string> {
  const { headers } = await ask(url, 'POST', '/identity/v3/auth/tokens', { body: passwordAuth(name, password) })
  return String(headers['x-subject-token'])
}

/** Requests a second with `clients` at once, for about two seconds. */
export async function rate(clients: number, one: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + 2000
  let count = 0
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, async () => { while (performance.now() < until) { await one(); count++ } }))
  return count / ((performance.now() - began) / 1000)
}

/** Clients at once, where several ask. */
export const CLIENTS = 8

/** `count` things, CLIENTS at once. */
export async function many<T>(count: number, one: (i: number) => Promise<T>): Promise<T[]> {
  const out: T[] = []
  let next = 0
  await Promise.all(Array.from({ length: CLIENTS }, async () => { while (next < count) { const i = next++; out[i] = await one(i) } }))
  return out
}

/** Resident memory of every process that carries the cloud's id or is its main process, guests apart, in MB. */
export async function memoryOf(b: Bench): Promise<number> {
  const { stdout } = await exec('pgrep', ['-f', b.cloud]).catch(() => ({ stdout: '' }))
  const pids = new Set([String(b.pid), ...stdout.split('\n').filter(Boolean)])
  let total = 0
  for (const pid of pids) {
    const [args, status] = await Promise.all([readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')])
    if (!args.startsWith('qemu-system')) total += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
  }
  return total / 1e6
}

// A Swift of our own for the tests: Debian's packages, one proxy (TempAuth, s3api, large objects) and one account, container and object server, on one device
// in a directory, on ports of their own, gone afterwards. Runs as whoever asks and dies with the process that started it. About 3 s to start.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const NEEDED = ['/usr/bin/swift-proxy-server', '/usr/bin/swift-account-server', '/usr/bin/swift-container-server', '/usr/bin/swift-object-server', '/usr/bin/memcached']
const START_DEADLINE = 60_000

/** Starts a server of Swift with a swift.conf of our own, which its command line cannot name. */
const LAUNCHER = `
import importlib, sys
import swift.common.utils
swift.common.utils.SWIFT_CONF_FILE = sys.argv[1]
from swift.common.wsgi import run_wsgi
options = {}
if sys.argv[3] == 'object-server':
    options['global_conf_callback'] = importlib.import_module('swift.obj.server').global_conf_callback
sys.exit(run_wsgi(sys.argv[2], sys.argv[3], **options))
`

/** Makes the rings, as swift-ring-builder does, of one device each: arguments are the directory, and a name and a port for each ring. */
const RINGS = `
import os, sys
from swift.common.ring import RingBuilder
for name, port in zip(sys.argv[2::2], sys.argv[3::2]):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': 'd1', 'weight': 1})
    builder.rebalance()
    builder.get_ring().save(os.path.join(sys.argv[1], name + '.ring.gz'))
`

/** A Swift that is running. */
export interface PrivateSwift extends AsyncDisposable {
  /** For ALTO_TEST_SWIFT: `http://USER:KEY@HOST:PORT`, USER as TempAuth and S3 know it. The login is at /auth/v1.0. */
  readonly url: string
}

/** Starts one; undefined when this machine has no Swift. Throws with its words when it does not start. */
export async function privateSwift(): Promise<PrivateSwift | undefined> {
  if (!NEEDED.every(existsSync)) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'alto-swift-'))
  const [proxy, cache, account, container, object] = await freePorts()
  const key = randomBytes(12).toString('hex')
  const children: ChildProcess[] = []
  let words = ''
  const run = (program: string, ...args: string[]) => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4000) })
    child.on('error', error => { words += error.message })
    children.push(child)
  }
  const dispose = async () => {
    await Promise.all(children.map(async child => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }))
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    mkdirSync(join(dir, 'devices', 'd1'), { recursive: true })
    const write = (name: string, lines: readonly string[]) => writeFileSync(join(dir, name), `${lines.join('\n')}\n`, { mode: 0o600 })
    write('swift.conf', ['[swift-hash]', `swift_hash_path_suffix = ${key}`, '[storage-policy:0]', 'name = only', 'default = yes'])
    const common = (port: number) => ['[DEFAULT]', 'bind_ip = 127.0.0.1', `bind_port = ${port}`, 'workers = 0', `user = ${userInfo().username}`, `swift_dir = ${dir}`, 'log_address = /nonexistent', `devices = ${join(dir, 'devices')}`, 'mount_check = false']
    for (const [kind, port] of [['account', account], ['container', container], ['object', object]] as const) {
      write(`${kind}.conf`, [...common(port), '[pipeline:main]', `pipeline = healthcheck ${kind}-server`, `[app:${kind}-server]`, `use = egg:swift#${kind}`, '[filter:healthcheck]', 'use = egg:swift#healthcheck'])
    }
    await exec('/usr/bin/python3', ['-c', RINGS, dir, 'account', String(account), 'container', String(container), 'object', String(object)])
    const filters = ['catch_errors', 'gatekeeper', 'healthcheck', 'cache', 'listing_formats', 's3api', 'tempauth', 'slo', 'dlo']
    write('proxy.conf', [
      ...common(proxy), '[pipeline:main]', `pipeline = ${filters.join(' ')} proxy-server`, '[app:proxy-server]', 'use = egg:swift#proxy', 'account_autocreate = true',
      ...filters.flatMap(name => [`[filter:${name}]`, `use = egg:swift#${name === 'cache' ? 'memcache' : name}`, ...{
        cache: [`memcache_servers = 127.0.0.1:${cache}`], tempauth: [`user_test_tester = ${key} .admin`], s3api: ['s3_acl = false', 'check_bucket_owner = false'],
      }[name] ?? []]),
    ])
    run('memcached', '-l', '127.0.0.1', '-p', String(cache), '-U', '0', ...(process.getuid?.() === 0 ? ['-u', 'root'] : []))
    for (const kind of ['account', 'container', 'object', 'proxy']) run('/usr/bin/python3', '-c', LAUNCHER, join(dir, 'swift.conf'), join(dir, `${kind}.conf`), `${kind}-server`)
    for (const port of [account, container, object, proxy]) await answering(`http://127.0.0.1:${port}/healthcheck`, () => {
      const ended = children.some(child => child.exitCode !== null || child.signalCode !== null)
      return ended ? words : undefined
    })
  } catch (error) {
    await dispose()
    throw error
  }
  return { url: `http://test%3Atester:${key}@127.0.0.1:${proxy}`, [Symbol.asyncDispose]: dispose }
}

async function answering(url: string, died: () => string | undefined): Promise<void> {
  for (let waited = 0; ; waited += 50) {
    const answer = await fetch(url).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    const words = died()
    if (words !== undefined || waited > START_DEADLINE) throw new Error(`Swift did not start: ${words ?? 'it does not answer'}`)
    await sleep(50)
  }
}

async function freePorts(): Promise<[number, number, number, number, number]> {
  const servers = await Promise.all([1, 2, 3, 4, 5].map(async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports as [number, number, number, number, number]
}

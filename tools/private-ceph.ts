// A Ceph cluster of our own for the tests: one monitor and one OSD on a sparse file, without authentication, in a directory, on ports of their own, gone afterwards.
// Runs as whoever asks and dies with the process that started it. About 20 s to start.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const NEEDED = ['/usr/bin/ceph-mon', '/usr/bin/ceph-osd', '/usr/bin/ceph', '/usr/bin/rbd', '/usr/bin/monmaptool']
const START_DEADLINE = 120_000
const OSD_BYTES = 3 * 1024 ** 3

/** A cluster that is running, with the pool `images`. */
export interface PrivateCeph extends AsyncDisposable {
  /** The path of its ceph.conf: for ALTO_TEST_CEPH. */
  readonly conf: string
}

/** Starts one; undefined when this machine has no Ceph. Throws with its words when it does not start. */
export async function privateCeph(): Promise<PrivateCeph | undefined> {
  if (!NEEDED.every(existsSync)) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'alto-ceph-'))
  const conf = join(dir, 'ceph.conf')
  const port = await freePort()
  const [fsid, osdId] = [randomUUID(), randomUUID()]
  const children: ChildProcess[] = []
  let words = ''
  const run = (program: string, ...args: string[]) => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, '-f', '-c', conf, ...args], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4000) })
    child.on('error', error => { words += error.message })
    children.push(child)
  }
  const ceph = (...args: string[]) => exec('ceph', ['-c', conf, '--connect-timeout', '10', ...args], { cwd: dir, timeout: 60_000 })
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
    for (const name of ['mon', 'osd']) mkdirSync(join(dir, name))
    writeFileSync(conf, [
      '[global]', `fsid = ${fsid}`, `mon_host = [v2:127.0.0.1:${port}]`, 'auth_cluster_required = none', 'auth_service_required = none', 'auth_client_required = none',
      'public_addr = 127.0.0.1', 'cluster_addr = 127.0.0.1', 'osd_pool_default_size = 1', 'osd_pool_default_min_size = 1', 'osd_crush_chooseleaf_type = 0', 'mon_allow_pool_size_one = true', 'mon_allow_pool_delete = true',
      `run_dir = ${dir}`, `mon_data = ${join(dir, 'mon')}`, `osd_data = ${join(dir, 'osd')}`, `pid_file = ${join(dir, '$name.pid')}`,
      'osd_objectstore = bluestore', 'osd_memory_target = 939524096', 'admin_socket =', ...['mon', 'osd'].flatMap(name => [`[${name}]`, `log_file = ${join(dir, '$name.log')}`]), '[client]', 'log_file =', '',
    ].join('\n'))
    const monmap = join(dir, 'monmap')
    await exec('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${port}]`, monmap])
    await exec('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', monmap, '-c', conf])
    run('ceph-mon', '-i', 'a')
    await answering(() => ceph('osd', 'new', osdId), () => words)
    writeFileSync(join(dir, 'osd', 'type'), 'bluestore\n')
    writeFileSync(join(dir, 'osd', 'block'), '')
    truncateSync(join(dir, 'osd', 'block'), OSD_BYTES)
    await exec('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', osdId, '-c', conf])
    run('ceph-osd', '-i', '0')
    await ceph('osd', 'pool', 'create', 'images', '8')
    await answering(() => exec('rbd', ['-c', conf, 'pool', 'init', 'images'], { timeout: 60_000 }), () => words)
  } catch (error) {
    await dispose()
    throw error
  }
  return { conf, [Symbol.asyncDispose]: dispose }
}

async function answering(ask: () => Promise<unknown>, words: () => string): Promise<void> {
  for (let waited = 0; ; waited += 500) {
    try {
      await ask()
      return
    } catch (cause) {
      if (waited > START_DEADLINE) throw new Error(`Ceph did not start: ${words()}`, { cause })
      await sleep(500)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

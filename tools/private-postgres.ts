// A PostgreSQL of our own for the tests: from the Debian package's binaries, in a directory of its own, on a unix socket only, gone afterwards.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const START_DEADLINE = 60_000
const READY = 'ready to accept connections'

/** How it runs. */
export interface PrivatePostgresOptions {
  /** True: what was committed is on the disk, as it is for operators; otherwise what is fast. */
  readonly durable?: boolean
  /** How many it takes at once; 100, as one that nobody has configured, when not given. */
  readonly connections?: number
}

/** A server that is running, until it is told otherwise. Its url stays the same over restarts. */
export interface PrivatePostgres extends AsyncDisposable {
  /** For ALTO_TEST_POSTGRES. */
  readonly url: string
  /** Of the server; undefined while it does not run. */
  readonly pid: number | undefined
  /** Stops all its processes where they are, as a machine that freezes: its connections stay, and say nothing. */
  freeze(): void
  /** Lets them go on. */
  thaw(): void
  /** Ends it at once (SIGKILL), with every connection; resolves when it has ended. */
  kill(): Promise<void>
  /** Starts it again; resolves when it accepts connections. Throws with the server's words when it does not. */
  start(): Promise<void>
}

/** Starts one; undefined when this machine has no PostgreSQL. Throws with the server's words when it does not start. */
export async function privatePostgres({ durable = false, connections = 100 }: PrivatePostgresOptions = {}): Promise<PrivatePostgres | undefined> {
  const bin = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1)
  if (bin === undefined) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'alto-pg-'))
  const asRoot = process.getuid?.() === 0
  // It refuses to run as root.
  const as: readonly string[] = asRoot ? ['runuser', '-u', 'postgres', '--'] : []
  const run = (program: string, ...args: string[]) => [...as, join(bin, program), ...args] as [string, ...string[]]
  let server: ChildProcess | undefined

  /** True when it accepts connections, false when what served its predecessor's has not ended yet. */
  const tried = async () => {
    const [postgres, ...args] = run('postgres', '-D', join(dir, 'data'), '-k', dir, '-h', '', ...(durable ? [] : ['-F']), '-c', `max_connections=${connections}`)
    const child = spawn(postgres, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    let words = ''
    child.stderr.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4000) })
    server = child
    void once(child, 'exit').then(() => { if (server === child) server = undefined })
    for (let waited = 0; !existsSync(join(dir, '.s.PGSQL.5432')) || !words.includes(READY); waited += 50) {
      if (child.exitCode !== null && words.includes('pre-existing shared memory')) return false
      if (child.exitCode !== null || child.signalCode !== null || waited > START_DEADLINE) throw new Error(`PostgreSQL did not start: ${words}`)
      await sleep(50)
    }
    return true
  }
  const start = async () => {
    while (!server && !await tried()) await sleep(50)
  }
  /** The server's own process; what we started may be the program that changed the user. */
  const pid = () => {
    const file = join(dir, 'data', 'postmaster.pid')
    return server && existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined
  }
  /** Sends `signal` to the server and those that it started, whichever of them are there. */
  const signalled = (main: number, signal: NodeJS.Signals) => {
    const children = `/proc/${main}/task/${main}/children`
    for (const one of [main, ...existsSync(children) ? readFileSync(children, 'utf8').split(' ').filter(Boolean).map(Number) : []]) {
      try {
        process.kill(one, signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
  const freeze = () => {
    const main = pid()
    if (main !== undefined) signalled(main, 'SIGSTOP')
  }
  const thaw = () => {
    const main = pid()
    if (main === undefined) return
    server?.kill('SIGCONT')                       // the program that changed the user stops with it
    signalled(main, 'SIGCONT')
  }
  const end = async (signal: NodeJS.Signals) => {
    const [ending, main] = [server, pid()]
    if (!ending || main === undefined) return
    thaw()
    const exit = once(ending, 'exit')
    process.kill(main, signal)
    await exit
  }
  try {
    if (asRoot) await exec('id', ['-u', 'postgres']).then(({ stdout }) => chownSync(dir, Number(stdout), -1))
    const [initdb, ...initArgs] = run('initdb', '-D', join(dir, 'data'), '-U', 'alto', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C')
    await exec(initdb, initArgs, { cwd: dir })
    await start()
    return {
      url: `postgres://alto@localhost/postgres?host=${encodeURIComponent(dir)}`,
      get pid() { return pid() },
      start, freeze, thaw,
      kill: () => end('SIGKILL'),
      async [Symbol.asyncDispose]() {
        await end('SIGINT')
        rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await end('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

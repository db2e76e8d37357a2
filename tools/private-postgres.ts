// A PostgreSQL of our own for the tests: from the Debian package's binaries, in a directory of its own, on a unix socket only, gone afterwards.
import { execFile, spawn } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const START_DEADLINE = 60_000

/** A running server. */
export interface PrivatePostgres extends AsyncDisposable {
  /** For ALTO_TEST_POSTGRES. */
  readonly url: string
}

/** Starts one; undefined when this machine has no PostgreSQL. Throws with the server's words when it does not start. */
export async function privatePostgres(): Promise<PrivatePostgres | undefined> {
  const bin = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1)
  if (bin === undefined) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'alto-pg-'))
  const asRoot = process.getuid?.() === 0
  // It refuses to run as root.
  const as: readonly string[] = asRoot ? ['runuser', '-u', 'postgres', '--'] : []
  const run = (program: string, ...args: string[]) => [...as, join(bin, program), ...args] as [string, ...string[]]
  try {
    if (asRoot) await exec('id', ['-u', 'postgres']).then(({ stdout }) => chownSync(dir, Number(stdout), -1))
    const [initdb, ...initArgs] = run('initdb', '-D', join(dir, 'data'), '-U', 'alto', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C')
    await exec(initdb, initArgs, { cwd: dir })
    const [postgres, ...args] = run('postgres', '-D', join(dir, 'data'), '-k', dir, '-h', '', '-F', '-c', 'max_connections=60')
    const server = spawn(postgres, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    let words = ''
    server.stderr.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4000) })
    const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
    for (let waited = 0; !existsSync(join(dir, '.s.PGSQL.5432')) || !words.includes('ready to accept connections'); waited += 50) {
      if (server.exitCode !== null || waited > START_DEADLINE) throw new Error(`PostgreSQL did not start: ${words}`)
      await sleep(50)
    }
    return {
      url: `postgres://alto@localhost/postgres?host=${encodeURIComponent(dir)}`,
      async [Symbol.asyncDispose]() {
        await exec('pkill', ['-INT', '-f', `postgres -D ${join(dir, 'data')} `]).catch(() => {})
        await ended
        rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

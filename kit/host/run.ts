// Runs one command to its end, with a deadline, bounded output and optional CPU, memory and file-size limits.
import { spawn } from 'node:child_process'
import { Fault } from '../errors/index.ts'
import { inNamespace } from './namespaces.ts'

/** Bounds that the kernel keeps for a command (by prlimit). */
export interface CommandLimits {
  /** Seconds of CPU time. */
  cpuSeconds?: number
  /** Bytes of address space. */
  memoryBytes?: number
  /** Largest file it may write, bytes. */
  fileBytes?: number
}

/** How a command is run. */
export interface RunOptions {
  /** Milliseconds until it is killed; 30 s when not given. */
  deadline?: number
  /** Written to its standard input. */
  input?: string | Uint8Array
  /** Network namespace to run it in. */
  netns?: string
  limits?: CommandLimits
  /** Exit codes that are no failure; [0] when not given. */
  accept?: readonly number[]
  cwd?: string
  env?: Readonly<Record<string, string>>
  signal?: AbortSignal
}

/** What a command left. Output beyond 16 MiB is an error. */
export interface RunResult {
  code: number
  stdout: string
  stderr: string
}

/** The machine, as far as running commands on it goes. */
export interface Host {
  /**
   * Runs `argv` to its end.
   * Throws Fault('unavailable', 'host.commandFailed' | 'host.commandMissing' | 'host.deadline') naming the program and its last words, not its arguments' secrets.
   */
  run(argv: readonly [string, ...string[]], opts?: RunOptions): Promise<RunResult>
}

const MAX_OUTPUT = 16 * 1024 * 1024

/** The real machine. */
export const commandHost: Host = { run }

function run(argv: readonly [string, ...string[]], opts: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = wrapped(argv, opts)
  const name = argv[0]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: opts.cwd, stdio: ['pipe', 'pipe', 'pipe'], ...(opts.signal && { signal: opts.signal }),
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...opts.env },
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let size = 0
    let late = false
    const deadline = opts.deadline ?? 30_000
    const timer = setTimeout(() => { late = true; child.kill('SIGKILL') }, deadline)
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_OUTPUT) child.kill('SIGKILL')
      else into.push(chunk)
    }
    child.stdout.on('data', keep(out))
    child.stderr.on('data', keep(err))
    child.stdin.on('error', () => {})          // it may end before reading all of its input: its exit code tells
    child.stdin.end(opts.input)
    child.on('error', cause => {
      clearTimeout(timer)
      const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
      reject(new Fault('unavailable', missing ? 'host.commandMissing' : 'host.commandFailed', missing ? `${name}: no such program on this machine` : `${name}: ${cause.message}`, { cause }))
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const result = { code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
      if (late) reject(new Fault('unavailable', 'host.deadline', `${name} did not end within ${deadline} ms`, { detail: { argv } }))
      else if (size > MAX_OUTPUT) reject(new Fault('unavailable', 'host.commandFailed', `${name} wrote more than ${MAX_OUTPUT} bytes`, { detail: { argv } }))
      else if (code === null || !(opts.accept ?? [0]).includes(code)) {
        const words = result.stderr.trim().split('\n').at(-1) || result.stdout.trim().split('\n').at(-1) || 'no output'
        reject(new Fault('unavailable', 'host.commandFailed', `${name} ended with ${signal ?? code}: ${words}`, { detail: { argv, stderr: result.stderr.slice(0, 4000) } }))
      } else resolve(result)
    })
  })
}

function wrapped(argv: readonly [string, ...string[]], opts: RunOptions): readonly [string, ...string[]] {
  const { cpuSeconds, memoryBytes, fileBytes } = opts.limits ?? {}
  const limits = [
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`]),
    ...(memoryBytes === undefined ? [] : [`--as=${memoryBytes}`]),
    ...(fileBytes === undefined ? [] : [`--fsize=${fileBytes}`]),
  ]
  const limited: readonly [string, ...string[]] = limits.length ? ['prlimit', ...limits, '--', ...argv] : argv
  return inNamespace(opts.netns ?? '', limited)
}

// A command with bytes streaming through it, in memory that does not grow with them: what `run` is for commands with small input and output.
import { spawn } from 'node:child_process'
import { Readable, type Writable } from 'node:stream'
import { systemClock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'

/** How a piped command is run. */
export interface PipedOptions {
  /** Milliseconds in which no byte goes in or comes out until it is killed; 60 s when not given. */
  silentFor?: number
}

/** A command that runs. */
export interface Piped {
  /** Its standard input; breaks when it ends. */
  readonly input: Writable
  /** Its standard output. Fails at its end with the Fault of `ended` when the command failed, so that a part is never taken for the whole. */
  readonly output: Readable
  /** Resolves when it has ended well. Rejects with Fault('unavailable', 'host.commandFailed' | 'host.commandMissing' | 'host.deadline') otherwise; its exit code is in the detail `code`. */
  readonly ended: Promise<void>
  /** Ends it at once. */
  kill(): void
}

const WORDS = 4000

/** Starts `argv`, an argument array. */
export function startPiped(argv: readonly [string, ...string[]], { silentFor = 60_000 }: PipedOptions = {}): Piped {
  const [program, ...args] = argv
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } })
  let words = ''
  let isLate = false
  let patience = () => {}
  const moved = () => {
    patience()
    patience = systemClock.after(silentFor, () => {
      isLate = true
      child.kill('SIGKILL')
    })
  }
  moved()
  child.stdin.on('drain', moved)
  child.stdin.on('error', () => {})                          // it may end before reading all of its input: `ended` tells
  child.stderr.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-WORDS) })
  const { promise: ended, resolve, reject } = Promise.withResolvers<undefined>()
  child.on('error', cause => reject(new Fault('unavailable', 'host.commandMissing', `${program}: ${cause.message}`, { cause })))
  child.on('close', (code, signal) => {
    patience()
    if (isLate) reject(new Fault('unavailable', 'host.deadline', `${program} moved no byte for ${silentFor} ms`))
    else if (code === 0) resolve(undefined)
    else reject(new Fault('unavailable', 'host.commandFailed', `${program} ended with ${signal ?? code}: ${words.trim().split('\n').at(-1) || 'no output'}`, { detail: { code: code ?? -1 } }))
  })
  ended.catch(() => {})                                        // whoever waits for it hears; nobody has to
  return { input: child.stdin, output: outputOf(child.stdout, ended, { moved, kill: () => child.kill('SIGKILL') }), ended, kill: () => { child.kill('SIGKILL') } }
}

function outputOf(stdout: Readable, ended: Promise<void>, { moved, kill }: { moved(): void, kill(): void }): Readable {
  const whole = (async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        moved()
        yield chunk
      }
      await ended
    } finally {
      kill()                                                 // nobody wants the rest; nothing when it has ended
    }
  })()
  return Readable.from(whole, { objectMode: false })
}

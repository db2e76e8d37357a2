// A process of a site: `./alto serve` somewhere, which can be killed and started again, and ends with the test that started it.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync, readFileSync } from 'node:fs'
import { ours } from '../e2e/cloud.ts'

/** What is started. */
export interface SiteProcessOptions {
  name: string
  /** Begins the command when it runs on another host. */
  within: readonly string[]
  roles: readonly string[]
  /** Its configuration. */
  config: string
  /** What it says goes there. */
  log: string
}

/** See above. */
export class SiteProcess {
  readonly options: SiteProcessOptions
  #child: ChildProcess | undefined
  readonly #ended = new WeakSet<ChildProcess>()

  constructor(options: SiteProcessOptions) {
    this.options = options
  }

  get name(): string {
    return this.options.name
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it; resolves when it is ready, or was ended by us before that. Throws with its last words when it ends by itself. */
  async start(flags: readonly string[] = []): Promise<void> {
    if (this.#child) return
    const { within, roles, config, log } = this.options
    const errors = openSync(log, 'a')
    const [program, ...args] = [...within, 'setpriv', '--pdeathsig', 'KILL', process.execPath, ours('apps/ctl/main.mjs'), 'serve', ...roles.flatMap(role => ['--role', role]), '--config', config, ...flags]
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', errors] })
    closeSync(errors)
    this.#child = child
    const gone = once(child, 'exit').then(([code, signal]) => {
      if (this.#child === child) this.#child = undefined
      return `${this.name} ended with ${String(signal ?? code)}`
    })
    let said = ''
    const ready = new Promise<void>(resolve => {
      child.stdout!.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.endsWith('ready\n')) resolve()
      })
    })
    const why = await Promise.race([ready, gone])
    if (why !== undefined && !this.#ended.has(child)) throw new Error(`${why}: ${readFileSync(log, 'utf8').slice(-3000)}`)
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM; resolves when it is gone. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) return
    const exit = once(child, 'exit')
    this.#ended.add(child)
    child.kill(signal)
    await exit
  }
}

// Many small network changes, fast: long-lived `ip -batch -` and `nft -i` children, one a namespace and tool, fed by pipe
// (0.3–0.8 ms a command against 10–40 ms for an exec). Properties kept:
// - the end of a command is known: after it goes one that always fails, whose complaint comes unbuffered on stderr;
// - at most LIMIT children: the least recently used idle one makes room, and when all are busy a plain exec serves;
// - none outlives its use: closed after IDLE ms, by `release` before its namespace goes, by `close` at the end;
// - none is trusted after trouble: one that dies or is late is killed and forgotten, and the next command gets a new one.
// Reads are plain execs (`readLinks`, `readAddresses`): their output needs a frame that these tools do not give.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Fault } from '../errors/index.ts'
import { inNamespace } from './namespaces.ts'
import type { Clock } from '../clock/index.ts'
import type { Host } from './run.ts'

const LIMIT = 16
const IDLE = 20_000
const DEADLINE = 15_000
const LONGEST_INTERACTIVE = 30_000

/** Changes to links, addresses, routes and nftables of namespaces; `netns` '' is the machine's own. */
export interface NamespaceCommands {
  /**
   * Runs iproute2 command lines in order, going on after a failure.
   * Throws Fault('unavailable', 'host.commandFailed') naming the lines that failed with words that `tolerate` does not match.
   */
  ip(netns: string, lines: readonly string[], opts?: { tolerate?: RegExp }): Promise<void>
  /** Runs nftables commands as one transaction: all or nothing. Throws Fault('unavailable', 'host.commandFailed'). */
  nft(netns: string, commands: readonly string[]): Promise<void>
  /** Closes what is open in the namespace, so that it can go. */
  release(netns: string): Promise<void>
  /** Closes everything. */
  close(): Promise<void>
}

/** Namespace commands on the real machine. */
export function namespaceCommands(host: Host, clock: Clock): NamespaceCommands {
  const open = new Map<string, Child>()                       // oldest use first

  function childFor(tool: Tool, netns: string): Child | undefined {
    const key = `${tool}/${netns}`
    let child = open.get(key)
    open.delete(key)
    if (child && !child.usable) child = undefined
    if (!child && open.size >= LIMIT) {
      const idle = [...open].find(([, c]) => c.idle)
      if (!idle) return undefined
      open.delete(idle[0])
      void idle[1].close()
    }
    child ??= new Child(tool, netns, clock, gone => { if (open.get(key) === gone) open.delete(key) })
    open.set(key, child)
    return child
  }

  return {
    async ip(netns, lines, { tolerate } = {}) {
      if (lines.length === 0) return
      const said = await (childFor('ip', netns)?.send(lines)
        ?? host.run(argvOf('ip', netns), { input: `${lines.join('\n')}\n`, accept: [0, 1] }).then(r => ({ stderr: r.stderr, base: 0 })))
      const failed = failedLines(said.stderr, said.base, lines).filter(f => !tolerate?.test(f.message))
      if (failed.length) throw failure('ip', netns, failed.map(f => `${f.line}: ${f.message}`).join('; '))
    },
    async nft(netns, commands) {
      if (commands.length === 0) return
      const line = commands.join('; ')
      const child = line.length <= LONGEST_INTERACTIVE && !line.includes('\n') ? childFor('nft', netns) : undefined
      if (!child) {
        await host.run(['nft', '-f', '-'], { input: `${commands.join('\n')}\n`, ...(netns && { netns }) })
        return
      }
      const { stderr } = await child.send([line])
      if (stderr.trim()) throw failure('nft', netns, stderr.trim().split('\n').slice(0, 4).join(' '))
    },
    async release(netns) {
      await Promise.all([...open].filter(([key]) => key.endsWith(`/${netns}`)).map(([, child]) => child.close()))
    },
    async close() {
      await Promise.all([...open.values()].map(child => child.close()))
    },
  }
}

/** A link as `ip -json -details link` shows it, cut to what anybody here asks for. */
export interface LinkSeen {
  readonly ifname: string
  readonly mtu: number
  readonly address?: string
  readonly ifalias?: string
  /** The bridge it is plugged into. */
  readonly master?: string
  readonly flags: readonly string[]
  /** bridge, veth, tun, vxlan …; '' for the loopback and hardware. */
  readonly kind: string
}

/** The links of a namespace ('' is the machine's own). Throws Fault('unavailable', 'host.commandFailed') when there is no such namespace. */
export async function readLinks(host: Host, netns: string): Promise<LinkSeen[]> {
  type Raw = Omit<LinkSeen, 'kind'> & { linkinfo?: { info_kind?: string } }
  const links = await readJson<Raw>(host, netns, ['-details', 'link', 'show'])
  return links.map(({ linkinfo, ...link }) => ({ ...link, kind: linkinfo?.info_kind ?? '' }))
}

/** The addresses of each link of a namespace as `ADDRESS/LENGTH`, kernel-made link-local ones apart. */
export async function readAddresses(host: Host, netns: string): Promise<Map<string, string[]>> {
  type Raw = { ifname: string, addr_info: { local: string, prefixlen: number, scope: string }[] }
  const links = await readJson<Raw>(host, netns, ['address', 'show'])
  return new Map(links.map(l => [l.ifname, l.addr_info.filter(a => a.scope !== 'link' || !a.local.startsWith('fe80:')).map(a => `${a.local}/${a.prefixlen}`)]))
}

async function readJson<T extends object>(host: Host, netns: string, args: readonly string[]): Promise<T[]> {
  const { stdout } = await host.run(['ip', '-json', ...args], { ...(netns && { netns }) })
  const rows = JSON.parse(stdout || '[]') as T[]
  return rows.filter(row => Object.keys(row).length > 0)                 // `ip -json` writes {} for what a filter left out
}

type Tool = 'ip' | 'nft'

function argvOf(tool: Tool, netns: string): readonly [string, ...string[]] {
  return inNamespace(netns, tool === 'ip' ? ['ip', '-force', '-batch', '-'] : ['nft', '-i'])
}

/** One long-lived child; commands go one at a time, in the order of `send`. */
class Child {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #clock: Clock
  readonly #tool: Tool
  readonly #netns: string
  readonly #ended: Promise<void>
  #queue: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #lines = 0
  #marks = 0
  #stderr = ''
  #heard: () => void = () => {}
  #cancelIdle: () => void = () => {}
  usable = true

  constructor(tool: Tool, netns: string, clock: Clock, onEnd: (child: Child) => void) {
    const [program, ...args] = argvOf(tool, netns)
    this.#tool = tool
    this.#netns = netns
    this.#clock = clock
    this.#process = spawn(program, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TERM: 'dumb' } })
    this.#process.stdout.resume()
    this.#process.stdin.on('error', () => {})               // its end is told by 'close'
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => { this.#stderr += text; this.#heard() })
    this.#ended = new Promise(resolve => {
      const end = (why: string) => { this.usable = false; this.#cancelIdle(); this.#stderr += why; this.#heard(); onEnd(this); resolve() }
      this.#process.on('error', error => end(error.message))
      this.#process.on('close', () => end(''))
    })
  }

  get idle(): boolean {
    return this.#waiting === 0
  }

  /** What the lines made it say on stderr, and the number of the line before the first. */
  send(lines: readonly string[]): Promise<{ stderr: string, base: number }> {
    this.#waiting++
    this.#cancelIdle()
    const result = this.#queue.then(() => this.#exchange(lines))
    this.#queue = result.catch(() => {}).finally(() => {
      if (--this.#waiting === 0 && this.usable) this.#cancelIdle = this.#clock.after(IDLE, () => void this.close())
    })
    return result
  }

  async close(): Promise<void> {
    this.usable = false
    await this.#queue
    this.#process.stdin.end()
    const cancel = this.#clock.after(DEADLINE, () => this.#process.kill('SIGKILL'))
    await this.#ended
    cancel()
  }

  #exchange(lines: readonly string[]): Promise<{ stderr: string, base: number }> {
    const mark = `zz${++this.#marks}`
    const over = this.#tool === 'ip' ? new RegExp(`Device "${mark}" does not exist\\.\nCommand failed -:\\d+\n`)
      : new RegExp(`Error: [^\n]*\n?[^\n]*\nlist table inet ${mark}\n[ ^]*\n`)
    const base = this.#lines
    this.#lines += lines.length + 1
    this.#stderr = ''
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(DEADLINE, () => { this.usable = false; this.#process.kill('SIGKILL') })
      this.#heard = () => {
        const end = over.exec(this.#stderr)
        if (!end && this.#process.exitCode === null && this.#process.signalCode === null && this.usable) return
        cancel()
        this.#heard = () => {}
        if (end) resolve({ stderr: this.#stderr.slice(0, end.index), base })
        else reject(failure(this.#tool, this.#netns, `it ended: ${this.#stderr.trim() || 'without a word'}`))
      }
      this.#process.stdin.write(`${lines.join('\n')}\n${this.#tool === 'ip' ? `link show dev ${mark}` : `list table inet ${mark}`}\n`)
      this.#heard()
    })
  }
}

function failedLines(stderr: string, base: number, lines: readonly string[]): { line: string, message: string }[] {
  const failed: { line: string, message: string }[] = []
  let words = ''
  for (const text of stderr.split('\n')) {
    const number = /^Command failed -:(\d+)$/.exec(text)?.[1]
    if (number === undefined) words += text
    else {
      failed.push({ line: lines[Number(number) - base - 1] ?? '?', message: words })
      words = ''
    }
  }
  return failed
}

function failure(tool: Tool, netns: string, words: string): Fault {
  return new Fault('unavailable', 'host.commandFailed', `${tool} in ${netns || 'the machine\'s own namespace'}: ${words.slice(0, 1000)}`)
}

// A RabbitMQ of our own for the tests: the Debian package's broker with no plugins, in a directory, on ports and under a node name of its own, gone afterwards.
// It runs as whoever asks, with an epmd of its own, and dies with the process that started it, however that ends. Needs only lo to be up. 4–9 s to start.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BROKER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const START_DEADLINE = 90_000
const STOP_DEADLINE = 30_000
const READY = 'Server startup complete'

/** Where it runs. */
export interface PrivateRabbitmqOptions {
  /** What it listens on and `url` names; 127.0.0.1 when not given. */
  readonly address?: string
  /** A command that runs it elsewhere, as `['ip', 'netns', 'exec', NAME]`; its ports are then free here, and as good as certainly there. */
  readonly within?: readonly string[]
  /** Further lines of its rabbitmq.conf. */
  readonly settings?: readonly string[]
}

/** A broker that is running, until it is told otherwise. Its url stays the same over restarts. */
export interface PrivateRabbitmq extends AsyncDisposable {
  /** For `AmqpTransport` and ALTO_TEST_AMQP. */
  readonly url: string
  /** Of the broker; undefined while it does not run. */
  readonly pid: number | undefined
  /** Ends it in order; resolves when it has ended. */
  stop(): Promise<void>
  /** Ends it at once (SIGKILL); resolves when it has ended. */
  kill(): Promise<void>
  /** Starts it again; resolves when it accepts connections. */
  start(): Promise<void>
}

/** Starts one; undefined when this machine has no RabbitMQ. Throws with the broker's words when it does not start. */
export async function privateRabbitmq(options: PrivateRabbitmqOptions = {}): Promise<PrivateRabbitmq | undefined> {
  if (!existsSync(BROKER)) return undefined
  const { address = '127.0.0.1', within = [], settings = [] } = options
  const dir = mkdtempSync(join(tmpdir(), 'alto-mq-'))
  const [port, distPort, epmdPort] = await freePorts()
  const password = randomBytes(12).toString('hex')
  for (const home of ['home', 'log']) mkdirSync(join(dir, home))
  writeFileSync(join(dir, 'plugins'), '[].\n')
  writeFileSync(join(dir, 'rabbit.conf'), [
    `listeners.tcp.1 = ${address}:${port}`, 'loopback_users = none', 'default_user = alto', `default_pass = ${password}`,
    'vm_memory_high_watermark.absolute = 500MB', 'disk_free_limit.absolute = 1MB', 'log.file = false', 'log.console = true', 'log.console.level = info', ...settings, '',
  ].join('\n'), { mode: 0o600 })
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'], LANG: 'C.UTF-8', HOME: join(dir, 'home'), ERL_EPMD_PORT: String(epmdPort), ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `alto-${port}@localhost`, RABBITMQ_DIST_PORT: String(distPort), RABBITMQ_CONF_ENV_FILE: '/dev/null', RABBITMQ_CONFIG_FILE: join(dir, 'rabbit.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'plugins'), RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'), RABBITMQ_LOG_BASE: join(dir, 'log'), RABBITMQ_PID_FILE: join(dir, 'pid'),
    // Input is allowed only to the start script, which then becomes the broker instead of watching over it.
    RABBITMQ_ALLOW_INPUT: '1', RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput +S 1:1 -kernel inet_dist_use_interface {127,0,0,1}',
  }
  const run = (program: string) => {
    const [command, ...args] = [...within, 'setpriv', '--pdeathsig', 'KILL', program]
    return spawn(command!, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  }
  const epmd = run('epmd')
  epmd.on('error', () => {})
  let broker: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals) => {
    const ending = broker
    broker = undefined
    if (ending) await ended(ending, signal)
  }
  const start = async () => {
    if (broker) return
    broker = run(BROKER)
    await ready(broker)
  }
  const dispose = async () => {
    await end('SIGKILL')
    await ended(epmd, 'SIGKILL')
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url: `amqp://alto:${password}@${address}:${port}`,
    get pid() { return broker?.pid },
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: dispose,
  }
}

async function ready(broker: ChildProcess): Promise<void> {
  let words = ''
  for (const stream of [broker.stdout, broker.stderr]) stream?.on('data', (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4000) })
  broker.on('error', error => { words += error.message })
  for (let waited = 0; !words.includes(READY); waited += 50) {
    if (broker.pid === undefined || broker.exitCode !== null || broker.signalCode !== null || waited > START_DEADLINE) throw new Error(`RabbitMQ did not start: ${words}`)
    await sleep(50)
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE)
  await exit
  clearTimeout(late)
}

async function freePorts(): Promise<[number, number, number]> {
  const servers = await Promise.all([1, 2, 3].map(async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports as [number, number, number]
}

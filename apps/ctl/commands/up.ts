// `./alto up`: installs what is missing, starts the cloud, and says where it is.
import { appendFileSync, existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cloud, CloudOptions } from '@alto/allinone'
import { serveControl } from '@alto/site/control'
import { openDataDirectory, STATE } from '@alto/allinone/data-directory'
import { systemClock } from '@alto/kit/clock'
import { isHttpUrl } from '@alto/kit/config'
import { Fault, messageOf } from '@alto/kit/errors'
import { commandHost, startDaemon } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { jsonLog } from '@alto/kit/log'
import { driversOf } from '../drivers.ts'
import { guestImage } from '../guest-image.ts'
import { withData, type AddCommand } from './data.ts'

interface UpFlags {
  data: string
  listen: string
  drivers?: string
  compute?: string
  network?: string
  volume?: string
  detach?: boolean
  bare?: boolean
  publicUrl?: string
  insecure?: boolean
  tls?: [string, string]
  db?: string
  resume: boolean
}

/** Adds `up`. */
export const addUp: AddCommand = (program, exits) => {
  withData(program.command('up')).description('start the cloud; the second time on the same data it continues where it was')
    .option('--listen <host:port>', 'where the API answers; port 0 takes a free one', '127.0.0.1:5000')
    .option('--drivers <kind>', 'real, fake or fake:HOSTS; real where this machine can when not given')
    .option('--compute <kind>', 'qemu or fake; fake alone means --drivers fake')
    .option('--network <kind>', 'linux or fake')
    .option('--volume <kind>', 'file or fake')
    .option('--detach', 'return when the cloud is ready, and leave it running')
    .option('--bare', 'without the demo set')
    .option('--public-url <url>', 'the URL under which clients reach the listener')
    .option('--tls <cert-and-key...>', 'PEM files of the listener\'s certificate and key')
    .option('--db <url>', 'a PostgreSQL server for the services\' databases: postgres://USER:PASSWORD@HOST/NAME')
    .option('--insecure', 'allow a listener off loopback without TLS')
    .option('--no-resume', 'leave servers that ran before in SHUTOFF')
    .action(async (flags: UpFlags) => { exits(flags.detach ? await detached() : await foreground(flags)) })
}

/** Runs until it is told to stop; resolves with the exit code. */
async function foreground(flags: UpFlags): Promise<number> {
  const began = systemClock.now()
  const { startCloud } = await import('@alto/allinone')     // every service: the commands that start none do without
  const say = (line: string) => console.log(line)
  if (flags.publicUrl !== undefined && !isHttpUrl(flags.publicUrl)) throw new Fault('badRequest', 'ctl.publicUrl', `--public-url ${flags.publicUrl} is no URL; it could be https://cloud.example:5000.`)
  const listen = parseListen(flags.listen, flags.insecure === true || flags.tls !== undefined)
  const chosen = await driversOf(flags, commandHost, say)
  const data = await openDataDirectory(flags.data, systemIds, process.env['ALTO_ADMIN_PASSWORD'])
  await using closing = new AsyncDisposableStack()
  closing.defer(() => data.close())
  const file = data.at('config.yaml')
  const image = flags.bare === true || chosen.drivers === 'fake' ? undefined : await guestImage(commandHost, say)
  const log = jsonLog(data.at('log', 'alto.log'), process.env['ALTO_DEBUG'] ? 'debug' : 'info')
  // The log is written behind the scenes; what ends the process must be on the disk before it does.
  process.on('uncaughtExceptionMonitor', error => appendFileSync(data.at('log', 'crash.log'), `${new Date(systemClock.now()).toISOString()} ${error.stack}\n`))
  const options: CloudOptions = {
    data, listen, ...chosen, log, image, bare: flags.bare === true, resume: flags.resume, publicUrl: flags.publicUrl, database: flags.db, tls: await readTls(flags.tls),
    config: { file, text: existsSync(file) ? await readFile(file, 'utf8') : '' },
  }
  let cloud: Cloud = await startCloud(options)
  const { promise: told, resolve: tell } = Promise.withResolvers<{ keepGuests: boolean }>()
  const control = await serveControl(data.run, {
    status: async () => ({ ...await cloud.status(), pid: process.pid, seconds: Math.round((systemClock.now() - began) / 1000) }),
    down: async input => { tell({ keepGuests: input['keepGuests'] === true }) },
    restart: async input => cloud.restart(String(input['service'])),
    credentials: async input => cloud.credentialsOf(input),
    audit: async input => cloud.audit({ repair: input['repair'] === true }),
    reset: async () => {
      await cloud.stop({ keepGuests: false })
      await Promise.all(STATE.map(part => rm(data.at(part), { recursive: true, force: true })))
      cloud = await startCloud({ ...options, listen: { host: listen.host, port: Number(new URL(cloud.url).port) } })
      return cloud.status()
    },
  }, log)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => tell({ keepGuests: false }))
  for (const line of banner(cloud, data.path, systemClock.now() - began)) say(line)
  const how = await told                                // before `cloud` is read: a reset may have put another in its place
  await cloud.stop(how)
  await control.close()
  if (!how.keepGuests) await rm(data.run, { recursive: true, force: true })
  return 0
}

function banner(cloud: Cloud, data: string, ms: number): string[] {
  return [
    ...cloud.notes,
    `The cloud is at ${cloud.url} (${(ms / 1000).toFixed(1)} s). In a shell:`,
    `  export OS_CLIENT_CONFIG_FILE=${data}/clouds.yaml`,
    '  export OS_CLOUD=alto            # or alto-admin, alto-system-admin',
    'ready',
  ]
}

/** Starts the same command in the background, repeats what it says, and resolves when it is ready (0) or has ended (1). */
async function detached(): Promise<number> {
  const words = join(tmpdir(), `alto-up-${process.pid}.log`)
  const [entry, ...args] = process.argv.slice(1)
  const { ended } = await startDaemon([process.execPath, ...process.execArgv, entry!, ...args.filter(arg => arg !== '--detach')], { words, env: process.env })
  let over = false
  void ended.then(() => { over = true })
  try {
    for (let said = 0; ;) {
      const last = over                                 // before reading: what it said last is then all there
      const text = await readFile(words, 'utf8')
      const lines = text.slice(said).split(/(?<=\n)/).filter(line => last || line.endsWith('\n'))
      said += lines.join('').length
      for (const line of lines) (/^(alto|error): /.test(line) ? process.stderr : process.stdout).write(line)
      if (lines.at(-1) === 'ready\n') return 0
      if (last) return 1
      await systemClock.sleep(20)
    }
  } finally {
    await rm(words, { force: true })
  }
}

async function readTls(files: readonly string[] | undefined): Promise<{ cert: string, key: string } | undefined> {
  if (!files) return undefined
  const [cert, key] = files
  if (cert === undefined || key === undefined || files.length !== 2) throw new Fault('badRequest', 'ctl.tls', '--tls takes two PEM files: the certificate, then its key.')
  try {
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
  } catch (cause) {
    throw new Fault('badRequest', 'ctl.tls', `--tls: ${messageOf(cause)}`, { cause })
  }
}

function parseListen(text: string, insecure: boolean): { host: string, port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) throw new Fault('badRequest', 'ctl.listen', `--listen ${text} is no HOST:PORT; it could be 127.0.0.1:5000.`)
  const host = match[1] ?? match[2] ?? ''
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.')
  if (!local && !insecure) throw new Fault('badRequest', 'ctl.insecure', `--listen ${text} is reachable from other machines and would carry passwords in the clear: add --tls CERT KEY, or --insecure.`)
  return { host, port }
}
